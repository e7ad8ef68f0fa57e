"""The checks that a request body for `/subscriptions` must pass, before anybody is called."""

import base64
import binascii
import json
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from werkzeug.wrappers import Request

from subscriptions.sandbox import query_options
from subscriptions.sandbox.clock import parse_time
from subscriptions.sandbox.errors import GraphProblem, invalid_request, refused_operation
from subscriptions.sandbox.paths import split_query
from subscriptions.sandbox.rules import LIFE_WITHOUT_LIFECYCLE_URL, Rule
from subscriptions.sandbox.stored import split_change_type

_TEXT_PROPERTIES = frozenset(
    {
        "changeType",
        "resource",
        "notificationUrl",
        "expirationDateTime",
        "clientState",
        "lifecycleNotificationUrl",
        "encryptionCertificate",
        "encryptionCertificateId",
        "latestSupportedTlsVersion",
        "notificationQueryOptions",
        "notificationUrlAppId",
    }
)
_WEB_PUSH = frozenset({"vapidPublicKey", "webPushEncryptionP256dhPublicKey", "webPushEncryptionSecret"})
_READ_ONLY = frozenset({"id", "applicationId", "creatorId"})
_REQUIRED = ("changeType", "notificationUrl", "resource", "expirationDateTime")
_UPDATABLE = frozenset(
    {"expirationDateTime", "notificationUrl", "encryptionCertificate", "encryptionCertificateId"}
)
_CHANGE_TYPES = frozenset({"created", "updated", "deleted"})
_TLS_VERSIONS = frozenset({"v1_0", "v1_1", "v1_2", "v1_3"})
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_MAXIMUM_STATE = _MAXIMUM_CERTIFICATE_ID = 128
_KEY_SIZES = range(2048, 4096 + 1)
_REFUSED_WITH_RICH_OUTLOOK = ("$top", "$skip", "$orderby", "$expand")
_UNSELECTABLE = frozenset({"body", "uniqueBody"})

Body = Mapping[str, str | bool]


def json_object(request: Request) -> dict[str, object]:
    """Return the body of a request as a JSON object.

    Raises:
        GraphProblem: 415 for another content type, 400 for what is not a JSON object.
    """
    if request.mimetype != "application/json":
        message = "Request Content-Type must be application/json."
        raise GraphProblem(status=415, code="UnsupportedMediaType", message=message)
    try:
        body = json.loads(request.get_data())
    except (ValueError, RecursionError) as error:
        raise _bad_request("Unable to read JSON request payload.") from error
    if not isinstance(body, dict):
        raise _bad_request("The request payload must be a JSON object.")
    return body


def creation(unchecked: Mapping[str, object]) -> Body:
    """Return the properties of a create request, nulls left out, once names, types and forms are right.

    Raises:
        GraphProblem: 400 that names the offending property.
    """
    body = _known(unchecked, _TEXT_PROPERTIES | {"includeResourceData"})
    for name in _REQUIRED:
        if not body.get(name):
            raise invalid_request(f"The property '{name}' is required to create a subscription.")
    _check_change_type(str(body["changeType"]))
    _check_address("notificationUrl", str(body["notificationUrl"]))
    if "lifecycleNotificationUrl" in body:
        _check_address("lifecycleNotificationUrl", str(body["lifecycleNotificationUrl"]))
    if len(str(body.get("clientState", ""))) > _MAXIMUM_STATE:
        raise invalid_request(f"clientState must not be longer than {_MAXIMUM_STATE} characters.")
    if body.get("latestSupportedTlsVersion", "v1_2") not in _TLS_VERSIONS:
        raise invalid_request("latestSupportedTlsVersion must be one of v1_0, v1_1, v1_2, v1_3.")
    return body


def update(unchecked: Mapping[str, object], *, refuses_certificate: bool) -> Body:
    """Return the properties of an update request, once names, types and forms are right.

    Raises:
        GraphProblem: 400 for a property that cannot be updated, or if there is nothing to do.
    """
    body = _known(unchecked, _TEXT_PROPERTIES | {"includeResourceData"})
    # One page lists the certificate as updatable, another does not: the sandbox plays both.
    certificate = {"encryptionCertificate", "encryptionCertificateId"}
    allowed = _UPDATABLE - certificate if refuses_certificate else _UPDATABLE
    for name in body:
        if name not in allowed:
            raise invalid_request(f"The property '{name}' cannot be updated.")
    if not {"expirationDateTime", "notificationUrl"} & body.keys():
        raise invalid_request("An update needs expirationDateTime or notificationUrl.")
    if len(certificate & body.keys()) == 1:
        raise invalid_request("encryptionCertificate and encryptionCertificateId must be given together.")
    if "notificationUrl" in body:
        _check_address("notificationUrl", str(body["notificationUrl"]))
    return body


def expiry(text: str, rule: Rule, *, longest: timedelta | None, now: datetime, operation: str) -> datetime:
    """Return the expiry asked for, if it lies between now and the longest life; None = not offered in this form.

    Raises:
        GraphProblem: 400 otherwise.
    """
    try:
        expires_at = parse_time(text)
    except (ValueError, OverflowError) as error:
        raise _bad_request("expirationDateTime cannot be read as Edm.DateTimeOffset.") from error
    if expires_at <= now:
        raise refused_operation(operation, 400, "Subscription expiration must be in the future.")
    if longest is None:
        raise invalid_request(f"'{rule.resource_type}' can only be watched with includeResourceData.")
    if expires_at - now > longest:
        minutes = int(longest.total_seconds() // 60)
        reason = f"Subscription expiration can only be {minutes} minutes in the future."
        raise refused_operation(operation, 400, reason)
    return expires_at


def check_lifecycle_url(rule: Rule, *, has_lifecycle_url: bool, expires_at: datetime, now: datetime) -> None:
    """Demand a lifecycle URL where the resource asks for one beyond an hour.

    Raises:
        GraphProblem: 400 with the words of Graph.

    Source: https://learn.microsoft.com/graph/change-notifications-lifecycle-events (2026-03-24).
    """
    is_missing = rule.kind.needs_lifecycle_url and not has_lifecycle_url
    if is_missing and expires_at - now > LIFE_WITHOUT_LIFECYCLE_URL:
        raise invalid_request(
            "lifecycleNotificationUrl is a required property for subscription creation on this resource "
            "when the expirationDateTime value is set to greater than 1 hour"
        )


def check_resource_data(body: Body, rule: Rule, *, now: datetime) -> None:
    """Check all that belongs to resource data: certificate, its id, and the resource's query options.

    Raises:
        GraphProblem: 400 that says which rule is broken.

    Source: https://learn.microsoft.com/graph/change-notifications-with-resource-data (2026-04-17).
    """
    given = [name for name in ("encryptionCertificate", "encryptionCertificateId") if body.get(name)]
    if not body.get("includeResourceData"):
        if given:
            raise invalid_request(f"{given[0]} is only allowed when includeResourceData is true.")
        return
    if len(given) != 2:  # noqa: PLR2004 - the certificate and its id
        raise invalid_request(
            "encryptionCertificate and encryptionCertificateId are required when includeResourceData is true."
        )
    if rule.kind.max_minutes_rich is None:
        raise invalid_request(f"includeResourceData is not supported for '{rule.resource_type}'.")
    check_certificate(str(body["encryptionCertificate"]), str(body["encryptionCertificateId"]), now=now)
    _check_options(split_query(str(body["resource"]))[1], rule)


def check_query_options(body: Body, rule: Rule) -> None:
    """Refuse `notificationQueryOptions` where no page of the resource knows them.

    Raises:
        GraphProblem: 400.

    Source: https://learn.microsoft.com/graph/api/resources/subscription (2026-09-17).
    """
    expression = body.get("notificationQueryOptions")
    if not expression:
        return
    if not rule.kind.takes_query_options:
        raise invalid_request(f"notificationQueryOptions is not supported for '{rule.resource_type}'.")
    query_options.check(str(expression))


def check_certificate(certificate: str, certificate_id: str, *, now: datetime) -> None:
    """Check an encryption certificate: Base64 of DER on one line, RSA of 2048 to 4096 bits, in date.

    Raises:
        GraphProblem: 400 that says what is wrong.
    """
    if len(certificate_id) > _MAXIMUM_CERTIFICATE_ID:
        raise invalid_request(f"encryptionCertificateId is longer than {_MAXIMUM_CERTIFICATE_ID} characters.")
    try:
        parsed = x509.load_der_x509_certificate(base64.b64decode(certificate, validate=True))
    except (binascii.Error, ValueError) as error:
        raise invalid_request("encryptionCertificate is not a Base64 encoded X.509 certificate.") from error
    public_key = parsed.public_key()
    if not isinstance(public_key, RSAPublicKey) or public_key.key_size not in _KEY_SIZES:
        raise invalid_request("encryptionCertificate must hold an RSA key of 2048 to 4096 bits.")
    if not parsed.not_valid_before_utc <= now <= parsed.not_valid_after_utc:
        raise invalid_request("encryptionCertificate is expired or not yet valid.")


def _known(unchecked: Mapping[str, object], known: Collection[str]) -> dict[str, str | bool]:
    body: dict[str, str | bool] = {}
    for name, value in unchecked.items():
        if name.startswith("@odata."):
            continue
        if name in _READ_ONLY:
            raise invalid_request(f"The property '{name}' is read-only.")
        if name in _WEB_PUSH or name == "blobStoreUrl":
            raise invalid_request(f"The property '{name}' is not allowed on a webhook subscription.")
        if name not in known:
            raise _bad_request(
                f"The property '{name}' does not exist on type 'microsoft.graph.subscription'."
            )
        if value is None:
            continue
        expected = bool if name == "includeResourceData" else str
        if not isinstance(value, expected):
            raise _bad_request(f"The property '{name}' has a value of the wrong type.")
        body[name] = value
    return body


def _check_change_type(change_type: str) -> None:
    unknown = split_change_type(change_type) - _CHANGE_TYPES
    if unknown:
        raise invalid_request(f"Invalid 'changeType' attribute: '{min(unknown)}'.")


def _check_address(name: str, address: str) -> None:
    if address.startswith(("EventHub:", "EventGrid:")):
        raise invalid_request(f"{name}: the sandbox delivers to webhooks only.")
    try:
        parts = urlsplit(address)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise invalid_request(f"{name} is not a valid URL.") from error
    # Graph demands https everywhere. The sandbox lets plain http pass on loopback, a rule of our own, so
    # that the product can be tried out on one machine without a certificate.
    is_allowed = parts.scheme == "https" or (parts.scheme == "http" and host in _LOOPBACK)
    if not host or not is_allowed or parts.fragment or any(character.isspace() for character in address):
        raise invalid_request(f"{name} must be an absolute https URL.")


def _check_options(options: Mapping[str, str], rule: Rule) -> None:
    selected = {name.strip() for name in options.get("$select", "").split(",") if name.strip()}
    if rule.kind.select == "required":
        if not selected:
            raise invalid_request("$select is required in the resource when includeResourceData is true.")
        if selected & _UNSELECTABLE:
            raise invalid_request("body and uniqueBody cannot be selected with resource data.")
        for option in _REFUSED_WITH_RICH_OUTLOOK:
            is_extended = "ExtendedProperties" in options.get(option, "")
            if option in options and not (option == "$expand" and is_extended):
                raise invalid_request(f"{option} is not supported with resource data.")
    if rule.kind.select == "refused" and "$select" in options:
        raise invalid_request(f"$select is not supported for '{rule.resource_type}' with resource data.")


def _bad_request(message: str) -> GraphProblem:
    return GraphProblem(status=400, code="BadRequest", message=f"Invalid request body. {message}")
