"""Dull, valid rows. Every feature adds its own here; values that a test is about are given by the test."""

import datetime
import os
import secrets

import factory
from django.utils import timezone
from factory.django import DjangoModelFactory

from campaigns.activities.models import Activity, Dependency, Objective, TeamMember
from campaigns.commitments.models import Commitment
from campaigns.delegations.models import Composition, Delegation, DelegationSeats, Nomination, Nominator
from campaigns.events.models import Event, Invitation, Registration, SignUp
from campaigns.face.models import PublicPage
from campaigns.forms.models import Form, Submission
from campaigns.mailings.models import Approval, Mailing, Sender, Transport, Variant
from campaigns.mailings.states import State
from campaigns.missions.models import Mission
from campaigns.networks.models import Application, Member, Network, Representative
from campaigns.planning.models import Campaign, Drive
from campaigns.positions.ladder import Stance
from campaigns.positions.models import Ask, PositionStep
from campaigns.results.models import Actual, Indicator, Period, Result
from campaigns.windows.models import PolicyWindow
from contacts.consent.addresses import address_hash, address_key
from contacts.consent.models import Topic
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    Membership,
    Organization,
    Person,
    Post,
    Tag,
)
from contacts.segments.models import ContactList, Segment
from crm.accounts.models import Grant, User
from crm.accounts.rules import Role
from crm.api.models import ApiToken
from crm.api.scopes import SCOPES
from crm.api.services import MARK, PREFIX_LENGTH, hashes_of


class UserFactory(DjangoModelFactory[User]):
    """A member of staff, without a grant; the password is `password`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@example.org")
    name = factory.Sequence(lambda n: f"User {n}")
    password = factory.django.Password("password")


class GrantFactory(DjangoModelFactory[Grant]):
    """A role everywhere."""

    class Meta:
        model = Grant

    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER


# --- directory: reference rows are those of migration 0003; a code that is not there is made -------------------------
class CountryFactory(DjangoModelFactory[Country]):
    """Zambia, or the country of another code."""

    class Meta:
        model = Country
        django_get_or_create = ("code",)

    code = "ZM"
    name = factory.LazyAttribute(lambda o: f"Country {o.code}")
    alpha3 = factory.LazyAttribute(lambda o: f"{o.code}X")


class ConstituencyFactory(DjangoModelFactory[Constituency]):
    """Government, or the constituency of another code; a child is given its parent."""

    class Meta:
        model = Constituency
        django_get_or_create = ("code",)

    code = "GOV"
    name = factory.LazyAttribute(lambda o: f"Constituency {o.code}")
    root_code = factory.LazyAttribute(lambda o: o.parent.root_code if o.parent else o.code)
    parent = None


class TagFactory(DjangoModelFactory[Tag]):
    class Meta:
        model = Tag

    name = factory.Sequence(lambda n: f"tag {n}")


class OrganizationFactory(DjangoModelFactory[Organization]):
    """A ministry in Zambia. `constituency` and `country` may be given as codes: OrganizationFactory(constituency__code="WRK")."""

    class Meta:
        model = Organization

    name = factory.Sequence(lambda n: f"Organization {n}")
    constituency = factory.SubFactory(ConstituencyFactory)
    country = factory.SubFactory(CountryFactory)


class PostFactory(DjangoModelFactory[Post]):
    class Meta:
        model = Post

    organization = factory.SubFactory(OrganizationFactory)
    name = factory.Sequence(lambda n: f"Post {n}")


class PersonFactory(DjangoModelFactory[Person]):
    """A person of Zambia without a membership and without an address."""

    class Meta:
        model = Person

    given_name = "Ada"
    family_name = factory.Sequence(lambda n: f"Person{n}")
    name = factory.LazyAttribute(lambda o: f"{o.given_name} {o.family_name}")
    country = factory.SubFactory(CountryFactory)
    language = "en"


class MembershipFactory(DjangoModelFactory[Membership]):
    """A current primary membership; with `post`, in the post's organization."""

    class Meta:
        model = Membership

    person = factory.SubFactory(PersonFactory)
    post = None
    organization = factory.Maybe(
        "post", factory.SelfAttribute("post.organization"), factory.SubFactory(OrganizationFactory)
    )
    started_on = datetime.date(2024, 1, 15)
    is_primary = True


class ContactPointFactory(DjangoModelFactory[ContactPoint]):
    """An active e-mail address of a person; for another owner give `person=None, organization=…`."""

    class Meta:
        model = ContactPoint

    person = factory.SubFactory(PersonFactory)
    kind = ContactPoint.Kind.EMAIL
    value = factory.Sequence(lambda n: f"contact{n}@people.test")
    address_key = factory.LazyAttribute(lambda o: address_key(o.value) if o.kind == "email" else "")
    address_hash = factory.LazyAttribute(lambda o: address_hash(o.address_key) if o.address_key else None)


# --- planning -------------------------------------------------------------------------------------------------------
class CampaignFactory(DjangoModelFactory[Campaign]):
    class Meta:
        model = Campaign

    name = factory.Sequence(lambda n: f"Campaign {n}")


class DriveFactory(DjangoModelFactory[Drive]):
    """An active drive; DriveFactory(countries=[…], constituencies=[…]) takes rows or codes, by default Zambia × GOV."""

    class Meta:
        model = Drive
        skip_postgeneration_save = True

    name = factory.Sequence(lambda n: f"Drive {n}")
    campaign = factory.SubFactory(CampaignFactory)
    starts_on = datetime.date(2026, 9, 1)
    ends_on = datetime.date(2026, 12, 15)
    status = Drive.Status.ACTIVE

    @factory.post_generation
    def countries(self, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        rows = ["ZM"] if extracted is None else extracted
        self.countries.set([CountryFactory(code=row) if isinstance(row, str) else row for row in rows])

    @factory.post_generation
    def constituencies(self, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        rows = ["GOV"] if extracted is None else extracted
        self.constituencies.set([ConstituencyFactory(code=row) if isinstance(row, str) else row for row in rows])


class AskFactory(DjangoModelFactory[Ask]):
    """An ask of a drive for Zambia's governments."""

    class Meta:
        model = Ask

    drive = factory.SubFactory(DriveFactory)
    name = factory.Sequence(lambda n: f"Adopt plan {n}")


class StepFactory(DjangoModelFactory[PositionStep]):
    """A ministry is interested, as it said in a meeting; the present position follows by trigger."""

    class Meta:
        model = PositionStep

    organization = factory.SubFactory(OrganizationFactory)
    ask = factory.SubFactory(AskFactory)
    stance = Stance.INTERESTED
    on = datetime.date(2026, 10, 1)
    evidence_kind = "meeting"
    evidence = "They asked for a costing."
    recorded_at = factory.LazyFunction(timezone.now)


class CommitmentFactory(DjangoModelFactory[Commitment]):
    """A ministry promised a draft, to be kept by the end of the year; nobody recorded it."""

    class Meta:
        model = Commitment

    organization = factory.SubFactory(OrganizationFactory)
    drive = factory.SubFactory(DriveFactory)
    text = factory.Sequence(lambda n: f"Publish draft {n}")
    made_on = datetime.date(2026, 10, 1)
    due_on = datetime.date(2027, 12, 31)


class ActivityFactory(DjangoModelFactory[Activity]):
    """A planned activity of a drive, from 1 to 5 October; ActivityFactory(after=[other]) depends on another."""

    class Meta:
        model = Activity
        skip_postgeneration_save = True

    drive = factory.SubFactory(DriveFactory)
    name = factory.Sequence(lambda n: f"Activity {n}")
    starts_on = datetime.date(2026, 10, 1)
    due_on = datetime.date(2026, 10, 5)

    @factory.post_generation
    def after(self, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        for before in extracted or []:
            Dependency.objects.create(before=before, after=self)


class ObjectiveFactory(DjangoModelFactory[Objective]):
    class Meta:
        model = Objective

    drive = factory.SubFactory(DriveFactory)
    name = factory.Sequence(lambda n: f"Objective {n}")
    target = 10
    due_on = datetime.date(2026, 12, 1)


class MissionFactory(DjangoModelFactory[Mission]):
    """A draft of a trip in October; MissionFactory(meetings=[interaction]) is filed."""

    class Meta:
        model = Mission
        skip_postgeneration_save = True

    title = factory.Sequence(lambda n: f"Trip {n}")
    starts_on = datetime.date(2026, 10, 5)
    ends_on = datetime.date(2026, 10, 9)
    author = factory.SubFactory(UserFactory)

    @factory.post_generation
    def meetings(self, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        for place, interaction in enumerate(extracted or [], start=1):
            self.meetings.create(place=place, interaction=interaction)
        if extracted:
            self.state, self.filed_at = Mission.State.FILED, timezone.now()
            self.save()


class TeamMemberFactory(DjangoModelFactory[TeamMember]):
    class Meta:
        model = TeamMember

    drive = factory.SubFactory(DriveFactory)
    user = factory.SubFactory(UserFactory)
    role = "outreach"


class WindowFactory(DjangoModelFactory[PolicyWindow]):
    """A budget debate on one day, in all countries."""

    class Meta:
        model = PolicyWindow

    name = factory.Sequence(lambda n: f"Budget debate {n}")
    kind = "budget"
    starts_on = ends_on = datetime.date(2027, 10, 4)


class ResultFactory(DjangoModelFactory[Result]):
    class Meta:
        model = Result

    campaign = factory.SubFactory(CampaignFactory)
    title = factory.Sequence(lambda n: f"Plans are adopted {n}")


class IndicatorFactory(DjangoModelFactory[Indicator]):
    class Meta:
        model = Indicator

    result = factory.SubFactory(ResultFactory)
    title = "Countries with an adopted plan"
    unit = "countries"
    baseline = 2
    baseline_on = datetime.date(2025, 12, 31)


class PeriodFactory(DjangoModelFactory[Period]):
    class Meta:
        model = Period

    indicator = factory.SubFactory(IndicatorFactory)
    starts_on = datetime.date(2026, 1, 1)
    ends_on = datetime.date(2027, 12, 31)
    target = 10


class ActualFactory(DjangoModelFactory[Actual]):
    """Six countries; nobody wrote it down, and nobody verified it."""

    class Meta:
        model = Actual

    period = factory.SubFactory(PeriodFactory)
    value = 6
    on = datetime.date(2026, 10, 1)
    evidence = "Six gazettes."
    contribution = "We trained the drafters; the ministries wrote the plans."
    recorded_at = factory.LazyFunction(timezone.now)


# --- consent --------------------------------------------------------------------------------------------------------
class TopicFactory(DjangoModelFactory[Topic]):
    """A public topic that nobody has a permission for."""

    class Meta:
        model = Topic

    code = factory.Sequence(lambda n: f"topic-{n}")
    name = factory.Sequence(lambda n: f"Topic {n}")


# --- segments -------------------------------------------------------------------------------------------------------
class SegmentFactory(DjangoModelFactory[Segment]):
    """People of governments."""

    class Meta:
        model = Segment

    name = factory.Sequence(lambda n: f"Segment {n}")
    tree = factory.LazyFunction(
        lambda: {
            "version": 1,
            "op": "all",
            "rules": [{"field": "constituency", "operator": "any_of", "value": ["GOV"]}],
        }
    )


# --- mailings -------------------------------------------------------------------------------------------------------
class SenderFactory(DjangoModelFactory[Sender]):
    class Meta:
        model = Sender

    name = "Global Campaign"
    email = factory.Sequence(lambda n: f"campaign{n}@campaign.test")
    confirmed_email = factory.SelfAttribute("email")
    confirmed_at = factory.LazyFunction(timezone.now)


class TransportFactory(DjangoModelFactory[Transport]):
    """The local mailbox, at the installation's EMAIL_URL."""

    class Meta:
        model = Transport

    name = factory.Sequence(lambda n: f"Transport {n}")
    kind = Transport.Kind.LOCAL


class VariantFactory(DjangoModelFactory[Variant]):
    class Meta:
        model = Variant

    language = "en"
    subject = "Coverage in {{ country.name | default('your country') }}"
    body_html = "<p>Dear {{ person.name | default('colleague') }},</p><p>Half the world has none.</p>"


class MailingFactory(DjangoModelFactory[Mailing]):
    """A complete draft in English. MailingFactory(state="sending") goes straight there, with what that state needs;
    languages=["en", "fr"] gives variants; approved_by is the one who approved."""

    class Meta:
        model = Mailing

    name = factory.Sequence(lambda n: f"Mailing {n}")
    drive = factory.SubFactory(DriveFactory)
    segment = factory.SubFactory(SegmentFactory)
    sender = factory.SubFactory(SenderFactory)
    topic = factory.SubFactory(TopicFactory)
    transport = factory.SubFactory(TransportFactory)

    @classmethod
    def _create(cls, model_class, *args, **kwargs):  # type: ignore[no-untyped-def]
        from campaigns.mailings.approval import hash_of, snapshot

        state = State(kwargs.pop("state", State.DRAFT))
        approved_by = kwargs.pop("approved_by", None)
        languages = kwargs.pop("languages", ["en"])
        mailing = super()._create(model_class, *args, **kwargs)
        for position, language in enumerate(languages, 1):
            VariantFactory(mailing=mailing, language=language, position=position)
        if state in (State.DRAFT, State.CANCELLED, State.IN_REVIEW):
            mailing.review_snapshot = snapshot(mailing) if state == State.IN_REVIEW else {}
        else:
            now = snapshot(mailing)
            mailing.approval = Approval.objects.create(
                mailing=mailing,
                content_hash=hash_of(now),
                snapshot=now,
                audience_count=0,
                approved_by=approved_by,
            )
        if state in (State.SCHEDULED, State.FREEZING, State.HELD) and mailing.send_at is None:
            mailing.send_at = datetime.datetime.now(datetime.UTC)
        if state in (State.SENDING, State.PAUSED, State.FINISHED) and mailing.frozen_at is None:
            mailing.frozen_at = datetime.datetime.now(datetime.UTC)
            mailing.audience_count = mailing.audience_count or 0
        if state in (State.HELD, State.PAUSED) and not mailing.state_reason:
            mailing.state_reason = "a test wants it so"
        mailing.state = state
        mailing.save()
        return mailing


# --- lists by hand ---------------------------------------------------------------------------------------------------
class ContactListFactory(DjangoModelFactory[ContactList]):
    """An empty list of people."""

    class Meta:
        model = ContactList

    name = factory.Sequence(lambda n: f"List {n}")


# --- API --------------------------------------------------------------------------------------------------------------
class ApiTokenFactory(DjangoModelFactory[ApiToken]):
    """A token with every scope. Its text is `token.text`, which only the factory knows."""

    class Meta:
        model = ApiToken

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Token {n}")
    scopes = factory.LazyFunction(lambda: list(SCOPES))

    @classmethod
    def _create(cls, model_class, *args, **kwargs):  # type: ignore[no-untyped-def]
        text = kwargs.pop("text", MARK + secrets.token_urlsafe(32))
        token = super()._create(
            model_class, *args, token_hash=hashes_of(text)[0], prefix=text[:PREFIX_LENGTH], **kwargs
        )
        token.text = text
        return token


# --- public pages -----------------------------------------------------------------------------------------------------
class PublicPageFactory(DjangoModelFactory[PublicPage]):
    """Of a drive, open; PublicPageFactory(drive=None, campaign=…) for a campaign's."""

    class Meta:
        model = PublicPage

    drive = factory.SubFactory(DriveFactory)
    campaign = factory.LazyAttribute(lambda page: page.drive.campaign)
    slug = factory.Sequence(lambda n: f"page-{n}")
    headlines = factory.LazyFunction(lambda: {"en": "Half the world has none", "fr": "La moitié du monde n’a rien"})
    is_public = True


# --- forms ------------------------------------------------------------------------------------------------------------
class FormFactory(DjangoModelFactory[Form]):
    """Open to everybody: who, and what they choose, with a reason when it is the first."""

    class Meta:
        model = Form

    campaign = factory.SubFactory(CampaignFactory)
    name = factory.Sequence(lambda n: f"Form {n}")
    slug = factory.Sequence(lambda n: f"form-{n}")
    headlines = factory.LazyFunction(lambda: {"en": "What do you need?", "fr": "De quoi avez-vous besoin ?"})
    is_public = True
    questions = factory.LazyFunction(
        lambda: [
            {"key": "name", "kind": "text", "labels": {"en": "Your name"}, "is_required": True, "tells": "name"},
            {"key": "email", "kind": "email", "labels": {"en": "Your e-mail"}, "tells": "email"},
            {
                "key": "need", "kind": "choice", "labels": {"en": "What do you need?", "fr": "De quoi ?"},
                "options": [{"value": "money", "labels": {"en": "Money", "fr": "Argent"}}, {"value": "people", "labels": {"en": "People"}}],
            },
            {
                "key": "why", "kind": "long", "labels": {"en": "What for?"}, "is_required": True,
                "shown_if": {"rules": [{"key": "need", "is": "is", "value": "money"}]},
            },
        ]
    )  # fmt: skip


class SubmissionFactory(DjangoModelFactory[Submission]):
    """Somebody who needs people; it waits for its person."""

    class Meta:
        model = Submission

    form = factory.SubFactory(FormFactory)
    state = Submission.State.WAITING
    receipt = factory.LazyFunction(lambda: os.urandom(16))
    name = factory.Sequence(lambda n: f"Answerer {n}")
    email = factory.Sequence(lambda n: f"answerer{n}@example.org")
    address_hash = factory.LazyAttribute(lambda o: address_hash(address_key(o.email)) if o.email else None)
    answers = factory.LazyAttribute(lambda o: {"name": o.name, "email": o.email, "need": "people"})
    country = factory.SubFactory(CountryFactory)
    language = "en"


# --- networks -----------------------------------------------------------------------------------------------------------
class NetworkFactory(DjangoModelFactory[Network]):
    """Open to everybody, decided by staff."""

    class Meta:
        model = Network

    campaign = factory.SubFactory(CampaignFactory)
    name = factory.Sequence(lambda n: f"Network {n}")
    slug = factory.Sequence(lambda n: f"network-{n}")
    is_public = True


class EventFactory(DjangoModelFactory[Event]):
    """A discussion in Dakar in thirty days, from nine to five on its clocks; its page is open."""

    class Meta:
        model = Event

    drive = factory.SubFactory(DriveFactory)
    name = factory.Sequence(lambda n: f"Dialogue {n}")
    slug = factory.Sequence(lambda n: f"dialogue-{n}")
    kind = "discussion"
    zone = "Africa/Dakar"
    place = "King Fahd Palace"
    is_public = True
    starts_at = factory.LazyFunction(
        lambda: (timezone.now() + datetime.timedelta(days=30)).replace(hour=9, minute=0, second=0, microsecond=0)
    )
    ends_at = factory.LazyAttribute(lambda o: o.starts_at + datetime.timedelta(hours=8))
    starts_local = factory.LazyAttribute(lambda o: o.starts_at)
    ends_local = factory.LazyAttribute(lambda o: o.ends_at)


class InvitationFactory(DjangoModelFactory[Invitation]):
    """A person was invited, by an address of their own."""

    class Meta:
        model = Invitation

    event = factory.SubFactory(EventFactory)
    person = factory.SubFactory(PersonFactory)
    email = factory.Sequence(lambda n: f"guest{n}@people.test")
    language = "en"


class RegistrationFactory(DjangoModelFactory[Registration]):
    """Somebody has a seat; the event's count is not touched."""

    class Meta:
        model = Registration

    event = factory.SubFactory(EventFactory)
    role = "invited"
    state = "seat"
    name = factory.Sequence(lambda n: f"Guest {n}")
    asked_at = factory.LazyFunction(timezone.now)
    seated_at = factory.LazyFunction(timezone.now)


class SignUpFactory(DjangoModelFactory[SignUp]):
    """Somebody signed up on the event's page, confirmed the address, and waits for a decision."""

    class Meta:
        model = SignUp

    event = factory.SubFactory(EventFactory)
    name = factory.Sequence(lambda n: f"Visitor {n}")
    email = factory.Sequence(lambda n: f"visitor{n}@people.test")
    address_hash = factory.LazyAttribute(lambda o: address_hash(address_key(o.email)))
    state = "confirmed"
    confirmed_at = factory.LazyFunction(timezone.now)


class CompositionFactory(DjangoModelFactory[Composition]):
    """Names until two weeks before the event."""

    class Meta:
        model = Composition

    event = factory.SubFactory(EventFactory)
    nominate_by = factory.LazyAttribute(lambda o: o.event.starts_at.date() - datetime.timedelta(days=14))


class DelegationFactory(DjangoModelFactory[Delegation]):
    """A country's, with two seats of government and one of employers, and an adviser; nobody is named."""

    class Meta:
        model = Delegation
        skip_postgeneration_save = True

    event = factory.LazyFunction(lambda: CompositionFactory().event)
    country = factory.SubFactory(
        CountryFactory, code=factory.Sequence(lambda n: f"{'QRSTUV'[n // 26 % 6]}{chr(65 + n % 26)}")
    )
    language = "en"

    @factory.post_generation
    def seats(self, create, extracted, **kwargs):  # type: ignore[no-untyped-def]
        for (code, role), count in (
            {("GOV", "delegate"): 2, ("EMP", "delegate"): 1, ("GOV", "adviser"): 1} if extracted is None else extracted
        ).items():
            side = ConstituencyFactory(code=code)
            DelegationSeats.objects.create(delegation=self, constituency=side, role=role, seats=count)


class NominatorFactory(DjangoModelFactory[Nominator]):
    """A ministry that names people for government."""

    class Meta:
        model = Nominator

    delegation = factory.SubFactory(DelegationFactory)
    organization = factory.SubFactory(OrganizationFactory)
    constituency = factory.LazyFunction(lambda: ConstituencyFactory(code="GOV"))
    email = factory.Sequence(lambda n: f"mission{n}@ministry.test")
    address_hash = factory.LazyAttribute(lambda o: address_hash(address_key(o.email)))
    language = "en"


class NominationFactory(DjangoModelFactory[Nomination]):
    """Somebody of government is named, and waits to be looked at."""

    class Meta:
        model = Nomination

    delegation = factory.SubFactory(DelegationFactory)
    constituency = factory.LazyFunction(lambda: ConstituencyFactory(code="GOV"))
    role = "delegate"
    name = factory.Sequence(lambda n: f"Delegate {n}")
    email = factory.Sequence(lambda n: f"delegate{n}@people.test")
    address_hash = factory.LazyAttribute(lambda o: address_hash(address_key(o.email)) if o.email else None)
    language = "en"


class MemberFactory(DjangoModelFactory[Member]):
    """An institution that takes part; `organization=None, person=…` for an individual."""

    class Meta:
        model = Member

    network = factory.SubFactory(NetworkFactory)
    organization = factory.SubFactory(OrganizationFactory)
    joined_at = factory.LazyFunction(timezone.now)


class RepresentativeFactory(DjangoModelFactory[Representative]):
    """Somebody who acts for an institution now, with an address of their own."""

    class Meta:
        model = Representative

    member = factory.SubFactory(MemberFactory)
    person = factory.SubFactory(PersonFactory)
    state = "current"
    name = factory.LazyAttribute(lambda o: o.person.name if o.person else "Somebody")
    email = factory.Sequence(lambda n: f"representative{n}@people.test")
    address_hash = factory.LazyAttribute(lambda o: address_hash(address_key(o.email)) if o.email else None)
    decided_at = factory.LazyAttribute(lambda o: None if o.state == "proposed" else timezone.now())


class ApplicationFactory(DjangoModelFactory[Application]):
    """An individual of Zambia who confirmed the address and waits."""

    class Meta:
        model = Application

    network = factory.SubFactory(NetworkFactory)
    state = Application.State.CONFIRMED
    kind = "individual"
    email = factory.Sequence(lambda n: f"applicant{n}@example.org")
    address_hash = factory.LazyAttribute(lambda o: address_hash(address_key(o.email)))
    name = factory.Sequence(lambda n: f"Applicant {n}")
    country = factory.SubFactory(CountryFactory)
    language = "en"
    confirmed_at = factory.LazyFunction(timezone.now)
