"""What the page of an encryption certificate shows besides its form, as plain values for the templates."""

from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse
from django.utils.safestring import SafeString

from subscriptions.admin import badges
from subscriptions.admin.subscription_page import Note
from subscriptions.models import EncryptionCertificate, Subscription
from subscriptions.services import certificate_rotation
from subscriptions.services.certificate_rotation import Progress

USERS_SHOWN = 20
State = EncryptionCertificate.State
Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class User:
    """A subscription that needs the certificate."""

    url: str
    resource: str
    status: SafeString
    renewal: str


@dataclass(frozen=True, kw_only=True)
class Users:
    """Who needs the certificate: the first of them, and how many more."""

    shown: tuple[User, ...]
    more: int


def users_of(certificate: EncryptionCertificate, *, now: datetime) -> Users:
    """Return the subscriptions for which Graph encrypts with it, what moves first coming first."""
    rows = Subscription.objects.encrypted_for(certificate, now).order_by("renew_at", "pk")
    shown = tuple(_user(row, now=now) for row in rows[:USERS_SHOWN])
    return Users(shown=shown, more=max(rows.count() - len(shown), 0))


def notes(certificate: EncryptionCertificate, progress: Progress, *, now: datetime) -> list[Note]:
    """Return where its end stands."""
    if certificate.key_destroyed_at:
        when = badges.to_the_second(certificate.key_destroyed_at)
        text = f"Since {when}, nothing that was encrypted with it can be opened. Its name stays taken."
        return [Note(kind="quiet", title="Its private key is destroyed", text=text)]
    if certificate.state == State.RETIRED:
        text = "Nothing needs it any more. Its private key is kept until somebody destroys it."
        retired = (("Retired at", badges.to_the_second(certificate.retired_at)),)
        return [Note(kind="quiet", title="Retired", text=text, facts=retired)]
    if certificate.state == State.DRAINING:
        return [_draining(certificate, progress)]
    if progress.is_used and certificate.not_after_at - now <= badges.CERTIFICATE_ENDS_SOON:
        text = (
            "Rotate it: a new certificate takes its place, and subscriptions move to it as they are renewed."
        )
        return [Note(kind="warn", title="It is about to end", text=text)]
    return []


def _draining(certificate: EncryptionCertificate, progress: Progress) -> Note:
    successor = certificate.replaced_by
    facts: Facts = ()
    if successor:
        facts = (("Moved", f"{progress.moved} of {progress.to_move}"), ("To", str(successor)))
    return Note(
        kind="busy",
        title=f"{successor} is taking its place" if successor else "Not for new subscriptions",
        text=" ".join((_what_is_left(progress), _what_waits(progress))).strip(),
        facts=(*facts, ("Retires", _retirement(progress))),
    )


def _what_is_left(progress: Progress) -> str:
    left = max(progress.at_graph, progress.wishing)
    if not left:
        return (
            "Graph encrypts nothing with it any more. Its private key stays here for what is still under way."
        )
    verb = "subscription still uses" if left == 1 else "subscriptions still use"
    return f"{left:,} {verb} it. Its private key stays here."


def _what_waits(progress: Progress) -> str:
    need = progress.need
    parts = (
        (need.waiting, "waiting to be opened with it"),
        (need.unread, "in the inbox that nobody has read yet"),
    )
    told = [f"{number:,} {what}" for number, what in parts if number]
    return f"There are {' and '.join(told)}." if told else ""


def _retirement(progress: Progress) -> str:
    if progress.retires_at is None:
        days = certificate_rotation.DRAINS_FOR.days
        return f"{days} days after the last one has moved"
    return f"by itself after {badges.to_the_second(progress.retires_at)}"


def _user(row: Subscription, *, now: datetime) -> User:
    return User(
        url=reverse("admin:subscriptions_subscription_change", args=(row.pk,)),
        resource=row.resource,
        status=badges.of_subscription(row, now=now).html(),
        renewal=_renewal(row),
    )


def _renewal(row: Subscription) -> str:
    if not (row.is_enabled and row.auto_renew):
        return f"not renewed; it ends at {badges.to_the_second(row.expires_at)}"
    return badges.to_the_second(row.renew_at)
