"""The long effort and the time-bound drives inside it."""

from __future__ import annotations

from typing import Self

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import NamedModel
from contacts.directory.queries import SearchMixin
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ids import StampedModel, UidModel


class CampaignQuerySet(SearchMixin, models.QuerySet["Campaign"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        scope = user.scope(action)
        if not scope:
            return self.none()
        if any(not pair.campaigns for pair in scope.pairs):
            return self
        return self.filter(uid__in={uid for pair in scope.pairs for uid in pair.campaigns})


class Campaign(NamedModel, StampedModel):
    goal = models.TextField(blank=True, default="")
    facts = models.JSONField(default=list, blank=True, help_text="list of {text, source}")
    starts_on = models.DateField(null=True, blank=True)
    ends_on = models.DateField(null=True, blank=True)
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="campaign_ends_after_start",
                condition=Q(ends_on__isnull=True) | Q(starts_on__isnull=True) | Q(ends_on__gte=F("starts_on")),
            )
        ]


class Pillar(UidModel):
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="pillars")
    name = models.CharField(max_length=300)
    description = models.TextField(blank=True, default="")
    position = models.PositiveSmallIntegerField(default=1)

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["campaign", "name"], name="pillar_once")]

    def __str__(self) -> str:
        return self.name


class DriveQuerySet(SearchMixin, models.QuerySet["Drive"]):
    def visible_to(self, user: User, action: Action = Action.SEE) -> Self:
        """Drives that one of the user's grants reaches: its campaign and at least one of its countries."""
        scope = user.scope(action)
        if scope.is_everything:
            return self
        reach = Q(pk__in=[])
        for pair in scope.pairs:
            rule = Q()
            if pair.campaigns:
                rule &= Q(campaign__uid__in=pair.campaigns)
            if pair.countries:
                through = Drive.countries.through.objects.filter(country_id__in=pair.countries)
                rule &= Q(pk__in=through.values("drive_id"))
            reach |= rule
        return self.filter(reach)


class Drive(NamedModel, StampedModel):
    """A time-bound mobilization: countries × constituencies."""

    class Status(models.TextChoices):
        PLANNED = "planned", _("planned")
        ACTIVE = "active", _("active")
        FINISHED = "finished", _("finished")
        CANCELLED = "cancelled", _("cancelled")

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="drives")
    goal = models.TextField(blank=True, default="")
    starts_on = models.DateField()
    ends_on = models.DateField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="drives")
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.PLANNED)
    countries = models.ManyToManyField("contacts.Country", related_name="drives")
    constituencies = models.ManyToManyField("contacts.Constituency", related_name="drives")
    copied_from = models.ForeignKey(
        "self", null=True, blank=True, editable=False, on_delete=models.SET_NULL, related_name="copies"
    )
    kept_leftovers = ArrayField(
        models.CharField(max_length=32),
        default=list,
        blank=True,
        editable=False,
        help_text="places in a copy's texts that are meant as they stand",
    )
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = DriveQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="drive_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("A drive cannot end before it starts."),
            ),
            models.CheckConstraint(
                name="drive_status_known", condition=Q(status__in=["planned", "active", "finished", "cancelled"])
            ),
        ]


class WorklistWeights(StampedModel):
    """How much each reason counts when a drive's cells are ranked: 0 (not at all) to 5."""

    drive = models.OneToOneField(Drive, on_delete=models.CASCADE, related_name="weights")
    need = models.PositiveSmallIntegerField(default=3)
    window = models.PositiveSmallIntegerField(default=3)
    silence = models.PositiveSmallIntegerField(default=2)
    counterpart = models.PositiveSmallIntegerField(default=2)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="worklist_weights_zero_to_five",
                condition=Q(need__lte=5, window__lte=5, silence__lte=5, counterpart__lte=5),
                violation_error_message=_("Weights are between 0 and 5."),
            )
        ]

    def __str__(self) -> str:
        return f"{self.need} {self.window} {self.silence} {self.counterpart}"
