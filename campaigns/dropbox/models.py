"""The secret addresses, and the mail that came to them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from campaigns.dropbox.queries import DropboxQuerySet, DroppedFileQuerySet, DroppedQuerySet
from crm.ids import UidModel
from crm.ui import formats


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
    left_out = models.CharField(
        max_length=300, blank=True, default="", help_text="which attachments were not kept, and why"
    )
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

    @property
    def kept_files(self) -> list[DroppedFile]:
        return list(self.files.select_related("file"))


class DroppedFile(UidModel):
    """An attachment of a dropped message; the content is kept once however often it is used."""

    mail = models.ForeignKey(DroppedMail, on_delete=models.CASCADE, related_name="files", db_index=False)
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="dropped_files")
    name = models.CharField(max_length=200)

    objects = DroppedFileQuerySet.as_manager()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mail", "name"], name="dropped_file_once")]
        ordering = ["pk"]

    def __str__(self) -> str:
        return self.name

    @property
    def shown_size(self) -> str:
        return formats.size(self.file.size)


class OwnAddress(UidModel):
    """A further address from which an officer writes: it counts once a mail to it was answered by them."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="own_addresses", db_index=False
    )
    address = models.CharField(max_length=320)
    address_key = models.CharField(max_length=320)
    asked_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "address_key"], name="own_address_once"),
            # nobody can say that mail from an address is theirs while it is a colleague's
            models.UniqueConstraint(
                fields=["address_key"], name="own_address_of_one", condition=Q(confirmed_at__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.address
