"""What is answered when something of ours fails, as Django's `handler500`."""

import sys
from http import HTTPStatus

from django.contrib import admin
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string

RETRY_AFTER = "30"
AWAY = (
    "The database cannot be used at the moment. Nothing is wrong with what you asked for: try it again later."
)
FAULT = (
    "Something went wrong here. The log says what, under the id in the header X-Request-ID of this answer."
)


def answer(request: HttpRequest) -> HttpResponse:
    """Answer 503 with Retry-After where the database is away, else 500; people get a page, tools get JSON."""
    is_away = isinstance(sys.exc_info()[1], OperationalError | InterfaceError)
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_away else HTTPStatus.INTERNAL_SERVER_ERROR
    text = AWAY if is_away else FAULT
    response = (
        JsonResponse({"detail": text}, status=status)
        if request.path_info.startswith("/api/")
        else HttpResponse(_page(status, text), status=status)
    )
    if is_away:
        response["Retry-After"] = RETRY_AFTER
    return response


def _page(status: HTTPStatus, text: str) -> str:
    """Return the page without its request: who is signed in would be asked of the database."""
    site = {"site_header": admin.site.site_header, "site_title": admin.site.site_title}
    return render_to_string("admin/failed.html", {**site, "title": status.phrase, "text": text})
