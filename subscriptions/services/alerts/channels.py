"""The ways to tell: e-mail to ADMINS, and a webhook of the operator's choice."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from django.core.mail import mail_admins
from django.utils.text import Truncator

from subscriptions import conf
from subscriptions.graph import outgoing
from subscriptions.graph.errors import GraphError
from subscriptions.models import AlertMessage
from subscriptions.services.alerts import wording
from subscriptions.services.alerts.wording import News

Channel = AlertMessage.Channel
WebhookFormat = conf.AlertWebhookFormat
# Teams takes 28 KB; a text of this length, as often as a message lists one, stays below it.
# Source: Microsoft Learn, connectors-using.md (2025-05).
MOST_TEXT = 600


class NotToldError(Exception):
    """Somebody could not be told; the text says why, holds no secret, and may be shown."""


def configured() -> list[AlertMessage.Channel]:
    """Return the ways that the settings open."""
    ways = {
        Channel.EMAIL: conf.mail_reaches_somebody(),
        Channel.WEBHOOK: conf.configuration().alert_webhook_url,
    }
    return [channel for channel, is_open in ways.items() if is_open]


def send(channel: AlertMessage.Channel, news: Sequence[News], *, now: datetime) -> None:
    """Tell all of it in one message.

    Raises:
        NotToldError: it did not arrive, as far as can be known.

    """
    _SENDERS[channel](news, now)


def _send_mail(news: Sequence[News], now: datetime) -> None:
    del now
    try:
        mail_admins(wording.subject(news), wording.body(news))
    except OSError as error:  # the root of what smtplib raises, too
        # The text of an SMTP error may repeat what was said to the server.
        raise NotToldError(f"The mail server did not take the message ({type(error).__name__}).") from error


def _send_webhook(news: Sequence[News], now: datetime) -> None:
    configuration = conf.configuration()
    body = _FORMATS[configuration.alert_webhook_format](news, now)
    try:
        outgoing.post(configuration.alert_webhook_url, body)
    except GraphError as error:
        raise NotToldError(str(error)) from error


def _as_json(news: Sequence[News], now: datetime) -> dict[str, Any]:
    return {
        "source": "graph-subscription-manager",
        "sent_at": now.isoformat(),
        "text": wording.subject(news),
        "alerts": [
            {
                "id": one.alert,
                "occasion": one.occasion,
                "kind": one.kind,
                "title": one.title,
                "what_to_do": one.text,
                "app_registration": one.app_registration,
                "raised_at": one.raised_at.isoformat() if one.raised_at else None,
                "resolved_at": one.resolved_at.isoformat() if one.resolved_at else None,
                "url": one.url,
            }
            for one in news
        ],
    }


def _as_slack(news: Sequence[News], now: datetime) -> dict[str, Any]:
    """Return the body of an incoming webhook of Slack: text whose control characters are escaped."""
    del now
    return {"text": _escaped(f"{wording.subject(news)}\n\n{wording.body(news)}")}


def _escaped(text: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        text = text.replace(sign, entity)
    return text


def _as_teams(news: Sequence[News], now: datetime) -> dict[str, Any]:
    """Return an Adaptive Card in a message, as a Workflows webhook of Teams takes it.

    Source: Microsoft Learn, connectors-using.md (2025-05).
    """
    del now
    blocks = [_block(wording.subject(news), weight="Bolder", size="Medium")]
    for one in news[: wording.MOST_LISTED]:
        colour = "Good" if one.is_good else "Attention"
        blocks.append(_block(f"{one.word}: {one.title}", weight="Bolder", color=colour, separator=True))
        blocks += [_block(Truncator(one.text).chars(MOST_TEXT)), _block(one.url, isSubtle=True)]
    if more := wording.left_out(news):
        blocks.append(_block(more))
    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": blocks,
    }
    attachment = {
        "contentType": "application/vnd.microsoft.card.adaptive",
        "contentUrl": None,
        "content": card,
    }
    return {"type": "message", "attachments": [attachment]}


def _block(text: str, **options: Any) -> dict[str, Any]:
    return {"type": "TextBlock", "text": text, "wrap": True, **options}


_SENDERS: dict[str, Callable[[Sequence[News], datetime], None]] = {
    Channel.EMAIL: _send_mail,
    Channel.WEBHOOK: _send_webhook,
}
_FORMATS: dict[str, Callable[[Sequence[News], datetime], dict[str, Any]]] = {
    WebhookFormat.JSON: _as_json,
    WebhookFormat.SLACK: _as_slack,
    WebhookFormat.TEAMS: _as_teams,
}
