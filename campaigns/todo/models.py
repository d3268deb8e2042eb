"""Tasks with a day and somebody who does them; days on which somebody is away, and who stands in."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.todo.queries import AbsenceQuerySet, TaskQuerySet
from crm.ids import StampedModel


class Task(StampedModel):
    """One thing to do. It may come from an interaction (its next step) or from another feature (`source`, `source_uid`)."""

    class Repeat(models.TextChoices):
        NEVER = "", _("once")
        DAY = "day", _("every day")
        WEEK = "week", _("every week")
        FORTNIGHT = "fortnight", _("every two weeks")
        MONTH = "month", _("every month")
        QUARTER = "quarter", _("every three months")
        YEAR = "year", _("every year")

    title = models.CharField(max_length=300)
    note = models.TextField(blank=True, default="")
    due_on = models.DateField()
    # the index of open tasks begins with it
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="tasks", db_index=False
    )
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, blank=True, on_delete=models.CASCADE, related_name="tasks"
    )
    person = models.ForeignKey("contacts.Person", null=True, blank=True, on_delete=models.CASCADE, related_name="tasks")
    interaction = models.ForeignKey(
        "campaigns.Interaction", null=True, blank=True, on_delete=models.SET_NULL, related_name="next_steps"
    )
    source = models.CharField(max_length=40, blank=True, default="", help_text="the feature that made it")
    source_uid = models.UUIDField(null=True, blank=True, help_text="of the object that it is about there")
    repeat = models.CharField(max_length=9, choices=Repeat.choices, blank=True, default=Repeat.NEVER)
    series = models.UUIDField(null=True, editable=False, help_text="of all that one repeated task became")
    anchor_on = models.DateField(null=True, editable=False, help_text="the day that repetitions are counted from")
    done_at = models.DateTimeField(null=True, editable=False)
    done_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    dropped_at = models.DateTimeField(null=True, editable=False, help_text="not to be done any more")
    # the reminder by mail: one for the day on which it is due
    reminded_at = models.DateTimeField(null=True, editable=False)
    remind_after = models.DateTimeField(null=True, editable=False, help_text="not before; after a mail that did not go")
    remind_tries = models.PositiveSmallIntegerField(default=0, editable=False)

    objects = TaskQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="task_has_a_title", condition=~Q(title=""), violation_error_message=_("Say what is to be done.")
            ),
            models.CheckConstraint(
                name="task_done_or_dropped", condition=Q(done_at__isnull=True) | Q(dropped_at__isnull=True)
            ),
            models.CheckConstraint(
                name="task_repeat_known",
                condition=Q(repeat__in=["", "day", "week", "fortnight", "month", "quarter", "year"]),
            ),
            models.CheckConstraint(
                name="task_repeats_in_a_series",
                condition=Q(repeat="") | Q(series__isnull=False, anchor_on__isnull=False),
            ),
            models.UniqueConstraint(fields=["series", "due_on"], name="task_once_a_day_in_a_series"),
        ]
        indexes = [
            models.Index(
                fields=["assignee", "due_on"],
                name="task_open",
                condition=Q(done_at__isnull=True, dropped_at__isnull=True),
            ),
            models.Index(
                fields=["due_on"],
                name="task_to_remind",
                condition=Q(done_at__isnull=True, dropped_at__isnull=True, reminded_at__isnull=True),
            ),
            models.Index(fields=["source", "source_uid"], name="task_source", condition=~Q(source="")),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.done_at is None and self.dropped_at is None


class Absence(StampedModel):
    """Days on which somebody is away, first and last included, and who stands in. Nothing is reassigned: it ends by itself."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="absences")
    deputy = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    starts_on = models.DateField()
    ends_on = models.DateField()
    note = models.CharField(max_length=200, blank=True, default="")
    cancelled_at = models.DateTimeField(null=True, editable=False)

    objects = AbsenceQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="absence_ends_after_start",
                condition=Q(ends_on__gte=F("starts_on")),
                violation_error_message=_("It cannot end before it begins."),
            ),
            models.CheckConstraint(
                name="absence_deputy_is_another",
                condition=~Q(deputy=F("user")),
                violation_error_message=_("Somebody else has to stand in."),
            ),
        ]
        indexes = [models.Index(fields=["ends_on"], name="absence_running", condition=Q(cancelled_at__isnull=True))]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.starts_on} – {self.ends_on}"
