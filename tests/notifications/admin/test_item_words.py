"""What happened is said in a sentence, for every kind of thing that Graph can tell of."""

from datetime import UTC, datetime
from typing import Any

import pytest

from notifications.admin import item_words
from subscriptions import catalogue
from subscriptions.catalogue import Entry
from subscriptions.sandbox import contents
from subscriptions.sandbox.items import KINDS, Item

NOW = datetime(2026, 3, 1, 12, 34, 56, tzinfo=UTC)


def sample(kind: Any) -> tuple[str, dict[str, object]]:
    """Return type and content of an invented item of a kind, as Graph spells them."""
    path = tuple(f"id-{part}" if part.isdigit() else part for part in kind.form)
    return kind.type_name, contents.plausible(Item(path=path, kind=kind), NOW)


@pytest.mark.parametrize("entry", catalogue.entries(), ids=lambda entry: entry.path)
@pytest.mark.parametrize("change_type", ["created", "updated", "deleted"])
def test_every_entry_of_the_catalogue_has_words_of_its_own(entry: Entry, change_type: str) -> None:
    said = item_words.sentence(entry.resource_type, change_type)

    assert said.endswith(f"was {change_type}")
    assert "item of type" not in said
    assert "{" not in said


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.path)
def test_every_kind_of_item_says_more_with_its_content(kind: Any) -> None:
    type_name, content = sample(kind)

    bare = item_words.sentence(type_name, "created")
    said = item_words.sentence(type_name, "created", content=content)

    assert "item of type" not in said
    assert len(said) > len(bare)
    assert not set("{}[]|") & set(said)


PERSON = {"emailAddress": {"name": "Ana", "address": "ana@contoso.example"}}
USER = {"user": {"id": "1", "displayName": "Zo\u00eb"}, "application": None}


@pytest.mark.parametrize(
    ("resource_type", "content", "said"),
    [
        (
            "message",
            {"from": PERSON, "toRecipients": [PERSON, PERSON], "subject": "Offer"},
            "A message from Ana to 2 people with the subject \u201cOffer\u201d was created",
        ),
        ("#Microsoft.Graph.Message", {"subject": ""}, "A message was created"),
        (
            "message",
            {"from": {"emailAddress": {"address": "a@b.c"}}, "toRecipients": [PERSON]},
            "A message from a@b.c to Ana was created",
        ),
        (
            "chatMessage",
            {"from": USER, "body": {"contentType": "html", "content": "<p>Tea &amp; <b>cake</b></p>"}},
            "A chat message by Zo\u00eb with the text \u201cTea & cake\u201d was created",
        ),
        (
            "driveItem",
            {"name": "a.docx", "lastModifiedBy": USER},
            "A file or folder \u201ca.docx\u201d by Zo\u00eb was created",
        ),
        (
            "event",
            {"subject": "Lunch", "start": {"dateTime": "2026-03-02T12:30:00.0000000", "timeZone": "UTC"}},
            "A calendar event \u201cLunch\u201d on 2026-03-02 12:30 was created",
        ),
        ("callRecord", {"startDateTime": "2026-03-02T12:30:00Z"}, "A call record was created"),
        ("teamsAppInstallation", {}, "An installation of a Teams app was created"),
        ("spaceship", {"name": "x"}, "An item of type spaceship was created"),
        ("", {}, "An item was created"),
        (
            "message",
            {"from": 3, "toRecipients": "x", "subject": ["a", {"b": 1}]},
            "A message from 3 to x with the subject \u201c2 people\u201d was created",
        ),
        ("message", {"from": [], "toRecipients": {}, "subject": {"a": []}}, "A message was created"),
    ],
    ids=range(12),
)
def test_the_sentence_is_made_of_what_the_content_tells(
    resource_type: str, content: dict[str, Any], said: str
) -> None:
    assert item_words.sentence(resource_type, "created", content=content) == said


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            {"name": "a.docx"},
            {"name": "b.docx"},
            "A file or folder \u201cb.docx\u201d was renamed from \u201ca.docx\u201d",
        ),
        ({"name": "a.docx"}, {"name": "a.docx"}, "A file or folder \u201ca.docx\u201d was updated"),
        ({}, {"name": "a.docx"}, "A file or folder \u201ca.docx\u201d was updated"),
        ({"name": 1}, {"name": "a.docx"}, "A file or folder \u201ca.docx\u201d was updated"),
    ],
    ids=["renamed", "the same", "unknown before", "no name before"],
)
def test_a_new_name_is_told_with_the_old_one(
    before: dict[str, Any], after: dict[str, Any], said: str
) -> None:
    assert item_words.sentence("driveItem", "updated", content=after, before=before) == said


def test_a_long_text_is_cut() -> None:
    said = item_words.sentence("message", "created", content={"subject": "x" * 5_000})

    assert len(said) < 200
