"""What mailing services told us: an inbox of events, each once."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _


class ServiceEvent(models.Model):
    """One event of one message. Which delivery it is about stands in the signed id that the service carried."""

    class State(models.TextChoices):
        NEW = "new", _("new")
        HANDLED = "handled", _("handled")
        IGNORED = "ignored", _("nothing follows from it")
        UNMATCHED = "unmatched", _("about no message of ours")
        FAILED = "failed", _("could not be handled")

    transport = models.ForeignKey("campaigns.Transport", on_delete=models.PROTECT, related_name="+")
    event_id = models.CharField(max_length=128, help_text="the service's, else a digest of what it sent")
    kind = models.CharField(max_length=32, help_text="django-anymail's normal names: bounced, complained …")
    reject_reason = models.CharField(max_length=32, blank=True, default="")
    detail = models.CharField(max_length=300, blank=True, default="", help_text="a server's words; gone once handled")
    tie = models.CharField(
        max_length=200, blank=True, default="", db_default="", help_text="what may be a signed id of ours, as it came"
    )
    mailing_id = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    at = models.DateTimeField(help_text="as the service dates it")
    received_at = models.DateTimeField(auto_now_add=True)
    handled_at = models.DateTimeField(null=True)
    state = models.CharField(max_length=9, choices=State.choices, default=State.NEW)
    note = models.CharField(max_length=300, blank=True, default="")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["transport", "event_id"], name="service_event_once"),
            models.CheckConstraint(
                name="service_event_handled_at",
                condition=Q(state="new", handled_at__isnull=True) | ~Q(state="new") & Q(handled_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["id"], name="service_event_new", condition=Q(state="new")),
            models.Index(fields=["received_at"], name="service_event_received"),
            models.Index(
                fields=["transport", "id"],
                name="service_event_to_replay",
                condition=Q(state="failed") | Q(state="unmatched") & ~Q(tie=""),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.mailing_id}/{self.seq}"
