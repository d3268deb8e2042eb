"""Permission, as an append-only ledger, its current state, and addresses that must never be written to."""

from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import NamedModel
from crm.ids import StampedModel


class Topic(NamedModel, StampedModel):
    """What somebody subscribes to."""

    code = models.SlugField(max_length=40, unique=True)
    description = models.TextField(blank=True, default="")
    descriptions = models.JSONField(default=dict, blank=True, help_text="language → text")
    is_public = models.BooleanField(default=True, help_text="offered on the preference page")
    position = models.PositiveSmallIntegerField(default=100)
    archived_at = models.DateTimeField(null=True, blank=True)

    @property
    def description_label(self) -> str:
        """The description in the reader's language, else the default one."""
        return str(self.descriptions.get((get_language() or "en").split("-")[0]) or self.description)


class SubjectKind(models.TextChoices):
    PERSON = "person", _("person")
    ORGANIZATION = "organization", _("organization")


class LawfulBasis(models.TextChoices):
    """GDPR article 6(1), as far as it fits a campaign's mail."""

    CONSENT = "consent", _("consent")
    LEGITIMATE_INTEREST = "legitimate_interest", _("legitimate interest")
    PUBLIC_TASK = "public_task", _("public task")
    CONTRACT = "contract", _("contract or membership")


class ConsentAction(models.TextChoices):
    GRANT = "grant", _("given")
    WITHDRAW = "withdraw", _("withdrawn")


class ConsentEvent(models.Model):
    """A permission given or withdrawn. Never changed (a trigger sees to it); `consent_state` follows by trigger."""

    subject_uid = models.UUIDField(help_text="no foreign key: the ledger outlives the row")
    subject_kind = models.CharField(max_length=12, choices=SubjectKind.choices)
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=12, default="email")
    action = models.CharField(max_length=8, choices=ConsentAction.choices)
    lawful_basis = models.CharField(max_length=24, choices=LawfulBasis.choices, blank=True, default="")
    source = models.CharField(max_length=120, help_text="where it came from: form, import, one-click, officer …")
    evidence = models.TextField(blank=True, default="")
    at = models.DateTimeField()
    actor_uid = models.UUIDField(null=True)
    address_hash = models.BinaryField(max_length=32, null=True, help_text="the address it was given for, when known")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="consent_grant_has_basis", condition=Q(action="withdraw") | ~Q(lawful_basis="")
            ),
            models.CheckConstraint(name="consent_action_known", condition=Q(action__in=ConsentAction.values)),
            models.CheckConstraint(name="consent_subject_known", condition=Q(subject_kind__in=SubjectKind.values)),
        ]
        indexes = [models.Index(fields=["subject_uid", "topic", "channel", "-at", "-id"], name="consent_event_subject")]

    def __str__(self) -> str:
        return f"{self.action} {self.topic_id} {self.subject_uid}"


class ConsentState(models.Model):
    """The last word of the ledger per subject, topic and channel. Written by the ledger's trigger only."""

    subject_uid = models.UUIDField()
    subject_kind = models.CharField(max_length=12, choices=SubjectKind.choices)
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+")
    channel = models.CharField(max_length=12, default="email")
    is_granted = models.BooleanField()
    lawful_basis = models.CharField(max_length=24, blank=True, default="")
    at = models.DateTimeField()
    event_id = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["subject_uid", "topic", "channel"], name="consent_state_once")]
        indexes = [
            models.Index(
                fields=["topic", "channel", "subject_uid"], name="consent_granted", condition=Q(is_granted=True)
            )
        ]

    def __str__(self) -> str:
        return f"{self.subject_uid} {self.topic_id}: {self.is_granted}"


class Suppression(models.Model):
    """An address that must not be written to. It survives erasure, and no import or merge ever lifts it."""

    class Reason(models.TextChoices):
        COMPLAINT = "complaint", _("complained")
        UNSUBSCRIBED = "unsubscribed", _("unsubscribed from everything")
        MANUAL = "manual", _("asked us to stop")
        ERASED = "erased", _("erased")
        INVALID = "invalid", _("address does not exist")

    address_hash = models.BinaryField(max_length=32, unique=True)
    key_id = models.CharField(max_length=8)
    reason = models.CharField(max_length=14, choices=Reason.choices)
    source = models.CharField(max_length=120, blank=True, default="")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="suppression_reason_known",
                condition=Q(reason__in=["complaint", "unsubscribed", "manual", "erased", "invalid"]),
            )
        ]

    def __str__(self) -> str:
        return self.reason
