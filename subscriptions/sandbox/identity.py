"""The login half of the sandbox: OpenID metadata, signing keys and the token endpoint."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox import client_proof, tokens
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.errors import EntraProblem
from subscriptions.sandbox.grants import Grant, Grants
from subscriptions.sandbox.signing import SigningKeys
from subscriptions.sandbox.tenants import Application, Tenants

# Microsoft's own names for Graph: a client that was given no other scope asks for these.
GRAPH_NAMES = frozenset({"https://graph.microsoft.com", "00000003-0000-0000-c000-000000000000"})
SHARED_TENANTS = frozenset({"common", "organizations", "consumers"})
OPENID_SCOPES = frozenset({"openid", "profile", "email", "offline_access"})
DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code"
_DEFAULT = "/.default"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Metadata, keys and tokens of all tenants."""

    tenants: Tenants
    keys: SigningKeys
    grants: Grants
    clock: Clock

    def metadata(self, request: Request, tenant: str, *, version: str) -> Response:
        """Return the OpenID configuration; `version` is "1.0" or "2.0"."""
        name = self.tenant_id(tenant) or "{tenantid}"
        base = f"{request.host_url}{tenant}"
        middle = "/v2.0" if version == "2.0" else ""
        document = {
            "issuer": tokens.issuer(name, version),
            "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
            "token_endpoint": f"{base}/oauth2/v2.0/token",
            "device_authorization_endpoint": f"{base}/oauth2/v2.0/devicecode",
            "end_session_endpoint": f"{base}/oauth2/v2.0/logout",
            "jwks_uri": f"{base}/discovery{middle}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt"],
            "tenant_region_scope": None,
        }
        return _json(document)

    def jwks(self) -> Response:
        """Return the published signing keys."""
        return _json(self.keys.jwks())

    def token(self, request: Request, tenant: str) -> Response:
        """Answer a token request of any supported grant type.

        Raises:
            EntraProblem: the request is refused.
        """
        tenant_id = self.tenant_id(tenant)
        application = self.application(request.form.get("client_id", ""), tenant_id)
        grant_type = request.form.get("grant_type", "")
        answers: dict[str, Callable[[Request, Application, str], Mapping[str, object]]] = {
            "client_credentials": self._for_application,
            "authorization_code": self._for_code,
            DEVICE_CODE_GRANT: self._for_device,
            "refresh_token": self._for_refresh_token,
        }
        if grant_type not in answers:
            text = f"AADSTS70003: The app requested an unsupported grant type '{grant_type}'."
            raise EntraProblem(error="unsupported_grant_type", description=text)
        self._check_proof(request, application, is_needed=grant_type == "client_credentials")
        response = _json(answers[grant_type](request, application, tenant_id))
        response.headers["Cache-Control"] = "no-store"
        return response

    def tenant_id(self, name: str) -> str:
        """Return a tenant's id, or an empty string for a name that all tenants share.

        Raises:
            EntraProblem: AADSTS90002, there is no such tenant.
        """
        if name.lower() in SHARED_TENANTS:
            return ""
        found = self.tenants.tenant(name)
        if found is None:
            text = (
                f"AADSTS90002: Tenant '{name}' not found. Check to make sure you have the correct tenant ID."
            )
            raise EntraProblem(error="invalid_request", description=text)
        return found.id

    def application(self, client_id: str, tenant_id: str) -> Application:
        """Return an application that is known in a tenant (in any, if the tenant is empty).

        Raises:
            EntraProblem: AADSTS900144 or AADSTS700016.
        """
        if not client_id:
            text = "AADSTS900144: The request body must contain the following parameter: 'client_id'."
            raise EntraProblem(error="invalid_request", description=text)
        found = self.tenants.application(client_id)
        if found is None or (tenant_id and tenant_id not in found.tenant_ids):
            text = (
                f"AADSTS700016: Application with identifier '{client_id}' was not found in the directory "
                f"'{tenant_id}'."
            )
            raise EntraProblem(error="unauthorized_client", description=text)
        return found

    def user_scopes(self, request: Request, application: Application, text: str) -> frozenset[str]:
        """Return the scopes that a user's sign-in asks for, without the name of the resource.

        Raises:
            EntraProblem: AADSTS70011 for a scope of another resource, AADSTS65001 without consent.
        """
        wanted: set[str] = set()
        for scope in text.split():
            resource, _, name = scope.rpartition("/")
            if resource and resource not in self._graph_names(request):
                text = (
                    f"AADSTS70011: The provided value for the input parameter 'scope' is not valid: {scope}."
                )
                raise EntraProblem(error="invalid_scope", description=text)
            wanted |= application.scopes if name == ".default" else {name}
        if wanted - application.scopes - OPENID_SCOPES:
            text = (
                "AADSTS65001: The user or administrator has not consented to use the application with ID "
                f"'{application.client_id}'."
            )
            raise EntraProblem(error="invalid_grant", description=text)
        return frozenset(wanted)

    def _check_proof(self, request: Request, application: Application, *, is_needed: bool) -> None:
        is_public = application.allows_public_client and not client_proof.is_given(request)
        if is_needed or not is_public:
            client_proof.check(request, application, now=self.clock.now())

    def _for_application(
        self, request: Request, application: Application, tenant_id: str
    ) -> dict[str, object]:
        scope = request.form.get("scope", "")
        resource = scope.removesuffix(_DEFAULT)
        if resource == scope or " " in scope:
            text = (
                f"AADSTS1002012: The provided value for scope {scope} is not valid. Client credential flows "
                "must have a scope value with /.default suffixed to the resource identifier."
            )
            raise EntraProblem(error="invalid_scope", description=text)
        if resource.rstrip("/") not in self._graph_names(request):
            text = f"AADSTS500011: The resource principal named {resource} was not found in the tenant."
            raise EntraProblem(error="invalid_resource", description=text)
        if not tenant_id:
            text = "AADSTS90002: Tenant 'common' cannot be used for client credentials."
            raise EntraProblem(error="invalid_request", description=text)
        access_token = tokens.access_token(
            self.keys,
            application,
            tenant_id=tenant_id,
            audience=resource.rstrip("/"),
            user=None,
            scopes=frozenset(),
            now=self.clock.now(),
        )
        life = int(tokens.ACCESS_TOKEN_LIFE.total_seconds())
        return {
            "token_type": "Bearer",
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": access_token,
        }

    def _for_code(self, request: Request, application: Application, tenant_id: str) -> dict[str, object]:  # noqa: ARG002 - the grants share one form
        form = request.form
        grant = self.grants.redeem_code(
            form.get("code", ""),
            client_id=application.client_id,
            redirect_uri=form.get("redirect_uri", ""),
            verifier=form.get("code_verifier", ""),
        )
        return self._for_user(request, application, grant)

    def _for_device(self, request: Request, application: Application, tenant_id: str) -> dict[str, object]:  # noqa: ARG002 - as above
        code = request.form.get("device_code", "")
        return self._for_user(
            request, application, self.grants.redeem_device(code, client_id=application.client_id)
        )

    def _for_refresh_token(
        self,
        request: Request,
        application: Application,
        tenant_id: str,  # noqa: ARG002 - as above
    ) -> dict[str, object]:
        token = request.form.get("refresh_token", "")
        grant = self.grants.redeem_refresh_token(token, client_id=application.client_id)
        return self._for_user(request, application, grant)

    def _for_user(self, request: Request, application: Application, grant: Grant) -> dict[str, object]:
        scopes = self.user_scopes(request, application, request.form.get("scope", "")) or grant.scopes
        user = grant.user
        if user is None:
            raise EntraProblem(error="invalid_grant", description="AADSTS70000: Nobody has signed in.")
        now = self.clock.now()
        life = int(tokens.ACCESS_TOKEN_LIFE.total_seconds())
        access_token = tokens.access_token(
            self.keys,
            application,
            tenant_id=user.tenant_id,
            audience=request.host_url.rstrip("/"),
            user=user,
            scopes=scopes - OPENID_SCOPES,
            now=now,
        )
        answer: dict[str, object] = {
            "token_type": "Bearer",
            "scope": " ".join(sorted(scopes - {"offline_access"})),
            "expires_in": life,
            "ext_expires_in": life,
            "access_token": access_token,
        }
        if "offline_access" in scopes:
            renewed = Grant(client_id=grant.client_id, scopes=scopes, issued_at=now, user=user)
            answer["refresh_token"] = self.grants.add_refresh_token(renewed)
        if "openid" in scopes:
            answer["id_token"] = tokens.id_token(self.keys, application, user, nonce=grant.nonce, now=now)
        if request.form.get("client_info") == "1":
            answer["client_info"] = _client_info(user.id, user.tenant_id)
        return answer

    def _graph_names(self, request: Request) -> frozenset[str]:
        own = f"{urlsplit(request.host_url).scheme}://{request.host}"
        return GRAPH_NAMES | {own}


def _client_info(user_id: str, tenant_id: str) -> str:
    document = json.dumps({"uid": user_id, "utid": tenant_id}).encode()
    return base64.urlsafe_b64encode(document).decode().rstrip("=")


def _json(document: Mapping[str, object]) -> Response:
    return Response(json.dumps(document), content_type="application/json; charset=utf-8")
