"""A job: long work that a person started and may watch, leave, and stop."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.ids import StampedModel


class Job(StampedModel):
    class State(models.TextChoices):
        QUEUED = "queued", _("waiting")
        RUNNING = "running", _("running")
        DONE = "done", _("done")
        FAILED = "failed", _("failed")
        CANCELLED = "cancelled", _("cancelled")

    kind = models.CharField(max_length=40, help_text="name in the registry of crm.jobs.services")
    title = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="jobs")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    params = models.JSONField(default=dict)
    object_uid = models.UUIDField(null=True, help_text="what the job works on")
    done_count = models.BigIntegerField(default=0)
    total_count = models.BigIntegerField(null=True, help_text="unknown while null")
    phase = models.CharField(max_length=120, blank=True, default="", help_text="what it does now, in plain words")
    is_cancel_requested = models.BooleanField(default=False)
    claimed_by = models.UUIDField(null=True, help_text="token of the run that holds it")
    heartbeat_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    result = models.JSONField(default=dict)
    result_url = models.CharField(max_length=300, blank=True, default="")
    error = models.TextField(
        blank=True, default="", help_text="in plain words: what happened, what was kept, what to do"
    )

    class Meta:
        indexes = [
            models.Index(fields=["owner", "-created_at"], name="job_owner"),
            models.Index(fields=["heartbeat_at"], name="job_open", condition=Q(state__in=["queued", "running"])),
        ]
        constraints = [
            models.CheckConstraint(name="job_counts_positive", condition=Q(done_count__gte=0)),
            models.CheckConstraint(
                name="job_finished_has_time",
                condition=Q(state__in=["queued", "running"], finished_at__isnull=True)
                | Q(state__in=["done", "failed", "cancelled"], finished_at__isnull=False),
            ),
            models.CheckConstraint(name="job_failed_says_why", condition=~Q(state="failed", error="")),
        ]

    def __str__(self) -> str:
        return self.title

    @property
    def is_open(self) -> bool:
        return self.state in {self.State.QUEUED, self.State.RUNNING}
