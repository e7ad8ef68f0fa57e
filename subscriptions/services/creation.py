"""Create: the row first, then Graph outside any transaction, then the outcome."""

import logging
from contextlib import suppress
from datetime import datetime, timedelta

from django.db import IntegrityError, transaction

from subscriptions import conf
from subscriptions.catalogue import lifetimes
from subscriptions.graph.client import GraphClient, Version
from subscriptions.graph.documents import RemoteSubscription, SubscriptionRequest
from subscriptions.graph.errors import (
    DuplicateSubscriptionError,
    GraphError,
    LifetimeRefusedError,
    SubscriptionGoneError,
)
from subscriptions.keys.field_encryption import FieldDecryptionError
from subscriptions.models import FormerIdentity, Operation, Subscription
from subscriptions.services import certificates, gaps, outcomes
from subscriptions.services.access.clients import client_of, version_of
from subscriptions.services.claims import claim, settle
from subscriptions.services.errors import (
    BusyError,
    NotOursError,
    UnreadableSecretError,
    WishExistsError,
)
from subscriptions.services.gaps import recovery
from subscriptions.services.operations import CallLog, record

logger = logging.getLogger(__name__)

# A row that is still pending after this long was left by a process that died: the renewal run takes it up.
ORPHANED_AFTER = timedelta(minutes=5)
# Stands in `error_code` of a row whose create call was, or may have been, sent and never answered.
OUTCOME_UNKNOWN = "outcomeUnknown"
SUBMITTABLE = (Subscription.Status.PENDING, Subscription.Status.FAILED, Subscription.Status.GONE)


def create(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Save a wish and create it at Graph.

    Raises:
        WishExistsError: another row holds the same wish; nothing was sent.
        GraphError: Graph refused or did not answer; the row says why and is kept.

    """
    plan(subscription, now=now)
    return submit(subscription, now=now, actor=actor)


def plan(subscription: Subscription, *, now: datetime) -> Subscription:
    """Save a wish as pending with its own clientState; Graph is not called.

    Raises:
        WishExistsError: another row holds the same wish.

    """
    subscription.status = Subscription.Status.PENDING
    _address(subscription)
    subscription.renew_at = now + ORPHANED_AFTER
    try:
        with transaction.atomic():
            subscription.save(force_insert=True)
            subscription.client_state = subscription.new_client_state()
            subscription.save(update_fields=["client_state"])
    except IntegrityError as error:
        if (other := saved(subscription)) is None:
            raise
        raise WishExistsError(other) from error
    return subscription


def saved(wish: Subscription) -> Subscription | None:
    """Return the row that holds the wish, whoever saved it; None if there is none, or it was removed."""
    rows = Subscription.objects.filter(wish_key=wish.key_of_wish()).exclude(
        status=Subscription.Status.REMOVED
    )
    return rows.select_related("app_registration").first()


def submit(subscription: Subscription, *, now: datetime, actor: str) -> Subscription:
    """Create a saved wish at Graph; call it outside any transaction.

    Of several callers at once only one speaks to Graph.

    Raises:
        BusyError: another worker has it, or it is at Graph already.
        GraphError: Graph refused or did not answer; the row says why and is kept.

    """
    token = claim(subscription.pk, now=now, statuses=SUBMITTABLE, is_enabled=True)
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    return place(subscription, token, now=now, actor=actor, action=Operation.Action.CREATE)


def place(
    subscription: Subscription, token: str, *, now: datetime, actor: str, action: Operation.Action
) -> Subscription:
    """Make a claimed subscription exist at Graph, and write the outcome.

    Raises:
        GraphError: it does not exist at Graph for sure; the row says why.

    """
    prepare(subscription, now=now)
    log = CallLog(
        action, actor=actor, app_registration=subscription.app_registration, subscription=subscription
    )
    try:
        remote = ask(client_of(subscription, on_call=log), subscription, now=now)
    except GraphError as error:
        if not log.calls:
            # It never left the house, for want of a token: the log says so all the same.
            record(action, actor=actor, subscription=subscription, started_at=now, error=error)
        refused(subscription, token, error, has_asked=bool(log.calls), now=now)
        raise
    return created(subscription, token, remote, now=now, took=log.took)


def adopt(subscription: Subscription, remote: RemoteSubscription, *, now: datetime) -> Subscription:
    """Take over, for a wish that waits to be created, what a broken-off call of ours has left at Graph.

    `remote` was read by its id just now, so that it shows its clientState if Graph shows it at all.

    Raises:
        BusyError: another worker has the wish, or it is at Graph already.
        NotOursError: the clientState is not the one that this wish chose.

    """
    token = claim(subscription.pk, now=now, statuses=SUBMITTABLE, is_enabled=True)
    if not token:
        raise BusyError
    subscription.refresh_from_db()
    if remote.client_state and not _is_ours(remote, subscription):
        settle(subscription, token)
        raise NotOursError(subscription)
    # It may have been given up for lost before.
    FormerIdentity.objects.filter(graph_id=remote.id.lower()).delete()
    return created(subscription, token, remote, now=now, took=timedelta())


def prepare(subscription: Subscription, *, now: datetime) -> None:
    """Write down what Graph is about to be told: the first of the steps of `place`, for who takes them singly.

    That is where we can be reached now and with what Graph shall encrypt: its answer may be lost, and the key must then
    be kept. In the row, the outcome counts as unknown until it is written, so that after a process that dies here the
    next looks at Graph first; the object keeps what was known before.
    """
    _address(subscription)
    certificate = subscription.certificate_at_graph = certificates.wished_for(subscription)
    if certificate:
        certificates.mark_used(certificate, now=now)
    Subscription.objects.filter(pk=subscription.pk).update(
        notification_url=subscription.notification_url,
        lifecycle_notification_url=subscription.lifecycle_notification_url,
        certificate_at_graph=certificate,
        error_code=OUTCOME_UNKNOWN,
    )


def ask(client: GraphClient, subscription: Subscription, *, now: datetime) -> RemoteSubscription:
    """Make the subscription exist at Graph and return it as it is there; the database is not touched.

    A shorter life than Graph grants is asked for at once where Graph says so, and noted on the object.

    Raises:
        GraphError: it does not exist at Graph for sure.

    """
    try:
        return _post_or_adopt(client, subscription, now=now)
    except LifetimeRefusedError as error:
        asked = expiry_to_ask(subscription, now=now) - now
        lesson = outcomes.learnt(error, asked=asked, now=now)
        if not lesson:
            raise
        for name, value in lesson.items():
            setattr(subscription, name, value)
        return _post_or_adopt(client, subscription, now=now)


def created(
    subscription: Subscription, token: str, remote: RemoteSubscription, *, now: datetime, took: timedelta
) -> Subscription:
    """Write that a claimed subscription exists at Graph after calls that began at `now` and took some time."""
    with transaction.atomic():
        settle(
            subscription,
            token,
            first_granted_at=subscription.first_granted_at or now,
            renewed_at=None,
            reauthorized_at=None,
            certificate_at_graph=certificates.at_graph(remote, sent=subscription.certificate_at_graph),
            ceiling_minutes=subscription.ceiling_minutes,
            ceiling_learnt_at=subscription.ceiling_learnt_at,
            **outcomes.granted(remote, now=now),
        )
        # Graph may have begun to tell of changes at any moment of the call.
        gaps.end(subscription, at=now + took)
        if subscription.missed_at:
            recovery.want(Subscription.objects.filter(pk=subscription.pk), now=now)
    logger.info("subscription created id=%s graph_id=%s", subscription.pk, remote.id)
    return subscription


def refused(
    subscription: Subscription, token: str, error: GraphError, *, has_asked: bool, now: datetime
) -> None:
    """Write that a claimed subscription does not exist at Graph for sure, and why.

    Where Graph was not even asked, what was unknown before stays unknown.
    """
    was_unknown = not has_asked and subscription.error_code == OUTCOME_UNKNOWN
    is_unknown = error.outcome_unknown or was_unknown
    settle(
        subscription,
        token,
        **_not_created(error, is_unknown=is_unknown, subscription=subscription, now=now),
    )
    logger.warning("subscription not created id=%s error=%s", subscription.pk, error)


def _address(subscription: Subscription) -> None:
    """Let Graph call where we can be reached now, which may have changed since the wish was saved."""
    configuration = conf.configuration()
    subscription.notification_url = configuration.notification_url
    subscription.lifecycle_notification_url = configuration.lifecycle_notification_url


def request_for(subscription: Subscription, *, now: datetime) -> SubscriptionRequest:
    """Return what to send to Graph for a wish."""
    certificate = certificates.wished_for(subscription)
    return SubscriptionRequest(
        resource=subscription.resource,
        change_type=subscription.change_type,
        notification_url=subscription.notification_url,
        lifecycle_notification_url=subscription.lifecycle_notification_url or None,
        expires_at=expiry_to_ask(subscription, now=now),
        client_state=_state_of(subscription),
        include_resource_data=subscription.include_resource_data,
        encryption_certificate=certificates.public_base64(certificate) if certificate else None,
        encryption_certificate_id=certificate.encryption_certificate_id if certificate else None,
        latest_supported_tls_version=subscription.latest_supported_tls_version or None,
        notification_query_options=subscription.notification_query_options or None,
        prefer=subscription.prefer,
    )


def expiry_to_ask(subscription: Subscription, *, now: datetime) -> datetime:
    """Return the expiry to ask for: the wished minutes, or the longest that Graph grants."""
    return lifetimes.expiry_to_ask(
        resource=subscription.resource,
        include_resource_data=subscription.include_resource_data,
        minutes=subscription.lifetime_minutes,
        now=now,
        ceiling=subscription.ceiling(now),
    )


def _post_or_adopt(client: GraphClient, subscription: Subscription, *, now: datetime) -> RemoteSubscription:
    if subscription.error_code == OUTCOME_UNKNOWN and (remote := _look_for(client, subscription)):
        return remote
    try:
        return client.create_subscription(
            request_for(subscription, now=now), version=version_of(subscription)
        )
    except DuplicateSubscriptionError as error:
        remote = _existing(client, error.existing_id, version=version_of(subscription))
        if remote and _is_ours(remote, subscription):
            return remote
        raise
    except GraphError as error:
        if not error.outcome_unknown:
            raise
        # Graph may have acted although we did not see its answer: look before anybody posts again.
        with suppress(GraphError):
            if remote := _look_for(client, subscription):
                return remote
        raise


def _not_created(
    error: GraphError, *, is_unknown: bool, subscription: Subscription, now: datetime
) -> dict[str, object]:
    """Return the facts after a create that gave no subscription: to be tried again, or refused for good."""
    facts = outcomes.failed(error, subscription=subscription, now=now)
    if is_unknown:
        facts["error_code"] = OUTCOME_UNKNOWN
    else:
        facts["certificate_at_graph"] = None
    if subscription.status == Subscription.Status.GONE:
        return facts
    is_open = is_unknown or error.is_transient
    return {**facts, "status": Subscription.Status.PENDING if is_open else Subscription.Status.FAILED}


def _existing(client: GraphClient, graph_id: str, *, version: Version) -> RemoteSubscription | None:
    if not graph_id:
        return None
    try:
        return client.get_subscription(graph_id, version=version)
    except SubscriptionGoneError:
        return None


def unanswered_id(client: GraphClient, subscription: Subscription) -> str:
    """Return the id under which Graph holds a row whose create call was never answered; empty when it does not.

    Raises:
        GraphError: Graph's list cannot be read, so nothing is known.

    """
    if subscription.error_code != OUTCOME_UNKNOWN:
        return ""
    remote = _look_for(client, subscription)
    return remote.id if remote else ""


def _look_for(client: GraphClient, subscription: Subscription) -> RemoteSubscription | None:
    """Return what an unanswered create call made at Graph, if it made anything.

    A list does not show the clientState, so each candidate is read by itself: what somebody else made at our address
    must not be taken for ours, since all that it sends would be refused.

    Raises:
        GraphError: Graph cannot be asked, so the outcome stays unknown.

    """
    version = version_of(subscription)
    try:
        for listed in client.list_subscriptions(version=version):
            if fits(listed, subscription):
                remote = _existing(client, listed.id, version=version)
                if remote and (not remote.client_state or _is_ours(remote, subscription)):
                    return remote
    except GraphError as error:
        error.outcome_unknown = True
        raise
    return None


def fits(listed: RemoteSubscription, subscription: Subscription) -> bool:
    """Say whether what Graph lists may be what a wish asked for; its clientState, which no list shows, decides."""
    return asked_for(listed) == asked_for(subscription)


def asked_for(one: RemoteSubscription | Subscription) -> tuple[str, str, frozenset[str]]:
    """Return what was asked of Graph, in a form that does not depend on spelling."""
    return (
        one.resource.lstrip("/").lower(),
        one.notification_url,
        frozenset(one.change_type.split(",")),
    )


def _is_ours(remote: RemoteSubscription, subscription: Subscription) -> bool:
    """Say whether Graph shows the clientState that this row chose."""
    return remote.client_state == _state_of(subscription)


def _state_of(subscription: Subscription) -> str:
    try:
        return subscription.client_state.reveal()
    except FieldDecryptionError as error:
        raise UnreadableSecretError(str(error)) from error
