"""The composition that an event asks for, each delegation's seats, who may name people, whom they named, and what is still to be done."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.delegations.queries import (
    CompositionQuerySet,
    DelegateStepQuerySet,
    DelegationQuerySet,
    NominationQuerySet,
    NominatorQuerySet,
)
from contacts.consent.models import QueuedLetter, given_up_says_why, letters_due
from crm.ids import StampedModel, UidModel
from crm.languages import text_in


class Role(models.TextChoices):
    DELEGATE = "delegate", _("delegate")
    SUBSTITUTE = "substitute", _("substitute")
    ADVISER = "adviser", _("adviser")
    OBSERVER = "observer", _("observer")


ROLES = ["delegate", "substitute", "adviser", "observer"]


class Composition(StampedModel):
    """What an event asks of every delegation; each may have seats, a day and a language of its own."""

    event = models.OneToOneField("campaigns.Event", on_delete=models.CASCADE, related_name="composition")
    nominate_by = models.DateField(help_text="the last day for naming people, where the event is")
    asks_passport = models.BooleanField(
        default=False, help_text="the name as it stands in the passport, for visa letters"
    )
    sender = models.ForeignKey(
        "campaigns.Sender",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text="who signs letters",
    )
    officer = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+", help_text="who gets the tasks"
    )
    letter_texts = models.JSONField(default=dict, blank=True, help_text="what letters also say; {language: text}")

    objects = CompositionQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="composition_has_a_sensible_day", condition=Q(nominate_by__gte=date(2000, 1, 1))
            )
        ]

    def __str__(self) -> str:
        return f"delegations of {self.event_id}"


class SeatRule(models.Model):
    """So many seats of one role for one constituency, in each delegation."""

    composition = models.ForeignKey(Composition, on_delete=models.CASCADE, related_name="rules")
    constituency = models.ForeignKey("contacts.Constituency", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices)
    seats = models.PositiveSmallIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["composition", "constituency", "role"], name="seat_rule_once"),
            models.CheckConstraint(name="seat_rule_role_known", condition=Q(role__in=ROLES)),
            models.CheckConstraint(name="seat_rule_counts", condition=Q(seats__gte=1, seats__lte=99)),
        ]

    def __str__(self) -> str:
        return f"{self.constituency_id} {self.role}: {self.seats}"


class Paper(models.TextChoices):
    """A letter as PDF that a delegate takes with them."""

    INVITATION = "invitation", _("invitation letter")
    VISA = "visa", _("letter for the visa")


class StepTemplate(UidModel):
    """Something that each accepted delegate needs, so many days before the event begins. `titles` are texts by language."""

    composition = models.ForeignKey(Composition, on_delete=models.CASCADE, related_name="templates")
    titles = models.JSONField(default=dict)
    days_before = models.PositiveSmallIntegerField()
    place = models.PositiveSmallIntegerField(default=0)
    paper = models.CharField(
        max_length=10, choices=Paper.choices, blank=True, default="", help_text="the letter that it takes"
    )

    class Meta:
        ordering = ["-days_before", "place", "pk"]
        constraints = [
            models.CheckConstraint(name="step_template_paper_known", condition=Q(paper__in=["", "invitation", "visa"])),
            models.CheckConstraint(name="step_template_has_words", condition=~Q(titles={})),
            models.CheckConstraint(name="step_template_within_a_year", condition=Q(days_before__lte=365)),
        ]

    def __str__(self) -> str:
        return self.text("en")

    def text(self, language: str) -> str:
        return text_in(self.titles, language)[0]


class Delegation(StampedModel):
    """A country's or an institution's set of seats at an event."""

    event = models.ForeignKey("campaigns.Event", on_delete=models.PROTECT, related_name="delegations")
    country = models.ForeignKey("contacts.Country", null=True, on_delete=models.PROTECT, related_name="+")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.PROTECT, related_name="delegations"
    )
    nominate_by = models.DateField(null=True, blank=True, help_text="its own last day; empty: that of the event")
    language = models.CharField(max_length=8, blank=True, default="")
    note = models.CharField(max_length=1000, blank=True, default="")
    left_out_at = models.DateTimeField(null=True, editable=False, help_text="does not take part after all")

    objects = DelegationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="delegation_of_a_country_or_an_institution",
                condition=Q(country__isnull=False, organization__isnull=True)
                | Q(country__isnull=True, organization__isnull=False),
            ),
            models.UniqueConstraint(fields=["event", "country"], name="delegation_once_a_country"),
            models.UniqueConstraint(fields=["event", "organization"], name="delegation_once_an_institution"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def subject(self) -> Any:
        return self.country or self.organization

    @property
    def label(self) -> str:
        return str(self.subject.label) if self.subject else ""

    @property
    def last_day(self) -> date:
        return self.nominate_by or self.event.composition.nominate_by

    def takes_names(self, now: datetime | None = None) -> bool:
        """Until the end of its last day where the event is."""
        now = now or timezone.now()
        event = self.event
        if self.left_out_at or event.cancelled_at or event.archived_at or event.starts_at <= now:
            return False
        return now.astimezone(ZoneInfo(event.zone)).date() <= self.last_day


class DelegationSeats(models.Model):
    """Seats of one role and constituency in one delegation. `taken` counts whom staff accepted: changed under the delegation's lock."""

    delegation = models.ForeignKey(Delegation, on_delete=models.CASCADE, related_name="seats")
    constituency = models.ForeignKey("contacts.Constituency", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices)
    seats = models.PositiveSmallIntegerField()
    taken = models.PositiveSmallIntegerField(default=0)
    is_own = models.BooleanField(default=False, help_text="differs from what the event asks")

    class Meta:
        ordering = ["constituency__position", "constituency_id", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["delegation", "constituency", "role"], name="delegation_seats_once"),
            models.CheckConstraint(name="delegation_seats_role_known", condition=Q(role__in=ROLES)),
            models.CheckConstraint(name="delegation_never_oversold", condition=Q(taken__lte=F("seats"))),
        ]

    def __str__(self) -> str:
        return f"{self.constituency_id} {self.role}: {self.taken}/{self.seats}"

    @property
    def free(self) -> int:
        return self.seats - self.taken


class Nominator(StampedModel):
    """An institution that names people for a delegation: for one constituency, or for all. Its link carries `edition`; a new one ends those before."""

    delegation = models.ForeignKey(Delegation, on_delete=models.CASCADE, related_name="nominators")
    constituency = models.ForeignKey("contacts.Constituency", null=True, on_delete=models.PROTECT, related_name="+")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.CASCADE, related_name="nominates"
    )
    post = models.ForeignKey("contacts.Post", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    person = models.ForeignKey(
        "contacts.Person", null=True, blank=True, on_delete=models.SET_NULL, related_name="nominates"
    )
    email = models.CharField(max_length=320, blank=True, default="")
    address_hash = models.BinaryField(max_length=32, null=True)
    language = models.CharField(max_length=8, default="en")
    edition = models.PositiveIntegerField(default=1, editable=False)
    revoked_at = models.DateTimeField(null=True, editable=False)
    asked_at = models.DateTimeField(null=True, editable=False)
    reminded_at = models.DateTimeField(null=True, editable=False)

    objects = NominatorQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["delegation", "organization", "constituency"], name="nominator_once", nulls_distinct=False
            ),
        ]
        indexes = [models.Index(fields=["address_hash"], name="nominator_address")]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return str(self.organization.label) if self.organization else self.delegation.label


class Nomination(StampedModel):
    """Somebody named for a seat. What was said of them stands here; who they are in the directory, staff say when they accept."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("named, to be looked at")
        ACCEPTED = "accepted", _("accepted")
        RETURNED = "returned", _("sent back")
        WITHDRAWN = "withdrawn", _("withdrawn")
        REPLACED = "replaced", _("replaced")

    class Gender(models.TextChoices):
        UNKNOWN = "", _("not said")
        FEMALE = "female", _("woman")
        MALE = "male", _("man")
        OTHER = "other", _("another")
        SECRET = "secret", _("prefer not to say")

    LIVE = (State.PROPOSED, State.ACCEPTED)

    delegation = models.ForeignKey(Delegation, on_delete=models.CASCADE, related_name="nominations")
    constituency = models.ForeignKey("contacts.Constituency", on_delete=models.PROTECT, related_name="+")
    role = models.CharField(max_length=10, choices=Role.choices)
    state = models.CharField(max_length=9, choices=State.choices, default=State.PROPOSED)
    named_by = models.ForeignKey(
        Nominator, null=True, on_delete=models.SET_NULL, related_name="nominations", help_text="empty: by us"
    )
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.SET_NULL, related_name="nominations"
    )
    name = models.CharField(max_length=200)
    honorific = models.CharField(max_length=60, blank=True, default="", help_text="form of address, such as H.E. or Dr")
    function = models.CharField(max_length=200, blank=True, default="")
    email = models.CharField(max_length=320, blank=True, default="")
    address_hash = models.BinaryField(max_length=32, null=True)
    gender = models.CharField(max_length=6, choices=Gender.choices, blank=True, default=Gender.UNKNOWN)
    passport_name = models.CharField(max_length=200, blank=True, default="")
    language = models.CharField(max_length=8, default="en")
    reason = models.CharField(max_length=500, blank=True, default="", help_text="why it was sent back")
    replaces = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="replaced_by")
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.SET_NULL, related_name="nominations")
    registration = models.OneToOneField(
        "campaigns.Registration", null=True, on_delete=models.SET_NULL, related_name="nomination"
    )
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    form_key = models.UUIDField(
        null=True, unique=True, help_text="one form names somebody once, however often it is sent"
    )

    objects = NominationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="nomination_role_known", condition=Q(role__in=ROLES)),
            models.CheckConstraint(
                name="nomination_state_known",
                condition=Q(state__in=["proposed", "accepted", "returned", "withdrawn", "replaced"]),
            ),
            models.CheckConstraint(
                name="nomination_gender_known", condition=Q(gender__in=["", "female", "male", "other", "secret"])
            ),
            models.CheckConstraint(name="nomination_has_a_name", condition=~Q(name="")),
            models.CheckConstraint(
                name="nomination_sent_back_says_why", condition=~Q(state="returned") | ~Q(reason="")
            ),
            models.CheckConstraint(
                name="nomination_decided_has_time",
                condition=~Q(state__in=["accepted", "returned"]) | Q(decided_at__isnull=False),
            ),
            models.CheckConstraint(
                name="nomination_replaces_another", condition=Q(replaces__isnull=True) | ~Q(replaces=F("id"))
            ),
            models.UniqueConstraint(
                fields=["delegation", "address_hash"],
                name="nomination_once_an_address",
                condition=Q(state__in=["proposed", "accepted"], address_hash__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["delegation", "state"], name="nomination_of"),
            models.Index(fields=["address_hash"], name="nomination_address"),
            models.Index(fields=["-created_at", "-id"], name="nomination_order"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def label(self) -> str:
        return self.name

    @property
    def is_live(self) -> bool:
        return self.state in self.LIVE


class NominationMove(models.Model):
    """One line of a nomination's history. A trigger refuses to change one."""

    nomination = models.ForeignKey(Nomination, on_delete=models.CASCADE, related_name="moves")
    state = models.CharField(max_length=9, choices=Nomination.State.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    words = models.CharField(max_length=500, blank=True, default="")

    class Meta:
        ordering = ["at", "pk"]

    def __str__(self) -> str:
        return f"{self.nomination_id} {self.state}"


class Step(StampedModel):
    """A practical step of one delegate, with its day. The task of whoever sees to it says whether it is done."""

    nomination = models.ForeignKey(Nomination, on_delete=models.CASCADE, related_name="steps")
    template = models.ForeignKey(StepTemplate, null=True, on_delete=models.SET_NULL, related_name="+")
    titles = models.JSONField(default=dict)
    due_on = models.DateField()
    task = models.OneToOneField("campaigns.Task", null=True, on_delete=models.SET_NULL, related_name="delegate_step")
    paper = models.CharField(max_length=10, choices=Paper.choices, blank=True, default="")
    told_at = models.DateTimeField(null=True, help_text="the delegate says that it is done")

    objects = DelegateStepQuerySet.as_manager()

    class Meta:
        ordering = ["due_on", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["nomination", "template"], name="delegate_step_once"),
            models.CheckConstraint(name="delegate_step_has_words", condition=~Q(titles={})),
            models.CheckConstraint(name="delegate_step_paper_known", condition=Q(paper__in=["", "invitation", "visa"])),
        ]

    def __str__(self) -> str:
        return self.text("en")

    def text(self, language: str) -> str:
        return text_in(self.titles, language)[0]

    @property
    def is_done(self) -> bool:
        return bool(self.task and self.task.done_at)

    @property
    def is_late(self) -> bool:
        return not self.is_done and bool(self.task and self.task.is_open) and self.due_on < timezone.localdate()


class DelegateLetter(StampedModel):
    """A letter of an accepted delegate: its number and day, given once. The words are made when it is printed."""

    nomination = models.ForeignKey(Nomination, on_delete=models.CASCADE, related_name="papers")
    kind = models.CharField(max_length=10, choices=Paper.choices)
    reference = models.CharField(max_length=80, unique=True)
    on = models.DateField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["nomination", "kind"], name="delegate_letter_once"),
            models.CheckConstraint(name="delegate_letter_kind_known", condition=Q(kind__in=["invitation", "visa"])),
        ]

    def __str__(self) -> str:
        return self.reference


class DelegationMail(QueuedLetter):
    """A mail to who names, or to who was named; a task claims and sends it, once."""

    class About(models.TextChoices):
        ASK = "ask", _("please name your delegation")
        REMIND = "remind", _("seats are still empty")
        ACCEPTED = "accepted", _("somebody was accepted")
        RETURNED = "returned", _("somebody was sent back")
        DELEGATE = "delegate", _("your page as a delegate")

    about = models.CharField(max_length=9, choices=About.choices)
    nominator = models.ForeignKey(Nominator, null=True, on_delete=models.CASCADE, related_name="mails")
    nomination = models.ForeignKey(Nomination, null=True, on_delete=models.CASCADE, related_name="mails")

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="delegation_mail_is_somebodys",
                condition=Q(about__in=["ask", "remind"], nominator__isnull=False, nomination__isnull=True)
                | Q(about__in=["accepted", "returned"], nominator__isnull=False, nomination__isnull=False)
                | Q(about="delegate", nominator__isnull=True, nomination__isnull=False),
            ),
            given_up_says_why("delegation_mail_given_up_says_why"),
        ]
        indexes = [letters_due("delegation_mail_due")]

    def __str__(self) -> str:
        return f"{self.about}: {self.nominator_id or self.nomination_id}"
