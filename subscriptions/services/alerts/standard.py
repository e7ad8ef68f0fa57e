"""The checks of this app."""

from subscriptions.models import Alert
from subscriptions.services.alerts.certificate_checks import certificates_that_end
from subscriptions.services.alerts.checks import register
from subscriptions.services.alerts.credential_checks import credentials_in_trouble
from subscriptions.services.alerts.gap_checks import changes_not_recovered
from subscriptions.services.alerts.reach_checks import address_not_reached
from subscriptions.services.alerts.renewal_checks import renewal_has_stopped
from subscriptions.services.alerts.subscription_checks import KINDS, in_danger


def register_all() -> None:
    """Have every watch look for all of it."""
    register(in_danger, kinds=KINDS)
    register(renewal_has_stopped, kinds=(Alert.Kind.RENEWAL_STOPPED,))
    register(address_not_reached, kinds=(Alert.Kind.UNREACHABLE,))
    register(certificates_that_end, kinds=(Alert.Kind.CERTIFICATE_ENDS,))
    register(credentials_in_trouble, kinds=(Alert.Kind.CREDENTIAL_ENDS,))
    register(changes_not_recovered, kinds=(Alert.Kind.NOT_RECOVERED,))
