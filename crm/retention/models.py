"""Rules and runs. What a kind of data is, and how it goes, is registered by the feature that owns it."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from crm.ids import StampedModel, UidModel


class RetentionRule(StampedModel):
    """How many days one kind of data is kept; no days means for ever. Without a row the kind's default holds."""

    kind = models.CharField(max_length=32, unique=True)
    days = models.PositiveIntegerField(null=True)
    done_until = models.DateTimeField(null=True, help_text="everything before was dealt with: runs begin here")

    class Meta:
        constraints = [
            models.CheckConstraint(name="retention_a_week_at_least", condition=Q(days__isnull=True) | Q(days__gte=7))
        ]

    def __str__(self) -> str:
        return f"{self.kind}: {self.days or 'for ever'}"


class RetentionRun(UidModel):
    """One night's work, or one that somebody asked for. It is claimed by lease, so two schedulers do no harm."""

    day = models.DateField()
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    is_nightly = models.BooleanField(default=True)
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["day"], name="retention_once_a_night", condition=Q(is_nightly=True)),
            models.UniqueConstraint(
                models.Value(1), name="retention_one_open_run", condition=Q(finished_at__isnull=True)
            ),
        ]
        indexes = [models.Index(fields=["-started_at"], name="retention_run_order")]

    def __str__(self) -> str:
        return f"{self.day}"


class RetentionStep(models.Model):
    """What a run did to one kind."""

    run = models.ForeignKey(RetentionRun, on_delete=models.CASCADE, related_name="steps")
    kind = models.CharField(max_length=32)
    position = models.PositiveSmallIntegerField()
    before = models.DateTimeField(help_text="what is older goes")
    since = models.DateTimeField(null=True, help_text="what is older went in an earlier run")
    rows = models.PositiveBigIntegerField(default=0)
    batches = models.PositiveIntegerField(default=0)
    is_done = models.BooleanField(default=False)
    error = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        ordering = ["position", "id"]
        constraints = [models.UniqueConstraint(fields=["run", "kind"], name="retention_step_once")]

    def __str__(self) -> str:
        return f"{self.kind} {self.rows}"
