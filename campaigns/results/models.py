"""Results, indicators, periods and actuals, as IATI names them; and reports as they stood on a day."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.results.queries import ActualQuerySet, OfCampaign, SnapshotQuerySet
from crm.ids import StampedModel, UidModel, new_uid
from crm.ui import formats

USER = settings.AUTH_USER_MODEL


class Kind(models.TextChoices):
    """IATI's result types, with its codes 1, 2, 3 and 9."""

    OUTPUT = "output", _("output")
    OUTCOME = "outcome", _("outcome")
    IMPACT = "impact", _("impact")
    OTHER = "other", _("other result")


class Measure(models.TextChoices):
    """IATI's indicator measures 1 and 2."""

    UNIT = "unit", _("number")
    PERCENTAGE = "percentage", _("per cent")


class Result(StampedModel):
    """A change that a campaign works for, under one of its pillars; of one drive, or of all."""

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="results")
    pillar = models.ForeignKey(
        "campaigns.Pillar", null=True, blank=True, on_delete=models.SET_NULL, related_name="results"
    )
    drive = models.ForeignKey(
        "campaigns.Drive", null=True, blank=True, on_delete=models.PROTECT, related_name="results"
    )
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.OUTCOME)
    title = models.CharField(max_length=300)
    description = models.TextField(blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OfCampaign.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="result_has_a_title", condition=~Q(title=""), violation_error_message=_("Say what is to change.")
            ),
            models.CheckConstraint(name="result_kind_known", condition=Q(kind__in=Kind.values)),
        ]

    def __str__(self) -> str:
        return self.title


class Indicator(StampedModel):
    """By what a result is measured, and where it began."""

    result = models.ForeignKey(Result, on_delete=models.PROTECT, related_name="indicators")
    title = models.CharField(max_length=300)
    measure = models.CharField(max_length=10, choices=Measure.choices, default=Measure.UNIT)
    unit = models.CharField(max_length=80, blank=True, default="")
    is_ascending = models.BooleanField(default=True, help_text="more is better")
    baseline = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    baseline_on = models.DateField(null=True, blank=True)
    baseline_note = models.CharField(max_length=300, blank=True, default="", help_text="where it is from")
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = OfCampaign.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="indicator_has_a_title",
                condition=~Q(title=""),
                violation_error_message=_("Say what is measured."),
            ),
            models.CheckConstraint(name="indicator_measure_known", condition=Q(measure__in=Measure.values)),
            models.CheckConstraint(
                name="indicator_baseline_has_a_day",
                condition=Q(baseline__isnull=True, baseline_on__isnull=True)
                | Q(baseline__isnull=False, baseline_on__isnull=False),
                violation_error_message=_("Say both: the number at the start, and of which day it is."),
            ),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def shown_unit(self) -> str:
        return " %" if self.measure == Measure.PERCENTAGE else f" {self.unit}" if self.unit else ""

    def shown(self, value: Decimal | None) -> str:
        """As it was measured, with its unit; two digits at most."""
        if value is None:
            return "–"
        digits = next((n for n in (0, 1) if value == round(value, n)), 2)
        return formats.number(value, digits=digits) + self.shown_unit

    @property
    def shown_baseline(self) -> str:
        return self.shown(self.baseline)


class Period(UidModel):
    """A span with what is to be reached in it. Periods of one indicator do not overlap: held by a trigger."""

    indicator = models.ForeignKey(Indicator, on_delete=models.CASCADE, related_name="periods", db_index=False)
    starts_on = models.DateField()
    ends_on = models.DateField()
    target = models.DecimalField(max_digits=16, decimal_places=2)

    class Meta:
        ordering = ["starts_on"]
        constraints = [
            models.UniqueConstraint(fields=["indicator", "starts_on"], name="period_once"),
            models.CheckConstraint(
                name="period_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("A period cannot end before it begins."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.starts_on} – {self.ends_on}"

    @property
    def shown_target(self) -> str:
        return self.indicator.shown(self.target)


class Actual(UidModel):
    """What was measured in a period, what shows it, and what part of it is ours. Append-only: only verification and withdrawal change."""

    period = models.ForeignKey(Period, on_delete=models.PROTECT, related_name="actuals")
    value = models.DecimalField(max_digits=16, decimal_places=2)
    on = models.DateField(help_text="the day that the number is of")
    evidence = models.TextField(blank=True, default="", help_text="what shows it")
    link = models.URLField(max_length=1000, blank=True, default="")
    contribution = models.TextField(help_text="what we did toward it, and who else did")
    recorded_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    recorded_at = models.DateTimeField()
    form_key = models.UUIDField(default=new_uid, unique=True, editable=False, help_text="one form saves one actual")
    verified_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")
    verified_at = models.DateTimeField(null=True)
    withdrawn_at = models.DateTimeField(null=True)
    withdrawn_why = models.CharField(max_length=300, blank=True, default="")

    objects = ActualQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="actual_is_shown",
                condition=~Q(evidence="") | ~Q(link=""),
                violation_error_message=_("Say what shows it: some words, or a link."),
            ),
            models.CheckConstraint(
                name="actual_says_what_is_ours",
                condition=~Q(contribution=""),
                violation_error_message=_("Say what we contributed, and who else did: others moved too."),
            ),
            models.CheckConstraint(
                name="actual_verified_says_by_whom",
                condition=Q(verified_at__isnull=True, verified_by__isnull=True)
                | Q(verified_at__isnull=False, verified_by__isnull=False),
            ),
            models.CheckConstraint(
                name="actual_verifier_is_another",
                condition=Q(verified_by__isnull=True) | Q(recorded_by__isnull=True) | ~Q(verified_by=F("recorded_by")),
                violation_error_message=_("Somebody else verifies it: not who wrote it down."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.value} ({self.on})"

    @property
    def shown_value(self) -> str:
        return self.period.indicator.shown(self.value)

    @property
    def progress(self) -> int | None:
        """Per cent of the way from the baseline to the period's target, 0 to 100; None without a baseline."""
        indicator = self.period.indicator
        start = indicator.baseline if indicator.baseline is not None else Decimal(0)
        if self.period.target == start:
            return None
        way = (self.value - start) / (self.period.target - start)
        return int(100 * max(0.0, min(1.0, float(way))))


class Snapshot(UidModel):
    """A report as it stood: its figures with their definitions, its results, and (in `rows`) who stood behind each number.

    Neither it nor its rows ever change: held by triggers, which let an erasure alone take names out of its words.
    """

    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.PROTECT, related_name="snapshots")
    drive = models.ForeignKey("campaigns.Drive", null=True, on_delete=models.PROTECT, related_name="snapshots")
    title = models.CharField(max_length=300)
    first_on = models.DateField()
    last_on = models.DateField()
    taken_at = models.DateTimeField()
    taken_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    content = models.JSONField(encoder=DjangoJSONEncoder)
    fingerprint = models.CharField(max_length=64, help_text="SHA-256 of the content and of the rows")
    published_fingerprint = models.CharField(
        max_length=64,
        blank=True,
        default="",
        help_text="the first one, where an erasure took names out of the words since",
    )
    names_taken_at = models.DateTimeField(null=True)

    objects = SnapshotQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="snapshot_has_a_title", condition=~Q(title=""), violation_error_message=_("Give it a name.")
            ),
            models.CheckConstraint(name="snapshot_days_in_order", condition=Q(last_on__gte=F("first_on"))),
            models.CheckConstraint(
                name="snapshot_says_when_names_were_taken",
                condition=Q(published_fingerprint="", names_taken_at__isnull=True)
                | ~Q(published_fingerprint="") & Q(names_taken_at__isnull=False),
            ),
        ]
        indexes = [models.Index(fields=["campaign", "-taken_at"], name="snapshot_newest")]

    def __str__(self) -> str:
        return self.title


class SnapshotRows(models.Model):
    """Ids of the rows behind one number of a snapshot; `part` is of its breakdown, or "" for all of it."""

    snapshot = models.ForeignKey(Snapshot, on_delete=models.PROTECT, related_name="rows", db_index=False)
    figure = models.CharField(max_length=40)
    by = models.CharField(max_length=40, blank=True, default="")
    part = models.CharField(max_length=40, blank=True, default="")
    uids = ArrayField(models.UUIDField())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["snapshot", "figure", "by", "part"], name="snapshot_rows_once")]

    def __str__(self) -> str:
        return f"{self.figure} {self.part}"
