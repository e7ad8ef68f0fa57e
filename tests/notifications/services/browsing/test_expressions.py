"""The language in which content is searched: what it means, and that nothing typed does harm."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notifications.services.browsing import expressions
from notifications.services.browsing.expressions import ExpressionError, matches, parse

MESSAGE = {
    "subject": "Quarterly figures",
    "importance": "high",
    "isRead": False,
    "size": 1200,
    "id": "1612345",
    "from": {"user": {"displayName": "Zo\u00eb", "id": "u1"}},
    "toRecipients": [
        {"emailAddress": {"address": "kim@contoso.example"}},
        {"emailAddress": {"address": "lee@contoso.example"}},
    ],
    "categories": ["Red", "Blue"],
    "createdDateTime": "2026-03-01T12:00:05Z",
    "replyToId": None,
    "@odata.type": "#microsoft.graph.message",
}
WORDS = st.sampled_from(
    [*expressions.COMPARISONS, *expressions.WORDS, "and", ",", ".", '"', "a", "a.b", "5", "\\"]
)


@pytest.mark.parametrize(
    "text",
    [
        'from.user.displayName = "Zo\u00eb"',
        "importance in high,low",
        "importance in low , high",
        "importance IN high",
        "importance != low",
        'subject contains "quarterly FIG"',
        "subject contains figures",
        "replyToId exists",
        "attachments missing",
        "size > 1000",
        "size >= 1200 and size <= 1200",
        "createdDateTime >= 2026-03-01",
        "createdDateTime < 2026-03-01T12:00:06Z",
        "isRead = false",
        "replyToId = null",
        "id = 1612345",
        'id = "1612345"',
        "toRecipients.emailAddress.address = lee@contoso.example",
        "categories = Blue",
        '"@odata.type" = "#microsoft.graph.message"',
        'from."user".displayName = Zo\u00eb',
        "size=1200",
        "importance = high AND isRead = false",
    ],
)
def test_a_condition_finds_what_fulfils_it(text: str) -> None:
    assert matches(parse(text), MESSAGE)


@pytest.mark.parametrize(
    "text",
    [
        'from.user.displayName = "zo\u00eb"',
        "importance in low,normal",
        "importance != high",
        "categories != Blue",
        "attachments != 1",
        "subject contains weekly",
        "attachments exists",
        "replyToId missing",
        "size > 1200",
        'size = "1200"',
        "size > a",
        "createdDateTime > 2026-03-02",
        "isRead = 0",
        "from.user = Zo\u00eb",
        "importance = high and isRead = true",
        "size contains 12",
    ],
)
def test_a_condition_passes_over_what_does_not_fulfil_it(text: str) -> None:
    assert not matches(parse(text), MESSAGE)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "It ends where a path such as from.user.displayName should follow."),
        ("importance", "It ends where one of"),
        ("importance =", "It ends where a value should follow."),
        ("importance is high", "\u201cis\u201d is no comparison. After a path comes one of"),
        ("subject = Quarterly figures", "Put text with blanks in double quotes."),
        ('subject = "Quarterly', "A double quote is not closed"),
        ("importance in high,", "It ends where a value should follow."),
        ("importance in high low", "\u201clow\u201d stands where \u201cand\u201d should follow."),
        ("= high", "stands where a path such as"),
        ("importance = = high", "stands where a value should be."),
        ("importance = high or size = 1", "\u201cor\u201d stands where \u201cand\u201d should follow."),
        ("importance = (high)", "\u201c(high)\u201d cannot be read."),
        ('subject = "\\x"', "cannot be read. Inside quotes write"),
        ('subject contains ""', "Everything contains an empty text."),
        ("a = \0", "characters that no content can hold"),
        ('a = "\\u0000"', "characters that no content can hold"),
        ("a = \ud800", "characters that no content can hold"),
        ('a = "\\ud800"', "cannot be read"),
        ("a = " + "b" * 500, "At most 500 characters."),
        (" and ".join(["a = 1"] * 11), "At most 10 conditions."),
        ("a in " + ",".join("b" * 21), "At most 20 values."),
    ],
    ids=range(21),
)
def test_what_is_no_condition_is_answered_with_what_to_do(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as raised:
        parse(text)

    assert said in str(raised.value)


@given(st.lists(st.one_of(WORDS, st.text(max_size=6)), max_size=12).map(" ".join))
def test_whatever_is_typed_is_a_condition_or_gets_an_answer(text: str) -> None:
    with suppress(ExpressionError):
        assert matches(parse(text), MESSAGE) in {True, False}


@given(key=st.text(min_size=1), value=st.one_of(st.text(), st.integers(), st.booleans(), st.none()))
def test_any_value_is_found_under_any_key_when_both_are_spelled_as_json(key: str, value: Any) -> None:
    text = f"{json.dumps(key)} = {json.dumps(value)}"

    try:
        expression = parse(text)
    except ExpressionError:
        assert len(text) > expressions.LONGEST or "\\u0000" in text or "\\ud" in text.lower()
    else:
        assert matches(expression, {key: value})
