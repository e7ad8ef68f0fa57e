"""Ends sessions: so long after the sign-in, however busy, and when nothing was asked for so long."""

import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.http import HttpRequest, HttpResponseBase

SIGNED_IN = "signed_in_clock"
SEEN = "seen_clock"
# Written at most this often: a page of many requests is one sign of life.
NOTED_EVERY_SECONDS = 60


class SessionLimitsMiddleware:
    """Signs out who has been here too long or away too long. Comes after Django's authentication."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, without the session if it is over."""
        if SIGNED_IN in request.session:
            now = time.time()
            if is_over(request.session, now=now):
                logout(request)
            elif now - request.session[SEEN] > NOTED_EVERY_SECONDS:
                request.session[SEEN] = now
        return self._get_response(request)


def is_over(session: Any, *, now: float) -> bool:
    """Say whether a session has reached one of its limits at `now`, in seconds since 1970."""
    is_old = now - session[SIGNED_IN] > settings.SESSION_COOKIE_AGE
    return bool(is_old or now - session[SEEN] > settings.SESSION_IDLE_SECONDS)


def note_sign_in(request: HttpRequest, **_: Any) -> None:
    """Let the time of a session begin."""
    request.session[SIGNED_IN] = request.session[SEEN] = time.time()


user_logged_in.connect(note_sign_in)
