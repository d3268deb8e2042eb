"""The secret addresses, and the mail that came to them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.dropbox.queries import DropboxQuerySet, DroppedQuerySet
from crm.ids import UidModel


class Dropbox(UidModel):
    """An officer's address. Renewed, the old one takes nothing any more."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="dropboxes")
    made_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True)

    objects = DropboxQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user"], name="dropbox_one_alive", condition=Q(revoked_at__isnull=True))
        ]

    def __str__(self) -> str:
        return f"dropbox of {self.user_id}"


class DroppedMail(UidModel):
    """One message that came to a dropbox, as text: nothing of its markup is kept. Filed, it is an interaction."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits")
        FILED = "filed", _("filed")
        DISMISSED = "dismissed", _("dismissed")

    dropbox = models.ForeignKey(Dropbox, on_delete=models.CASCADE, related_name="mail")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="dropped_mail")
    inbound = models.OneToOneField(
        "campaigns.InboundMessage", null=True, on_delete=models.SET_NULL, related_name="dropped"
    )
    message_id = models.CharField(max_length=500, blank=True, default="", help_text="of the message that it is about")
    thread = models.UUIDField(help_text="of all messages that answer one another")
    sender = models.CharField(
        max_length=320, blank=True, default="", help_text="who dropped it here, as the message says"
    )
    addresses = models.JSONField(
        default=list, help_text="list of [address, name] of those that it went to, or came from"
    )
    is_from_them = models.BooleanField(default=False, help_text="they wrote it, and it was forwarded")
    subject = models.CharField(max_length=300, blank=True, default="")
    text = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    why = models.CharField(max_length=300, blank=True, default="", help_text="why it waits")
    interaction = models.OneToOneField(
        "campaigns.Interaction", null=True, on_delete=models.SET_NULL, related_name="dropped"
    )
    settled_at = models.DateTimeField(null=True)

    objects = DroppedQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="dropped_state_known", condition=Q(state__in=["waiting", "filed", "dismissed"])
            ),
            models.CheckConstraint(
                name="dropped_settled_says_when",
                condition=Q(state="waiting", settled_at__isnull=True)
                | ~Q(state="waiting") & Q(settled_at__isnull=False),
            ),
            models.CheckConstraint(name="dropped_waits_with_a_reason", condition=~Q(state="waiting") | ~Q(why="")),
            models.UniqueConstraint(
                fields=["user", "message_id"], name="dropped_message_once", condition=~Q(message_id="")
            ),
        ]
        indexes = [
            models.Index(fields=["user", "-at"], name="dropped_order"),
            models.Index(fields=["thread"], name="dropped_thread"),
            models.Index(fields=["message_id"], name="dropped_message", condition=~Q(message_id="")),
        ]

    def __str__(self) -> str:
        return self.subject or str(self.uid)
