"""Delta queries: what has changed since last time, page by page.

Source: https://learn.microsoft.com/graph/delta-query-overview (2025-04-30).
"""

import secrets
import threading
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from werkzeug.wrappers import Request, Response

from subscriptions.sandbox import identifiers
from subscriptions.sandbox.behaviour import Behaviour
from subscriptions.sandbox.clock import Clock
from subscriptions.sandbox.delta_options import Options
from subscriptions.sandbox.errors import GraphProblem, invalid_request
from subscriptions.sandbox.paths import Canonical, canonical, fits, lowered
from subscriptions.sandbox.preferences import IMMUTABLE_IDS
from subscriptions.sandbox.preferences import parse as preferences_in
from subscriptions.sandbox.reads import answer, demand
from subscriptions.sandbox.rules import rule_for
from subscriptions.sandbox.tokens import Caller
from subscriptions.sandbox.world import Change, World

_DIRECTORY_TOKEN_LIFE = timedelta(days=7)
# Delta path (without /delta) -> where the same things are watched.
_OFFERED: tuple[tuple[Canonical, str], ...] = (
    (canonical("users/{}/mailFolders"), "users/{first}/messages"),
    (canonical("users/{}/mailFolders/{}/messages"), ""),
    (canonical("users/{}/calendarView"), "users/{first}/events"),
    (canonical("users/{}/events"), ""),
    (canonical("users/{}/contacts"), ""),
    (canonical("users/{}/contactFolders/{}/contacts"), ""),
    (canonical("users"), ""),
    (canonical("groups"), ""),
    (canonical("users/{}/drive/root"), ""),
    (canonical("drives/{}/root"), ""),
    (canonical("sites/{}/lists/{}/items"), "sites/{first}/lists/{second}"),
    (canonical("teams/{}/channels/{}/messages"), ""),
    (canonical("users/{}/todo/lists/{}/tasks"), ""),
)


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where one caller stands in the changes of one path: after `since`, up to `until`."""

    path: Canonical
    tenant_id: str
    since: int
    until: int | None
    is_initial: bool
    issued_at: datetime
    options: Options


@dataclass(frozen=True, kw_only=True)
class Delta:
    """Answer delta queries; every token is kept here and means nothing outside."""

    world: World
    clock: Clock
    behaviour: Behaviour
    _tokens: dict[str, _Place] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def expire_tokens(self) -> None:
        """Forget every token, so that each delta link answers 410 and a full sync is due."""
        with self._lock:
            self._tokens.clear()

    def answer(self, request: Request, caller: Caller, *, version: str, path: str) -> Response:
        """Answer one page of a delta query.

        Raises:
            GraphProblem: 400 where there is no delta, 403 without permission, 410 for a token out of date.
        """
        asked = canonical(path, me=caller.user.id if caller.user else "")
        watched = _watched(asked)
        rule = rule_for("/".join(watched))
        demand(caller, (rule.delegated if caller.is_delegated else rule.application) if rule else None)
        base = f"{request.host_url}{version}/{path.strip('/')}/delta"
        place = self._place(request, asked, caller, base)
        if asked[-1].lower() == "calendarview" and place.is_initial and place.since == 0:
            _check_period(request)
        preferences = preferences_in(request.headers.getlist("Prefer"))
        return self._page(place, asked, watched, base, preferences)

    def _place(self, request: Request, asked: Canonical, caller: Caller, base: str) -> _Place:
        options = {name.lstrip("$"): value for name, value in request.args.items()}
        token = options.get("skiptoken") or options.get("deltatoken") or options.get("token") or ""
        now = self.clock.now()
        start = _Place(
            path=lowered(asked),
            tenant_id=caller.tenant_id,
            since=0,
            until=None,
            is_initial=True,
            issued_at=now,
            options=Options.of(request),
        )
        if not token:
            return start
        if token == "latest":  # noqa: S105 - Graph's word for "from now on"
            return replace(start, since=self.world.last_number(), is_initial=False)
        with self._lock:
            place = self._tokens.get(token)
        is_old = place is not None and _has_age(place) and place.issued_at + _DIRECTORY_TOKEN_LIFE <= now
        if place is None or is_old or (place.path, place.tenant_id) != (start.path, start.tenant_id):
            code = "resyncRequired" if _is_drive(asked) else "syncStateNotFound"
            message = "The sync state is not found; start with a full synchronization."
            raise GraphProblem(status=410, code=code, message=message, headers={"Location": base})
        return place

    def _page(
        self,
        place: _Place,
        asked: Canonical,
        watched: Canonical,
        base: str,
        preferences: frozenset[str],
    ) -> Response:
        is_drive = _is_drive(watched)
        until = self.world.last_number() if place.until is None else place.until
        found = [one for one in self._found(place, asked, watched, preferences) if one[0] <= until]
        page = found[: self._page_size(preferences)]
        document: dict[str, object] = {
            "@odata.context": f"{base.partition('/users')[0]}/$metadata#Collection(delta)",
            "value": [entry for _, entry in page],
        }
        if len(found) > len(page):
            rest = replace(place, since=page[-1][0], until=until)
            document["@odata.nextLink"] = f"{base}?{self._option('skiptoken', is_drive)}={self._keep(rest)}"
        else:
            done = replace(place, since=until, until=None, is_initial=False, issued_at=self.clock.now())
            document["@odata.deltaLink"] = f"{base}?{self._option('deltatoken', is_drive)}={self._keep(done)}"
        return answer(document)

    def _found(
        self, place: _Place, asked: Canonical, watched: Canonical, preferences: frozenset[str]
    ) -> list[tuple[int, dict[str, object]]]:
        """Return what has changed after a place, each with the number of its change, oldest first."""
        if asked[-1].lower() == "mailfolders":
            folders = self.world.folders(asked, place.tenant_id)
            return [(number, _folder(name)) for number, name in folders if number > place.since]
        is_lasting = IMMUTABLE_IDS in preferences
        found = []
        for change in self.world.changed_since(
            watched, place.since, place.tenant_id, deeper=_deeper(watched)
        ):
            entry = _entry(change, is_lasting=is_lasting)
            is_gone = place.is_initial and change.change_type == "deleted"
            is_asked_for = place.options.admits(str(entry["id"]), change.content, change.at)
            if is_asked_for and not is_gone and _is_told(change, place.options, watched):
                found.append((change.number, place.options.shaped(entry)))
        return found

    def _page_size(self, preferences: frozenset[str]) -> int:
        sizes = [int(one.partition("=")[2]) for one in preferences if one.startswith("odata.maxpagesize=")]
        return min([self.behaviour.delta_page_size, *sizes])

    def _option(self, name: str, is_drive: bool) -> str:
        return "token" if is_drive else f"${name}"

    def _keep(self, place: _Place) -> str:
        token = secrets.token_urlsafe(24)
        with self._lock:
            self._tokens[token] = place
        return token


def _watched(asked: Canonical) -> Canonical:
    for offered, watched in _OFFERED:
        if fits(asked, offered):
            ids = {"first": asked[1] if len(asked) > 1 else "", "second": asked[3] if len(asked) > 3 else ""}  # noqa: PLR2004 - the second id
            return canonical(watched.format_map(ids)) if watched else asked
    raise invalid_request("Change tracking is not supported against this resource.")


def _entry(change: Change, *, is_lasting: bool) -> dict[str, object]:
    item = change.item
    if item.kind.style == "membership":
        gone = {"@removed": {"reason": "deleted"}} if change.change_type == "deleted" else {}
        return {"id": item.path[1], f"{item.path[2]}@delta": [{"id": item.id, **gone}]}
    identifier = identifiers.immutable(item.id) if is_lasting and item.is_in_mailbox else item.id
    if change.change_type != "deleted":
        return {**change.content, "id": identifier}
    if _is_drive(item.path):
        return {"id": identifier, "deleted": {"state": "deleted"}}
    return {"id": identifier, "@removed": {"reason": "deleted"}}


def _folder(name: str) -> dict[str, object]:
    return {"@odata.type": "#microsoft.graph.mailFolder", "id": name, "displayName": name}


def _deeper(watched: Canonical) -> frozenset[str]:
    # A group's answer tells who came and went.
    return frozenset({"members", "owners"}) if lowered(watched) == ("groups",) else frozenset()


def _is_told(change: Change, options: Options, watched: Canonical) -> bool:
    """Leave out replies, which the delta query of a channel does not tell, and what was not selected of a group.

    Source: https://learn.microsoft.com/graph/api/chatmessage-delta, group-delta (2026).
    """
    if change.item.kind.style == "membership":
        return not options.select or change.item.path[2].lower() in options.select
    is_reply = watched[0].lower() == "teams" and len(change.item.path) > len(watched) + 1
    is_other = lowered(watched) == ("groups",) and options.select == {"id", "members"}
    return not is_reply and not (is_other and change.change_type != "deleted")


def _check_period(request: Request) -> None:
    if not {"startDateTime", "endDateTime"} <= set(request.args):
        raise invalid_request("This request requires a time window: startDateTime and endDateTime.")


def _is_drive(path: Canonical) -> bool:
    return "drive" in path or path[0].lower() == "drives"


def _has_age(place: _Place) -> bool:
    return place.path in (("users",), ("groups",))
