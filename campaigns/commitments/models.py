"""Commitments, their milestones, what institutions say of them by their link, and who was reminded."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.commitments.queries import CommitmentQuerySet, UpdateQuerySet
from crm.ids import StampedModel, UidModel, new_uid

USER = settings.AUTH_USER_MODEL


class Commitment(StampedModel):
    """An institution promised something by a day. Its light (green, yellow, red) is a rule over dates, never stored."""

    class State(models.TextChoices):
        OPEN = "open", _("open")
        KEPT = "kept", _("kept")
        BROKEN = "broken", _("broken")
        WITHDRAWN = "withdrawn", _("withdrawn")

    drive = models.ForeignKey("campaigns.Drive", on_delete=models.PROTECT, related_name="commitments")
    ask = models.ForeignKey(
        "campaigns.Ask", null=True, blank=True, on_delete=models.PROTECT, related_name="commitments"
    )
    organization = models.ForeignKey("contacts.Organization", on_delete=models.PROTECT, related_name="commitments")
    text = models.TextField(help_text="what was promised, in one or two sentences")
    promised_by = models.ForeignKey(
        "contacts.Person", null=True, blank=True, on_delete=models.PROTECT, related_name="promises"
    )
    made_on = models.DateField()
    due_on = models.DateField()
    evidence = models.TextField(blank=True, default="", help_text="what shows that it was promised")
    link = models.URLField(max_length=500, blank=True, default="")
    owner = models.ForeignKey(
        USER, null=True, blank=True, on_delete=models.SET_NULL, related_name="commitments", help_text="who follows it here"
    )  # fmt: skip
    is_public = models.BooleanField(default=False, help_text="the institution agrees that it is told to others")
    heard_on = models.DateField(null=True, blank=True, help_text="when somebody last heard how it stands")
    recorded_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    form_key = models.UUIDField(default=new_uid, unique=True, editable=False, help_text="one form saves one commitment")
    state = models.CharField(max_length=9, choices=State.choices, default=State.OPEN)
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    outcome = models.TextField(blank=True, default="", help_text="what shows how it ended")
    outcome_link = models.URLField(max_length=500, blank=True, default="")
    verified_at = models.DateTimeField(null=True, blank=True)
    verified_by = models.ForeignKey(USER, null=True, on_delete=models.PROTECT, related_name="+")

    objects = CommitmentQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="commitment_says_something",
                condition=~Q(text=""),
                violation_error_message=_("Write down what was promised."),
            ),
            models.CheckConstraint(
                name="commitment_due_after_made",
                condition=Q(due_on__gte=F("made_on")),
                violation_error_message=_("It cannot be due before it was promised."),
            ),
            models.CheckConstraint(
                name="commitment_state_known", condition=Q(state__in=["open", "kept", "broken", "withdrawn"])
            ),
            models.CheckConstraint(
                name="commitment_settled_says_when",
                condition=Q(state="open", settled_at__isnull=True) | ~Q(state="open") & Q(settled_at__isnull=False),
            ),
            models.CheckConstraint(
                name="commitment_outcome_is_shown",
                condition=Q(state="open") | ~Q(outcome="") | ~Q(outcome_link=""),
                violation_error_message=_("Say what shows it: some words, or a link."),
            ),
            models.CheckConstraint(
                name="commitment_verified_when_settled",
                condition=Q(verified_at__isnull=True, verified_by__isnull=True)
                | Q(verified_at__isnull=False, verified_by__isnull=False, state__in=["kept", "broken"]),
            ),
            # NULL (an author whose account is gone) is nobody's own work any more
            models.CheckConstraint(
                name="commitment_verifier_is_another",
                condition=Q(verified_by__isnull=True)
                | (Q(settled_by__isnull=True) | ~Q(verified_by=F("settled_by")))
                & (Q(recorded_by__isnull=True) | ~Q(verified_by=F("recorded_by"))),
                violation_error_message=_("Somebody else verifies it: not who recorded or settled it."),
            ),
        ]
        indexes = [
            models.Index(fields=["due_on", "id"], name="commitment_open_due", condition=Q(state="open")),
            models.Index(fields=["due_on", "id"], name="commitment_due"),
        ]

    def __str__(self) -> str:
        return self.text[:80]

    @property
    def is_open(self) -> bool:
        return self.state == self.State.OPEN


class Milestone(UidModel):
    """A part of a commitment with a day of its own."""

    commitment = models.ForeignKey(Commitment, on_delete=models.CASCADE, related_name="milestones")
    text = models.CharField(max_length=300)
    due_on = models.DateField()
    done_on = models.DateField(null=True, blank=True)

    class Meta:
        ordering = ["due_on", "id"]
        constraints = [
            models.CheckConstraint(name="milestone_says_something", condition=~Q(text="")),
            models.UniqueConstraint(
                fields=["commitment", "text"],
                name="milestone_once",
                violation_error_message=_("This milestone is there already."),
            ),
        ]

    def __str__(self) -> str:
        return self.text


class CommitmentLink(UidModel):
    """The signed link by which an institution updates its commitment. Revoked, it shows a page that says so."""

    commitment = models.ForeignKey(Commitment, on_delete=models.CASCADE, related_name="links")
    made_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)
    revoked_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["commitment"], name="commitment_link_one_alive", condition=Q(revoked_at__isnull=True)
            )
        ]

    def __str__(self) -> str:
        return f"link of {self.commitment_id}"


class CommitmentUpdate(UidModel):
    """How it stands: told by the institution through its link, which staff decide about, or heard by staff themselves."""

    class Progress(models.TextChoices):
        ON_TRACK = "on_track", _("on track")
        LATE = "late", _("later than promised")
        DONE = "done", _("done")
        CANNOT = "cannot", _("cannot be kept")

    class State(models.TextChoices):
        WAITING = "waiting", _("waits for us")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    commitment = models.ForeignKey(Commitment, on_delete=models.CASCADE, related_name="updates")
    came_by = models.ForeignKey(CommitmentLink, null=True, on_delete=models.SET_NULL, related_name="updates")
    progress = models.CharField(max_length=8, choices=Progress.choices)
    text = models.TextField(blank=True, default="")
    link = models.URLField(max_length=500, blank=True, default="")
    new_due_on = models.DateField(null=True, blank=True)
    written_by = models.CharField(max_length=200, blank=True, default="", help_text="name and post, as they wrote it")
    received_at = models.DateTimeField()
    form_key = models.UUIDField(unique=True, default=new_uid, editable=False)
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=300, blank=True, default="")

    objects = UpdateQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["commitment", "-received_at"], name="commitment_update_history"),
            models.Index(fields=["received_at"], name="commitment_update_waiting", condition=Q(state="waiting")),
        ]
        constraints = [
            models.CheckConstraint(
                name="commitment_update_progress_known",
                condition=Q(progress__in=["on_track", "late", "done", "cannot"]),
            ),
            models.CheckConstraint(
                name="commitment_update_decided_says_when",
                condition=Q(state="waiting", decided_at__isnull=True)
                | Q(state__in=["accepted", "declined"], decided_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.progress} {self.received_at:%Y-%m-%d}"


class Reminder(models.Model):
    """One mail to a commitment's owner, written down before it goes, so that nobody is reminded twice of the same."""

    class Kind(models.TextChoices):
        SOON = "soon", _("due in two weeks")
        DUE = "due", _("due today")
        OVERDUE = "overdue", _("overdue for a week")
        MILESTONE = "milestone", _("a milestone is due")

    commitment = models.ForeignKey(Commitment, on_delete=models.CASCADE, related_name="reminders")
    kind = models.CharField(max_length=9, choices=Kind.choices)
    about_on = models.DateField(help_text="the day that it is about: a new due date is reminded of anew")
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    sent_to = models.ForeignKey(USER, null=True, on_delete=models.SET_NULL, related_name="+")
    dropped = models.CharField(max_length=10, blank=True, default="", help_text="why no mail went")

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="reminder_due", condition=Q(sent_at__isnull=True, dropped="")),
        ]
        constraints = [
            models.UniqueConstraint(fields=["commitment", "kind", "about_on"], name="reminder_once"),
            models.CheckConstraint(name="reminder_sent_or_dropped", condition=Q(sent_at__isnull=True) | Q(dropped="")),
        ]

    def __str__(self) -> str:
        return f"{self.commitment_id} {self.kind}"
