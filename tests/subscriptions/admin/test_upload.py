"""Many subscriptions from a CSV file, as an upload."""

import pytest
from django.contrib.auth.models import Permission, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from subscriptions.models import AppRegistration, Subscription
from subscriptions.sandbox import Sandbox

UPLOAD = "/admin/subscriptions/subscription/upload/"
HEADER = "app,resource,change_type\n"

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def staff(client: Client) -> Client:
    """Sign in somebody who may add subscriptions."""
    user = User.objects.create_user("adele", password="x", is_staff=True)
    user.user_permissions.set(
        Permission.objects.filter(codename__in=("add_subscription", "view_subscription"))
    )
    client.force_login(user)
    return client


def upload(client: Client, text: str | bytes) -> str:
    content = text if isinstance(text, bytes) else text.encode()
    answer = client.post(UPLOAD, {"file": SimpleUploadedFile("wishes.csv", content)})
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.usefixtures("app_registration", "webhook")
def test_good_lines_are_created_and_bad_ones_told_with_their_number(staff: Client, sandbox: Sandbox) -> None:
    page = upload(staff, f"{HEADER}Contoso,/groups,updated\nContoso,/groups,created\nNobody,/users,updated\n")

    assert "1 created, 0 there already, 2 failed" in page
    assert "<td>3</td>" in page
    assert "There is no app registration named" in page
    assert len(sandbox.subscriptions) == 1


@pytest.mark.usefixtures("app_registration", "webhook")
def test_the_same_file_again_creates_nothing(staff: Client, sandbox: Sandbox) -> None:
    upload(staff, f"{HEADER}Contoso,/groups,updated\n")

    page = upload(staff, f"{HEADER}Contoso,/groups,updated\n")

    assert "0 created, 1 there already, 0 failed" in page
    assert len(sandbox.subscriptions) == Subscription.objects.count() == 1


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("name,path\na,b\n", "The header must be app,resource,change_type"),
        ("", "The file is empty"),
        (b"\xff\xfe\x00", "Save the file as CSV in UTF-8"),
        (HEADER + "Contoso,/groups,updated\n" * 101, "more than the 100"),
        (b"x" * (1024 * 1024 + 1), "larger than 1 MB"),
    ],
)
def test_a_file_of_no_use_is_refused_with_the_reason(staff: Client, content: str | bytes, text: str) -> None:
    assert text in upload(staff, content)
    assert not Subscription.objects.exists()


def test_a_line_is_shown_as_text(staff: Client, app_registration: AppRegistration) -> None:
    page = upload(staff, f"{HEADER}{app_registration},<script>alert(1)</script>,updated\n")

    assert "<script>alert(1)" not in page


@pytest.mark.parametrize("rights", [(), ("view_subscription",), ("change_subscription",)])
def test_who_may_not_add_may_not_upload(client: Client, rights: tuple[str, ...]) -> None:
    user = User.objects.create_user("adele", password="x", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=rights))
    client.force_login(user)

    assert client.get(UPLOAD).status_code == 403


def test_a_stranger_is_sent_to_the_sign_in(client: Client) -> None:
    assert client.get(UPLOAD)["Location"].startswith("/admin/login/")
