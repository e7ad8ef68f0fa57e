"""What people and tools are told when the database is away, or something of ours fails."""

import json
from collections.abc import Callable
from typing import Any

import pytest

Manage = Callable[..., Any]

NOWHERE = "postgres://nobody:hidden-away@127.0.0.1:1/nothing"
BEGIN = """
import json
from django.test import Client
client = Client(raise_request_exception=False, headers={"host": "localhost"})
"""
ASK = """
for path in ("/admin/", "/api/v1/health/"):
    answer = client.get(path)
    print(json.dumps([answer.status_code, answer.get("Retry-After"), answer.headers["Content-Type"], answer.text]))
"""
SIGNED_IN = """
client.cookies["sessionid"] = "a" * 32
"""
FAIL = """
from config import urls
from django.urls import path
def fail(request): raise ValueError("a secret")
urls.urlpatterns[:0] = [path("admin/", fail), path("api/v1/health/", fail)]
"""


@pytest.mark.parametrize(
    ("before", "variables", "status", "retry_after", "text"),
    [
        (SIGNED_IN, {"DATABASE_URL": NOWHERE}, 503, "30", "The database cannot be used"),
        (FAIL, {}, 500, None, "X-Request-ID"),
    ],
)
def test_whoever_asks_is_told_whether_to_come_again(
    before: str,
    variables: dict[str, str],
    status: int,
    retry_after: str | None,
    text: str,
    manage: Manage,
) -> None:
    done = manage("shell", "-v", "0", "-c", BEGIN + before + ASK, **variables)

    page, answer = (json.loads(line) for line in done.stdout.splitlines())
    assert page[:3] == [status, retry_after, "text/html; charset=utf-8"]
    assert text in page[3]
    assert answer[:3] == [status, retry_after, "application/json"]
    assert text in json.loads(answer[3])["detail"]
    assert "secret" not in page[3] + answer[3]
    assert "hidden-away" not in done.stderr
