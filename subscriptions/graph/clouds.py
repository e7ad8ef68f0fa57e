"""The Microsoft clouds: where Graph and sign-in are found, and who issues tokens there."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Cloud:
    """One Microsoft cloud, or a stand-in for one.

    `issuer_templates` hold `{tid}` where the tenant id goes. `lacks` names the workloads, as the catalogue
    writes them, that cannot be subscribed to here. `ca_bundle` is a PEM file to trust in place of the
    system's authorities.

    Source: Microsoft Learn, deployments.md (2025-01-30). The issuers come from field reports.
    """

    name: str
    graph_url: str
    login_url: str
    issuer_templates: tuple[str, ...]
    lacks: frozenset[str] = frozenset()
    ca_bundle: Path | None = None

    @property
    def scope(self) -> str:
        """The scope that asks for every permission granted to an app on this Graph."""
        return f"{self.graph_url}/.default"

    def authority(self, tenant_id: str) -> str:
        """Return the sign-in address of a tenant."""
        return f"{self.login_url}/{quote(tenant_id, safe='')}"

    def issuers_for(self, tid: str) -> frozenset[str]:
        """Return the issuers, of version 1 and 2 tokens, that speak for the tenant."""
        return frozenset(template.replace("{tid}", tid) for template in self.issuer_templates)


_GLOBAL_ONLY = frozenset({"Teams presence", "To Do"})
_GLOBAL_ISSUERS = ("https://sts.windows.net/{tid}/", "https://login.microsoftonline.com/{tid}/v2.0")
_US_GOVERNMENT_ISSUERS = ("https://sts.windows.net/{tid}/", "https://login.microsoftonline.us/{tid}/v2.0")

GLOBAL = Cloud(
    name="global",
    graph_url="https://graph.microsoft.com",
    login_url="https://login.microsoftonline.com",
    issuer_templates=_GLOBAL_ISSUERS,
)
US_GOVERNMENT_L4 = Cloud(
    name="us_government_l4",
    graph_url="https://graph.microsoft.us",
    login_url="https://login.microsoftonline.us",
    issuer_templates=_US_GOVERNMENT_ISSUERS,
    lacks=_GLOBAL_ONLY,
)
US_GOVERNMENT_L5 = Cloud(
    name="us_government_l5",
    graph_url="https://dod-graph.microsoft.us",
    login_url="https://login.microsoftonline.us",
    issuer_templates=_US_GOVERNMENT_ISSUERS,
    lacks=_GLOBAL_ONLY,
)
# Microsoft's pages print two sign-in hosts for China (conflict); this one is on the newer of them.
CHINA = Cloud(
    name="china",
    graph_url="https://microsoftgraph.chinacloudapi.cn",
    login_url="https://login.partner.microsoftonline.cn",
    issuer_templates=(
        "https://sts.chinacloudapi.cn/{tid}/",
        "https://login.partner.microsoftonline.cn/{tid}/v2.0",
    ),
    lacks=_GLOBAL_ONLY,
)

CLOUDS: Mapping[str, Cloud] = MappingProxyType(
    {cloud.name: cloud for cloud in (GLOBAL, US_GOVERNMENT_L4, US_GOVERNMENT_L5, CHINA)}
)


def custom(graph_url: str, login_url: str, ca_bundle: Path | None) -> Cloud:
    """Describe a cloud of the operator's own: a stand-in, a proxy or a new national cloud.

    Raises:
        ValueError: an address is not a plain https address.

    """
    graph_root = _https_root(graph_url, "CUSTOM_GRAPH_URL")
    login_root = _https_root(login_url, "CUSTOM_LOGIN_URL")
    # A stand-in may speak in Microsoft's name; the keys behind its own login_url are what proves a token.
    return Cloud(
        name="custom",
        graph_url=graph_root,
        login_url=login_root,
        issuer_templates=(f"{login_root}/{{tid}}/v2.0", f"{login_root}/{{tid}}/", *_GLOBAL_ISSUERS),
        ca_bundle=ca_bundle,
    )


def _https_root(address: str, name: str) -> str:
    root = address.strip().rstrip("/")
    example = f"{name} must look like https://host or https://host:port/path"
    try:
        parts = urlsplit(root)
        has_valid_port = parts.port != 0
    except ValueError as error:
        raise ValueError(f"{example}: the host or port cannot be read.") from error
    if parts.scheme != "https":
        raise ValueError(f"{example}: it must begin with https://, because secrets and tokens travel there.")
    if not parts.hostname or not has_valid_port:
        raise ValueError(f"{example}: the host or port is missing.")
    if parts.username is not None or parts.password is not None:
        raise ValueError(f"{example}: it must not hold a user name or password.")
    if parts.query or parts.fragment:
        raise ValueError(f"{example}: it must not hold a query or a fragment.")
    return root
