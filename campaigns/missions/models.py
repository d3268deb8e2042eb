"""A mission report: the draft as it was typed, and, once filed, the meetings that it was made into."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.missions.queries import MissionQuerySet
from crm.ids import StampedModel, UidModel, new_uid


class Mission(StampedModel):
    """A trip. `draft` is what its form was sent with, whole or not: as JSON in a text, so that an erasure finds names in it."""

    class State(models.TextChoices):
        DRAFT = "draft", _("draft")
        FILED = "filed", _("filed")

    title = models.CharField(max_length=200)
    starts_on = models.DateField()
    ends_on = models.DateField()
    drive = models.ForeignKey(
        "campaigns.Drive", null=True, blank=True, on_delete=models.PROTECT, related_name="missions"
    )
    summary = models.TextField(blank=True, default="")
    author = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="missions")
    state = models.CharField(max_length=5, choices=State.choices, default=State.DRAFT)
    filed_at = models.DateTimeField(null=True, editable=False)
    discarded_at = models.DateTimeField(null=True, editable=False, help_text="a draft that is not wanted any more")
    draft = models.TextField(blank=True, default="", editable=False, help_text="field → list of values, as JSON")
    version = models.PositiveIntegerField(default=0, editable=False, help_text="one more with each time it was kept")
    tab = models.UUIDField(null=True, editable=False, help_text="of the page that kept it last")
    form_key = models.UUIDField(default=new_uid, unique=True, editable=False, help_text="one form starts one report")

    objects = MissionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="mission_has_a_title", condition=~Q(title=""), violation_error_message=_("Give the trip a name.")
            ),
            models.CheckConstraint(
                name="mission_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("It cannot end before it begins."),
            ),
            models.CheckConstraint(
                name="mission_filed_says_when",
                condition=Q(state="draft", filed_at__isnull=True)
                | Q(state="filed", filed_at__isnull=False, discarded_at__isnull=True),
            ),
        ]
        indexes = [models.Index(fields=["-starts_on", "-id"], name="mission_order")]

    def __str__(self) -> str:
        return self.title

    @property
    def is_draft(self) -> bool:
        return self.state == self.State.DRAFT


class MissionMeeting(UidModel):
    """One meeting of a filed report: positions and next steps hang on its interaction, promises are named here."""

    mission = models.ForeignKey(Mission, on_delete=models.CASCADE, related_name="meetings", db_index=False)
    place = models.PositiveSmallIntegerField(help_text="its order in the report")
    interaction = models.OneToOneField(
        "campaigns.Interaction", on_delete=models.CASCADE, related_name="mission_meeting"
    )
    commitments = models.ManyToManyField("campaigns.Commitment", related_name="mission_meetings")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mission", "place"], name="mission_meeting_place_once")]

    def __str__(self) -> str:
        return f"{self.mission_id}: {self.place}"
