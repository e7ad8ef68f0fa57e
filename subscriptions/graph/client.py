"""What we ask of Graph about subscriptions: create, read, renew, reauthorize and remove."""

import copy
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from typing import Any, Literal, Self
from urllib.parse import quote

from subscriptions.graph import batch, reading, transport
from subscriptions.graph.answers import Answer, error_in
from subscriptions.graph.calls import Call, Caller
from subscriptions.graph.clouds import Cloud
from subscriptions.graph.documents import (
    CallRecord,
    DeltaPage,
    Outcome,
    RemoteSubscription,
    Renewal,
    SubscriptionRequest,
)
from subscriptions.graph.errors import (
    GraphError,
    SubscriptionGoneError,
    UnauthorizedError,
    UnexpectedAnswerError,
)
from subscriptions.graph.patience import Patience
from subscriptions.graph.reading import Reading

Version = Literal["v1.0", "beta"]

# Create stays open while Graph calls our endpoints, up to 10 seconds for each of the two URLs.
# Source: Microsoft Learn, change-notifications-delivery-webhooks.md (2026-04-22).
CREATE_READ_TIMEOUT_SECONDS = 60.0
MAX_WAIT = timedelta(seconds=60)


class GraphClient:
    """Graph of one cloud, spoken to with the tokens of one app or user. Threads may share it.

    `access_token` returns a bearer token; its argument asks for a fresh one. `on_call` hears of every HTTP
    call made; it must not raise. `attempts` counts the first try too. `max_wait` bounds the waiting between
    the tries of one call; where Graph asks for more, the error is raised at once and carries `retry_after`.

    All methods raise GraphError leaves: ThrottledError, ServiceUnavailableError, UnauthorizedError,
    AccessDeniedError (QuotaReachedError), InvalidRequestError, UnexpectedAnswerError, UnreachableError, and
    whatever `access_token` raises. A method's docstring names only what it adds to these.
    """

    def __init__(
        self,
        *,
        cloud: Cloud,
        access_token: Callable[[bool], str],
        on_call: Callable[[CallRecord], None] | None = None,
        sleep: Callable[[float], None] = time.sleep,
        attempts: int = 3,
        max_wait: timedelta = MAX_WAIT,
    ) -> None:
        self._cloud = cloud
        self._caller = Caller(
            transport=transport.shared(cloud.ca_bundle),
            access_token=access_token,
            on_call=on_call,
            new_patience=lambda: Patience(attempts=attempts, max_wait=max_wait, sleep=sleep),
        )

    def reporting_to(self, on_call: Callable[[CallRecord], None]) -> Self:
        """Return a client with the same connections and tokens that tells `on_call` of its calls."""
        twin = copy.copy(self)
        twin._caller = replace(self._caller, on_call=on_call)  # noqa: SLF001 -- its own class
        return twin

    def create_subscription(
        self, request: SubscriptionRequest, *, version: Version = "v1.0"
    ) -> RemoteSubscription:
        """Ask for a subscription; Graph calls our endpoints while this call waits.

        It is sent again only where Graph certainly did not act. If the error says `outcome_unknown`, list the
        subscriptions before asking anew.

        Raises:
            EndpointValidationError: our endpoint did not pass Graph's handshake.
            DuplicateSubscriptionError: the same resource and change type are subscribed to.
            ResourceNotFoundError: the resource does not exist.

        """
        call = Call(
            method="POST",
            url=self._url("/subscriptions", version),
            body=request.as_json(),
            headers={"Prefer": ", ".join(request.prefer)} if request.prefer else {},
            is_repeatable=False,
            read_timeout_seconds=CREATE_READ_TIMEOUT_SECONDS,
            secret=request.client_state,
        )
        return _subscription_in(self._caller.perform(call), changes_something=call.changes_something)

    def get_subscription(self, subscription_id: str, *, version: Version = "v1.0") -> RemoteSubscription:
        """Return the subscription as Graph holds it.

        Raises:
            SubscriptionGoneError: Graph does not hold it.

        """
        call = self._about(subscription_id, "GET", version=version)
        return _subscription_in(self._caller.perform(call), changes_something=call.changes_something)

    def list_subscriptions(self, *, version: Version = "v1.0") -> list[RemoteSubscription]:
        """Return all subscriptions that the token may see; all pages, or an error."""
        return [one for page in self.subscription_pages(version=version) for one in page]

    def subscription_pages(self, *, version: Version = "v1.0") -> Iterator[list[RemoteSubscription]]:
        """Return the same page by page, for those who cannot wait for the end of a long list."""
        for page in self._pages(self._url("/subscriptions", version)):
            yield [RemoteSubscription.from_json(document) for document in _values(page)]

    def update_subscription(self, renewal: Renewal, *, version: Version = "v1.0") -> RemoteSubscription:
        """Renew a subscription and return it with the expiry Graph granted.

        Raises:
            SubscriptionGoneError: Graph does not hold it any more; create it again.

        """
        call = self._about(renewal.id, "PATCH", version=version, body=renewal.as_json())
        return _subscription_in(self._caller.perform(call), changes_something=call.changes_something)

    def update_subscriptions(
        self, renewals: Sequence[Renewal], *, version: Version = "v1.0"
    ) -> list[Outcome]:
        """Renew many subscriptions, 20 in a call, and return an outcome for each, in their order.

        Nothing is raised for what Graph or the network refuses: it is in the outcomes.

        Raises:
            ValueError: an id is empty.

        """
        if len(renewals) == 1:
            return [self._update_alone(renewals[0], version)]
        patience = self._caller.new_patience()
        outcomes: list[Outcome] = []
        for start in range(0, len(renewals), batch.MAX_REQUESTS):
            patience.restart()
            outcomes += self._update_chunk(renewals[start : start + batch.MAX_REQUESTS], version, patience)
        return outcomes

    def delete_subscription(self, subscription_id: str, *, version: Version = "v1.0") -> None:
        """Remove the subscription; one that is gone already counts as removed."""
        call = self._about(subscription_id, "DELETE", version=version)
        try:
            answer = self._caller.perform(call)
        except SubscriptionGoneError:
            return
        _require_no_content(answer)

    def reauthorize_subscription(self, subscription_id: str, *, version: Version = "v1.0") -> None:
        """Renew the permission behind a subscription; its expiry stays as it is.

        Do not renew the same subscription within 10 minutes of this call.

        Raises:
            SubscriptionGoneError: Graph does not hold it any more.

        Source: Microsoft Learn, change-notifications-lifecycle-events.md (2026-03-24).
        """
        call = self._about(subscription_id, "POST", version=version, action="/reauthorize")
        _require_no_content(self._caller.perform(call))

    def get(self, path: str, *, version: Version = "v1.0") -> dict[str, Any]:
        """Read any path of Graph, such as `/organization`; ids within it are quoted by the caller.

        Raises:
            ResourceNotFoundError: nothing is there.
            ValueError: the path does not begin with a slash.

        """
        if not path.startswith("/"):
            raise ValueError("A path of Graph begins with a slash.")
        return self._caller.perform(Call(method="GET", url=self._url(path, version))).document()

    def read_items(
        self, paths: Sequence[str], *, version: Version = "v1.0", prefer: Iterable[str] = ()
    ) -> list[Reading]:
        """Read many items, 20 in a call, each once, and return what came of each, in their order.

        Nothing is raised for what Graph or the network refuses: it is in the readings. Ids within the paths are
        quoted by the caller.

        Raises:
            ValueError: a path does not begin with a slash.

        """
        if not all(path.startswith("/") for path in paths):
            raise ValueError("A path of Graph begins with a slash.")
        wanted = ", ".join(prefer)
        headers = {"Prefer": wanted} if wanted else {}
        root = self._url("", version)
        return [
            one
            for start in range(0, len(paths), batch.MAX_REQUESTS)
            for one in reading.read(
                self._caller, root, paths[start : start + batch.MAX_REQUESTS], headers=headers
            )
        ]

    def delta_page(self, place: str, *, version: Version = "v1.0", prefer: Iterable[str] = ()) -> DeltaPage:
        """Return one page of a delta query: of a path with its options, or of a link that an earlier page gave.

        Raises:
            SyncStateLostError: the token in the link is over; begin anew.
            ResourceNotFoundError: the collection does not exist.

        """
        is_path = place.startswith("/")
        url = self._url(place, version) if is_path else self._own_link(place)
        wanted = ", ".join(prefer)
        call = Call(
            method="GET",
            url=url,
            headers={"Prefer": wanted} if wanted else {},
            secret=None if is_path else url,
        )
        return self._delta_page_in(self._caller.perform(call).document())

    def _delta_page_in(self, page: Mapping[str, Any]) -> DeltaPage:
        links = [page.get("@odata.nextLink"), page.get("@odata.deltaLink")]
        next_link, delta_link = (self._own_link(link) if link is not None else "" for link in links)
        if bool(next_link) == bool(delta_link):
            raise UnexpectedAnswerError("A page of Graph's delta query leads nowhere, or to two places.")
        return DeltaPage(items=tuple(_values(page)), next_link=next_link, delta_link=delta_link)

    def _url(self, path: str, version: Version) -> str:
        return f"{self._cloud.graph_url}/{version}{path}"

    def _about(
        self,
        subscription_id: str,
        method: str,
        *,
        version: Version,
        action: str = "",
        body: Mapping[str, Any] | None = None,
    ) -> Call:
        return Call(
            method=method,
            url=self._url(_path_of(subscription_id) + action, version),
            body=body,
            not_found=SubscriptionGoneError,
        )

    def _pages(self, url: str) -> Iterator[dict[str, Any]]:
        seen = {url}
        while True:
            page = self._caller.perform(Call(method="GET", url=url)).document()
            yield page
            if "@odata.nextLink" not in page:
                return
            url = self._own_link(page["@odata.nextLink"])
            if url in seen:
                raise UnexpectedAnswerError("Graph's list leads back to a page that was read before.")
            seen.add(url)

    def _own_link(self, link: object) -> str:
        # The token goes along, so a link must not lead anywhere but to this Graph.
        root = f"{self._cloud.graph_url}/"
        if not isinstance(link, str) or link[: len(root)].lower() != root.lower():
            raise UnexpectedAnswerError("Graph's list goes on at an address that is not this Graph's.")
        return link

    def _update_alone(self, renewal: Renewal, version: Version) -> Outcome:
        call = self._about(renewal.id, "PATCH", version=version, body=renewal.as_json())
        timer = _Timer()
        try:
            answer = self._caller.perform(call)
        except GraphError as error:
            return timer.outcome(renewal, error=error)
        return _outcome(renewal, answer, timer)

    def _update_chunk(
        self, renewals: Sequence[Renewal], version: Version, patience: Patience
    ) -> list[Outcome]:
        """Send the renewals together, and those that fail for a while again, as long as patience lasts."""
        outcomes: dict[str, Outcome] = {}
        pending = {str(number): renewal for number, renewal in enumerate(renewals, start=1)}
        while pending:
            outcomes |= self._update_with_fresh_token(pending, version)
            errors = {item_id: error for item_id in pending if (error := outcomes[item_id].error)}
            transient = {item_id: error for item_id, error in errors.items() if patience.can_bear(error)}
            if not transient or not patience.allows_another(_slowest(transient.values())):
                break
            pending = {item_id: pending[item_id] for item_id in transient}
        return [outcomes[str(number)] for number in range(1, len(renewals) + 1)]

    def _update_with_fresh_token(
        self, renewals: Mapping[str, Renewal], version: Version
    ) -> dict[str, Outcome]:
        """Send the renewals together; where Graph refuses the token inside the batch, once more with a fresh one."""
        outcomes = self._update_together(renewals, version)
        refused = {
            item_id: renewal
            for item_id, renewal in renewals.items()
            if isinstance(outcomes[item_id].error, UnauthorizedError)
        }
        # The same error for all is the envelope's, which was sent again already.
        if refused and len({id(outcome.error) for outcome in outcomes.values()}) > 1:
            outcomes |= self._update_together(refused, version, is_token_refused=True)
        return outcomes

    def _update_together(
        self, renewals: Mapping[str, Renewal], version: Version, *, is_token_refused: bool = False
    ) -> dict[str, Outcome]:
        timer = _Timer()
        paths = {item_id: _path_of(renewal.id) for item_id, renewal in renewals.items()}
        call = Call(method="POST", url=self._url("/$batch", version), body=batch.envelope(paths, renewals))
        try:
            envelope = self._caller.perform_once(call, is_token_refused=is_token_refused)
            answers = batch.answers_in(envelope.document())
        except GraphError as error:
            return {item_id: timer.outcome(renewal, error=error) for item_id, renewal in renewals.items()}
        timer.stop(envelope.request_id)
        return {
            item_id: _outcome(renewal, answers.get(item_id), timer) for item_id, renewal in renewals.items()
        }


def _path_of(subscription_id: str) -> str:
    if subscription_id in {"", ".", ".."}:
        # Such an id would turn the call into one about the whole collection.
        raise ValueError("A subscription id is needed.")
    return f"/subscriptions/{quote(subscription_id, safe='')}"


def _subscription_in(answer: Answer, *, changes_something: bool) -> RemoteSubscription:
    try:
        return RemoteSubscription.from_json(answer.document())
    except UnexpectedAnswerError as error:
        error.status, error.request_id = answer.status, answer.request_id
        error.outcome_unknown = changes_something
        raise


def _require_no_content(answer: Answer) -> None:
    # A sign-in page of some gateway answers 200 to anything; Graph answers these calls with 204.
    if answer.status != HTTPStatus.NO_CONTENT:
        raise UnexpectedAnswerError(
            "Graph did not confirm the call.",
            status=answer.status,
            request_id=answer.request_id,
            outcome_unknown=True,
        )


def _values(page: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    values = page.get("value")
    if not isinstance(values, list) or not all(isinstance(value, dict) for value in values):
        raise UnexpectedAnswerError("Graph's answer is no list of objects.")
    return values


class _Timer:
    """When one call for renewals began, how long it took, and what Graph calls it."""

    def __init__(self) -> None:
        self._called_at = datetime.now(UTC)
        self._began = time.monotonic()
        self._duration: timedelta | None = None
        self.request_id = ""

    def stop(self, request_id: str) -> None:
        """Note that the answer is there."""
        self._duration, self.request_id = self._elapsed(), request_id

    def outcome(
        self,
        renewal: Renewal,
        *,
        subscription: RemoteSubscription | None = None,
        error: GraphError | None = None,
        request_id: str = "",
    ) -> Outcome:
        return Outcome(
            id=renewal.id,
            subscription=subscription,
            error=error,
            called_at=self._called_at,
            duration=self._duration or self._elapsed(),
            request_id=error.request_id if error else request_id,
        )

    def _elapsed(self) -> timedelta:
        return timedelta(seconds=time.monotonic() - self._began)


def _outcome(renewal: Renewal, answer: Answer | None, timer: _Timer) -> Outcome:
    request_id = (answer.request_id if answer else "") or timer.request_id
    try:
        subscription = _renewed(answer)
    except GraphError as error:
        error.request_id = error.request_id or request_id
        return timer.outcome(renewal, error=error)
    return timer.outcome(renewal, subscription=subscription, request_id=request_id)


def _renewed(answer: Answer | None) -> RemoteSubscription:
    if answer is None:
        raise UnexpectedAnswerError(
            "Graph's batch answer passes over this subscription.", outcome_unknown=True
        )
    if not answer.is_success:
        raise error_in(
            answer,
            not_found=SubscriptionGoneError,
            changes_something=True,
            known_secrets=(),
            is_from_graph=True,
        )
    return _subscription_in(answer, changes_something=True)


def _slowest(errors: Iterable[GraphError]) -> GraphError:
    return max(errors, key=lambda error: error.retry_after or timedelta())
