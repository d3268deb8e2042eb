"""The ledger. High-volume rows have composite keys, no uid, and no foreign keys out (an audit query instead).

`delivery` is partitioned by mailing (ranges of them, and large ones alone) and `feedback` is small; the tables themselves are made in migrations 0002 and 0031,
so these models say what is in them.
"""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class Outcome(models.TextChoices):
    """audience = the sum of these, at every moment."""

    PENDING = "pending", _("waiting")
    IN_FLIGHT = "in_flight", _("in flight")
    DEFERRED = "deferred", _("deferred, will be tried again")
    ACCEPTED = "accepted", _("accepted")
    FAILED = "failed", _("failed")
    SKIPPED = "skipped", _("skipped, with reasons")
    CANCELLED = "cancelled", _("cancelled")
    UNCERTAIN = "uncertain", _("uncertain")


class SkipReason(models.TextChoices):
    """Each skipped person has one reason, the first of these; the others are listed behind it."""

    ERASED = "erased", _("erased")
    SUPPRESSED = "suppressed", _("asked never to be written to")
    NO_ADDRESS = "no_address", _("no e-mail address")
    BAD_ADDRESS = "bad_address", _("address invalid or bouncing")
    NO_PERMISSION = "no_permission", _("no permission for this topic")
    SAME_ADDRESS = "same_address", _("same address as somebody else here")
    NO_VARIANT = "no_variant", _("no version in a language they read")
    TOO_RECENT = "too_recent", _("written to too recently")
    SAME_DAY = "same_day", _("another mailing that day")


class Delivery(models.Model):
    """One message to one contact point, in a capacity copied at freeze. Key (mailing, seq); seq counts from 1."""

    pk = models.CompositePrimaryKey("mailing_id", "seq")
    mailing_id = models.BigIntegerField()
    seq = models.IntegerField()
    state = models.CharField(max_length=9, choices=Outcome.choices)
    skip_reason = models.CharField(max_length=14, choices=SkipReason.choices, blank=True, default="")
    skip_also = ArrayField(models.CharField(max_length=14), default=list)
    address = models.CharField(max_length=320, blank=True, default="", help_text="as it stood; blanked by erasure")
    # NULL for rows skipped at freeze, so that the unique index (mailing, key) leaves them out
    address_key = models.CharField(max_length=320, null=True, help_text="normal form")  # noqa: DJ001
    address_hash = models.BinaryField(max_length=32, null=True)
    variant_id = models.BigIntegerField(null=True)
    # the capacity, copied: merge fields, tracking rules and reports use the copy
    person_id = models.BigIntegerField(null=True)
    post_id = models.BigIntegerField(null=True)
    organization_id = models.BigIntegerField(null=True)
    contact_point_id = models.BigIntegerField(null=True)
    constituency_code = models.CharField(max_length=12, blank=True, default="")
    country_code = models.CharField(max_length=2, blank=True, default="")
    language = models.CharField(max_length=8, blank=True, default="")
    is_tracked = models.BooleanField(default=True, help_text="per person; off for members of workers' organizations")
    fields = models.JSONField(default=dict, help_text="merge fields: a dict of scalars")
    copy_of = models.IntegerField(null=True, help_text="of a visible copy: the seq of the letter whose text it shows")
    # what happened
    attempts = models.SmallIntegerField(default=0)
    first_attempt_at = models.DateTimeField(null=True, help_text="the message's Date, the same on each try")
    last_attempt_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    reply_code = models.SmallIntegerField(null=True, help_text="SMTP")
    reply_text = models.TextField(blank=True, default="", help_text="in full where it failed")

    class Meta:
        managed = False
        db_table = "delivery"

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.seq} {self.state}"

    @property
    def shown_seq(self) -> int:
        """The number in the reference that its message shows: a copy shows its letter's."""
        return self.copy_of or self.seq


class DeliveryChunk(models.Model):
    """A range of seq that one worker claims with FOR UPDATE SKIP LOCKED; the live bar sums its counts."""

    mailing_id = models.BigIntegerField()
    first_seq = models.IntegerField()
    last_seq = models.IntegerField()
    token = models.UUIDField(null=True, help_text="the claim that holds it; null when free")
    lease_until = models.DateTimeField(null=True)
    due_at = models.DateTimeField(help_text="not before")
    slot = models.SmallIntegerField(null=True, help_text="the country's, of a mailing with hours; see DeliverySlot")
    is_open = models.BooleanField(default=True, db_default=True, help_text="off while its slot waits")
    is_done = models.BooleanField(default=False, help_text="no row of it is pending or in flight")
    counts = models.JSONField(default=dict, help_text="outcome → rows")
    rolled_seqs = ArrayField(
        models.IntegerField(), null=True, help_text="accepted rows that count for their people although it is not done"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing_id", "first_seq"], name="delivery_chunk_once"),
            models.CheckConstraint(name="delivery_chunk_range", condition=Q(last_seq__gte=models.F("first_seq"))),
        ]
        indexes = [models.Index(fields=["due_at", "id"], name="delivery_chunk_due", condition=Q(is_done=False))]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.first_seq}–{self.last_seq}"


class DeliverySlot(models.Model):
    """When one country's recipients may get a mailing that is sent by their clock. Its chunks are open while it is.

    A slot is opened by the sweeper, which is where it is judged: one whose time passed too long ago is late instead, and waits
    for an approver, while others go on.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("waiting for its time")
        OPEN = "open", _("open")
        LATE = "late", _("too late, waiting for an approver")
        LEFT_OUT = "left_out", _("left out, because it was too late")

    mailing_id = models.BigIntegerField()
    number = models.SmallIntegerField()
    country_code = models.CharField(max_length=2, blank=True, default="", help_text="empty: whose country is not known")
    zone = models.CharField(max_length=64)
    due_at = models.DateTimeField()
    closes_at = models.DateTimeField(null=True, help_text="then it waits for its next opening")
    state = models.CharField(max_length=8, choices=State.choices, default=State.WAITING)
    people = models.PositiveIntegerField(help_text="to send to, when it was frozen")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing_id", "number"], name="delivery_slot_once"),
            models.CheckConstraint(
                name="delivery_slot_closes_after_it_opens",
                condition=Q(closes_at__isnull=True) | Q(closes_at__gt=models.F("due_at")),
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="delivery_slot_due", condition=Q(state="waiting")),
            models.Index(fields=["closes_at"], name="delivery_slot_closing", condition=Q(state="open")),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id} {self.country_code} {self.due_at}"


class DeliveryRetry(models.Model):
    """A deferred delivery's next try."""

    mailing_id = models.BigIntegerField()
    seq = models.IntegerField()
    due_at = models.DateTimeField()
    token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailing_id", "seq"], name="delivery_retry_once")]
        indexes = [models.Index(fields=["due_at"], name="delivery_retry_due")]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.seq}"


class DeliveryEvidence(models.Model):
    """That a message was taken, told by somebody else than the server it was given to, before the ledger knew its answer.

    Filed at once, applied as soon as its delivery is not in flight; then it is removed.
    """

    class Source(models.TextChoices):
        LOG = "log", _("mail server’s log")
        SERVICE = "service", _("mailing service")

    mailing_id = models.BigIntegerField()
    seq = models.IntegerField()
    source = models.CharField(max_length=7, choices=Source.choices)
    text = models.CharField(max_length=300, blank=True, default="")
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["mailing_id", "seq"], name="delivery_evidence_once"),
            models.CheckConstraint(name="delivery_evidence_source_known", condition=Q(source__in=["log", "service"])),
        ]

    def __str__(self) -> str:
        return f"{self.mailing_id}/{self.seq} by {self.source}"


class BreakerPause(models.Model):
    """A mailing that a transport's circuit breaker paused; it goes on by itself. What a person paused is not here."""

    mailing_id = models.BigIntegerField(unique=True)
    transport_id = models.BigIntegerField(db_index=True)
    at = models.DateTimeField(default=timezone.now, help_text="since when, over all tries between")
    is_trial = models.BooleanField(
        default=False,
        db_default=False,
        help_text="it goes out again, a message at a time, to find out whether the road is open",
    )
    claimed_until = models.DateTimeField(null=True, help_text="by the one run that tries")

    def __str__(self) -> str:
        return f"{self.mailing_id} by {self.transport_id}"


class LastRun(models.Model):
    """When a worker was at a mailing last, to a minute; see lateness.py."""

    mailing_id = models.BigIntegerField(unique=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.mailing_id} at {self.at}"


class AuditNight(models.Model):
    """One night's audit of all mailings: how far it is, and what does not add up. One a day, claimed by a lease."""

    day = models.DateField(unique=True)
    token = models.UUIDField(null=True, help_text="the claim that holds it")
    lease_until = models.DateTimeField(null=True)
    after_id = models.BigIntegerField(default=0, help_text="the mailing that was audited last, by its key")
    mailings = models.PositiveIntegerField(default=0, help_text="audited so far")
    problems = models.JSONField(default=list, help_text="[{mailing, name, sentences}] of those that do not add up")
    started_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="audit_night_claim_has_its_lease",
                condition=Q(token__isnull=True, lease_until__isnull=True)
                | Q(token__isnull=False, lease_until__isnull=False),
            ),
            models.CheckConstraint(
                name="audit_night_over_is_free", condition=Q(finished_at__isnull=True) | Q(token__isnull=True)
            ),
        ]

    def __str__(self) -> str:
        return f"{self.day}: {self.mailings}"


class Feedback(models.Model):
    """What came back after *accepted*: a bounce or a complaint. It never changes the ledger's last word."""

    class Kind(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", _("bounced: will never arrive")
        SOFT_BOUNCE = "soft_bounce", _("bounced for now")
        COMPLAINT = "complaint", _("complained")

    mailing_id = models.BigIntegerField()
    seq = models.IntegerField()
    kind = models.CharField(max_length=12, choices=Kind.choices)
    status = models.CharField(max_length=12, blank=True, default="", help_text="RFC 3463, e.g. 5.1.1")
    reason = models.CharField(max_length=300, blank=True, default="")
    inbound_id = models.BigIntegerField(null=True)
    at = models.DateTimeField()
    position = models.BigIntegerField(null=True, unique=True, editable=False, help_text="in the feed; given afterwards")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["mailing_id", "seq", "kind"], name="feedback_once")]
        indexes = [
            models.Index(fields=["at"], name="feedback_at"),
            models.Index(fields=["id"], name="feedback_unplaced", condition=Q(position__isnull=True)),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.mailing_id}/{self.seq}"
