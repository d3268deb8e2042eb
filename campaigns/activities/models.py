"""A drive's objectives, its team, and its activities with what each depends on."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from campaigns.activities.queries import ActivityQuerySet, ObjectiveQuerySet, TeamMemberQuerySet
from campaigns.activities.states import Kind, State, TeamRole
from contacts.directory.models import NamedModel
from crm.ids import StampedModel


class Objective(StampedModel):
    """What a drive is to reach, as a number by a day: "ten national plans adopted by 30 June"."""

    drive = models.ForeignKey("campaigns.Drive", on_delete=models.PROTECT, related_name="objectives")
    name = models.CharField(max_length=300)
    unit = models.CharField(max_length=80, blank=True, default="", help_text="countries, institutions, per cent …")
    baseline = models.DecimalField(max_digits=16, decimal_places=2, default=0)
    target = models.DecimalField(max_digits=16, decimal_places=2)
    reached = models.DecimalField(max_digits=16, decimal_places=2, null=True, blank=True)
    reached_on = models.DateField(null=True, blank=True, help_text="the day that the number is of")
    due_on = models.DateField()
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ObjectiveQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                F("drive"),
                Lower("name"),
                condition=Q(archived_at__isnull=True),
                name="objective_once_per_drive",
                violation_error_message=_("This drive has an objective of this name already."),
            ),
            models.CheckConstraint(
                name="objective_has_a_name",
                condition=~Q(name=""),
                violation_error_message=_("Say what is to be reached."),
            ),
            models.CheckConstraint(
                name="objective_aims_elsewhere",
                condition=~Q(target=F("baseline")),
                violation_error_message=_("The number to reach is the one that is there already."),
            ),
            models.CheckConstraint(
                name="objective_reached_has_a_day",
                condition=Q(reached__isnull=True, reached_on__isnull=True)
                | Q(reached__isnull=False, reached_on__isnull=False),
                violation_error_message=_("Say of which day the number is."),
            ),
        ]
        indexes = [models.Index(fields=["drive", "due_on"], name="objective_of_drive")]

    def __str__(self) -> str:
        return self.name

    @property
    def done_share(self) -> int:
        """How much of the way is done, 0 to 100; the way may lead downwards."""
        if self.reached is None:
            return 0
        way = (self.reached - self.baseline) / (self.target - self.baseline)
        return int(100 * max(0.0, min(1.0, float(way))))

    @property
    def is_met(self) -> bool:
        return self.reached is not None and self.done_share >= 100


class TeamMember(StampedModel):
    """Somebody of the team, in one role. Who leaves stays as a row that ended."""

    drive = models.ForeignKey("campaigns.Drive", on_delete=models.PROTECT, related_name="team")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="teams")
    role = models.CharField(max_length=16, choices=TeamRole.choices)
    removed_at = models.DateTimeField(null=True, blank=True)

    objects = TeamMemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["drive", "user", "role"],
                condition=Q(removed_at__isnull=True),
                name="member_once_in_a_role",
                violation_error_message=_("They have this role in this drive already."),
            ),
            models.CheckConstraint(name="member_role_known", condition=Q(role__in=TeamRole.values)),
        ]

    def __str__(self) -> str:
        return f"{self.user_id} {self.role}"

    @property
    def name(self) -> str:
        return self.user.name


class Activity(NamedModel, StampedModel):
    """One thing that a drive does. First and last day are days where it happens; it may be one and the same day."""

    drive = models.ForeignKey("campaigns.Drive", on_delete=models.PROTECT, related_name="activities", db_index=False)
    kind = models.CharField(max_length=12, choices=Kind.choices, default=Kind.OTHER)
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="activities"
    )
    role = models.CharField(
        max_length=16, choices=TeamRole.choices, blank=True, default="", help_text="whose work it is"
    )
    starts_on = models.DateField()
    due_on = models.DateField()
    done_on = models.DateField(null=True, blank=True)
    country = models.ForeignKey("contacts.Country", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    mailing = models.ForeignKey(
        "campaigns.Mailing",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="activities",
        help_text="the mailing that it is",
    )
    call_round = models.ForeignKey(
        "campaigns.CallRound",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="activities",
        help_text="the call round that it is",
    )
    event = models.ForeignKey(
        "campaigns.Event",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="activities",
        help_text="the event that it is",
    )
    note = models.TextField(blank=True, default="")
    archived_at = models.DateTimeField(null=True, blank=True)

    objects = ActivityQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="activity_ends_after_start",
                condition=Q(due_on__gte=F("starts_on")),
                violation_error_message=_("It cannot be due before it begins."),
            ),
            models.CheckConstraint(name="activity_kind_known", condition=Q(kind__in=Kind.values)),
            models.CheckConstraint(name="activity_state_known", condition=Q(state__in=State.values)),
            models.CheckConstraint(name="activity_role_known", condition=Q(role__in=["", *TeamRole.values])),
            models.CheckConstraint(
                name="activity_done_has_a_day",
                condition=Q(state="done", done_on__isnull=False) | (~Q(state="done") & Q(done_on__isnull=True)),
            ),
            models.CheckConstraint(
                name="activity_mailing_is_of_a_mailing",
                condition=Q(mailing__isnull=True) | Q(kind="mailing"),
                violation_error_message=_("Only an activity of the kind “mailing” can be a mailing."),
            ),
            models.CheckConstraint(
                name="activity_round_is_of_a_round",
                condition=Q(call_round__isnull=True) | Q(kind="call_round"),
                violation_error_message=_("Only an activity of the kind “call round” can be a call round."),
            ),
            models.CheckConstraint(
                name="activity_event_is_of_an_event",
                condition=Q(event__isnull=True) | Q(kind__in=["meeting", "event"]),
                violation_error_message=_("Only an activity of the kind “meeting” or “event” can be an event."),
            ),
            models.UniqueConstraint(
                fields=["event"],
                condition=Q(archived_at__isnull=True),
                name="activity_event_once",
                violation_error_message=_("Another activity is this event already."),
            ),
            models.UniqueConstraint(
                fields=["call_round"],
                condition=Q(archived_at__isnull=True),
                name="activity_round_once",
                violation_error_message=_("Another activity is this call round already."),
            ),
            models.UniqueConstraint(
                fields=["mailing"],
                condition=Q(archived_at__isnull=True),
                name="activity_mailing_once",
                violation_error_message=_("Another activity is this mailing already."),
            ),
        ]
        indexes = [
            models.Index(fields=["drive", "starts_on"], name="activity_of_drive"),
            models.Index(
                fields=["due_on"],
                name="activity_open",
                condition=Q(archived_at__isnull=True, state__in=["planned", "under_way", "waiting"]),
            ),
        ]

    @property
    def days(self) -> int:
        return (self.due_on - self.starts_on).days + 1

    @property
    def place_label(self) -> str:
        """Its name and country: a template makes the same activity once in every country. Wants `country` selected."""
        return f"{self.label} · {self.country.label}" if self.country else self.label


class Dependency(models.Model):
    """`after` begins when `before` is finished. Both are of one drive and there is no way round in a circle: held by a trigger."""

    before = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="followed_by")
    # the unique constraint begins with it
    after = models.ForeignKey(Activity, on_delete=models.CASCADE, related_name="depends_on", db_index=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["after", "before"], name="dependency_once"),
            models.CheckConstraint(
                name="dependency_on_another",
                condition=~Q(before=F("after")),
                violation_error_message=_("An activity cannot depend on itself."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.after_id} after {self.before_id}"
