"""Gaps in the admin: when subscriptions did not listen, for reading only."""

from django.contrib import admin
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import Truncator

from subscriptions.admin import badges, gap_words
from subscriptions.admin.append_only import AppendOnlyAdmin
from subscriptions.models import Gap

RESOURCE_LENGTH = 60


@admin.register(Gap)
class GapAdmin(AppendOnlyAdmin[Gap]):
    """Shows each time in which changes may have passed us by, and whether they were fetched since."""

    list_display = ("began_short", "lasted_until", "target", "outcome")
    list_display_links = ("began_short",)
    list_filter = ("state", "cause")
    list_select_related = ("subscription",)
    fields = ("subscription", "cause", "outcome", "began_in_full", "lasted_until", "recovered", "note")

    @admin.display(description="began")
    def began_short(self, gap: Gap) -> SafeString:
        """Show when it began, and until when that is uncertain."""
        return gap_words.began_short(gap)

    @admin.display(description="began")
    def began_in_full(self, gap: Gap) -> str:
        """Show when it began in a sentence."""
        return gap_words.began(gap)

    @admin.display(description="ended")
    def lasted_until(self, gap: Gap) -> SafeString:
        """Show when Graph told of changes again."""
        return gap_words.ended_short(gap)

    @admin.display(description="recovered at")
    def recovered(self, gap: Gap) -> str:
        """Show since when the changes of then are stored."""
        return badges.to_the_second(gap.recovered_at)

    @admin.display(description="subscription")
    def target(self, gap: Gap) -> SafeString:
        """Show the subscription."""
        return badges.path(Truncator(str(gap.subscription)).chars(RESOURCE_LENGTH))

    @admin.display(description="cause and changes")
    def outcome(self, gap: Gap) -> SafeString:
        """Show why it was, and what became of the changes."""
        return format_html(
            '{}<div class="gsm-below">{}</div>', gap.get_cause_display(), gap_words.state_badge(gap)
        )
