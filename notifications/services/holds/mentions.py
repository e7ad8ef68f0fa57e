"""Mentions: which notifications name somebody or something, by an id or address."""

import json

from django.db.models import Exists, OuterRef, Q, TextField
from django.db.models.functions import Cast
from django.db.models.lookups import IContains

from notifications.models import NotificationContent
from subscriptions.services.errors import UseCaseError

# Less than that is in nearly everything.
SHORTEST_TEXT = 5
LONGEST_TEXT = 500


def naming(text: str) -> Q:
    """Say which notifications name a text in their content, resource or resource data, in capitals or not.

    Raises:
        UseCaseError: the text is too short to mean somebody, or too long.

    """
    text = text.strip()
    if not SHORTEST_TEXT <= len(text) <= LONGEST_TEXT or "\0" in text:
        raise UseCaseError(f"Enter an ID or address of {SHORTEST_TEXT} to {LONGEST_TEXT} characters.")
    contents = NotificationContent.objects.filter(pk=OuterRef("pk"))
    in_content, named = Q(), Q(resource__icontains=text) | Q(resource_id__icontains=text)
    # As databases spell it inside of JSON.
    for spelling in {text, json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1]}:
        in_content |= Q(IContains(Cast("data", TextField()), spelling))
        named |= Q(IContains(Cast("resource_data", TextField()), spelling))
    return named | Q(Exists(contents.filter(in_content)))
