"""Policy windows, and what is to be done how long before each."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from campaigns.windows.queries import WindowQuerySet
from contacts.directory.models import NamedModel
from crm.ids import StampedModel, UidModel

FARTHEST_LEAD = 730


class Kind(models.TextChoices):
    BUDGET = "budget", _("budget debate")
    SESSION = "session", _("conference or session")
    ELECTION = "election", _("election")
    ANNIVERSARY = "anniversary", _("anniversary")
    OTHER = "other", _("other chance")


ICONS = {
    Kind.BUDGET: "coins",
    Kind.SESSION: "microphone-2",
    Kind.ELECTION: "checkbox",
    Kind.ANNIVERSARY: "cake",
    Kind.OTHER: "door-enter",
}


class PolicyWindow(NamedModel, StampedModel):
    """One chance with its day or days. Without a country it is one in all of them, such as an international conference."""

    class Origin(models.TextChoices):
        HAND = "hand", _("entered by hand")
        ICS = "ics", _("from a calendar file")
        CSV = "csv", _("from a table")

    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.OTHER)
    country = models.ForeignKey("contacts.Country", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    starts_on = models.DateField()
    ends_on = models.DateField()
    is_expected = models.BooleanField(default=False, help_text="the day is expected, nobody has confirmed it")
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="policy_windows"
    )
    note = models.TextField(blank=True, default="")
    link = models.URLField(max_length=1000, blank=True, default="")
    origin = models.CharField(max_length=4, choices=Origin.choices, default=Origin.HAND, editable=False)
    external_id = models.CharField(max_length=400, blank=True, default="", editable=False, help_text="UID of its event")
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = WindowQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="window_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("It cannot end before it begins."),
            ),
            models.CheckConstraint(
                name="window_has_a_name", condition=~Q(name=""), violation_error_message=_("Say what it is.")
            ),
            models.CheckConstraint(name="window_kind_known", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="window_origin_known", condition=Q(origin__in=["hand", "ics", "csv"])),
            models.UniqueConstraint(
                F("country"),
                F("starts_on"),
                Lower("name"),
                condition=Q(archived_at__isnull=True),
                nulls_distinct=False,
                name="window_once_a_day",
                violation_error_message=_("This window is there already on that day."),
            ),
            models.UniqueConstraint(
                fields=["external_id", "country"],
                condition=Q(archived_at__isnull=True) & ~Q(external_id=""),
                nulls_distinct=False,
                name="window_once_per_event",
            ),
        ]
        indexes = [
            models.Index(fields=["ends_on", "country"], name="window_ahead", condition=Q(archived_at__isnull=True))
        ]

    @property
    def icon(self) -> str:
        return ICONS[Kind(self.kind)]

    def days_until(self, today: dt.date) -> int:
        """0 while it is open."""
        return max(0, (self.starts_on - today).days)


class WindowLead(UidModel):
    """What is to be done how many days before a window. It is a task as long as the window lies ahead."""

    window = models.ForeignKey(PolicyWindow, on_delete=models.CASCADE, related_name="leads", db_index=False)
    days = models.PositiveSmallIntegerField()
    title = models.CharField(max_length=200)
    task = models.ForeignKey("campaigns.Task", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        ordering = ["-days", "title"]
        constraints = [
            models.UniqueConstraint(fields=["window", "days", "title"], name="lead_once"),
            models.CheckConstraint(name="lead_has_a_title", condition=~Q(title="")),
            models.CheckConstraint(name="lead_within_two_years", condition=Q(days__lte=FARTHEST_LEAD)),
        ]

    def __str__(self) -> str:
        return f"{self.days}: {self.title}"
