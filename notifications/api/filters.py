"""What the API's notifications can be chosen by."""

import django_filters
from django.db.models import QuerySet

from notifications.models import ChangeNotification

State = ChangeNotification.State


class NotificationFilter(django_filters.FilterSet):  # type: ignore[misc] # django-filter has no types
    """Each parameter narrows the choice; times are ISO 8601 with an offset."""

    subscription = django_filters.CharFilter(method="of_subscription", label="Graph's id of the subscription")
    app_registration = django_filters.NumberFilter(field_name="subscription__app_registration_id")
    state = django_filters.ChoiceFilter(
        choices=[choice for choice in State.choices if choice[0] != State.WAITING]
    )
    origin = django_filters.ChoiceFilter(choices=ChangeNotification.Origin.choices)
    reason = django_filters.CharFilter()
    change_type = django_filters.CharFilter()
    lifecycle_event = django_filters.CharFilter()
    resource_type = django_filters.CharFilter()
    resource_id = django_filters.CharFilter()
    notification_id = django_filters.CharFilter()
    tenant_id = django_filters.CharFilter(lookup_expr="iexact")
    received_since = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="gte")
    received_until = django_filters.IsoDateTimeFilter(field_name="received_at", lookup_expr="lt")
    has_content = django_filters.BooleanFilter(field_name="content", lookup_expr="isnull", exclude=True)

    class Meta:
        model = ChangeNotification
        fields: tuple[str, ...] = ()

    def of_subscription(
        self, rows: QuerySet[ChangeNotification], _name: str, value: str
    ) -> QuerySet[ChangeNotification]:
        """Choose by Graph's id in whatever case."""
        return rows.filter(subscription_graph_id=value.lower())
