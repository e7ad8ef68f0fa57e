"""The shape of what the API answers."""

from typing import Any

from rest_framework import serializers

from notifications.models import ChangeNotification, NotificationContent
from notifications.services.export.rows import CONTENT, FACTS, content_of, row_of

WITH_CONTENT = "With `with_content=true` and the permission for it."


class NotificationSerializer(serializers.ModelSerializer[ChangeNotification]):
    """One notification, as in an export; its content is there only for those who may see it and ask for it."""

    subscription = serializers.CharField(help_text="Graph's id of the subscription.")
    content = serializers.JSONField(required=False, allow_null=True, help_text=WITH_CONTENT)
    content_source = serializers.ChoiceField(
        NotificationContent.Source.choices,
        required=False,
        allow_null=True,
        help_text=f"{WITH_CONTENT} Only what came with the notification is the state at the time of the change.",
    )
    content_fetched_at = serializers.DateTimeField(
        required=False,
        allow_null=True,
        help_text=f"{WITH_CONTENT} Of when the state is, where it did not come with the notification.",
    )

    class Meta:
        model = ChangeNotification
        fields = (*FACTS, *CONTENT)

    def to_representation(self, instance: ChangeNotification) -> dict[str, Any]:
        """Return the row of an export."""
        row = row_of(instance)
        return {**row, **content_of(instance)} if self.context["with_content"] else row


class FeedSerializer(serializers.Serializer[Any]):
    """A page of the feed."""

    results = NotificationSerializer(many=True)
    cursor = serializers.CharField(help_text="Give it back as `cursor` to go on from here, now or later.")
    has_more = serializers.BooleanField(help_text="Whether more is there already.")


class HealthSerializer(serializers.Serializer[Any]):
    """How things stand; times are UTC."""

    is_all_right = serializers.BooleanField(help_text="No alert is open, and somebody has looked lately.")
    open_alerts = serializers.ListField(child=serializers.CharField())
    watched_at = serializers.DateTimeField(allow_null=True)
    active_subscriptions = serializers.IntegerField()
    next_expiry_at = serializers.DateTimeField(allow_null=True)
    oldest_unprocessed_at = serializers.DateTimeField(allow_null=True)
