"""Asks of a drive, the steps of institutions on the ladder, where each stands now, and how much power it has."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from campaigns.positions.ladder import Confidence, EvidenceKind, Stance
from campaigns.positions.queries import AskQuerySet, PositionQuerySet, PowerQuerySet, StepQuerySet
from contacts.directory.models import NamedModel
from crm.ids import StampedModel, UidModel, new_uid

RUNGS = Q(stance__range=(Stance.OPPOSED, Stance.CHAMPION))


class Ask(NamedModel, StampedModel):
    """What a drive wants an institution to do."""

    drive = models.ForeignKey("campaigns.Drive", on_delete=models.PROTECT, related_name="asks")
    description = models.TextField(blank=True, default="")
    done_when = models.TextField(blank=True, default="", help_text="what counts as done")
    place = models.PositiveSmallIntegerField(default=1, help_text="its order in the drive")
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = AskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                F("drive"),
                Lower("name"),
                name="ask_once_per_drive",
                violation_error_message=_("This drive has an ask of this name already."),
            ),
            models.CheckConstraint(
                name="ask_has_a_name", condition=~Q(name=""), violation_error_message=_("An ask needs a name.")
            ),
        ]


class PositionStep(UidModel):
    """One step of an institution on the ladder of one ask. Append-only by trigger: of a row that is there, only the mark
    *withdrawn as wrong* can change, and an erasure may blank who said so."""

    organization = models.ForeignKey(
        "contacts.Organization", on_delete=models.PROTECT, related_name="position_steps", db_index=False
    )
    ask = models.ForeignKey(Ask, on_delete=models.PROTECT, related_name="steps")
    stance = models.PositiveSmallIntegerField(choices=Stance.choices)
    on = models.DateField(help_text="the day it was said, done or seen")
    evidence_kind = models.CharField(max_length=8, choices=EvidenceKind.choices)
    evidence = models.TextField(blank=True, default="")
    link = models.URLField(max_length=500, blank=True, default="")
    confidence = models.CharField(max_length=6, choices=Confidence.choices, default=Confidence.MEDIUM)
    said_by = models.ForeignKey(
        "contacts.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="said_positions"
    )
    said_by_name = models.CharField(max_length=200, blank=True, default="", help_text="when not in the directory")
    interaction = models.ForeignKey(
        "campaigns.Interaction", null=True, blank=True, on_delete=models.SET_NULL, related_name="position_steps"
    )
    recorded_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    recorded_at = models.DateTimeField()
    form_key = models.UUIDField(default=new_uid, unique=True, editable=False, help_text="one form saves one step")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    withdrawn_why = models.CharField(max_length=300, blank=True, default="")

    objects = StepQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="position_step_on_the_ladder", condition=RUNGS),
            models.CheckConstraint(
                name="position_step_evidence_known", condition=Q(evidence_kind__in=EvidenceKind.values)
            ),
            models.CheckConstraint(
                name="position_step_confidence_known", condition=Q(confidence__in=Confidence.values)
            ),
            models.CheckConstraint(
                name="position_step_has_evidence",
                condition=~Q(evidence="") | ~Q(link=""),
                violation_error_message=_("Say what shows it: some words, or a link."),
            ),
            models.CheckConstraint(
                name="position_step_withdrawn_says_why",
                condition=Q(withdrawn_at__isnull=True, withdrawn_why="")
                | Q(withdrawn_at__isnull=False) & ~Q(withdrawn_why=""),
                violation_error_message=_("Say what was wrong about it."),
            ),
        ]
        indexes = [
            models.Index(fields=["organization", "ask", "-on", "-id"], name="position_step_history"),
            models.Index(fields=["ask", "-on", "-id"], name="position_step_of_ask"),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} {self.get_stance_display()} {self.on}"

    @property
    def rung(self) -> Stance:
        return Stance(self.stance)


class Position(UidModel):
    """Where an institution stands on an ask now: its latest step that is not withdrawn. Kept by trigger, never written here."""

    organization = models.ForeignKey(
        "contacts.Organization", on_delete=models.PROTECT, related_name="positions", db_index=False
    )
    ask = models.ForeignKey(Ask, on_delete=models.PROTECT, related_name="positions")
    step = models.OneToOneField(PositionStep, null=True, on_delete=models.PROTECT, related_name="position")
    stance = models.PositiveSmallIntegerField(choices=Stance.choices, null=True)
    on = models.DateField(null=True)

    objects = PositionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "ask"], name="position_once", include=["stance", "on"]),
            models.CheckConstraint(
                name="position_whole_or_nothing",
                condition=Q(step__isnull=True, stance__isnull=True, on__isnull=True)
                | Q(step__isnull=False, stance__isnull=False, on__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id} on {self.ask_id}"

    @property
    def rung(self) -> Stance | None:
        return Stance(self.stance) if self.stance else None


class Power(StampedModel):
    """How much an institution can do for or against a campaign: 1 (little) to 5 (it decides)."""

    organization = models.ForeignKey(
        "contacts.Organization", on_delete=models.CASCADE, related_name="powers", db_index=False
    )
    campaign = models.ForeignKey("campaigns.Campaign", on_delete=models.CASCADE, related_name="powers")
    power = models.PositiveSmallIntegerField()
    why = models.CharField(max_length=300, blank=True, default="")

    objects = PowerQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["organization", "campaign"], name="power_once", include=["power"]),
            models.CheckConstraint(
                name="power_one_to_five",
                condition=Q(power__range=(1, 5)),
                violation_error_message=_("Power is between 1 and 5."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.organization_id}: {self.power}"
