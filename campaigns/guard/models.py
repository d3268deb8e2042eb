"""The contact guard of an institution, its quiet dates, and each time that somebody went over it, with the reason."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.guard.queries import GuardQuerySet, QuietQuerySet
from crm.ids import StampedModel, UidModel

SILENT_WEEKS = 8


class ContactGuard(StampedModel):
    """How we deal with one institution. Without a row nobody owns it, and nothing holds us back."""

    organization = models.OneToOneField("contacts.Organization", on_delete=models.CASCADE, related_name="contact_guard")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="institutions"
    )
    silent_weeks = models.PositiveSmallIntegerField(
        default=SILENT_WEEKS, help_text="without a two-way contact, until the owner is told"
    )
    most_touches = models.PositiveSmallIntegerField(null=True, blank=True)
    per_days = models.PositiveSmallIntegerField(null=True, blank=True)
    protocol = models.CharField(
        max_length=300, blank=True, default="", help_text="such as: only through the permanent mission"
    )

    objects = GuardQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="guard_touches_in_a_period",
                condition=Q(most_touches__isnull=True, per_days__isnull=True)
                # a range of NULL is unknown, and a check lets the unknown pass
                | Q(
                    most_touches__isnull=False,
                    per_days__isnull=False,
                    most_touches__range=(1, 100),
                    per_days__range=(1, 730),
                ),
                violation_error_message=_("Say both: how many touches (1 to 100), in how many days (1 to 730)."),
            ),
            models.CheckConstraint(
                name="guard_silent_weeks",
                condition=Q(silent_weeks__range=(1, 104)),
                violation_error_message=_("Between 1 and 104 weeks."),
            ),
        ]

    def __str__(self) -> str:
        return f"guard of {self.organization_id}"


class QuietDates(UidModel):
    """Days, first and last included, on which an institution is left alone: an election, a mourning, a move."""

    organization = models.ForeignKey("contacts.Organization", on_delete=models.CASCADE, related_name="quiet_dates")
    starts_on = models.DateField()
    ends_on = models.DateField()
    why = models.CharField(max_length=200, blank=True, default="")
    removed_at = models.DateTimeField(null=True, editable=False)

    objects = QuietQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="quiet_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("It cannot end before it begins."),
            ),
        ]
        indexes = [
            models.Index(fields=["ends_on", "starts_on"], name="quiet_running", condition=Q(removed_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.starts_on} – {self.ends_on}"


class GuardOverride(UidModel):
    """Somebody went over a guard, knowing it: where, with which reason. A mailing's holds for that mailing."""

    class Door(models.TextChoices):
        MAILING = "mailing", _("mailing")
        LOG = "log", _("log")
        ROUND = "round", _("call round")

    organization = models.ForeignKey("contacts.Organization", on_delete=models.CASCADE, related_name="guard_overrides")
    door = models.CharField(max_length=7, choices=Door.choices)
    mailing = models.ForeignKey(
        "campaigns.Mailing", null=True, on_delete=models.CASCADE, related_name="guard_overrides", db_index=False
    )
    about = models.UUIDField(null=True, help_text="the interaction, or the line of a call round")
    conflict = models.CharField(max_length=300, help_text="what the guard said")
    reason = models.CharField(max_length=300)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    at = models.DateTimeField(default=timezone.now)
    ended_at = models.DateTimeField(null=True, help_text="taken back")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="override_has_a_reason", condition=~Q(reason=""), violation_error_message=_("Say why.")
            ),
            models.CheckConstraint(
                name="override_of_a_mailing",
                condition=Q(door="mailing", mailing__isnull=False) | ~Q(door="mailing") & Q(mailing__isnull=True),
            ),
            models.UniqueConstraint(
                fields=["mailing", "organization"],
                name="override_once_a_mailing",
                condition=Q(mailing__isnull=False, ended_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.door} over the guard of {self.organization_id}"
