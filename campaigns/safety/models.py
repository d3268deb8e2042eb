"""The limits that are set, the mailings that were paused by them, and who was told."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from crm.ids import StampedModel

_SHARE = [MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(100))]


class SafetyLimits(StampedModel):
    """From which share on, and how many at least, a mailing pauses by itself. One row, with key 1; an empty share: never."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    failed_percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, default=Decimal(10), validators=_SHARE
    )
    failed_least = models.PositiveIntegerField(default=25, validators=[MinValueValidator(1)])
    complained_percent = models.DecimalField(
        max_digits=5, decimal_places=2, null=True, blank=True, default=Decimal("0.3"), validators=_SHARE
    )
    complained_least = models.PositiveIntegerField(default=5, validators=[MinValueValidator(1)])
    transport_failures = models.PositiveSmallIntegerField(
        default=3,
        db_default=3,
        validators=[MinValueValidator(0), MaxValueValidator(100)],
        help_text="connections that fail in a row, beside those that are open at once",
    )
    transport_longest_minutes = models.PositiveSmallIntegerField(
        default=5,
        db_default=5,
        validators=[MinValueValidator(1), MaxValueValidator(120)],
        help_text="between two tries of a transport that does not take mail",
    )

    class Meta:
        constraints = [
            models.CheckConstraint(name="safety_limits_are_single", condition=Q(id=1)),
            models.CheckConstraint(
                name="safety_shares_are_percent",
                condition=(Q(failed_percent__isnull=True) | Q(failed_percent__gt=0, failed_percent__lte=100))
                & (Q(complained_percent__isnull=True) | Q(complained_percent__gt=0, complained_percent__lte=100)),
            ),
            models.CheckConstraint(
                name="safety_least_is_one", condition=Q(failed_least__gte=1, complained_least__gte=1)
            ),
            models.CheckConstraint(
                name="safety_transport_is_tried",
                condition=Q(transport_failures__lte=100)
                & Q(transport_longest_minutes__gte=1, transport_longest_minutes__lte=120),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.failed_percent} %, {self.complained_percent} %"

    @classmethod
    def current(cls) -> SafetyLimits:
        """The limits that hold; what nobody changed is not stored."""
        return cls.objects.filter(id=1).first() or cls()

    @property
    def longest_wait(self) -> timedelta:
        """Between two tries of a transport."""
        return timedelta(minutes=self.transport_longest_minutes)


class SafetyPause(models.Model):
    """A mailing that its own figures paused. After somebody resumed it, it is counted from there."""

    mailing_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()
    reason = models.CharField(max_length=300)
    counted_from = models.DateTimeField(null=True, help_text="when it was resumed: what left before counts no more")
    accepted_before = models.PositiveIntegerField(default=0)
    failed_before = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="safety_pause_counts_from_a_time",
                condition=Q(counted_from__isnull=False) | Q(accepted_before=0, failed_before=0),
            )
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}: {self.reason}"


class PauseNotice(models.Model):
    """One pause, or hold, that a mailing's owner is told of by mail, once."""

    class Kind(models.TextChoices):
        LIMITS = "limits", _("its figures")
        TRANSPORT = "transport", _("its transport")
        CONTENT = "content", _("what it carries")
        LATE = "late", _("its time")
        HELD = "held", _("what was approved")
        RESTORED = "restored", _("a restored backup")

    class Dropped(models.TextChoices):
        """Why no mail went."""

        NO = "", _("not dropped")
        OVER = "over", _("the pause was over before")
        NOBODY = "nobody", _("nobody to tell")
        MAIL_DOWN = "mail_down", _("the mail server did not take it")

    mailing_id = models.BigIntegerField(db_index=True)
    kind = models.CharField(max_length=10, choices=Kind.choices)
    reason = models.CharField(max_length=300)
    at = models.DateTimeField()
    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    sent_to = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    dropped = models.CharField(max_length=10, choices=Dropped.choices, blank=True, default=Dropped.NO)

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], name="pause_notice_due", condition=Q(sent_at__isnull=True, dropped="")),
            models.Index(fields=["-at", "-id"], name="pause_notice_order"),
        ]
        constraints = [
            models.CheckConstraint(
                name="pause_notice_sent_or_dropped", condition=Q(sent_at__isnull=True) | Q(dropped="")
            )
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.kind}"
