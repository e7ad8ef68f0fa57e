"""A search that somebody keeps under a name."""

from typing import ClassVar

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import models
from django.db.models import Q


class SavedSearchQuerySet(models.QuerySet["SavedSearch"]):
    """Named filters."""

    def visible_to(self, user: AbstractBaseUser | AnonymousUser) -> "SavedSearchQuerySet":
        """Keep the user's own and those that are shared."""
        return self.filter(Q(owner=user.pk) | Q(is_shared=True))


class SavedSearch(models.Model):
    """What follows the question mark in the address of a list of notifications."""

    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_searches", editable=False
    )
    name = models.CharField(max_length=100)
    query = models.TextField(blank=True, max_length=4000, editable=False)
    is_shared = models.BooleanField(
        "shared", default=False, help_text="All who may see notifications see it too; only you change it."
    )

    objects = SavedSearchQuerySet.as_manager()

    class Meta:
        verbose_name_plural: ClassVar = "saved searches"
        ordering = ("name", "pk")
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=("owner", "name"),
                name="one_saved_search_of_a_name",
                violation_error_message="You have a search of that name already.",
            )
        ]

    def __str__(self) -> str:
        return self.name
