"""Invented people and words of theirs, for demonstrations without a tenant."""

import random
from collections.abc import Mapping

PEOPLE = (
    ("Zo\u00eb Lindqvist", "zoe.lindqvist"),
    ("Tom\u00e1s Herrera", "tomas.herrera"),
    ("Amara Okafor", "amara.okafor"),
    ("\u0141ucja Wi\u015bniewska", "lucja.wisniewska"),
    ("Kenji Watanabe (\u6e21\u8fba \u5065\u4e8c)", "kenji.watanabe"),
    ("Noor el-Sayed", "noor.elsayed"),
)
SUBJECTS = (
    "Budget for the autumn campaign",
    "Minutes of the design review",
    "Question about invoice 4711",
    "Besuch aus K\u00f6ln am Donnerstag",
    "Draft contract, please read",
    "Lunch on Friday?",
    "Server room: air conditioning",
    "R\u00e9sum\u00e9 of the applicants",
)
SENTENCES = (
    "I have put the figures into the shared folder.",
    "Could you have a look before noon?",
    "Thanks, that solves it \U0001f44d",
    "The customer has agreed to the new date.",
    "Let us speak about it tomorrow.",
    "The build is green again.",
)


def person() -> Mapping[str, str]:
    """Return one of the people as Outlook's `emailAddress`."""
    name, account = random.choice(PEOPLE)  # noqa: S311 - invented data, not secrets
    return {"name": name, "address": f"{account}@contoso.example"}


def pick(*choices: str) -> str:
    """Return one of several texts."""
    return random.choice(choices)  # noqa: S311 - as above
