"""What every answer carries, whoever made it."""

from pathlib import Path

import pytest
from django.core.exceptions import RequestDataTooBig
from django.core.files.uploadedfile import SimpleUploadedFile, UploadedFile
from django.test import Client, RequestFactory
from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

PAGES = {
    "/admin/login/": 200,
    "/admin/": 302,
    "/admin/nowhere/": 302,
    "/nowhere": 404,
    "/metrics": 404,
    "/healthz": 200,
    "/static/subscriptions/admin.css": 200,
    "/webhooks/graph/notifications": 405,
}


@pytest.mark.parametrize(("path", "status"), PAGES.items())
def test_every_answer_carries_the_policy(path: str, status: int) -> None:
    answer = Client().get(path)
    answer.close()

    assert answer.status_code == status
    assert answer["Content-Security-Policy"] == (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    assert answer["Permissions-Policy"].startswith("camera=()")
    assert answer["Referrer-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_an_answer_to_a_host_that_is_not_ours_carries_it_too(settings: Settings) -> None:
    settings.ALLOWED_HOSTS = ["graph.example.org"]

    answer = Client().get("/admin/login/", headers={"Host": "evil.example"})

    assert (answer.status_code, "Content-Security-Policy" in answer) == (400, True)


def test_a_page_that_django_shows_under_debug_is_left_readable(settings: Settings) -> None:
    settings.DEBUG = True

    assert "Content-Security-Policy" not in Client().get("/nowhere")
    assert "Content-Security-Policy" in Client().get("/healthz")


def test_no_template_carries_a_script_or_a_style(repository: Path) -> None:
    forbidden = (
        "<style",
        "style=",
        " onclick",
        " onload",
        " onsubmit",
        " onchange",
        "javascript:",
        "<script>",
    )

    found = [
        (path.name, word)
        for path in (repository / "templates").rglob("*.html")
        for word in forbidden
        if word in path.read_text()
    ]

    assert found == []


def test_a_stranger_cannot_fill_the_disk_or_the_memory_with_an_upload(settings: Settings) -> None:
    file = SimpleUploadedFile("x", b"x" * (settings.FILE_UPLOAD_MAX_MEMORY_SIZE + 1))
    client = Client(enforce_csrf_checks=True)
    client.get("/admin/login/")

    answer = client.post("/admin/login/", {"file": file})

    assert answer.status_code in {400, 413}


def test_an_upload_that_is_too_large_is_not_read(settings: Settings) -> None:
    settings.FILE_UPLOAD_MAX_MEMORY_SIZE = 10
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("x", b"x" * 100)})

    with pytest.raises(RequestDataTooBig):
        _ = request.FILES


def test_a_small_upload_passes() -> None:
    request = RequestFactory().post("/", {"file": SimpleUploadedFile("x", b"abc")})

    file = request.FILES["file"]
    assert isinstance(file, UploadedFile)
    assert file.read() == b"abc"
