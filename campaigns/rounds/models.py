"""A round, and its lines: one for each person or institution to be called."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.rounds.queries import LineQuerySet, RoundQuerySet
from crm.ids import StampedModel, UidModel


class CallRound(StampedModel):
    """Calls with one script to those whom a segment had when the round began."""

    name = models.CharField(max_length=200)
    script = models.TextField(blank=True, default="")
    segment = models.ForeignKey("contacts.Segment", null=True, on_delete=models.SET_NULL, related_name="+")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    most_tries = models.PositiveSmallIntegerField(default=3)
    closed_at = models.DateTimeField(null=True, editable=False)

    objects = RoundQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="round_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="round_tries",
                condition=Q(most_tries__range=(1, 20)),
                violation_error_message=_("Between 1 and 20 tries."),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        return self.name


class CallLine(UidModel):
    """Somebody to be called. A claim is a token with a lease: whoever holds it calls, and it is free again when the lease ends."""

    class State(models.TextChoices):
        OPEN = "open", _("to be called")
        DONE = "done", _("done")
        SKIPPED = "skipped", _("skipped")

    class Outcome(models.TextChoices):
        NONE = "", _("none yet")
        REACHED = "reached", _("talked with them")
        CALL_BACK = "call_back", _("they want another time")
        NO_ANSWER = "no_answer", _("no answer")
        MESSAGE = "message", _("left a message")
        REFUSED = "refused", _("does not want to talk")
        WRONG = "wrong", _("wrong number")

    round = models.ForeignKey(CallRound, on_delete=models.CASCADE, related_name="lines", db_index=False)
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="+")
    organization = models.ForeignKey("contacts.Organization", null=True, on_delete=models.CASCADE, related_name="+")
    state = models.CharField(max_length=7, choices=State.choices, default=State.OPEN)
    outcome = models.CharField(max_length=9, choices=Outcome.choices, blank=True, default=Outcome.NONE)
    tries = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField(null=True, help_text="another time was agreed, or a guard holds it until then")
    note = models.CharField(max_length=300, blank=True, default="", help_text="why it is held or skipped")
    token = models.UUIDField(null=True, help_text="the claim; null when free")
    claimed_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    lease_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = LineQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="call_line_is_somebody", condition=Q(person__isnull=False) | Q(organization__isnull=False)
            ),
            models.CheckConstraint(
                name="call_line_claim_has_a_lease",
                condition=Q(token__isnull=True, lease_until__isnull=True)
                | Q(token__isnull=False, lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="call_line_done_is_free", condition=Q(state="open") | Q(token__isnull=True, done_at__isnull=False)
            ),
            models.UniqueConstraint(fields=["round", "person"], name="call_line_person_once"),
            models.UniqueConstraint(
                fields=["round", "organization"], name="call_line_organization_once", condition=Q(person__isnull=True)
            ),
        ]
        indexes = [models.Index(fields=["round", "id"], name="call_line_open", condition=Q(state="open"))]

    def __str__(self) -> str:
        return f"line {self.pk} of {self.round_id}"
