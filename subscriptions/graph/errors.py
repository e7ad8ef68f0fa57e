"""What can go wrong when talking to Graph: one root, and a leaf wherever callers do something different."""

import re
from datetime import timedelta
from typing import ClassVar, Literal

_NAMED_SUBSCRIPTION = re.compile(
    r"subscription id\W{1,3}(?P<id>[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})", re.IGNORECASE
)

# Graph has no code of its own for this either.
LONGEST_LIFE = re.compile(r"expiration can only be (?P<minutes>\d{1,6}) minutes", re.IGNORECASE)


class GraphError(Exception):
    """A call to Graph, or to its sign-in service, did not do what was asked.

    `status` is None where no HTTP answer came. `code` and `message` are Graph's own words, the message
    without anything secret. `retry_after` is the wait the other side asked for. `is_transient` says that the
    same call may succeed later. `outcome_unknown` says that Graph may have done what was asked all the same:
    look before asking again.
    """

    default_explanation: ClassVar[str] = "Graph refused the call. Its code and message say why."

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        code: str = "",
        request_id: str = "",
        client_request_id: str = "",
        retry_after: timedelta | None = None,
        is_transient: bool = False,
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.client_request_id = client_request_id
        self.retry_after = retry_after
        self.is_transient = is_transient
        self.outcome_unknown = outcome_unknown

    def __str__(self) -> str:
        # Entra begins its texts with the code.
        code = "" if self.code and self.message.startswith(self.code) else self.code
        place = " ".join(str(part) for part in (self.status, code) if part)
        trace = f" (request-id {self.request_id})" if self.request_id else ""
        return f"{place}: {self.message}{trace}" if place else f"{self.message}{trace}"

    @property
    def explanation(self) -> str:
        """What happened and what to do about it, in plain words."""
        return self.default_explanation


class ThrottledError(GraphError):
    """Graph asks to be called less often: 429, or 503 with Retry-After."""

    default_explanation = (
        "Graph is limiting our calls. Wait as long as it asks; the call can then be repeated."
    )


class ServiceUnavailableError(GraphError):
    """Graph failed by its own fault: 5xx."""

    default_explanation = "Microsoft's service failed. The call can be repeated later."


class UnauthorizedError(GraphError):
    """Graph does not accept the access token: 401, even with a fresh one."""

    default_explanation = (
        "Graph does not accept the access token. Check that the app registration belongs to this cloud and "
        "tenant, and that the clock of this server is right."
    )


class AccessDeniedError(GraphError):
    """The app may not do this: 403."""

    default_explanation = (
        "The app registration lacks a permission for this resource. Grant the resource's read permission in "
        "Entra, give admin consent, and try again some minutes later."
    )


class QuotaReachedError(AccessDeniedError):
    """Graph counts too many subscriptions already: 403 with a text about a limit."""

    default_explanation = (
        "Graph allows no further subscription here. Remove one that is not needed; it may take some hours "
        "until Graph counts it as gone."
    )


class SubscriptionGoneError(GraphError):
    """The subscription does not exist at Graph any more: 404 on its id."""

    default_explanation = "The subscription no longer exists at Graph. Create it again."


class ResourceNotFoundError(GraphError):
    """What the call names does not exist: 404 on anything but a subscription id."""

    default_explanation = (
        "Graph does not know the resource. Check the path and its ids; "
        "a mailbox must be in Exchange Online and be named by its object id."
    )


class SyncStateLostError(GraphError):
    """Graph no longer knows our place in a delta query: 410. Only a new beginning helps.

    Source: Microsoft Learn, delta-query-overview.md (2026-05-14).
    """

    default_explanation = "Graph has forgotten our place in the delta query. It is begun anew."


class DuplicateSubscriptionError(GraphError):
    """The same resource and change type are subscribed to already: 409."""

    default_explanation = (
        "Graph already holds a subscription for this resource and change type. Adopt or remove it."
    )

    @property
    def existing_id(self) -> str:
        """The id of the other subscription where Graph's text names it, else empty.

        Source: Microsoft Learn, subscription-post-subscriptions.md (2026-05-05).
        """
        match = _NAMED_SUBSCRIPTION.search(self.message)
        return match["id"].lower() if match else ""


class InvalidRequestError(GraphError):
    """Graph finds fault with what was sent: 400."""

    default_explanation = (
        "Graph found a fault in the request. Correct what its message names, then try again."
    )


class LifetimeRefusedError(InvalidRequestError):
    """The expiry asked for is further away than Graph allows: 400 with a text that names the longest life."""

    default_explanation = "Graph does not grant so long a life. A shorter one is asked for by itself."

    @property
    def longest(self) -> timedelta:
        """The longest life by Graph's text; zero if it names none."""
        match = LONGEST_LIFE.search(self.message)
        return timedelta(minutes=int(match["minutes"]) if match else 0)


class EndpointValidationError(InvalidRequestError):
    """Graph called the notification endpoint and did not get the right answer."""

    default_explanation = (
        "Graph called our notification URL and did not get the expected answer within 10 seconds. Check that "
        "the URL is reachable from the internet over HTTPS, without redirect or sign-in, and that a second "
        "worker thread is free to answer."
    )


class UnexpectedAnswerError(GraphError):
    """The answer is not Graph's or not in its form: HTML, not JSON, a redirect, fields missing."""

    default_explanation = (
        "The answer was not what Graph sends. Perhaps a proxy or firewall answered in its place, "
        "or the address is wrong."
    )


UnreachableKind = Literal["dns", "tls", "refused", "timeout", "connection"]

_UNREACHABLE: dict[UnreachableKind, str] = {
    "dns": "The host name could not be resolved. Check the address of the cloud and the DNS of this server.",
    "tls": (
        "The server's certificate is not trusted, or no secure connection could be made. "
        "Check the CA bundle, and whether a proxy opens TLS connections."
    ),
    "refused": "The server refused the connection. Check the address, the port and any firewall between.",
    "timeout": "No answer came in time. Check the network and any proxy; the call can be repeated later.",
    "connection": "The connection failed or broke off. Check the network and any proxy.",
}


class UnreachableError(GraphError):
    """No HTTP answer came. `kind` says where it failed."""

    def __init__(self, message: str, *, kind: UnreachableKind, outcome_unknown: bool = False) -> None:
        # An untrusted certificate stays untrusted: repeating the call would only hide the fault for a while.
        super().__init__(message, is_transient=kind != "tls", outcome_unknown=outcome_unknown)
        self.kind = kind

    @property
    def explanation(self) -> str:
        """What happened and what to do about it, in plain words."""
        return _UNREACHABLE[self.kind]


_SIGN_IN_AGAIN = "The signed-in account has to sign in again."
_FEDERATION = (
    "The federated token does not fit the app's federated credential in Entra. Issuer, subject and audience must "
    "be the same there, letter by letter."
)
_AADSTS: dict[int, str] = {
    7000215: (
        "The client secret is wrong. Perhaps the secret's ID was pasted in place of its value: "
        "Entra shows the value only once, when the secret is made."
    ),
    7000222: "The client secret has expired. Make a new one in Entra and enter its value here.",
    700016: "The client id is not known in this tenant. Check both ids, and that consent was given there.",
    90002: "The tenant was not found. Check the tenant id, and that the cloud is the right one.",
    700027: "The certificate is not registered with the app in Entra. Upload its public part there.",
    700024: "The signed assertion is not valid now. Check that the clock of this server is right.",
    700211: _FEDERATION,
    700212: _FEDERATION,
    700213: _FEDERATION,
    50034: "The user does not exist in this tenant.",
    65001: "The permission was not consented to. Let an administrator give consent in Entra.",
    700082: _SIGN_IN_AGAIN,
    70008: _SIGN_IN_AGAIN,
    50173: _SIGN_IN_AGAIN + " The password was changed or the sign-in revoked.",
    53003: "A conditional access policy blocks the sign-in. Ask the tenant's administrator to admit it.",
    500011: "Graph is not known under this address in the tenant. Check that the cloud is the right one.",
    1002012: "The scope asked for is not valid for this app. Check that the Graph address fits the cloud.",
}
_TRANSIENT_AADSTS = frozenset({90033})


class TokenRefusedError(GraphError):
    """The sign-in service gave no token.

    `error` is the OAuth word for it, `aadsts_code` Entra's number if there was one.
    """

    default_explanation = "The sign-in service refused to give a token. Its message says why."

    def __init__(
        self,
        message: str,
        *,
        error: str = "",
        aadsts_code: int | None = None,
        status: int | None = None,
        is_transient: bool = False,
        retry_after: timedelta | None = None,
    ) -> None:
        super().__init__(
            message,
            status=status,
            code=f"AADSTS{aadsts_code}" if aadsts_code else error,
            retry_after=retry_after,
            is_transient=is_transient
            or aadsts_code in _TRANSIENT_AADSTS
            or error == "temporarily_unavailable",
        )
        self.error = error
        self.aadsts_code = aadsts_code

    @property
    def is_about_credential(self) -> bool:
        """Say whether the app's own credential is at fault, so that another one may work.

        Source: RFC 6749, section 5.2 (`invalid_client`), which Entra answers with AADSTS7000215 (wrong secret),
        AADSTS7000222 (expired secret) and AADSTS700027 (certificate not registered or expired). What could not even be
        sent has no answer at all.
        """
        was_not_sent = not self.error and self.aadsts_code is None and self.status is None
        return not self.is_transient and (self.error == "invalid_client" or was_not_sent)

    @property
    def explanation(self) -> str:
        """What happened and what to do about it, in plain words."""
        if self.is_transient:
            return "The sign-in service is busy or failing. The call can be repeated later."
        return _AADSTS.get(self.aadsts_code or 0, self.default_explanation)


class SigningKeysUnavailableError(GraphError):
    """The keys that prove Microsoft's tokens cannot be had just now."""

    default_explanation = "Microsoft's signing keys could not be fetched. What depends on them waits."

    def __init__(self, message: str) -> None:
        super().__init__(message, is_transient=True)


class UnknownSigningKeyError(GraphError):
    """No key of that id is published. `is_transient` while it is too early to ask the publisher again."""

    default_explanation = "The token was signed with a key that Microsoft does not publish."

    def __init__(self, kid: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(
            f"No signing key has the id {kid[:100]!r}.",
            retry_after=retry_after,
            is_transient=retry_after is not None,
        )
        self.kid = kid
