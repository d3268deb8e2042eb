"""Who wants no weekly mail, and who had which week's: one a week, held by a constraint."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone

from crm.ids import UidModel


class DigestChoice(UidModel):
    """Without a row somebody gets it."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digest_choice")
    is_off = models.BooleanField(default=False)
    changed_at = models.DateTimeField(default=timezone.now)

    def __str__(self) -> str:
        return f"{self.user_id}: {'off' if self.is_off else 'on'}"


class DigestWeek(models.Model):
    """The mail of one week (its Monday) to one user: claimed before it leaves, so that nobody gets it twice."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="digest_weeks", db_index=False
    )
    week_on = models.DateField()
    claimed_at = models.DateTimeField(null=True, help_text="null: it did not leave, and is tried again")
    tries = models.PositiveSmallIntegerField(default=0)
    again_at = models.DateTimeField(null=True, help_text="not before")
    sent_at = models.DateTimeField(null=True, help_text="null with a claim: there was nothing to say")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["user", "week_on"], name="digest_once_a_week")]
        indexes = [models.Index(fields=["week_on"], name="digest_week")]

    def __str__(self) -> str:
        return f"{self.user_id} {self.week_on}"
