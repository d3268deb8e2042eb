"""What comes in, and two-way touches with institutions."""

from datetime import datetime
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from campaigns.oauth.models import SignsIn, token_constraints
from campaigns.outreach.queries import InboundQuerySet, InboxQuerySet, InteractionQuerySet
from crm.encryption import EncryptedField
from crm.ids import UidModel


class InboundMessage(models.Model):
    """The inbox table: every message that came back, kept raw before anything is made of it."""

    class State(models.TextChoices):
        NEW = "new", _("new")
        HANDLED = "handled", _("handled")
        UNMATCHED = "unmatched", _("belongs to no mailing of ours")
        FAILED = "failed", _("could not be read")

    class Kind(models.TextChoices):
        UNKNOWN = "", _("not read yet")
        BOUNCE = "bounce", _("bounce")
        REPLY = "reply", _("reply")
        AUTO = "auto", _("automatic reply")
        COMPLAINT = "complaint", _("complaint")
        DROPPED = "dropped", _("from an officer’s own mail program")

    digest = models.CharField(
        max_length=64, unique=True, help_text="SHA-256 of envelope and message: the same one comes in once"
    )
    recipient = models.CharField(max_length=320, help_text="envelope")
    sender = models.CharField(max_length=320, blank=True, default="")
    raw = models.BinaryField()
    received_at = models.DateTimeField()
    state = models.CharField(max_length=9, choices=State.choices, default=State.NEW)
    kind = models.CharField(max_length=9, choices=Kind.choices, blank=True, default=Kind.UNKNOWN)
    note = models.CharField(max_length=300, blank=True, default="")
    mailing_id = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    handled_at = models.DateTimeField(null=True)
    forwarded_at = models.DateTimeField(null=True, help_text="a reply, to the sender's mailbox")

    objects = InboundQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["id"], name="inbound_new", condition=Q(state="new")),
            models.Index(
                fields=["id"],
                name="inbound_to_forward",
                condition=Q(state="handled", kind="reply", forwarded_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind or 'message'} to {self.recipient}"


class Interaction(UidModel):
    """A call, meeting, letter, message, or a reply (linked to its delivery).

    `person` and `organization` are the first of those who took part; all of them are its parties (campaigns.interactions), which
    is what screens and segments ask. One that was taken away keeps its words for the trail, and has no parties any more.
    """

    class Kind(models.TextChoices):
        REPLY = "reply", _("reply")
        CALL = "call", _("call")
        MEETING = "meeting", _("meeting")
        LETTER = "letter", _("letter")
        MESSAGE = "message", _("message")
        OTHER = "other", _("other")

    kind = models.CharField(max_length=8, choices=Kind.choices)
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="interactions")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.CASCADE, related_name="interactions"
    )
    mailing_id = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    inbound = models.OneToOneField(InboundMessage, null=True, on_delete=models.SET_NULL, related_name="interaction")
    subject = models.CharField(max_length=300, blank=True, default="")
    text = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    is_two_way = models.BooleanField(default=True, db_default=True, help_text="they talked with us, or answered")
    mentions = models.JSONField(
        default=list, blank=True, help_text="list of {kind, uid, label} that `text` names with @"
    )
    logged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    logged_at = models.DateTimeField(null=True, default=timezone.now, editable=False)
    form_key = models.UUIDField(
        null=True, unique=True, editable=False, help_text="of the form: saved twice is logged once"
    )
    removed_at = models.DateTimeField(null=True, editable=False, help_text="logged by mistake")
    answered_at = models.DateTimeField(null=True, help_text="a reply that somebody took care of")
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    objects = InteractionQuerySet.as_manager()

    class Meta:
        indexes = [
            models.Index(fields=["person", "-at"], name="interaction_person"),
            models.Index(fields=["organization", "-at"], name="interaction_organization"),
            models.Index(
                fields=["-at"], name="interaction_open_replies", condition=Q(kind="reply", answered_at__isnull=True)
            ),
            models.Index(fields=["mailing_id", "seq"], name="interaction_delivery"),
            models.Index(fields=["-at", "-id"], name="interaction_order", condition=Q(removed_at__isnull=True)),
        ]
        constraints = [
            models.CheckConstraint(
                name="interaction_kind_known",
                condition=Q(kind__in=["reply", "call", "meeting", "letter", "message", "other"]),
            ),
            models.CheckConstraint(
                name="interaction_reply_is_two_way", condition=~Q(kind="reply") | Q(is_two_way=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.at:%Y-%m-%d}"


class BounceRule(models.Model):
    """How many soft bounces within how many days make an address *bouncing*. One row, with key 1; without it the defaults hold."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1, editable=False)
    bounces = models.PositiveSmallIntegerField(default=3, help_text="a full mailbox once is no reason to give one up")
    days = models.PositiveSmallIntegerField(default=30)

    class Meta:
        constraints = [
            models.CheckConstraint(name="bounce_rule_is_single", condition=Q(id=1)),
            models.CheckConstraint(
                name="bounce_rule_bounces",
                condition=Q(bounces__range=(1, 20)),
                violation_error_message=_("Between 1 and 20 bounces."),
            ),
            models.CheckConstraint(
                name="bounce_rule_days",
                condition=Q(days__range=(1, 365)),
                violation_error_message=_("Between 1 and 365 days."),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.bounces} within {self.days} days"

    @classmethod
    def current(cls) -> "BounceRule":
        return cls.objects.filter(id=1).first() or cls()

    def said(self, count: int, *, is_bouncing: bool) -> str:
        """What a contact point says of itself after a soft bounce."""
        values = {"count": count, "bounces": self.bounces, "days": self.days}
        if is_bouncing:
            return _now("Bounced for now %(count)s times within %(days)s days (the rule: %(bounces)s).") % values
        return _now("Bounced for now: %(count)s of %(bounces)s within %(days)s days.") % values


class Inbox(SignsIn):
    """A mailbox elsewhere that is read over IMAP. Read are UIDs after `last_uid`, as long as `uidvalidity` is the folder's."""

    class Security(models.TextChoices):
        TLS = "tls", _("TLS from the first byte (port 993)")
        STARTTLS = "starttls", _("STARTTLS (port 143)")
        NONE = "none", _("none: for a server on this machine only")

    class After(models.TextChoices):
        MOVE = "move", _("move it to another folder")
        SEEN = "seen", _("leave it there, marked as read")

    name = models.CharField(max_length=80, unique=True)
    host = models.CharField(max_length=253)
    port = models.PositiveIntegerField(default=993)
    security = models.CharField(max_length=8, choices=Security.choices, default=Security.TLS)
    user = models.CharField(max_length=254)
    password = EncryptedField(blank=True, default="")
    folder = models.CharField(max_length=120, default="INBOX")
    after = models.CharField(max_length=4, choices=After.choices, default=After.MOVE)
    move_to = models.CharField(max_length=120, blank=True, default="Groundswell")
    archived_at = models.DateTimeField(null=True, blank=True, editable=False, help_text="not read any more")
    # where reading stands
    uidvalidity = models.BigIntegerField(default=0, editable=False)
    last_uid = models.BigIntegerField(default=0, editable=False)
    token = models.UUIDField(null=True, editable=False, help_text="the claim that reads it; null when free")
    lease_until = models.DateTimeField(null=True, editable=False)
    due_at = models.DateTimeField(null=True, editable=False, help_text="not before; empty: at once")
    last_read_at = models.DateTimeField(null=True, editable=False, help_text="when a round ended well")
    last_count = models.PositiveIntegerField(default=0, editable=False, help_text="messages of the last round")
    left = models.PositiveIntegerField(default=0, editable=False, help_text="known to wait after the last round")
    oldest_left_at = models.DateTimeField(null=True, editable=False)
    failures = models.PositiveSmallIntegerField(default=0, editable=False, help_text="in a row")
    failing_since = models.DateTimeField(null=True, editable=False)
    last_error = models.CharField(max_length=300, blank=True, default="", editable=False)

    objects = InboxQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="inbox_port",
                condition=Q(port__range=(1, 65535)),
                violation_error_message=_("A port is a number between 1 and 65535."),
            ),
            *token_constraints("inbox"),
            models.CheckConstraint(
                name="inbox_moves_somewhere_else",
                condition=~Q(after="move") | (~Q(move_to="") & ~Q(move_to=models.F("folder"))),
                violation_error_message=_("Name another folder to move to."),
            ),
            models.CheckConstraint(
                name="inbox_failing_says_why",
                condition=Q(failures=0, last_error="", failing_since__isnull=True)
                | (Q(failures__gt=0, failing_since__isnull=False) & ~Q(last_error="")),
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def token_user(self) -> str:
        return self.user

    def after_consent(self, moment: datetime) -> dict[str, Any]:
        """It is read at the next round."""
        return {"due_at": None}
