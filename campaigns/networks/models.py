"""Networks, who asks to join them, who takes part, and the letters that go out about that."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from campaigns.networks.queries import (
    ApplicationQuerySet,
    MemberQuerySet,
    NetworkQuerySet,
    RepresentativeQuerySet,
)
from campaigns.planning.models import Campaign
from contacts.consent.models import QueuedLetter, given_up_says_why, letters_due
from contacts.directory.models import NamedModel
from crm.ids import StampedModel, UidModel
from crm.languages import text_in


class Kind(models.TextChoices):
    INSTITUTION = "institution", _("institution")
    INDIVIDUAL = "individual", _("individual")


class Shown(models.TextChoices):
    """What the public directory says of a member who is listed, beside the name. Each field is theirs to show."""

    COUNTRY = "country", _("our country")
    KIND = "kind", _("what kind of organization we are")
    WEBSITE = "website", _("our website")
    SINCE = "since", _("since when we are members")


def country_only() -> list[str]:
    return [Shown.COUNTRY.value]


def both_kinds() -> list[str]:
    return [*Kind.values]


class Network(NamedModel, StampedModel):
    """`headlines`, `leads` and `charters` are texts by language, as `names` are."""

    class Rule(models.TextChoices):
        STAFF = "staff", _("by staff, one by one")
        OPEN = "open", _("individuals at once, institutions by staff")
        MEMBERS = "members", _("by votes of members")

    campaign = models.ForeignKey(Campaign, on_delete=models.PROTECT, related_name="networks")
    slug = models.SlugField(max_length=60, unique=True, help_text="in its public address")
    headlines = models.JSONField(default=dict, blank=True)
    leads = models.JSONField(default=dict, blank=True)
    charters = models.JSONField(default=dict, blank=True)
    form = models.OneToOneField(
        "campaigns.Form", null=True, blank=True, editable=False, on_delete=models.PROTECT, related_name="network",
        help_text="what is asked of those who join",
    )  # fmt: skip
    kinds = ArrayField(models.CharField(max_length=11, choices=Kind.choices), default=both_kinds)
    countries = models.ManyToManyField("contacts.Country", blank=True, related_name="networks", help_text="none: all")
    rule = models.CharField(max_length=7, choices=Rule.choices, default=Rule.STAFF)
    votes_needed = models.PositiveSmallIntegerField(default=2, help_text="of members who say yes")
    renews = models.BooleanField(default=False, help_text="members are asked each year whether they stay")
    topic = models.ForeignKey("contacts.Topic", null=True, blank=True, on_delete=models.PROTECT, related_name="+")
    is_public = models.BooleanField(default=False, help_text="its page can be seen, and people can join")
    has_directory = models.BooleanField(default=True, help_text="members who agree are listed in public")
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)

    objects = NetworkQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(name="network_rule_known", condition=Q(rule__in=["staff", "open", "members"])),
            models.CheckConstraint(
                name="network_votes_are_few",
                condition=Q(votes_needed__gte=1) & Q(votes_needed__lte=20),
                violation_error_message=_("Between 1 and 20 members decide together."),
            ),
            models.CheckConstraint(
                name="network_takes_somebody",
                condition=Q(kinds__len__gt=0) & Q(kinds__contained_by=["institution", "individual"]),
                violation_error_message=_("A network takes institutions, individuals, or both."),
            ),
        ]

    def text(self, field: str, language: str) -> str:
        """`headlines`, `leads` or `charters` in a language, else in the installation's, else in any."""
        return text_in(getattr(self, field), language)[0]


class Application(StampedModel):
    """Somebody's wish to join. Until the address is confirmed nobody sees it, and it goes when that never happens."""

    class State(models.TextChoices):
        ASKED = "asked", _("waits for the address to be confirmed")
        CONFIRMED = "confirmed", _("waits for a decision")
        ACCEPTED = "accepted", _("accepted")
        DECLINED = "declined", _("declined")

    OPEN = (State.ASKED, State.CONFIRMED)
    MOVES: ClassVar[dict[str, tuple[str, ...]]] = {
        State.ASKED: (State.CONFIRMED,),
        State.CONFIRMED: (State.ACCEPTED, State.DECLINED),
        State.ACCEPTED: (),
        State.DECLINED: (State.CONFIRMED,),
    }

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="applications")
    state = models.CharField(max_length=9, choices=State.choices, default=State.ASKED)
    kind = models.CharField(max_length=11, choices=Kind.choices)
    email = models.CharField(max_length=320)
    address_hash = models.BinaryField(max_length=32)
    name = models.CharField(max_length=200)
    organization_name = models.CharField(max_length=300, blank=True, default="")
    constituency = models.ForeignKey("contacts.Constituency", null=True, on_delete=models.PROTECT, related_name="+")
    country = models.ForeignKey("contacts.Country", null=True, on_delete=models.PROTECT, related_name="+")
    language = models.CharField(max_length=8)
    answers = models.JSONField(
        default=dict, blank=True,
        help_text="to the questions of the network, see campaigns.forms; from before there was one, a list of {question, answer}",
    )  # fmt: skip
    wants_listing = models.BooleanField(default=False)
    wants_letter = models.BooleanField(default=False)
    brought_by = models.ForeignKey("Member", null=True, on_delete=models.SET_NULL, related_name="+")
    confirmed_at = models.DateTimeField(null=True)
    agent = models.CharField(max_length=40, blank=True, default="", help_text="the kind of program that confirmed")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    reason = models.TextField(blank=True, default="", help_text="of a refusal; the letter quotes it")
    member = models.OneToOneField("Member", null=True, on_delete=models.SET_NULL, related_name="application")

    objects = ApplicationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["network", "address_hash"],
                name="application_open_once",
                condition=Q(state__in=["asked", "confirmed"]),
            ),
            models.CheckConstraint(
                name="application_institution_is_named", condition=Q(kind="individual") | ~Q(organization_name="")
            ),
            models.CheckConstraint(
                name="application_confirmed_has_time", condition=Q(state="asked") | Q(confirmed_at__isnull=False)
            ),
            models.CheckConstraint(
                name="application_decided_has_time",
                condition=Q(state__in=["asked", "confirmed"], decided_at__isnull=True)
                | Q(state__in=["accepted", "declined"], decided_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(fields=["network", "state", "confirmed_at"], name="application_queue"),
            models.Index(fields=["address_hash"], name="application_address"),
            models.Index(fields=["created_at"], name="application_unconfirmed", condition=Q(state="asked")),
        ]

    def said(self, language: str = "en") -> list[tuple[str, str]]:
        """(question, answer) in words, in the order of the form."""
        from campaigns.forms.engine import in_words  # forms are asked in many places

        if isinstance(self.answers, list):
            return [(str(each["question"]), str(each["answer"])) for each in self.answers]
        form = self.network.form
        return in_words(form, self.answers, language=language) if form and self.answers else []

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return self.organization_name if self.kind == Kind.INSTITUTION else self.name


class ApplicationFile(models.Model):
    """A file that somebody sent with their answers; its content is stored once (`campaigns/files`)."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="files")
    file = models.ForeignKey("campaigns.StoredFile", on_delete=models.PROTECT, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["application", "file"], name="application_file_once")]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.file_id}"


class Member(StampedModel):
    """An institution or a person that takes part, from–to. `contact` speaks for an institution."""

    network = models.ForeignKey(Network, on_delete=models.PROTECT, related_name="members")
    organization = models.ForeignKey(
        "contacts.Organization", null=True, on_delete=models.CASCADE, related_name="network_members"
    )
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="network_members")
    contact = models.ForeignKey("contacts.Person", null=True, on_delete=models.SET_NULL, related_name="speaks_for")
    is_listed = models.BooleanField(default=False)
    shows = ArrayField(
        models.CharField(max_length=7, choices=Shown.choices), default=country_only, blank=True,
        help_text="what the public directory says of them, where they are listed",
    )  # fmt: skip
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    left_by_link = models.BooleanField(default=False, help_text="they left by themselves")
    brought_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="brought")
    decides = models.BooleanField(default=False, help_text="is asked about those who want to join")
    renew_by = models.DateField(null=True, help_text="by when they say whether they stay; set when they are asked")
    renewed_at = models.DateTimeField(null=True)
    has_lapsed = models.BooleanField(default=False, help_text="left because they did not answer")

    objects = MemberQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(
                name="member_is_one_of_two",
                condition=Q(organization__isnull=False, person__isnull=True)
                | Q(organization__isnull=True, person__isnull=False, contact__isnull=True),
            ),
            models.CheckConstraint(
                name="member_leaves_after_joining", condition=Q(left_at__isnull=True) | Q(left_at__gte=F("joined_at"))
            ),
            models.CheckConstraint(name="member_shows_known", condition=Q(shows__contained_by=[*Shown.values])),
            models.CheckConstraint(
                name="member_lapsed_has_left", condition=Q(has_lapsed=False) | Q(left_at__isnull=False)
            ),
            models.UniqueConstraint(
                fields=["network", "organization"], name="member_institution_once", condition=Q(left_at__isnull=True)
            ),
            models.UniqueConstraint(
                fields=["network", "person"], name="member_person_once", condition=Q(left_at__isnull=True)
            ),
        ]
        indexes = [
            models.Index(fields=["network", "-joined_at", "-id"], name="member_list"),
            models.Index(fields=["renew_by"], name="member_to_renew", condition=Q(left_at__isnull=True)),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def subject(self) -> Any:
        return self.organization or self.person

    @property
    def label(self) -> str:
        return str(self.subject.label) if self.subject else ""

    @property
    def kind(self) -> str:
        return Kind.INSTITUTION if self.organization_id else Kind.INDIVIDUAL


class Representative(StampedModel):
    """Who acts for an institution that is a member. Named by link, they wait for staff; an administrator of the institution names at once."""

    class State(models.TextChoices):
        PROPOSED = "proposed", _("waits for a decision")
        CURRENT = "current", _("represents")
        DECLINED = "declined", _("declined")
        ENDED = "ended", _("no longer represents")

    LIVE = (State.PROPOSED, State.CURRENT)

    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="representatives")
    person = models.ForeignKey("contacts.Person", null=True, on_delete=models.CASCADE, related_name="represents")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PROPOSED)
    name = models.CharField(max_length=200)
    post = models.CharField(max_length=200, blank=True, default="", help_text="what they are there, in their words")
    email = models.CharField(max_length=320, blank=True, default="", help_text="as it was typed")
    address_hash = models.BinaryField(max_length=32, null=True)
    language = models.CharField(max_length=8, default="en")
    is_admin = models.BooleanField(default=False, help_text="may name and end representatives without staff")
    named_by = models.ForeignKey("self", null=True, on_delete=models.SET_NULL, related_name="+")
    end_asked_at = models.DateTimeField(null=True, help_text="their institution wants them to stop; staff decide")
    decided_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+")
    ended_at = models.DateTimeField(null=True)

    objects = RepresentativeQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["member", "address_hash"],
                name="representative_address_once",
                condition=Q(state__in=["proposed", "current"]),
            ),
            models.UniqueConstraint(
                fields=["member", "person"], name="representative_person_once", condition=Q(state="current")
            ),
            models.CheckConstraint(
                name="representative_current_is_known", condition=~Q(state="current") | Q(person__isnull=False)
            ),
            models.CheckConstraint(
                name="representative_decided_has_time",
                condition=Q(state="proposed", decided_at__isnull=True)
                | (~Q(state="proposed") & Q(decided_at__isnull=False)),
            ),
            models.CheckConstraint(
                name="representative_ended_has_time",
                condition=Q(state="ended", ended_at__isnull=False) | (~Q(state="ended") & Q(ended_at__isnull=True)),
            ),
            models.CheckConstraint(
                name="representative_admin_is_current", condition=Q(is_admin=False) | Q(state="current")
            ),
            models.CheckConstraint(
                name="representative_end_asked_of_current", condition=Q(end_asked_at__isnull=True) | Q(state="current")
            ),
        ]
        indexes = [
            models.Index(fields=["created_at"], name="representative_waiting", condition=Q(state="proposed")),
            models.Index(
                fields=["end_asked_at"], name="representative_ending", condition=Q(end_asked_at__isnull=False)
            ),
            models.Index(fields=["address_hash"], name="representative_address"),
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def label(self) -> str:
        return str(self.person.label) if self.person else self.name


class Vote(UidModel):
    """A member is asked about somebody who wants to join, and answers once, by a signed link."""

    application = models.ForeignKey(Application, on_delete=models.CASCADE, related_name="votes")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="votes")
    is_yes = models.BooleanField(null=True)
    asked_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "member"], name="vote_once"),
            models.CheckConstraint(
                name="vote_answered_has_time",
                condition=Q(is_yes__isnull=True, answered_at__isnull=True)
                | Q(is_yes__isnull=False, answered_at__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.application_id}: {self.is_yes}"


class NetworkLetter(QueuedLetter):
    """A letter about one thing: an application, a vote, a representative, or a member's year. A task claims it and sends it."""

    class About(models.TextChoices):
        CONFIRM = "confirm", _("please confirm")
        WELCOME = "welcome", _("welcome")
        DECLINED = "declined", _("declined")
        VOTE = "vote", _("what do you say")
        NAMED = "named", _("you represent")
        RENEW = "renew", _("do you stay")
        LAPSED = "lapsed", _("your membership ended")

    application = models.ForeignKey(Application, null=True, on_delete=models.CASCADE, related_name="letters")
    vote = models.ForeignKey(Vote, null=True, on_delete=models.CASCADE, related_name="letters")
    representative = models.ForeignKey(Representative, null=True, on_delete=models.CASCADE, related_name="letters")
    member = models.ForeignKey(Member, null=True, on_delete=models.CASCADE, related_name="letters")
    for_day = models.DateField(null=True, help_text="of a member's year: the day by which they say that they stay")
    about = models.CharField(max_length=8, choices=About.choices)
    is_repeat = models.BooleanField(default=False, help_text="sent a second time to who did not answer")

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["application", "about"], name="network_letter_once"),
            models.UniqueConstraint(fields=["vote", "about"], name="network_letter_once_a_vote"),
            models.UniqueConstraint(fields=["representative", "about"], name="network_letter_once_each"),
            models.UniqueConstraint(fields=["member", "about", "for_day"], name="network_letter_once_a_year"),
            models.CheckConstraint(
                name="network_letter_is_about_one",
                condition=Q(
                    about__in=["confirm", "welcome", "declined"],
                    application__isnull=False,
                    vote__isnull=True,
                    representative__isnull=True,
                    member__isnull=True,
                )
                | Q(
                    about="vote",
                    vote__isnull=False,
                    application__isnull=True,
                    representative__isnull=True,
                    member__isnull=True,
                )
                | Q(
                    about="named",
                    representative__isnull=False,
                    application__isnull=True,
                    vote__isnull=True,
                    member__isnull=True,
                )
                | Q(
                    about__in=["renew", "lapsed"],
                    member__isnull=False,
                    for_day__isnull=False,
                    application__isnull=True,
                    vote__isnull=True,
                    representative__isnull=True,
                ),
            ),
            given_up_says_why("network_letter_given_up_says_why"),
        ]
        indexes = [letters_due("network_letter_due")]

    def __str__(self) -> str:
        return f"{self.about}: {self.pk}"
