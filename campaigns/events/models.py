"""Events with their sessions and seats; invitations, the people who take part, and the letters that go to them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.events.queries import EventQuerySet, InvitationQuerySet, RegistrationQuerySet, SignUpQuerySet
from contacts.consent.models import QueuedLetter, given_up_says_why, letters_due
from contacts.directory.models import NamedModel
from crm.ids import StampedModel, UidModel
from crm.languages import text_in


class Event(NamedModel, StampedModel):
    """Something that people come to. `abouts` are texts by language.

    Begin and end are wall clocks in `zone` (stored as if UTC) with the computed UTC beside them. `taken` counts the seats that
    registrations hold: services change it under the row's lock, and the database never lets it pass the capacity.
    """

    class Kind(models.TextChoices):
        CONFERENCE = "conference", _("conference")
        TRAINING = "training", _("training")
        DISCUSSION = "discussion", _("policy discussion")
        WEBINAR = "webinar", _("webinar")

    class SignUps(models.TextChoices):
        CLOSED = "", _("nobody: by invitation only")
        STAFF = "staff", _("everybody, and we decide who gets a seat")
        OPEN = "open", _("everybody: a seat at once, or a place in the line")

    drive = models.ForeignKey("campaigns.Drive", on_delete=models.PROTECT, related_name="events")
    kind = models.CharField(max_length=10, choices=Kind.choices, default=Kind.CONFERENCE)
    slug = models.SlugField(max_length=60, unique=True, help_text="in its public address")
    abouts = models.JSONField(default=dict, blank=True)
    zone = models.CharField(max_length=64, default="UTC")
    starts_local = models.DateTimeField(help_text="wall clock in zone, stored as if UTC")
    ends_local = models.DateTimeField(help_text="wall clock in zone, stored as if UTC")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    country = models.ForeignKey("contacts.Country", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    place = models.CharField(max_length=300, blank=True, default="")
    online_url = models.URLField(max_length=1000, blank=True, default="", help_text="told to those who have a seat")
    capacity = models.PositiveIntegerField(null=True, blank=True, help_text="seats; empty for as many as come")
    taken = models.PositiveIntegerField(default=0, editable=False)
    guests_each = models.PositiveSmallIntegerField(default=0, help_text="how many each may bring")
    allows_delegate = models.BooleanField(default=True, help_text="who cannot come may send somebody else")
    answer_by = models.DateField(null=True, blank=True, help_text="the last day for answers, in its zone")
    is_public = models.BooleanField(default=False, help_text="its page can be seen by everybody")
    sign_ups = models.CharField(
        max_length=5,
        choices=SignUps.choices,
        blank=True,
        default=SignUps.CLOSED,
        help_text="who can sign up on its page",
    )
    form = models.OneToOneField(
        "campaigns.Form", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="event",
        help_text="what is asked of those who come",
    )  # fmt: skip
    # counts changes of time and place, so that calendars know the latest (RFC 5545, SEQUENCE)
    sequence = models.PositiveIntegerField(default=0, editable=False)
    cancelled_at = models.DateTimeField(null=True, blank=True, editable=False)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = EventQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="event_kind_known", condition=Q(kind__in=["conference", "training", "discussion", "webinar"])
            ),
            models.CheckConstraint(
                name="event_ends_after_it_begins",
                condition=Q(ends_at__gt=F("starts_at")),
                violation_error_message=_("It must end after it begins."),
            ),
            models.CheckConstraint(
                name="event_never_oversold", condition=Q(capacity__isnull=True) | Q(taken__lte=F("capacity"))
            ),
            models.CheckConstraint(
                name="event_public_is_somewhere",
                condition=Q(is_public=False) | ~Q(place="") | ~Q(online_url=""),
                violation_error_message=_(
                    "Say where it is, or give the link of the meeting, before its page is opened."
                ),
            ),
            models.CheckConstraint(name="event_guests_few", condition=Q(guests_each__lte=9)),
            models.CheckConstraint(name="event_sign_ups_known", condition=Q(sign_ups__in=["", "staff", "open"])),
        ]
        indexes = [
            models.Index(fields=["-starts_at", "-id"], name="event_order"),
            GinIndex(fields=["search_text"], name="event_search", opclasses=["gin_trgm_ops"]),
        ]

    def text(self, language: str) -> str:
        """What it is about, in a language, else in the installation's, else in any."""
        return text_in(self.abouts, language)[0]

    @property
    def is_over(self) -> bool:
        return self.ends_at <= timezone.now()

    @property
    def is_full(self) -> bool:
        return self.capacity is not None and self.taken >= self.capacity

    def takes_answers(self, now: datetime | None = None) -> bool:
        """Until its beginning, or the end of the last day for answers where it is."""
        now = now or timezone.now()
        if self.cancelled_at or self.archived_at or self.starts_at <= now:
            return False
        return self.answer_by is None or now.astimezone(ZoneInfo(self.zone)).date() <= self.answer_by

    def takes_sign_ups(self, now: datetime | None = None) -> bool:
        """Whether somebody without an invitation can ask for a seat on its page."""
        return bool(self.sign_ups) and self.is_public and self.takes_answers(now)

    def takes_answers_or_runs(self, now: datetime | None = None) -> bool:
        """Whether a free seat is still worth giving."""
        return self.cancelled_at is None and self.ends_at > (now or timezone.now())

    def local(self, moment: datetime) -> datetime:
        """A moment on the clocks where it is."""
        return moment.astimezone(ZoneInfo(self.zone))


class Session(UidModel):
    """A part of the programme, on the clocks of its event."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="sessions")
    title = models.CharField(max_length=300)
    starts_local = models.DateTimeField()
    ends_local = models.DateTimeField()
    place = models.CharField(max_length=200, blank=True, default="")

    class Meta:
        ordering = ["starts_local", "id"]
        constraints = [
            models.CheckConstraint(
                name="session_ends_after_it_begins",
                condition=Q(ends_local__gt=F("starts_local")),
                violation_error_message=_("A session must end after it begins."),
            ),
            models.CheckConstraint(name="session_has_a_title", condition=~Q(title="")),
        ]

    def __str__(self) -> str:
        return self.title


class Quota(models.Model):
    """The seats of one constituency. Who belongs to none of those named shares what the event has."""

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="quotas")
    constituency = models.ForeignKey("contacts.Constituency", on_delete=models.PROTECT, related_name="+")
    seats = models.PositiveIntegerField()
    taken = models.PositiveIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event", "constituency"], name="quota_once_a_constituency"),
            models.CheckConstraint(name="quota_never_oversold", condition=Q(taken__lte=F("seats"))),
        ]

    def __str__(self) -> str:
        return f"{self.constituency_id}: {self.taken}/{self.seats}"


class EventMailing(models.Model):
    """A mailing that is about an event; an invitation's audience becomes invitations when it is frozen."""

    class Purpose(models.TextChoices):
        INVITATION = "invitation", _("invitation")
        REMINDER = "reminder", _("reminder to those who did not answer")
        CAME = "came", _("to those who came")
        MISSED = "missed", _("to those who did not come")
        NEWS = "news", _("news")

    event = models.ForeignKey(Event, on_delete=models.CASCADE, related_name="mailings")
    mailing = models.OneToOneField("campaigns.Mailing", on_delete=models.CASCADE, related_name="event_mailing")
    purpose = models.CharField(max_length=10, choices=Purpose.choices, default=Purpose.INVITATION)

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="event_mailing_purpose_known",
                condition=Q(purpose__in=["invitation", "reminder", "came", "missed", "news"]),
            )
        ]

    def __str__(self) -> str:
        return f"{self.purpose} {self.event_id}"


class Invitation(StampedModel):
    """One person, or an institution without a named one, was asked to come. The answer stands here; who comes, in Registration."""

    class Answer(models.TextChoices):
        NONE = "", _("no answer yet")
        YES = "yes", _("yes")
        MAYBE = "maybe", _("maybe")
        NO = "no", _("no")
        OTHER = "other", _("sends somebody else")

    class Road(models.TextChoices):
        NONE = "", ""
        LINK = "link", _("by the link")
        REPLY = "reply", _("by reply to the mail")
        CALENDAR = "calendar", _("from their calendar")
        STAFF = "staff", _("noted by us")

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="invitations")
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="invitations")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.CASCADE, related_name="invitations"
    )
    post = models.ForeignKey("contacts.Post", null=True, on_delete=models.SET_NULL, related_name="+")
    # the delivery that carried it first: replies to our letters come back by its address
    mailing_id = models.BigIntegerField(null=True)
    seq = models.IntegerField(null=True)
    email = models.CharField(max_length=320, blank=True, default="")
    language = models.CharField(max_length=8, blank=True, default="")
    answer = models.CharField(max_length=5, choices=Answer.choices, blank=True, default=Answer.NONE)
    answered_at = models.DateTimeField(null=True)
    came_by = models.CharField(max_length=8, choices=Road.choices, blank=True, default=Road.NONE)
    note = models.CharField(max_length=1000, blank=True, default="", help_text="what they said with it")
    answers = models.JSONField(default=dict, blank=True, help_text="to the questions of the event, see campaigns.forms")

    objects = InvitationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="invitation_is_somebodys", condition=Q(person__isnull=False) | Q(organization__isnull=False)
            ),
            models.UniqueConstraint(fields=["event", "person"], name="invitation_once_a_person"),
            models.UniqueConstraint(
                fields=["event", "organization"],
                name="invitation_once_an_institution",
                condition=Q(person__isnull=True),
            ),
            models.CheckConstraint(
                name="invitation_answer_known", condition=Q(answer__in=["", "yes", "maybe", "no", "other"])
            ),
            models.CheckConstraint(
                name="invitation_answered_has_time",
                condition=Q(answer="", answered_at__isnull=True) | (~Q(answer="") & Q(answered_at__isnull=False)),
            ),
        ]
        indexes = [
            models.Index(fields=["event", "-answered_at", "-id"], name="invitation_list"),
            models.Index(fields=["mailing_id", "seq"], name="invitation_delivery"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def subject(self) -> Any:
        return self.person or self.organization

    @property
    def label(self) -> str:
        return str(self.subject.label) if self.subject else ""


class InvitationFile(models.Model):
    """A file that somebody sent with their answers; its content is stored once (`campaigns/files`)."""

    invitation = models.ForeignKey(Invitation, on_delete=models.CASCADE, related_name="files")
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["invitation", "file"], name="invitation_file_once")]

    def __str__(self) -> str:
        return f"{self.invitation_id}: {self.file_id}"


class Registration(StampedModel):
    """One human who comes, or waits for a seat: who was invited, somebody sent instead, a guest, or who just walked in."""

    class Role(models.TextChoices):
        INVITED = "invited", _("invited")
        DELEGATE = "delegate", _("sent by their institution")
        GUEST = "guest", _("guest")
        WALK_IN = "walk_in", _("walked in")
        SIGNED_UP = "self", _("signed up")

    class State(models.TextChoices):
        SEAT = "seat", _("has a seat")
        WAITING = "waiting", _("on the waiting list")
        GONE = "gone", _("does not come any more")

    ACTIVE = (State.SEAT, State.WAITING)

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="registrations")
    invitation = models.ForeignKey(Invitation, null=True, on_delete=models.CASCADE, related_name="registrations")
    host = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="guests")
    role = models.CharField(max_length=8, choices=Role.choices)
    state = models.CharField(max_length=7, choices=State.choices)
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=320, blank=True, default="")
    address_hash = models.BinaryField(max_length=32, null=True)
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="registrations")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.SET_NULL, related_name="registrations"
    )
    organization_name = models.CharField(max_length=300, blank=True, default="")
    constituency = models.ForeignKey("contacts.Constituency", null=True, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=8, blank=True, default="")
    asked_at = models.DateTimeField(help_text="since when they stand in the line")
    seated_at = models.DateTimeField(null=True)
    gone_at = models.DateTimeField(null=True)
    came_at = models.DateTimeField(null=True, help_text="checked in")
    calendar_sequence = models.PositiveIntegerField(default=0, help_text="of the last calendar entry sent to them")

    objects = RegistrationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="registration_state_and_times",
                condition=Q(state="seat", seated_at__isnull=False, gone_at__isnull=True)
                | Q(state="waiting", seated_at__isnull=True, gone_at__isnull=True)
                | Q(state="gone", gone_at__isnull=False),
            ),
            models.CheckConstraint(
                name="registration_role_known",
                condition=Q(role__in=["invited", "delegate", "guest", "walk_in", "self"]),
            ),
            models.CheckConstraint(name="registration_has_a_name", condition=~Q(name="")),
            models.UniqueConstraint(
                fields=["invitation"],
                name="registration_one_each_invitation",
                condition=Q(state__in=["seat", "waiting"], role__in=["invited", "delegate"]),
            ),
            models.CheckConstraint(
                name="registration_guest_has_a_host", condition=~Q(role="guest") | Q(host__isnull=False)
            ),
        ]
        indexes = [
            models.Index(fields=["event", "state", "asked_at", "id"], name="registration_line"),
            models.Index(fields=["address_hash"], name="registration_address"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def of(self) -> str:
        """The institution, as it is known or as they wrote it."""
        return self.organization.label if self.organization else self.organization_name


class SignUp(StampedModel):
    """Somebody without an invitation asked for a seat on the event's page. Until the address is confirmed by its holder it is a claim of
    anybody's: nobody is looked up, and no seat is held."""

    class State(models.TextChoices):
        ASKED = "asked", _("waits for the confirmation of the address")
        CONFIRMED = "confirmed", _("waits for a decision")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    MOVES: ClassVar[dict[str, tuple[str, ...]]] = {
        State.ASKED: (State.CONFIRMED, State.ACCEPTED),
        State.CONFIRMED: (State.ACCEPTED, State.DECLINED),
        State.ACCEPTED: (),
        State.DECLINED: (State.CONFIRMED,),
    }
    OPEN = (State.ASKED, State.CONFIRMED)

    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="asked")
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    name = models.CharField(max_length=200)
    email = models.CharField(max_length=320)
    address_hash = models.BinaryField(max_length=32)
    organization_name = models.CharField(max_length=300, blank=True, default="")
    country = models.ForeignKey("contacts.Country", null=True, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=8, blank=True, default="")
    note = models.CharField(max_length=1000, blank=True, default="")
    answers = models.JSONField(default=dict, blank=True, help_text="to the questions of the event, see campaigns.forms")
    confirmed_at = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.CharField(max_length=1000, blank=True, default="", help_text="told with the refusal")
    registration = models.ForeignKey(
        Registration,
        null=True,
        on_delete=models.SET_NULL,
        related_name="sign_ups",
        help_text="the seat that came of it",
    )

    objects = SignUpQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="sign_up_state_and_times",
                condition=Q(state="asked", confirmed_at__isnull=True, decided_at__isnull=True)
                | Q(state="confirmed", confirmed_at__isnull=False, decided_at__isnull=True)
                | Q(state__in=["accepted", "declined"], confirmed_at__isnull=False, decided_at__isnull=False),
            ),
            models.CheckConstraint(name="sign_up_has_a_name", condition=~Q(name="")),
            models.UniqueConstraint(
                fields=["event", "address_hash"],
                name="sign_up_open_once_an_address",
                condition=Q(state__in=["asked", "confirmed"]),
            ),
        ]
        indexes = [
            models.Index(fields=["event", "created_at", "id"], name="sign_up_queue", condition=Q(state="confirmed")),
            models.Index(fields=["created_at"], name="sign_up_unconfirmed", condition=Q(state="asked")),
            models.Index(fields=["address_hash"], name="sign_up_address"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        return self.name


class SignUpFile(models.Model):
    """A file that somebody sent when they signed up; its content is stored once (`campaigns/files`)."""

    sign_up = models.ForeignKey(SignUp, on_delete=models.CASCADE, related_name="files")
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["sign_up", "file"], name="sign_up_file_once")]

    def __str__(self) -> str:
        return f"{self.sign_up_id}: {self.file_id}"


class CheckIn(models.Model):
    """Something that a door noted. The device makes `key`: sent twice it is one row, whenever it gets through."""

    key = models.UUIDField(unique=True)
    event = models.ForeignKey(Event, on_delete=models.PROTECT, related_name="check_ins")
    registration = models.ForeignKey(Registration, on_delete=models.CASCADE, related_name="check_ins")
    is_out = models.BooleanField(default=False, help_text="taken back")
    at = models.DateTimeField(help_text="by the device's clock, never later than we heard of it")
    noted_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["registration", "-at"], name="check_in_of")]

    def __str__(self) -> str:
        return f"{self.registration_id} {self.at:%H:%M}"


class EventLetter(QueuedLetter):
    """A letter that is to go to somebody who takes part; a task claims and sends it, once."""

    class About(models.TextChoices):
        SEAT = "seat", _("has a seat")
        WAITING = "waiting", _("is on the waiting list")
        MOVED_UP = "moved_up", _("moved up from the waiting list")
        CHANGED = "changed", _("time or place changed")
        RELEASED = "released", _("does not come any more")
        CANCELLED = "cancelled", _("the event does not take place")
        CONFIRM = "confirm", _("asks to confirm the address")
        DECLINED = "declined", _("gets no seat")

    registration = models.ForeignKey(Registration, null=True, on_delete=models.CASCADE, related_name="letters")
    sign_up = models.ForeignKey(SignUp, null=True, on_delete=models.CASCADE, related_name="letters")
    about = models.CharField(max_length=9, choices=About.choices)
    sequence = models.PositiveIntegerField(default=0, help_text="of the calendar entry in it")

    class Meta:
        constraints = [
            given_up_says_why("event_letter_given_up_says_why"),
            models.CheckConstraint(
                name="event_letter_is_somebodys",
                condition=Q(registration__isnull=False, sign_up__isnull=True)
                | Q(registration__isnull=True, sign_up__isnull=False),
            ),
        ]
        indexes = [letters_due("event_letter_due")]

    def __str__(self) -> str:
        return f"{self.about}: {self.registration_id or self.sign_up_id}"


def wall_clock(local: datetime) -> datetime:
    """A clock time without zone as it is stored."""
    return local.replace(tzinfo=UTC)
