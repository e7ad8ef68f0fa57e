"""What is told of subscriptions in danger: a title and what to do, by kind and cause."""

from dataclasses import dataclass

from subscriptions.models import Alert, Subscription

Kind = Alert.Kind
Cause = Subscription.ErrorCause


@dataclass(frozen=True)
class Words:
    """`title` has a place for how many subscriptions it is."""

    title: str
    advice: str


def words(kind: Kind, cause: str) -> Words:
    """Return the words for a cause, or those for anything of that kind."""
    return _WORDS.get((kind, cause)) or _WORDS[kind, ""]


_WORDS = {
    (Kind.WILL_LAPSE, "not_renewed"): Words(
        "{count} about to end, not renewed",
        "Automatic renewal is off. Renew them in the admin, or let them end.",
    ),
    (Kind.WILL_LAPSE, "untried"): Words(
        "{count} about to lapse, renewal has not come",
        "They are due and no run has renewed them. Check that cron runs renew_subscriptions, and how the last run "
        "ended. 'Renew' in the admin saves them now.",
    ),
    (Kind.WILL_LAPSE, "unanswered"): Words(
        "{count} may be about to lapse: Graph has not answered the last renewal",
        "Graph may have acted on it all the same, and granted less time than before, down to 45 minutes. Each run "
        "tries again by itself; the first answer tells how long they live. If the network of this server is at fault, "
        "mend it now.",
    ),
    (Kind.WILL_LAPSE, ""): Words(
        "{count} about to lapse",
        "Graph cannot be reached or fails, and few runs are left. Each run tries again by itself. If the network of "
        "this server is at fault, mend it now. What lapses is created again as soon as Graph answers.",
    ),
    (Kind.LAPSED, ""): Words(
        "{count} lapsed",
        "Graph sends nothing for them any more. The next renewal run creates them again; 'Recreate' in the admin does "
        "it at once. If this stays, the error on the subscription says why.",
    ),
    (Kind.MISSING, ""): Words(
        "{count} not at Graph",
        "Graph does not have them, so nothing is told to us. Mend what the error names and choose 'Recreate' in the "
        "admin, or remove what is not wanted.",
    ),
    (Kind.REFUSED, Cause.PERMISSION): Words(
        "{count} cannot be renewed: a permission is missing",
        "Grant the permission that the resource needs in Entra, and give admin consent.",
    ),
    (Kind.REFUSED, Cause.QUOTA): Words(
        "{count} cannot be renewed: a quota is used up",
        "Remove subscriptions that are not needed: Graph allows no more.",
    ),
    (Kind.REFUSED, Cause.SERVICE): Words(
        "{count} cannot be renewed for an hour: Graph, or the way to it, fails",
        "Each run tries again by itself. Check the network of this server and Microsoft's service health.",
    ),
    (Kind.REFUSED, Cause.OURS): Words(
        "{count} cannot be renewed: the renewal broke off",
        "The log of the renewal run says where.",
    ),
    (Kind.REFUSED, ""): Words(
        "{count} cannot be renewed: Graph refuses",
        "Correct what Graph's message names.",
    ),
    (Kind.CREDENTIAL_REFUSED, ""): Words(
        "the credential is refused, {count} cannot be renewed",
        "Enter a valid credential at the app registration in the admin and press 'Test connection'. The next renewal "
        "run then goes on by itself.",
    ),
}
