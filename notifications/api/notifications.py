"""Notifications by the API: a feed that a tool goes on reading from where it was, and each one by its number."""

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import Http404
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.exceptions import PermissionDenied, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from notifications.api.filters import CONTENT_PERMISSION, NotificationFilter
from notifications.api.serializers import FeedSerializer, NotificationSerializer
from notifications.models import ChangeNotification, ContentAccess
from notifications.services.browsing import content_audit
from notifications.services.rows import feed

# Notifications whose content is looked into for one page; `has_more` says that there are others.
LOOKED_AT = 10_000
DEFAULT_LIMIT = 100
LONGEST_PAGE = 1_000
LARGEST_NUMBER = 2**63 - 1
OWN_PARAMETERS = (
    OpenApiParameter("cursor", str, description="Where to go on; leave it out to begin with the oldest."),
    OpenApiParameter(
        "limit", int, description=f"Notifications on a page, 1 to {LONGEST_PAGE}. Default {DEFAULT_LIMIT}."
    ),
    OpenApiParameter(
        "with_content", bool, description="Also what was decrypted or fetched. Each reading is audited."
    ),
)
WITH_CONTENT = OWN_PARAMETERS[2]


class NotificationViewSet(GenericViewSet[ChangeNotification]):
    """Settled notifications, in the order in which they became known."""

    queryset = ChangeNotification.objects.select_related("subscription")
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter

    @extend_schema(parameters=list(OWN_PARAMETERS), responses=FeedSerializer)
    def list(self, request: Request) -> Response:
        """Return a page of the feed, and the cursor with which the next call goes on.

        Nothing is missed and nothing comes twice, also while new notifications are being stored. Keep the cursor and
        come back with it. A notification comes once more when its content is fetched later.
        """
        _refuse_unknown(request)
        rows = self.filter_queryset(self._rows(request))
        limit = _number(request, "limit", default=DEFAULT_LIMIT, least=1, most=LONGEST_PAGE)
        cursor = _number(request, "cursor", default=0, least=0, most=LARGEST_NUMBER)
        span = LOOKED_AT if request.query_params.get("content") else None
        page, place, has_more = feed.after(rows, cursor, limit=limit, span=span)
        return Response({"results": self._told(request, page), "cursor": str(place), "has_more": has_more})

    @extend_schema(parameters=[WITH_CONTENT])
    def retrieve(self, request: Request, pk: str) -> Response:
        """Return one notification."""
        if not (pk.isascii() and pk.isdigit() and int(pk) <= LARGEST_NUMBER):
            raise Http404
        found = list(self._rows(request).filter(pk=pk))
        if not found:
            raise Http404
        return Response(self._told(request, found)[0])

    def _rows(self, request: Request) -> QuerySet[ChangeNotification]:
        return (
            self.get_queryset().select_related("content") if _wants_content(request) else self.get_queryset()
        )

    def _told(self, request: Request, rows: Sequence[ChangeNotification]) -> Sequence[dict[str, Any]]:
        with_content = _wants_content(request)
        told: Sequence[dict[str, Any]] = [
            dict(row)
            for row in NotificationSerializer(rows, many=True, context={"with_content": with_content}).data
        ]
        if with_content:
            read = [row["id"] for row in told if row["content"] is not None]
            actor = request.user.get_username()
            content_audit.note_many(ContentAccess.Way.API, read, actor=actor, now=timezone.now())
        return told


def _wants_content(request: Request) -> bool:
    wish = request.query_params.get("with_content", "false").lower()
    if wish not in {"true", "false"}:
        raise ValidationError({"with_content": "Say true or false."})
    if wish == "true" and not request.user.has_perm(CONTENT_PERMISSION):
        raise PermissionDenied(f"Content takes the permission {CONTENT_PERMISSION}.")
    return wish == "true"


def _refuse_unknown(request: Request) -> None:
    """Refuse what no filter knows: a misspelled one would choose everything."""
    known = {*NotificationFilter.base_filters, *(parameter.name for parameter in OWN_PARAMETERS), "format"}
    if unknown := sorted(set(request.query_params) - known):
        raise ValidationError(dict.fromkeys(unknown, "There is no such parameter."))


def _number(request: Request, name: str, *, default: int, least: int, most: int) -> int:
    text = request.query_params.get(name, "")
    if not text:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and least <= int(text) <= most):
        raise ValidationError({name: f"A whole number from {least} to {most}."})
    return int(text)
