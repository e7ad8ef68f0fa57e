"""What the API's notifications can be chosen by."""

from datetime import UTC, datetime

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils import timezone
from rest_framework.exceptions import PermissionDenied, ValidationError

from notifications.models import ChangeNotification
from notifications.services.browsing import content, content_audit, expressions, search
from notifications.services.browsing.pages import LARGEST_KEY

CONTENT_PERMISSION = "notifications.view_notificationcontent"
State = ChangeNotification.State


class TimeField(django_filters.fields.IsoDateTimeField):  # type: ignore[misc] # django-filter has no types
    """A time that can be held against ours."""

    def clean(self, value: str | None) -> datetime | None:
        """Return the time in UTC.

        Raises:
            ValidationError: it is none, or no calendar here holds it in UTC.

        """
        at: datetime | None = super().clean(value)
        try:
            return at and at.astimezone(UTC)
        except OverflowError as error:
            raise forms.ValidationError(self.error_messages["invalid"], code="invalid") from error


class TimeFilter(django_filters.IsoDateTimeFilter):  # type: ignore[misc] # django-filter has no types
    """Chooses by a time."""

    field_class = TimeField


class NotificationFilter(django_filters.FilterSet):  # type: ignore[misc] # django-filter has no types
    """Each parameter narrows the choice; times are ISO 8601 with an offset."""

    subscription = django_filters.CharFilter(method="of_subscription", label="Graph's id of the subscription")
    app_registration = django_filters.NumberFilter(
        field_name="subscription__app_registration_id", min_value=1, max_value=LARGEST_KEY
    )
    state = django_filters.ChoiceFilter(
        choices=[choice for choice in State.choices if choice[0] != State.WAITING]
    )
    origin = django_filters.ChoiceFilter(choices=ChangeNotification.Origin.choices)
    reason = django_filters.CharFilter()
    change_type = django_filters.CharFilter()
    lifecycle_event = django_filters.CharFilter()
    workload = django_filters.CharFilter(method="of_workloads", label="One, or several with commas between.")
    resource_type = django_filters.CharFilter()
    resource_id = django_filters.CharFilter(method="of_item")
    notification_id = django_filters.CharFilter(method="of_graph_id", label="Graph's id of the notification")
    tenant_id = django_filters.CharFilter(lookup_expr="iexact")
    received_since = TimeFilter(field_name="received_at", lookup_expr="gte")
    received_until = TimeFilter(field_name="received_at", lookup_expr="lt")
    content = django_filters.CharFilter(
        method="of_content",
        label='A condition on content, as in the admin: from.user.displayName = "Zoë". Takes the permission for it.',
    )
    has_content = django_filters.BooleanFilter(field_name="content", lookup_expr="isnull", exclude=True)

    class Meta:
        model = ChangeNotification
        fields: tuple[str, ...] = ()

    def of_content(
        self, rows: QuerySet[ChangeNotification], _name: str, value: str
    ) -> QuerySet[ChangeNotification]:
        """Choose by what is in the content, for those who may see it; the search is audited."""
        user = self.request.user
        if not user.has_perm(CONTENT_PERMISSION):
            raise PermissionDenied(f"Searching content takes the permission {CONTENT_PERMISSION}.")
        try:
            expression = expressions.parse(value)
        except expressions.ExpressionError as error:
            raise ValidationError({"content": str(error)}) from error
        content_audit.note_search(
            f"API, content {value}", actor=user.get_username(), now=timezone.now(), found=0
        )
        return content.matching(rows, expression)

    def of_item(
        self, rows: QuerySet[ChangeNotification], _name: str, value: str
    ) -> QuerySet[ChangeNotification]:
        """Choose by the id of the item that changed."""
        return rows.filter(search.of_item(value))

    def of_graph_id(
        self, rows: QuerySet[ChangeNotification], _name: str, value: str
    ) -> QuerySet[ChangeNotification]:
        """Choose by Graph's id of the notification."""
        return rows.filter(search.with_graph_id(value))

    def of_workloads(
        self, rows: QuerySet[ChangeNotification], _name: str, value: str
    ) -> QuerySet[ChangeNotification]:
        """Choose by workload."""
        return rows.filter(workload__in=value.split(","))

    def of_subscription(
        self, rows: QuerySet[ChangeNotification], _name: str, value: str
    ) -> QuerySet[ChangeNotification]:
        """Choose by Graph's id in whatever case."""
        return rows.filter(subscription_graph_id=value.lower())
