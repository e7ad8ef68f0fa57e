"""Tell the administrators what they must know: by e-mail to ADMINS, and on the log."""

import logging

from django.core.mail import mail_admins

logger = logging.getLogger(__name__)


def tell_administrators(subject: str, text: str) -> None:
    """Send one message; a mail server that is out of reach stops nothing, and the log has the message in any case."""
    logger.error("%s: %s", subject, text)
    try:
        mail_admins(subject, text)
    except OSError:
        logger.exception("e-mail to the administrators failed")
