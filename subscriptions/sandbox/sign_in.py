"""Pages and endpoints by which a user lets an application act: authorize and the device code flow."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from urllib.parse import urlencode, urlsplit

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox.errors import EntraProblem
from subscriptions.sandbox.grants import DEVICE_CODE_LIFE, Grant
from subscriptions.sandbox.identity import Identity
from subscriptions.sandbox.tenants import Application, User

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_LETTERS = "BCDFGHJKLMNPQRSTVWXZ"  # no vowels, so no words
_POLL_SECONDS = 1  # Entra says 5; nobody wants to wait for a sandbox
_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Sandbox sign-in</title></head>
<body><h1>Sandbox sign-in</h1><p>{text}</p><form method="post">{fields}</form></body></html>
"""


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """Sign-in without passwords: whoever is chosen on the page has signed in."""

    identity: Identity

    def authorize(self, request: Request, tenant: str) -> Response:
        """Ask who signs in, or answer at once for `prompt=none` with a `login_hint`."""
        tenant_id = self.identity.tenant_id(tenant)
        application = self.identity.application(request.args.get("client_id", ""), tenant_id)
        _check_redirect(request.args.get("redirect_uri", ""), application)
        try:
            scopes = self.identity.user_scopes(request, application, request.args.get("scope", ""))
            _check_response_type(request)
            user = self._chosen(request, tenant_id)
        except EntraProblem as problem:
            document = problem.document(now=self.identity.clock.now())
            return _redirect(request, {name: str(document[name]) for name in ("error", "error_description")})
        if user is None:
            return self._who(application, tenant_id)
        return _redirect(request, {"code": self._code(request, application, user, scopes)})

    def logout(self, request: Request, tenant: str) -> Response:
        """Lead back after a sign-out; nobody stays signed in here anyway."""
        self.identity.tenant_id(tenant)
        address = request.args.get("post_logout_redirect_uri", "")
        if urlsplit(address).hostname in _LOOPBACK:
            return Response(status=302, headers={"Location": address})
        return _page("You signed out of your account.", "")

    def device_code(self, request: Request, tenant: str) -> Response:
        """Start the device code flow."""
        tenant_id = self.identity.tenant_id(tenant)
        application = self.identity.application(request.form.get("client_id", ""), tenant_id)
        scopes = self.identity.user_scopes(request, application, request.form.get("scope", ""))
        user_code = "".join(secrets.choice(_LETTERS) for _ in range(9))
        grant = Grant(
            client_id=application.client_id,
            scopes=scopes,
            issued_at=self.identity.clock.now(),
            user_code=user_code,
        )
        address = f"{request.host_url}devicelogin"
        document = {
            "user_code": user_code,
            "device_code": self.identity.grants.add_device(grant),
            "verification_uri": address,
            "expires_in": int(DEVICE_CODE_LIFE.total_seconds()),
            "interval": _POLL_SECONDS,
            "message": f"To sign in, open {address} and enter the code {user_code} to authenticate.",
        }
        return Response(json.dumps(document), content_type="application/json")

    def device_page(self, request: Request) -> Response:
        """Let a user approve or refuse a device code."""
        if request.method == "GET":
            fields = '<input name="user_code" placeholder="Code"> ' + self._buttons("")
            return _page("Enter the code that the device shows, then say who you are.", fields)
        user = self.identity.tenants.user(request.form.get("username", ""))
        is_known = self.identity.grants.answer_device(request.form.get("user_code", ""), user)
        if not is_known:
            return _page("That code is not known.", "", status=400)
        return _page("You may close this page." if user else "The sign-in was refused.", "")

    def _chosen(self, request: Request, tenant_id: str) -> User | None:
        name = request.form.get("username", "") or request.args.get("login_hint", "")
        user = self.identity.tenants.user(name)
        is_silent = request.args.get("prompt") == "none"
        if is_silent and user is None:
            text = "AADSTS50058: A silent sign-in request was sent but no user is signed in."
            raise EntraProblem(error="login_required", description=text)
        if user is not None and tenant_id not in ("", user.tenant_id):
            text = f"AADSTS50020: User account '{name}' does not exist in tenant '{tenant_id}'."
            raise EntraProblem(error="access_denied", description=text)
        return user if is_silent or "username" in request.form else None

    def _code(self, request: Request, application: Application, user: User, scopes: frozenset[str]) -> str:
        grant = Grant(
            client_id=application.client_id,
            scopes=scopes,
            issued_at=self.identity.clock.now(),
            user=user,
            redirect_uri=request.args["redirect_uri"],
            nonce=request.args.get("nonce"),
            code_challenge=request.args.get("code_challenge", ""),
            code_challenge_method=request.args.get("code_challenge_method", "plain"),
        )
        return self.identity.grants.add_code(grant)

    def _who(self, application: Application, tenant_id: str) -> Response:
        text = f"{application.name} asks to act for you. Who are you?"
        return _page(text, self._buttons(tenant_id))

    def _buttons(self, tenant_id: str) -> str:
        return "".join(
            f'<p><button name="username" value="{escape(user.username)}">{escape(user.name)}</button></p>'
            for user in self.identity.tenants.users.values()
            if tenant_id in ("", user.tenant_id)
        )


def _check_redirect(address: str, application: Application) -> None:
    # As Entra does for localhost, any port and path of a loopback address will do.
    if address in application.redirect_uris or urlsplit(address).hostname in _LOOPBACK:
        return
    text = f"AADSTS50011: The redirect URI '{address}' does not match those of the application."
    raise EntraProblem(error="invalid_request", description=text)


def _check_response_type(request: Request) -> None:
    if request.args.get("response_type") != "code":
        text = "AADSTS70005: response_type must be 'code'."
        raise EntraProblem(error="unsupported_response_type", description=text)


def _redirect(request: Request, answer: Mapping[str, str]) -> Response:
    address = request.args["redirect_uri"]
    state = {"state": request.args["state"]} if "state" in request.args else {}
    if request.args.get("response_mode") == "form_post":
        fields = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(value)}">'
            for name, value in (dict(answer) | state).items()
        )
        page = _PAGE.format(text="Continue to the application.", fields=f"{fields}<button>Continue</button>")
        form = f'<form method="post" action="{escape(address)}">'
        return Response(page.replace('<form method="post">', form), content_type="text/html; charset=utf-8")
    joint = "#" if request.args.get("response_mode") == "fragment" else "&" if "?" in address else "?"
    location = f"{address}{joint}{urlencode(dict(answer) | state)}"
    return Response(status=302, headers={"Location": location})


def _page(text: str, fields: str, *, status: int = 200) -> Response:
    page = _PAGE.format(text=escape(text), fields=fields)
    return Response(page, status=status, content_type="text/html; charset=utf-8")
