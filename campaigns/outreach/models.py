"""What comes in, and two-way touches with institutions."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _now
from django.utils.translation import gettext_lazy as _

from campaigns.outreach.queries import InboundQuerySet, InteractionQuerySet
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
    """A call, meeting, letter, or a reply (linked to its delivery)."""

    class Kind(models.TextChoices):
        REPLY = "reply", _("reply")
        CALL = "call", _("call")
        MEETING = "meeting", _("meeting")
        LETTER = "letter", _("letter")
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
    logged_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
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
