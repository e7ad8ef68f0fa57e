"""The log: each line knows its request, and machines can read it."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse
from django.test import Client, RequestFactory

from config import request_ids
from config.logs import JsonFormatter, RequestFilter
from subscriptions.models.fields import Secret

logger = logging.getLogger("tests.logs")


@pytest.fixture
def lines() -> Iterator[Callable[[], list[dict[str, Any]]]]:
    """Return a function that reads what was logged as JSON."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    handler.addFilter(RequestFilter())
    logger.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logger.removeHandler(handler)


Lines = Callable[[], list[dict[str, Any]]]


def test_named_values_are_fields(lines: Lines) -> None:
    logger.warning("graph called status=%s graph_request_id=%s error=%r %d%%", 429, "a-b-c", "No", 5)

    [line] = lines()

    assert line["message"] == "graph called status=429 graph_request_id=a-b-c error='No' 5%"
    assert (line["status"], line["graph_request_id"], line["error"]) == (429, "a-b-c", "No")
    assert (line["level"], line["logger"]) == ("WARNING", "tests.logs")
    assert line["time"].endswith("+00:00")


@pytest.mark.parametrize(
    ("text", "arguments"), [("a=%s b", ({"a": 1},)), ("no places a=1", ()), ("%(a)s", ({"a": 1},))]
)
def test_other_ways_of_writing_do_no_harm(text: str, arguments: tuple[Any, ...], lines: Lines) -> None:
    logger.error(text, *arguments)

    assert len(lines()) == 1


def test_what_the_line_says_of_itself_is_not_overwritten(lines: Lines) -> None:
    logger.warning("level=%s message=%s", "forged", "forged")

    assert (lines()[0]["level"], lines()[0]["message"]) == ("WARNING", "level=forged message=forged")


def test_a_line_break_stays_within_its_line(lines: Lines) -> None:
    logger.warning("odd value=%s", 'x\n{"level": "forged"}')

    assert len(lines()) == 1


def test_a_traceback_is_a_field(lines: Lines) -> None:
    try:
        int("odd")
    except ValueError:
        logger.exception("broke off id=%s", 7)

    assert "ValueError: invalid literal" in lines()[0]["exception"]


def test_a_secret_shows_as_nothing(lines: Lines) -> None:
    logger.warning("odd value=%s", Secret.of("never-shown"))

    assert "never-shown" not in json.dumps(lines())


def answer_to(request: HttpRequest) -> HttpResponse:
    logger.warning("answering")
    return HttpResponse(request_ids.current())


def ask(**headers: str) -> Any:
    request = RequestFactory().get("/", headers=headers)
    return request_ids.RequestIdMiddleware(answer_to)(request)


def test_a_sane_id_of_the_proxy_is_kept_in_answer_and_log(lines: Lines) -> None:
    answer = ask(**{"X-Request-ID": "proxy-0123456789"})

    assert answer["X-Request-ID"] == "proxy-0123456789"
    assert lines()[0]["request_id"] == "proxy-0123456789"


@pytest.mark.parametrize(
    "unverified", ["", "short", "a b c d e f g h", "x" * 129, "0123456789\tx", "<script>alert</script>"]
)
def test_an_odd_id_is_replaced(unverified: str, lines: Lines) -> None:
    answer = ask(**{"X-Request-ID": unverified})

    assert answer["X-Request-ID"] != unverified
    assert len(answer["X-Request-ID"]) == 32
    assert lines()[0]["request_id"] == answer["X-Request-ID"]


def test_outside_of_a_request_there_is_no_id(lines: Lines) -> None:
    ask()
    logger.warning("later")

    assert "request_id" not in lines()[1]


def test_each_answer_of_the_product_carries_an_id() -> None:
    first, second = (Client().get("/healthz")["X-Request-ID"] for _ in range(2))

    assert first != second


def test_the_product_logs_json_when_asked(manage: Callable[..., Any]) -> None:
    code = "import logging; logging.getLogger('x').warning('hello name=%s', 3)"

    answer = manage("shell", "-v", "0", "-c", code, LOG_FORMAT="json")

    assert answer.returncode == 0
    line = json.loads(answer.stderr.splitlines()[-1])
    assert (line["message"], line["name"]) == ("hello name=3", 3)


def test_a_stranger_who_names_another_host_costs_a_line_and_no_mail(manage: Callable[..., Any]) -> None:
    code = "from django.core import mail; from django.test import Client; mail.outbox = []; "
    code += (
        "print(Client().get('/admin/login/', headers={'host': 'evil.example'}).status_code, len(mail.outbox))"
    )

    answer = manage("shell", "-v", "0", "-c", code, ADMINS="a@example.com", EMAIL_URL="memorymail://")

    assert answer.stdout.split() == ["400", "0"]
    (line,) = answer.stderr.splitlines()
    assert "evil.example" in line


@pytest.mark.parametrize(("name", "value"), [("LOG_FORMAT", "xml"), ("LOG_LEVEL", "LOUD")])
def test_an_unknown_choice_stops_the_start(name: str, value: str, manage: Callable[..., Any]) -> None:
    answer = manage("check", **{name: value})

    assert answer.returncode != 0
    assert f"{name} must be one of: " in answer.stderr
