"""The self-test as a page."""

from collections.abc import Callable

import pytest
from django.test import Client, RequestFactory
from django.urls import reverse

from subscriptions.admin import self_test
from subscriptions.models import AppRegistration
from subscriptions.services.self_test import Caller

pytestmark = pytest.mark.django_db(transaction=True)
SignedIn = Callable[..., Client]
RIGHT = "subscriptions.test_connection"
SEE_LIST = "subscriptions.view_appregistration"


def address() -> str:
    return reverse("admin:subscriptions_self_test")


def test_a_stranger_is_sent_to_the_sign_in(client: Client) -> None:
    answer = client.post(address())

    assert answer.status_code == 302
    assert "/login/" in answer["Location"]


@pytest.mark.parametrize("rights", [(), (SEE_LIST, "subscriptions.change_appregistration")])
@pytest.mark.parametrize("method", ["get", "post"])
def test_staff_without_the_right_may_not_run_it(
    signed_in: SignedIn, rights: tuple[str, ...], method: str
) -> None:
    answer = getattr(signed_in(*rights), method)(address())

    assert answer.status_code == 403


def test_looking_at_the_page_calls_nobody(signed_in: SignedIn) -> None:
    page = signed_in(RIGHT).get(address()).content.decode()

    assert "Run the self-test" in page
    assert "What was found" not in page
    assert "/webhooks/graph/lifecycle" in page


def test_it_shows_what_it_found(signed_in: SignedIn, app_registration: AppRegistration, webhook: str) -> None:
    page = signed_in(RIGHT).post(address()).content.decode()

    assert "It works; 1 thing deserves a look." in page
    assert "The app signs in." in page
    assert app_registration.name in page
    assert f"{webhook}/webhooks/graph/lifecycle" in page


@pytest.mark.usefixtures("webhook")
def test_an_error_is_counted_and_comes_with_advice(
    signed_in: SignedIn, app_registration: AppRegistration
) -> None:
    app_registration.client_secret = "wrong"
    app_registration.save()

    page = signed_in(RIGHT).post(address()).content.decode()

    assert "1 thing will not work." in page
    assert "The client secret is wrong." in page
    assert page.index("Credentials") < page.index("Public address") < page.index("Handshake")


@pytest.mark.usefixtures("webhook")
def test_names_are_escaped(signed_in: SignedIn, app_registration: AppRegistration) -> None:
    AppRegistration.objects.update(name="<script>alert(1)</script>")

    page = signed_in(RIGHT).post(address()).content.decode()

    assert app_registration.pk
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert(1)" not in page


@pytest.mark.parametrize(
    ("multithread", "multiprocess", "caller"),
    [
        (False, False, Caller.ONLY_WORKER),
        (True, False, Caller.WORKER),
        (False, True, Caller.WORKER),
    ],
)
def test_the_server_says_whether_others_can_answer(
    rf: RequestFactory, multithread: bool, multiprocess: bool, caller: Caller
) -> None:
    request = rf.post("/", **{"wsgi.multithread": multithread, "wsgi.multiprocess": multiprocess})  # type: ignore[arg-type]

    assert self_test.caller_of(request) == caller


@pytest.mark.parametrize(("rights", "is_offered"), [((SEE_LIST,), False), ((SEE_LIST, RIGHT), True)])
def test_the_list_offers_it_to_those_who_may(
    signed_in: SignedIn, rights: tuple[str, ...], is_offered: bool
) -> None:
    page = signed_in(*rights).get(reverse("admin:subscriptions_appregistration_changelist")).content.decode()

    assert (address() in page) == is_offered
