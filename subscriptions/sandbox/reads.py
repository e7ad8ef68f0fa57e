"""Simple reads of the directory and of single resources."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox.errors import GraphProblem
from subscriptions.sandbox.items import item_at
from subscriptions.sandbox.paths import canonical
from subscriptions.sandbox.rules import rule_for
from subscriptions.sandbox.tenants import Tenants, User
from subscriptions.sandbox.tokens import Caller
from subscriptions.sandbox.world import World

_ORGANISATION_READERS = frozenset({"Organization.Read.All", "User.Read", "Directory.Read.All"})
_USER_READERS = frozenset({"User.Read.All", "User.ReadBasic.All", "Directory.Read.All"})


@dataclass(frozen=True, kw_only=True)
class Reads:
    """The organisation, its users, and whatever has changed in the world."""

    tenants: Tenants
    world: World

    def organization(self, request: Request, caller: Caller) -> Response:
        """Return the caller's tenant, as a list of one."""
        demand(caller, _ORGANISATION_READERS)
        tenant = self.tenants.tenants[caller.tenant_id]
        entry = {
            "id": tenant.id,
            "displayName": tenant.name,
            "verifiedDomains": [{"name": tenant.domain, "isDefault": True, "isInitial": True}],
        }
        context = f"{request.host_url}v1.0/$metadata#organization"
        return answer({"@odata.context": context, "value": [entry]})

    def me(self, caller: Caller) -> Response:
        """Return the signed-in user."""
        if caller.user is None:
            message = "/me request is only valid with delegated authentication flow."
            raise GraphProblem(status=400, code="BadRequest", message=message)
        demand(caller, _USER_READERS | {"User.Read"})
        return answer(_user(caller.user))

    def users(self, caller: Caller) -> Response:
        """List the users of the caller's tenant."""
        demand(caller, _USER_READERS)
        people = [_user(one) for one in self.tenants.users.values() if one.tenant_id == caller.tenant_id]
        return answer({"value": people})

    def user(self, caller: Caller, name: str) -> Response:
        """Return one user by id or username."""
        demand(caller, _USER_READERS)
        found = self.tenants.user(name)
        if found is None or found.tenant_id != caller.tenant_id:
            raise _not_found("Request_ResourceNotFound", f"Resource '{name}' does not exist.")
        changed = self.world.content(("users", found.id), caller.tenant_id) or {}
        return answer(_user(found) | dict(changed))

    def resource(self, request: Request, caller: Caller, path: str) -> Response:
        """Return a single item of the world."""
        if request.method != "GET":
            raise not_played(request)
        user_id = caller.user.id if caller.user else ""
        segments = canonical(path, me=user_id)
        item = item_at(segments)
        watched = (segments[:-1], segments, *(item.places if item else ()))
        rule = next(filter(None, (rule_for("/".join(place)) for place in watched)), None)
        if rule is None:
            message = f"Resource not found for the segment '{segments[0]}'."
            raise GraphProblem(status=400, code="BadRequest", message=message)
        demand(caller, rule.delegated if caller.is_delegated else rule.application)
        content = self.world.content(segments, caller.tenant_id)
        if content is None:
            raise _not_found("ErrorItemNotFound", "The specified object was not found in the store.")
        return answer(content)


def demand(caller: Caller, permissions: frozenset[str] | None) -> None:
    """Let a caller pass who has one of these permissions; None = the documentation names none.

    Raises:
        GraphProblem: 403 `Authorization_RequestDenied`.
    """
    if permissions is not None and not permissions & caller.permissions:
        message = "Insufficient privileges to complete the operation."
        raise GraphProblem(status=403, code="Authorization_RequestDenied", message=message)


def answer(document: Mapping[str, object], *, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(dict(document)), status=status, content_type="application/json")


def _user(user: User) -> dict[str, object]:
    return {
        "id": user.id,
        "displayName": user.name,
        "userPrincipalName": user.username,
        "mail": user.username,
    }


def not_played(request: Request) -> GraphProblem:
    """Return the answer to a call outside the sandbox's part: loud, so that no test passes by accident."""
    message = f"The sandbox does not play {request.method} {request.path}."
    return GraphProblem(status=501, code="NotImplemented", message=message)


def _not_found(code: str, message: str) -> GraphProblem:
    return GraphProblem(status=404, code=code, message=message)
