"""How an application proves itself to the token endpoint: by secret, certificate or federated token.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow (2025).
"""

import base64
import binascii
import hmac
from datetime import UTC, datetime, timedelta

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.types import Options
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request

from subscriptions.sandbox.errors import EntraProblem
from subscriptions.sandbox.tenants import Application, ClientCertificate

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_SKEW = timedelta(minutes=5)
_OWN_CHECKS: Options = {"verify_exp": False, "verify_nbf": False, "verify_iat": False, "verify_aud": False}


def certificate(pem: str) -> ClientCertificate:
    """Return a PEM certificate in the form in which an application registers it.

    Raises:
        ValueError: it is no certificate, or its key is not RSA.
    """
    parsed = x509.load_pem_x509_certificate(pem.encode())
    public_key = parsed.public_key()
    if not isinstance(public_key, RSAPublicKey):
        raise ValueError("the certificate holds no RSA key")  # noqa: TRY004 - the value is wrong, not its type
    return ClientCertificate(
        public_key=public_key,
        thumbprint_sha1=parsed.fingerprint(hashes.SHA1()),  # noqa: S303 - a name, not a proof
        thumbprint_sha256=parsed.fingerprint(hashes.SHA256()),
    )


def check(request: Request, application: Application, *, now: datetime) -> None:
    """Check the proof in a token request; `now` is the sandbox's clock, by which secrets expire.

    Raises:
        EntraProblem: the proof is missing, wrong or out of date.
    """
    form = request.form
    secret = _secret(request)
    if "client_assertion" in form:
        _check_assertion(request, form, application)
    elif secret:
        _check_secret(secret, application, now=now)
    else:
        text = (
            "AADSTS7000218: The request body must contain the following parameter: "
            "'client_assertion' or 'client_secret'."
        )
        raise EntraProblem(status=401, error="invalid_client", description=text)


def is_given(request: Request) -> bool:
    """Tell whether a token request carries any proof."""
    return "client_assertion" in request.form or bool(_secret(request))


def _secret(request: Request) -> str:
    basic = request.authorization
    if basic is not None and basic.type == "basic":
        return basic.password or ""
    return str(request.form.get("client_secret", ""))


def _check_secret(secret: str, application: Application, *, now: datetime) -> None:
    for known in application.secrets:
        if not hmac.compare_digest(known.value.encode(), secret.encode()):
            continue
        if known.expires_at is not None and known.expires_at <= now:
            text = (
                "AADSTS7000222: The provided client secret keys for app "
                f"'{application.client_id}' are expired."
            )
            raise EntraProblem(status=401, error="invalid_client", description=text)
        return
    text = (
        "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent in the request is the "
        "client secret value, not the client secret ID, for a secret added to app "
        f"'{application.client_id}'."
    )
    raise EntraProblem(status=401, error="invalid_client", description=text)


def _check_assertion(request: Request, form: MultiDict[str, str], application: Application) -> None:
    if form.get("client_assertion_type") != _ASSERTION_TYPE:
        raise _bad_assertion(
            "AADSTS700026: Client application has no configured keys for this assertion type."
        )
    unverified_assertion = str(form["client_assertion"])
    try:
        header = jwt.get_unverified_header(unverified_assertion)
        claims = jwt.decode(unverified_assertion, options={**_OWN_CHECKS, "verify_signature": False})
    except jwt.InvalidTokenError as error:
        raise _bad_assertion("AADSTS50027: JWT token is invalid or malformed.") from error
    if claims.get("iss") == application.client_id:
        key = _registered_key(header, application)
    else:
        key = _federated_key(claims, application)
    _check_signature(unverified_assertion, key)
    _check_times(claims)
    if claims.get("iss") == application.client_id:
        _check_parties(request, claims, application)


def _registered_key(header: dict[str, object], application: Application) -> RSAPublicKey:
    sha1, sha256 = _octets(header.get("x5t")), _octets(header.get("x5t#S256"))
    for known in application.certificates:
        is_this = sha1 in (b"", known.thumbprint_sha1) and sha256 in (b"", known.thumbprint_sha256)
        if is_this and (sha1 or sha256):
            return known.public_key
    raise _bad_assertion(
        "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered "
        "on application. [Reason - The key was not found.]"
    )


def _federated_key(claims: dict[str, object], application: Application) -> RSAPublicKey:
    trusted = [one for one in application.federated_credentials if one.issuer == claims.get("iss")]
    if not trusted:
        raise _unmatched("AADSTS700211", "issuer", claims.get("iss"))
    trusted = [one for one in trusted if one.subject == claims.get("sub")]
    if not trusted:
        raise _unmatched("AADSTS700213", "subject", claims.get("sub"))
    audience = claims.get("aud")
    matching = [one for one in trusted if audience in (one.audience, [one.audience])]
    if not matching:
        raise _unmatched("AADSTS700212", "audience", audience)
    return matching[0].public_key


def _check_signature(unverified_assertion: str, key: RSAPublicKey) -> None:
    try:
        jwt.decode(unverified_assertion, key, algorithms=["PS256", "RS256"], options=_OWN_CHECKS)
    except jwt.InvalidTokenError as error:
        text = "AADSTS700027: Client assertion failed signature validation."
        raise _bad_assertion(text) from error


def _check_times(claims: dict[str, object]) -> None:
    # Real time, not the sandbox's clock: whoever made the assertion cannot know what a test has skipped.
    now, skew = datetime.now(UTC).timestamp(), _SKEW.total_seconds()
    begins, ends = claims.get("nbf", 0), claims.get("exp")
    if not isinstance(begins, int | float) or not isinstance(ends, int | float):
        raise _bad_assertion("AADSTS700024: Client assertion has no valid time range.")
    if not begins - skew <= now <= ends + skew:
        raise _bad_assertion("AADSTS700024: Client assertion is not within its valid time range.")


def _check_parties(request: Request, claims: dict[str, object], application: Application) -> None:
    if claims.get("sub") != application.client_id:
        raise _bad_assertion("AADSTS700021: Client assertion application identifier doesn't match 'sub'.")
    if claims.get("aud") not in (request.base_url, request.base_url.replace("/oauth2/v2.0/token", "/v2.0")):
        raise _bad_assertion("AADSTS700023: Client assertion audience claim does not match Realm issuer.")


def _octets(value: object) -> bytes:
    try:
        return base64.urlsafe_b64decode(f"{value}==") if isinstance(value, str) else b""
    except binascii.Error:
        return b"malformed"


def _unmatched(code: str, what: str, value: object) -> EntraProblem:
    return _bad_assertion(
        f"{code}: No matching federated identity record found for presented assertion {what} '{value}'."
    )


def _bad_assertion(description: str) -> EntraProblem:
    return EntraProblem(status=401, error="invalid_client", description=description)
