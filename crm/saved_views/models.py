"""A view of a list, and which one a list opens with."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower

from crm.accounts.models import User
from crm.ids import StampedModel


class SavedViewQuerySet(models.QuerySet["SavedView"]):
    def visible_to(self, user: User) -> Self:
        """One's own, and shared ones. A view holds a question; what it answers is asked with the reader's own rights."""
        return self.filter(Q(owner=user) | Q(is_shared=True), deleted_at__isnull=True)


class SavedView(StampedModel):
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="saved_views"
    )
    source = models.CharField(max_length=40, help_text="name of the list in crm.ui.sources")
    name = models.CharField(max_length=80)
    query = models.TextField(blank=True, default="", help_text="filters, words and order, as in the list's URL")
    columns = models.JSONField(default=list, help_text="names of columns; empty for the usual ones")
    is_shared = models.BooleanField(default=False)
    deleted_at = models.DateTimeField(null=True)

    objects = SavedViewQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                Lower("name"), "owner", "source", name="view_name_once", condition=Q(deleted_at__isnull=True)
            ),
            models.CheckConstraint(name="view_has_name", condition=~Q(name="")),
        ]
        indexes = [models.Index(fields=["source", "name"], name="view_of_list")]

    def __str__(self) -> str:
        return self.name


class DefaultView(models.Model):
    """The view that a list opens with for one user."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    source = models.CharField(max_length=40)
    view = models.ForeignKey(SavedView, on_delete=models.CASCADE, related_name="defaults")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "source"], name="default_view_once")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.source}"
