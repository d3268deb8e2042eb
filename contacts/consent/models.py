"""Permission, as an append-only ledger, its current state, and addresses that must never be written to."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from contacts.directory.models import ContactPoint, NamedModel
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
    # no index: nobody asks for all that was ever said on a topic, and who allows it now is in consent_granted
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+", db_index=False)
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
    # no index (consent_granted has who allows it now), and no foreign key: its event, which is never deleted, has one
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+", db_index=False, db_constraint=False)
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


class Way(models.TextChoices):
    """How staff come by a permission."""

    RECORD = "record", _("Record a permission that they gave")
    ASK = "ask", _("Ask them by mail, and record it when they confirm")


class Outcome(models.TextChoices):
    """What became of one subject of a subscription; all but the first two were left out."""

    GRANTED = "granted", _("recorded")
    ASKED = "asked", _("asked by mail")
    ALREADY = "already", _("allowed it before")
    WITHDRAWN = "withdrawn", _("withdrew it; only they can give it again")
    SUPPRESSED = "suppressed", _("an address of theirs is suppressed")
    NO_ADDRESS = "no_address", _("no usable e-mail address of their own")
    ASKED_LATELY = "asked_lately", _("asked not long ago")
    GONE = "gone", _("no longer in the directory")


class SubscriptionRun(StampedModel):
    """Staff subscribe a selection to a topic: what they gave for it, and what became of each."""

    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+")
    subject_kind = models.CharField(max_length=12, choices=SubjectKind.choices)
    way = models.CharField(max_length=6, choices=Way.choices)
    lawful_basis = models.CharField(max_length=24, choices=LawfulBasis.choices)
    source = models.CharField(max_length=120)
    evidence = models.TextField()
    label = models.CharField(max_length=200, help_text="what was selected, in words")
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    job = models.ForeignKey("crm.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    counts = models.JSONField(default=dict, help_text="outcome → subjects, when it is over")
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="subscription_is_founded", condition=~Q(lawful_basis="") & ~Q(source="") & ~Q(evidence="")
            ),
            models.CheckConstraint(
                name="subscription_asks_for_consent", condition=~Q(way="ask") | Q(lawful_basis="consent")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.label} → {self.topic_id}"


class SubscriptionRow(models.Model):
    """One subject of a run; `outcome` is empty until it was dealt with."""

    run = models.ForeignKey(SubscriptionRun, on_delete=models.CASCADE, related_name="rows")
    subject_uid = models.UUIDField()
    outcome = models.CharField(max_length=12, choices=Outcome.choices, blank=True, default="")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["run", "subject_uid"], name="subscription_row_once")]
        indexes = [models.Index(fields=["run", "outcome", "id"], name="subscription_row_outcome")]

    def __str__(self) -> str:
        return f"{self.run_id}: {self.subject_uid} {self.outcome}"


class QueuedLetter(models.Model):
    """A letter that somebody waits for: a task claims it and sends it, once (contacts.consent.letters). Each lane has a table of its own."""

    due_at = models.DateTimeField()
    tries = models.PositiveSmallIntegerField(default=0)
    problem = models.CharField(max_length=300, blank=True, default="")
    sent_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True, help_text="given up: `problem` says why")

    class Meta:
        abstract = True


def given_up_says_why(name: str) -> models.CheckConstraint:
    """A letter that was given up says why."""
    return models.CheckConstraint(name=name, condition=Q(closed_at__isnull=True) | ~Q(problem=""))


def letters_due(name: str) -> models.Index:
    """Those that are still to go, in their order."""
    waiting = Q(sent_at__isnull=True, closed_at__isnull=True)
    return models.Index(fields=["due_at", "id"], name=name, condition=waiting)


class OptInRequest(StampedModel):
    """A mail that asks for a permission (double opt-in). The address itself stands on the contact point only."""

    class State(models.TextChoices):
        WAITING = "waiting", _("waits to be mailed")
        SENT = "sent", _("mailed, not answered yet")
        CONFIRMED = "confirmed", _("confirmed")
        REVOKED = "revoked", _("taken back")
        EXPIRED = "expired", _("expired without an answer")

    OPEN = (State.WAITING, State.SENT)

    subject_uid = models.UUIDField()
    subject_kind = models.CharField(max_length=12, choices=SubjectKind.choices)
    topic = models.ForeignKey(Topic, on_delete=models.PROTECT, related_name="+")
    contact_point = models.ForeignKey(ContactPoint, null=True, on_delete=models.SET_NULL, related_name="+")
    address_hash = models.BinaryField(max_length=32, help_text="so that an address is asked once, whoever has it")
    language = models.CharField(max_length=8)
    source = models.CharField(max_length=120)
    evidence = models.TextField(blank=True, default="", help_text="why they are asked")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(max_length=9, choices=State.choices, default=State.WAITING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(help_text="not mailed before")
    problem = models.CharField(max_length=300, blank=True, default="", help_text="why it is not mailed yet")
    sent_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["address_hash", "topic"], name="opt_in_open_once", condition=Q(state__in=["waiting", "sent"])
            ),
            models.CheckConstraint(
                name="opt_in_sent_expires",
                condition=~Q(state__in=["sent", "confirmed"]) | Q(sent_at__isnull=False, expires_at__isnull=False),
            ),
            models.CheckConstraint(
                name="opt_in_closed_has_time",
                condition=Q(state__in=["waiting", "sent"], closed_at__isnull=True)
                | Q(state__in=["confirmed", "revoked", "expired"], closed_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at", "id"], name="opt_in_due", condition=Q(state="waiting")),
            models.Index(fields=["subject_uid", "-id"], name="opt_in_subject"),
            models.Index(fields=["-id"], name="opt_in_open", condition=Q(state__in=["waiting", "sent"])),
        ]

    def __str__(self) -> str:
        return f"{self.subject_uid} {self.topic_id}: {self.state}"

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN


class Erasure(StampedModel):
    """One person's erasure, and what it did. Kept for good: it holds a uid and keyed hashes, nothing that names anybody.

    Each is also a line of the append-only file ERASURE_LOG, which a restored backup is compared with.
    """

    class Reason(models.TextChoices):
        REQUEST = "request", _("they asked for it")
        RETENTION = "retention", _("no longer needed")
        MISTAKE = "mistake", _("should never have been recorded")

    person_uid = models.UUIDField(unique=True)
    uids = ArrayField(models.UUIDField(), help_text="the person's, and those that were merged into it")
    address_hashes = models.JSONField(default=dict, help_text="key id → hashes in hex, of the addresses suppressed")
    reason = models.CharField(max_length=9, choices=Reason.choices)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    job = models.ForeignKey("crm.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    counts = models.JSONField(default=dict, help_text="name of what was reached → rows, as each was done")
    logged_at = models.DateTimeField(null=True, help_text="when its line was safely in ERASURE_LOG")
    finished_at = models.DateTimeField(null=True)
    is_replayed = models.BooleanField(default=False, help_text="came from the log, after a restore")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="erasure_logged_first", condition=Q(finished_at__isnull=True) | Q(logged_at__isnull=False)
            )
        ]

    def __str__(self) -> str:
        return f"{self.person_uid} ({self.reason})"


class DataExport(StampedModel):
    """What is held about one person, as files that go again after some days."""

    person_uid = models.UUIDField(db_index=True)
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    job = models.ForeignKey("crm.Job", null=True, on_delete=models.SET_NULL, related_name="+")
    machine = models.FileField(upload_to="personal/", blank=True, help_text="JSON")
    readable = models.FileField(upload_to="personal/", blank=True, help_text="HTML")
    printed = models.FileField(upload_to="personal/", blank=True, help_text="PDF")
    ready_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    FILES = ("machine", "readable", "printed")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="data_export_expires", condition=Q(ready_at__isnull=True) | Q(expires_at__isnull=False)
            )
        ]
        indexes = [models.Index(fields=["expires_at"], name="data_export_expiry", condition=~Q(machine=""))]

    def __str__(self) -> str:
        return str(self.person_uid)

    def delete_files(self) -> None:
        """From the disk; the row has no files then, and is not saved."""
        for name in self.FILES:
            getattr(self, name).delete(save=False)
            setattr(self, name, "")
