"""Faults that keep an answer from coming at all: DNS, network, TLS, time."""

from collections.abc import Iterator
from ipaddress import ip_address
from urllib.parse import urlsplit

from subscriptions.graph.probe import TIME_LIMIT, Probe
from subscriptions.graph.probe_connection import FailureKind
from subscriptions.services.handshake.faults import MORE_THREADS, Fault

_FAULTS: dict[FailureKind, Fault] = {
    "dns": Fault(
        "The host name does not resolve (DNS).",
        "Check the spelling in PUBLIC_BASE_URL, and that the name has a public DNS record.",
    ),
    "refused": Fault(
        "The connection was refused: nothing listens at this address and port.",
        "Start the web server or reverse proxy, check the port in PUBLIC_BASE_URL, and open the firewall for it.",
    ),
    "connect_timeout": Fault(
        "No connection came about before the time was up.",
        "A firewall drops the connection, or the address is wrong. Some routers do not let a machine reach its own "
        "public address: then run check_graph once from another network.",
    ),
    "answer_timeout": Fault(
        f"There was no answer within {TIME_LIMIT.total_seconds():.0f} seconds, which is all that Graph waits.",
        f"Look for a server that is overloaded, asleep or has only one worker thread. {MORE_THREADS}",
    ),
    "self_signed": Fault(
        "TLS: the certificate is self-signed, so Graph does not trust it.",
        "Install a certificate of a public authority, for example Let's Encrypt, with its whole chain.",
    ),
    "expired": Fault(
        "TLS: the certificate has expired.",
        "Renew it, and see that the renewal runs by itself and reloads the web server.",
    ),
    "not_yet_valid": Fault(
        "TLS: the certificate is not valid yet.",
        "Check the clock of this machine and the dates in the certificate.",
    ),
    "wrong_name": Fault(
        "TLS: the certificate is for another host name.",
        "Get a certificate that names the host in PUBLIC_BASE_URL, or correct PUBLIC_BASE_URL.",
    ),
    "untrusted": Fault(
        "TLS: the certificate does not lead to an authority that is trusted here.",
        "Use a certificate of a public authority and install the full chain: often the intermediate certificate is "
        "missing, which browsers forgive and Graph does not.",
    ),
    "not_tls": Fault(
        "The server at this port speaks no TLS, although PUBLIC_BASE_URL begins with https://.",
        "Let the reverse proxy end TLS at this port, or correct the port in PUBLIC_BASE_URL.",
    ),
    "tls_version": Fault(
        "The server refuses TLS 1.2, which Graph uses unless a subscription says otherwise.",
        "Enable TLS 1.2 on the server, or set 'latest TLS version' on each subscription to what it speaks.",
    ),
    "tls": Fault(
        "No TLS connection came about.",
        "Look at the TLS settings of the server: host names (SNI), ciphers, a client certificate that it asks for.",
    ),
    "connection": Fault(
        "The connection broke off without an HTTP answer.",
        "Look into the log of the reverse proxy, and check that an HTTP server listens at this port.",
    ),
}


def faults(probe: Probe) -> Iterator[Fault]:
    """Say why no answer came."""
    if probe.failure is not None:
        yield _FAULTS[probe.failure]


def warnings(probe: Probe) -> Iterator[Fault]:
    """Warn where the host's name leads to this network only; an address written out speaks for itself."""
    host = (urlsplit(probe.url).hostname or "").lower()
    if not probe.addresses or host == "localhost" or host in probe.addresses:
        return
    if not any(ip_address(address.partition("%")[0]).is_global for address in probe.addresses):
        yield Fault(
            f"From here the host name leads to {', '.join(probe.addresses)}, which the internet cannot reach.",
            "That is fine if DNS answers differently inside your network. If not, give the name a public address.",
            is_error=False,
        )
