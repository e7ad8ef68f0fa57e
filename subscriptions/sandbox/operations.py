"""The calls that Graph offers on `/subscriptions`."""

import base64
import json
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

import urllib3
from werkzeug.wrappers import Request, Response

from subscriptions.sandbox import handshake, intake
from subscriptions.sandbox.behaviour import Behaviour
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.errors import GraphProblem, invalid_request, refused_operation
from subscriptions.sandbox.paths import Canonical, canonical
from subscriptions.sandbox.preferences import parse
from subscriptions.sandbox.rules import MINIMUM_LIFE, Rule, rule_for
from subscriptions.sandbox.stored import Shelf, StoredSubscription, at_least, split_change_type
from subscriptions.sandbox.tenants import Tenants
from subscriptions.sandbox.tokens import Caller


@dataclass(frozen=True, kw_only=True)
class Operations:
    """Create, list, get, update, delete and reauthorize, as one caller sees them."""

    shelf: Shelf
    tenants: Tenants
    clock: Clock
    behaviour: Behaviour
    pool: urllib3.PoolManager = field(repr=False)

    def create(self, request: Request, caller: Caller, *, version: str) -> Response:
        """Create a subscription once its endpoints have proven themselves."""
        body = intake.creation(intake.json_object(request))
        resource = str(body["resource"])
        rule = self._rule(resource, version)
        self._check_watcher(resource, rule, caller)
        preferences = parse(request.headers.getlist("Prefer"))
        new = self._draft(body, rule, caller, version=version, preferences=preferences)
        self._check_room(new, rule)(self.shelf.all())
        # One URL used for both purposes gets two requests.
        for address in filter(None, (new.notification_url, new.lifecycle_notification_url)):
            handshake.validate(self.pool, address, time_limit=self.behaviour.handshake_time_limit)
        self.shelf.add(new, self._check_room(new, rule))
        return _answer(new.as_json(context=_context(request, version)), status=201)

    def list(self, request: Request, caller: Caller, *, version: str) -> Response:
        """List what the caller may see, a page at a time."""
        if set(request.args) - {"$skiptoken"}:
            raise invalid_request("Query options are not supported when subscriptions are listed.")
        seen = [one for one in self.shelf.all().values() if one.is_listed_for(caller)]
        start = _position(request.args.get("$skiptoken", ""))
        end = start + self.behaviour.page_size
        document: dict[str, object] = {
            "@odata.context": _context(request, version, entity=False),
            "value": [one.as_json(reveals_state=False) for one in seen[start:end]],
        }
        if end < len(seen):
            link = f"{request.host_url}{version}/subscriptions?$skiptoken={_skip_token(end)}"
            document["@odata.nextLink"] = link
        return _answer(document)

    def get(self, request: Request, caller: Caller, *, version: str, id: str) -> Response:  # noqa: A002 - Graph's word
        """Return one subscription."""
        found = self.shelf.find(id, caller)
        return _answer(found.as_json(context=_context(request, version)))

    def update(self, request: Request, caller: Caller, *, version: str, id: str) -> Response:  # noqa: A002 - as above
        """Renew a subscription, move it to another URL, or give it another certificate."""
        refuses = self.behaviour.refuse_certificate_patch
        body = intake.update(intake.json_object(request), refuses_certificate=refuses)
        found = self.shelf.find(id, caller)
        self._check_permission(found.rule, caller, operation="Update")
        changed = self._apply(found, body)
        return _answer(changed.as_json(context=_context(request, version)))

    def delete(self, request: Request, caller: Caller, *, version: str, id: str) -> Response:  # noqa: A002, ARG002 - as above; every operation takes the same
        """End a subscription."""
        self.shelf.remove(self.shelf.find(id, caller).id)
        return Response(status=204)

    def reauthorize(self, request: Request, caller: Caller, *, version: str, id: str) -> Response:  # noqa: A002, ARG002 - as above
        """Confirm the caller's right to watch; the expiry stays as it is."""
        found = self.shelf.find(id, caller)
        self._check_permission(found.rule, caller, operation="Reauthorize")
        self.shelf.change(found.id, reauthorized_at=self.clock.now())
        return Response(status=204)

    def _draft(
        self, body: intake.Body, rule: Rule, caller: Caller, *, version: str, preferences: frozenset[str]
    ) -> StoredSubscription:
        now = self.clock.now()
        _check_change_types(body, rule)
        intake.check_resource_data(body, rule, now=now)
        intake.check_query_options(body, rule)
        is_rich = bool(body.get("includeResourceData"))
        expires_at = self._expiry(body, rule, is_rich=is_rich, now=now, operation="Create")
        has_lifecycle_url = "lifecycleNotificationUrl" in body
        intake.check_lifecycle_url(rule, has_lifecycle_url=has_lifecycle_url, expires_at=expires_at, now=now)
        return StoredSubscription(
            id=str(uuid.uuid4()),
            tenant_id=caller.tenant_id,
            application_id=caller.application.client_id,
            creator_id=caller.creator_id,
            user_id=caller.user.id if caller.user else None,
            version=version,
            resource=str(body["resource"]),
            path=self._watched(str(body["resource"]), caller),
            change_type=str(body["changeType"]),
            notification_url=str(body["notificationUrl"]),
            lifecycle_notification_url=_text(body, "lifecycleNotificationUrl"),
            expires_at=self._granted(expires_at, now=now),
            client_state=_text(body, "clientState"),
            include_resource_data=is_rich if "includeResourceData" in body else None,
            encryption_certificate=_text(body, "encryptionCertificate"),
            encryption_certificate_id=_text(body, "encryptionCertificateId"),
            latest_supported_tls_version=_text(body, "latestSupportedTlsVersion") or "v1_2",
            notification_query_options=_text(body, "notificationQueryOptions"),
            notification_url_app_id=_text(body, "notificationUrlAppId"),
            preferences=preferences,
            created_at=now,
        )

    def _apply(self, found: StoredSubscription, body: intake.Body) -> StoredSubscription:
        now = self.clock.now()
        expires_at = None
        if "expirationDateTime" in body:
            asked = self._expiry(body, found.rule, is_rich=found.is_rich, now=now, operation="Update")
            has_url = found.lifecycle_notification_url is not None
            intake.check_lifecycle_url(found.rule, has_lifecycle_url=has_url, expires_at=asked, now=now)
            expires_at = self._granted(asked, now=now)
        certificate = None
        if "encryptionCertificate" in body and not self.behaviour.ignore_certificate_patch:
            certificate = (str(body["encryptionCertificate"]), str(body["encryptionCertificateId"]))
            if not found.is_rich:
                raise invalid_request("encryptionCertificate is only allowed with includeResourceData.")
            intake.check_certificate(*certificate, now=now)
        address = _text(body, "notificationUrl")
        if address and address != found.notification_url:
            # Undocumented, so the stricter of the two behaviours is played.
            handshake.validate(self.pool, address, time_limit=self.behaviour.handshake_time_limit)
        return self.shelf.change(
            found.id, expires_at=expires_at, notification_url=address, certificate=certificate
        )

    def _expiry(
        self, body: intake.Body, rule: Rule, *, is_rich: bool, now: datetime, operation: str
    ) -> datetime:
        longest = rule.longest_life(is_rich=is_rich)
        if longest is not None and self.behaviour.longest_life is not None:
            longest = min(longest, self.behaviour.longest_life)
        text = str(body["expirationDateTime"])
        return intake.expiry(text, rule, longest=longest, now=now, operation=operation)

    def _granted(self, asked: datetime, *, now: datetime) -> datetime:
        most = self.behaviour.longest_grant
        return at_least(asked if most is None else min(asked, now + most), now, MINIMUM_LIFE)

    def _watched(self, resource: str, caller: Caller) -> Canonical:
        return self.tenants.resolved(canonical(resource, me=caller.creator_id))

    def _rule(self, resource: str, version: str) -> Rule:
        rule = rule_for(resource)
        if rule is None:
            segment = (canonical(resource) or ("",))[0]
            message = f"Resource not found for the segment '{segment}'."
            raise GraphProblem(status=400, code="BadRequest", message=message)
        if rule.is_beta_only and version != "beta":
            raise invalid_request(f"'{rule.path}' can be watched through the beta endpoint only.")
        return rule

    def _check_watcher(self, resource: str, rule: Rule, caller: Caller) -> None:
        path = canonical(resource)
        if path[0].lower() == "me" and not caller.is_delegated:
            message = "/me request is only valid with delegated authentication flow."
            raise GraphProblem(status=400, code="BadRequest", message=message)
        self._check_permission(rule, caller, operation="Create")
        if path[0].lower() == "users" and len(path) > 1:
            self._check_mailbox(path[1], rule, caller)

    def _check_mailbox(self, name: str, rule: Rule, caller: Caller) -> None:
        is_other = caller.user is not None and name.lower() not in {caller.user.id, caller.user.username}
        if rule.kind.style == "outlook" and rule.resource_type != "user" and is_other:
            raise refused_operation("Create", 403, "Access denied")
        if "@" in name and self.tenants.user(name) is None:
            raise refused_operation("Create", 404, "REST API is not yet supported for this mailbox.")

    def _check_permission(self, rule: Rule, caller: Caller, *, operation: str) -> None:
        wanted = rule.delegated if caller.is_delegated else rule.application
        if wanted is not None and not wanted & caller.permissions:
            raise refused_operation(operation, 403, "Access denied")

    def _check_room(
        self, new: StoredSubscription, rule: Rule
    ) -> Callable[[Mapping[str, StoredSubscription]], None]:
        def check(present: Mapping[str, StoredSubscription]) -> None:
            for other in present.values():
                if self.behaviour.refuse_duplicates and other.combination == new.combination:
                    raise _duplicate(other)
            if self.behaviour.enforce_quotas:
                _check_quotas(new, rule, present.values())

        return check


def _check_quotas(new: StoredSubscription, rule: Rule, present: Iterable[StoredSubscription]) -> None:
    own = [one for one in present if one.combination[:2] == new.combination[:2]]
    same_path = [one for one in own if one.user_id == new.user_id and one.path == new.path]
    same_kind = [one for one in own if one.rule.kind is rule.kind]
    for taken, quota in ((same_path, rule.kind.quota), (same_kind, rule.kind.tenant_quota)):
        if quota is not None and len(taken) >= quota:
            raise _quota_reached(new, rule, quota)


def _duplicate(other: StoredSubscription) -> GraphProblem:
    message = f"Subscription Id {other.id} already exists for the requested combination"
    return GraphProblem(status=409, code="Conflict", message=message)


def _quota_reached(new: StoredSubscription, rule: Rule, quota: int) -> GraphProblem:
    reason = (
        f"App '{new.application_id}' has reached its limit of '{quota}' '{rule.resource_type}' subscription "
        f"on tenant '{new.tenant_id}'"
    )
    return refused_operation("Create", 403, reason)


def _check_change_types(body: intake.Body, rule: Rule) -> None:
    asked = split_change_type(str(body["changeType"]))
    for unsupported in sorted(asked - rule.change_types):
        message = f"'{unsupported}' is not supported as changeType for '{rule.resource_type}'."
        raise invalid_request(message)
    if rule.longest_life(is_rich=False) is None and not body.get("includeResourceData"):
        raise invalid_request(f"'{rule.resource_type}' can only be watched with includeResourceData.")


def _text(body: intake.Body, name: str) -> str | None:
    return str(body[name]) if name in body else None


def _context(request: Request, version: str, *, entity: bool = True) -> str:
    return f"{request.host_url}{version}/$metadata#subscriptions{'/$entity' if entity else ''}"


def _answer(document: Mapping[str, object], *, status: int = 200) -> Response:
    return Response(json.dumps(document), status=status, content_type="application/json")


def _skip_token(position: int) -> str:
    return base64.urlsafe_b64encode(f"after:{position}".encode()).decode()


def _position(skip_token: str) -> int:
    if not skip_token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(skip_token).decode().removeprefix("after:"))
    except ValueError as error:
        raise invalid_request("The skip token is malformed.") from error
