"""The webhook, as Graph and strangers meet it."""

import gzip
import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any, cast
from urllib.parse import quote, quote_plus

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.db import connection
from django.http import HttpResponse
from django.test import Client, RequestFactory
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from notifications import conf
from notifications.models import ChangeNotification, Delivery
from notifications.services import processing
from notifications.services.intake import inbox
from notifications.views.webhook import GraphWebhookView
from subscriptions.models import Subscription

NOTIFICATIONS = "/webhooks/graph/notifications"
LIFECYCLE = "/webhooks/graph/lifecycle"
LIMIT = conf.SMALLEST_MAX_DELIVERY_BYTES

Post = Callable[..., HttpResponse]
SubscriptionMaker = Callable[..., Subscription]
Speller = Callable[..., dict[str, Any]]


def shake(path: str, token: str, **headers: str) -> HttpResponse:
    answer = Client(enforce_csrf_checks=True).generic(
        "POST", f"{path}?validationToken={token}", content_type="text/plain; charset=utf-8", headers=headers
    )
    return cast("HttpResponse", answer)


# Handshake. None of these tests may touch the database: without the db fixture, pytest-django forbids it.


@pytest.mark.parametrize("path", [NOTIFICATIONS, LIFECYCLE])
@pytest.mark.parametrize(
    "token",
    [
        "Validation: Testing client application reachability",
        "100%25 a+b %2B",
        "\"double\" and 'single'",
        "Grüße \N{SNOWMAN} \N{GRINNING FACE}",
        "<script>alert(1)</script>&amp;",
        "line\r\nSet-Cookie: a=b",
        "x" * 60_000,
        "",
    ],
)
def test_the_handshake_gives_the_token_back_exactly_as_it_was(path: str, token: str) -> None:
    answer = shake(path, quote_plus(token))

    assert answer.status_code == 200
    assert answer.content == token.encode()
    assert answer["Content-Type"].partition(";")[0] == "text/plain"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_the_handshake_decodes_once() -> None:
    assert shake(NOTIFICATIONS, quote(quote("a b"))).content == b"a%20b"


def test_the_handshake_takes_a_plus_for_a_blank_and_percent_20_too() -> None:
    assert shake(NOTIFICATIONS, "a+b%20c").content == b"a b c"


@pytest.mark.parametrize("accept", ["text/html", "application/xml", "nonsense", "", "image/png;q=0"])
def test_the_handshake_is_answered_whatever_the_sender_accepts(accept: str) -> None:
    assert shake(NOTIFICATIONS, "abc", accept=accept).content == b"abc"


def test_the_handshake_keeps_the_query_of_our_own_address_out_of_its_answer() -> None:
    answer = Client().post(f"{NOTIFICATIONS}?secret=s&validationToken=abc&other=1")

    assert answer.content == b"abc"


@pytest.mark.parametrize("path", [NOTIFICATIONS, LIFECYCLE])
def test_the_webhook_never_redirects_to_https(path: str, settings: Settings) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert shake(path, "abc").status_code == 200


def test_the_webhook_never_redirects_to_another_spelling_of_its_address() -> None:
    assert shake(f"{NOTIFICATIONS}/", "abc").status_code == 404


def test_the_handshake_sets_no_cookie() -> None:
    assert not shake(NOTIFICATIONS, "abc").cookies


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(method: str) -> None:
    assert Client().generic(method, f"{NOTIFICATIONS}?validationToken=abc").status_code == 405


@pytest.mark.django_db
def test_a_token_in_the_body_is_no_handshake(post: Post) -> None:
    answer = post(b"validationToken=abc", content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 400
    assert b"abc" not in answer.content


# Notifications


def test_a_notification_is_stored_and_answered_with_202(
    post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    body = {"value": [item_of(known())]}

    answer = post(body)

    assert (answer.status_code, answer.content) == (202, b"")
    delivery = Delivery.objects.get()
    assert json.loads(bytes(delivery.body)) == body
    assert (delivery.state, delivery.is_quarantined) == ("queued", False)


def test_a_body_is_encrypted_at_rest_since_it_holds_client_states(
    post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()
    post({"value": [item_of(subscription)]})

    with connection.cursor() as cursor:
        cursor.execute("SELECT body FROM notifications_delivery")
        stored = bytes(cursor.fetchone()[0])

    assert subscription.client_state.reveal().encode() not in stored


def test_a_known_subscription_costs_one_insert(
    post: Post,
    known: SubscriptionMaker,
    item_of: Speller,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    subscription = known()
    post({"value": [item_of(subscription)]})

    with django_assert_num_queries(1) as asked:
        post({"value": [item_of(subscription) for _ in range(50)]})

    assert asked.captured_queries[0]["sql"].startswith("INSERT")


@pytest.mark.parametrize("path", [NOTIFICATIONS, LIFECYCLE])
def test_either_address_takes_either_kind(
    path: str, post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()
    notice = item_of(subscription, changeType=None, resource=None, lifecycleEvent="missed")

    answer = post({"value": [item_of(subscription), notice]}, path=path)

    assert answer.status_code == 202
    assert f"/webhooks/graph/{Delivery.objects.get().endpoint}" == path


@pytest.mark.parametrize("accept", ["text/html", "nonsense", "application/xml;q=1"])
def test_no_accept_header_keeps_a_notification_out(
    accept: str, post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    assert post({"value": [item_of(known())]}, accept=accept).status_code == 202
    assert post(b"no json", accept=accept).status_code == 400


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/cloudevents+json",
        "multipart/form-data; boundary=x",
        "application/json; charset=klingon",
    ],
)
def test_no_content_type_keeps_a_notification_out(
    content_type: str, post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    assert post({"value": [item_of(known())]}, content_type=content_type).status_code == 202


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-le", "utf-32-be"])
def test_a_body_in_another_encoding_is_known_by_itself(
    encoding: str, post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    body = json.dumps({"value": [item_of(known())]}).encode(encoding)

    assert post(body).status_code == 202
    assert not Delivery.objects.get().is_quarantined


def test_a_packed_body_is_known_and_processed(post: Post, known: SubscriptionMaker, item_of: Speller) -> None:
    packed = gzip.compress(json.dumps({"value": [item_of(known())]}).encode())

    answer = post(packed, content_encoding="gzip")
    processing.process(clock=lambda: Delivery.objects.get().received_at)

    assert answer.status_code == 202
    assert ChangeNotification.objects.get().state == "accepted"


@pytest.mark.django_db
def test_a_packed_body_that_unpacks_beyond_the_limit_is_too_large(post: Post, settings: Settings) -> None:
    settings.MAX_DELIVERY_BYTES = LIMIT
    bomb = gzip.compress(b'{"value": [' + b" " * LIMIT * 100 + b"]}")

    assert post(bomb, content_encoding="gzip").status_code == 413


@pytest.mark.django_db
def test_a_body_at_the_limit_is_read_and_one_byte_more_is_too_large(post: Post, settings: Settings) -> None:
    settings.MAX_DELIVERY_BYTES = LIMIT
    empty = b'{"value": []}'

    assert post(empty.ljust(LIMIT)).status_code == 202
    assert post(empty.ljust(LIMIT + 1)).status_code == 413
    assert Delivery.objects.count() == 1


@pytest.mark.django_db
@pytest.mark.parametrize("length", ["9" * 5000, "\N{SUPERSCRIPT TWO}", "-1", "many"])
def test_a_length_that_is_none_is_no_error_of_ours(length: str) -> None:
    answer = Client().generic("POST", NOTIFICATIONS, b"{}", CONTENT_LENGTH=length)

    assert answer.status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b"null",
        b'{"value": {}}',
        b'{"values": []}',
        b'{"value": [], "value": []}',
        b'{"value": [NaN]}',
        b"[" * 100_000,
        b'{"value": [' + b"9" * 5000 + b"]}",
        b"\xff\xfe\x00",
        b'{"value": []}\x00',
    ],
)
def test_a_malformed_body_is_refused_and_kept_apart(body: bytes, post: Post) -> None:
    answer = post(body)

    assert answer.status_code == 400
    assert Delivery.objects.get().is_quarantined


@pytest.mark.django_db
def test_a_body_with_too_many_items_is_too_large(post: Post) -> None:
    assert post({"value": [1] * (conf.MAX_ITEMS + 1)}).status_code == 413


def test_a_broken_gzip_body_is_refused(post: Post, known: SubscriptionMaker, item_of: Speller) -> None:
    packed = gzip.compress(json.dumps({"value": [item_of(known())]}).encode())

    assert post(packed[:-4], content_encoding="gzip").status_code == 400
    assert post(b"plain", content_encoding="gzip").status_code == 400
    assert post(packed, content_encoding="br").status_code == 400


# Strangers


def told_by(answer: HttpResponse) -> tuple[int, bytes, dict[str, str]]:
    """Return all that the sender learns, but for the id that every request has of its own."""
    headers = {name: value for name, value in answer.headers.items() if name != "X-Request-ID"}
    return answer.status_code, answer.content, headers


def test_an_unknown_subscription_is_answered_like_a_known_one(
    post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()
    genuine = post({"value": [item_of(subscription)]})

    for changes in (
        {"subscriptionId": "00000000-0000-4000-8000-000000000000"},
        {"clientState": "guessed"},
        {"clientState": None},
    ):
        forged = post({"value": [item_of(subscription, **changes)]})
        assert told_by(forged) == told_by(genuine)

    assert Delivery.objects.filter(is_quarantined=True).count() == 3


def test_one_item_of_ours_keeps_its_whole_delivery_out_of_quarantine(
    post: Post, known: SubscriptionMaker, item_of: Speller
) -> None:
    subscription = known()

    post({"value": [item_of(subscription, clientState="guessed"), 7, item_of(subscription)]})

    assert not Delivery.objects.get().is_quarantined


def test_the_quarantine_drops_the_oldest_with_their_refused_rows_and_nothing_genuine(
    post: Post, known: SubscriptionMaker, item_of: Speller, settings: Settings
) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 2
    subscription = known()
    post({"value": [item_of(subscription)]})
    for number in range(4):
        post({"value": [item_of(subscription, clientState=f"guess {number}", resource=f"r{number}")]})
        processing.process(clock=lambda: Delivery.objects.latest("pk").received_at)

    kept = list(ChangeNotification.objects.filter(state="rejected").values_list("resource", flat=True))
    assert kept == ["r3", "r2"]
    assert Delivery.objects.filter(is_quarantined=True).count() == 2
    assert ChangeNotification.objects.filter(state="accepted", delivery__isnull=False).count() == 1


@pytest.mark.django_db
def test_a_large_unknown_body_is_not_kept(post: Post) -> None:
    answer = post({"value": [{"subscriptionId": "x", "pad": "y" * 300_000}]})

    assert answer.status_code == 202
    assert not Delivery.objects.exists()


@pytest.mark.django_db
def test_with_no_room_for_strangers_nothing_of_them_is_kept(post: Post, settings: Settings) -> None:
    settings.MAX_QUARANTINED_DELIVERIES = 0

    assert post({"value": [{"subscriptionId": "x"}]}).status_code == 202
    assert not Delivery.objects.exists()


# Storage


@pytest.fixture
def read_only_database() -> Iterator[None]:
    """Let the database refuse every write, as one does whose disk is full or whose primary is gone."""
    is_sqlite = connection.vendor == "sqlite"
    refuse = "PRAGMA query_only = ON" if is_sqlite else "SET default_transaction_read_only = on"
    with inbox.writer() as writer:
        for one in (connection, writer.db):
            with one.cursor() as cursor:
                cursor.execute(refuse)
    yield
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA query_only = OFF" if is_sqlite else "SET default_transaction_read_only = off")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["known", "unknown", "malformed"])
def test_what_cannot_be_stored_is_never_answered_with_2xx(
    kind: str,
    post: Post,
    known: SubscriptionMaker,
    item_of: Speller,
    request: pytest.FixtureRequest,
) -> None:
    item = item_of(known())
    body = {
        "known": json.dumps({"value": [item]}),
        "unknown": json.dumps({"value": [{**item, "clientState": "guessed"}]}),
        "malformed": "no json",
    }[kind]
    request.getfixturevalue("read_only_database")

    answer = post(body.encode())

    assert answer.status_code == 503
    assert int(answer["Retry-After"]) > 0


@pytest.mark.django_db(transaction=True)
@pytest.mark.usefixtures("read_only_database")
def test_the_handshake_works_while_nothing_can_be_stored() -> None:
    assert shake(NOTIFICATIONS, "abc").status_code == 200


# The lane before Django


@pytest.mark.parametrize("body", ['{"value": [{"subscriptionId": "x"}]}', "no json"])
@pytest.mark.django_db
def test_django_answers_as_the_lane_before_it_does(body: str, post: Post) -> None:
    by_lane = post(body.encode())

    by_django = Client(enforce_csrf_checks=True).generic("POST", NOTIFICATIONS, body)

    assert (by_lane.status_code, by_lane.content) == (by_django.status_code, by_django.content)
    assert by_lane["X-Request-ID"] != by_django["X-Request-ID"]
    assert set(by_lane.headers) - set(by_django.headers) == set()


@pytest.mark.django_db
def test_the_id_that_a_proxy_gave_is_kept(post: Post) -> None:
    assert post(b"{}", x_request_id="from-the-proxy")["X-Request-ID"] == "from-the-proxy"
    assert len(post(b"{}", x_request_id="forged line")["X-Request-ID"]) == 32


# The production server


@pytest.fixture(scope="module")
def gunicorn(tmp_path_factory: pytest.TempPathFactory, repository: Path) -> Iterator[tuple[str, int]]:
    """Run the product under its production server, with an empty database of its own."""
    var = tmp_path_factory.mktemp("var")
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    environment |= {
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "VAR_DIR": str(var),
        "EMBEDDED_WORKER": "off",
        "MAX_DELIVERY_BYTES": str(LIMIT),
    }
    run = {"cwd": repository, "env": environment}
    subprocess.run([sys.executable, "manage.py", "migrate", "-v", "0"], check=True, **run)  # type: ignore[call-overload]
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address: tuple[str, int] = probe.getsockname()
    arguments = ["config.wsgi", "-k", "gthread", "--threads", "4", "--bind", f"127.0.0.1:{address[1]}"]
    with (
        (var / "log").open("wb") as log,
        subprocess.Popen(  # type: ignore[call-overload]
            [sys.executable, "-m", "gunicorn", *arguments, "--no-control-socket"],
            stdout=log,
            stderr=log,
            **run,
        ) as server,
    ):
        wait_until(lambda: answers(address))
        yield address
        server.terminate()


def wait_until(happened: Callable[[], bool], *, seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(address: tuple[str, int]) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(address) == 0


def talk(address: tuple[str, int], *pieces: bytes) -> bytes:
    """Send raw bytes, say that there is no more, and return the whole answer."""
    # The first request waits until the server has loaded the product, on a busy machine for long.
    with socket.create_connection(address, timeout=60) as line:
        for piece in pieces:
            line.sendall(piece)
        line.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: line.recv(65536), b""))


def head(*headers: str, path: str = NOTIFICATIONS) -> bytes:
    lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers)
    return "\r\n".join((*lines, "", "")).encode()


def chunks(body: bytes, size: int = 1000) -> bytes:
    pieces = [body[start : start + size] for start in range(0, len(body), size)]
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_a_body_in_chunks_is_read(gunicorn: tuple[str, int]) -> None:
    answer = talk(gunicorn, head("Transfer-Encoding: chunked"), chunks(b'{"value": []}', 5), b"0\r\n\r\n")

    assert status(answer) == 202


def test_a_body_in_chunks_beyond_the_limit_is_too_large(gunicorn: tuple[str, int]) -> None:
    body = chunks(b'{"value": []}'.ljust(LIMIT + 1))

    assert status(talk(gunicorn, head("Transfer-Encoding: chunked"), body, b"0\r\n\r\n")) == 413


def test_a_declared_length_beyond_the_limit_is_refused_before_the_body_comes(
    gunicorn: tuple[str, int],
) -> None:
    assert status(talk(gunicorn, head("Content-Length: 999999999999"))) == 413


@pytest.mark.parametrize(
    "pieces",
    [
        (head("Content-Length: 100"), b'{"value": ['),
        (head("Transfer-Encoding: chunked"), b'd\r\n{"value": []}'),
        (head("Transfer-Encoding: chunked"), b"zz\r\n"),
        (head(),),
    ],
)
def test_a_sender_that_breaks_off_is_told_so_and_nothing_fails(
    pieces: tuple[bytes, ...], gunicorn: tuple[str, int]
) -> None:
    assert status(talk(gunicorn, *pieces)) == 400


@pytest.mark.django_db
def test_half_a_body_is_not_kept(rf: RequestFactory) -> None:
    environ = rf.post(NOTIFICATIONS).environ
    half = {"wsgi.input": BytesIO(b'{"value": ['), "CONTENT_LENGTH": "100"}

    answer = GraphWebhookView.as_view()(WSGIRequest(environ | half))

    assert answer.status_code == 400
    assert not Delivery.objects.exists()


@pytest.mark.parametrize("charset", ["zlib", "hex", "punycode", "utf-16", "no-such"])
def test_a_charset_in_the_head_does_not_spoil_the_handshake(charset: str, gunicorn: tuple[str, int]) -> None:
    answer = talk(
        gunicorn,
        head(f"Content-Type: text/plain; charset={charset}", path=f"{NOTIFICATIONS}?validationToken=a+b"),
    )

    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\na b")


def test_the_handshake_passes_the_production_server_unchanged(gunicorn: tuple[str, int]) -> None:
    token = "Validation: 100%25 a+b café"

    answer = talk(gunicorn, head(path=f"{NOTIFICATIONS}?validationToken={quote_plus(token)}"))

    assert status(answer) == 200
    assert answer.endswith(b"\r\n\r\n" + token.encode())
