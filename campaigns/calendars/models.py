"""The secret addresses of calendar feeds."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm.ids import UidModel


class FeedQuerySet(models.QuerySet["CalendarFeed"]):
    def alive(self) -> Self:
        return self.filter(revoked_at__isnull=True)


class CalendarFeed(UidModel):
    """One address. Without a drive it is of its owner's own work. Revoked, it answers as one that never was."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="calendar_feeds")
    drive = models.ForeignKey("campaigns.Drive", null=True, on_delete=models.CASCADE, related_name="calendar_feeds")
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    fetched_at = models.DateTimeField(null=True, help_text="when a calendar last asked, by the day")

    objects = FeedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user"], name="calendar_feed_own_once", condition=Q(drive__isnull=True, revoked_at__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["user", "drive"],
                name="calendar_feed_drive_once",
                condition=Q(drive__isnull=False, revoked_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"feed of {self.user_id}"
