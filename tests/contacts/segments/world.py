"""A small, crooked directory with a fixed seed, and a naive reading of rule trees in Python to hold the SQL against."""

from __future__ import annotations

import random
from datetime import date, timedelta
from functools import partialmethod
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns.commitments.models import Commitment
from campaigns.commitments.rule import light_of
from campaigns.engagement.models import DeliveryEngagement, EngagementDay
from campaigns.guard.models import ContactGuard
from campaigns.interactions.models import Party
from campaigns.mailings.models import Mailing
from campaigns.outreach.models import Interaction
from campaigns.positions.ladder import CODES as RUNGS
from campaigns.positions.models import PositionStep
from contacts.consent.models import ConsentEvent, ConsentState, Topic
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    IndicatorValue,
    Membership,
    Person,
    Post,
    Region,
    Tag,
)
from contacts.greetings.models import FormOfAddress
from contacts.segments.models import ContactList, ContactListMember, Segment
from crm.ui.searchtext import normalise
from tests.factories import (
    ApplicationFactory,
    AskFactory,
    CommitmentFactory,
    CompositionFactory,
    ContactPointFactory,
    DelegationFactory,
    DriveFactory,
    EventFactory,
    FormFactory,
    InvitationFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    NominationFactory,
    NominatorFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    RegistrationFactory,
    RepresentativeFactory,
    SignUpFactory,
    StepFactory,
    SubmissionFactory,
    TopicFactory,
    UserFactory,
)

EVENT_FIELDS = [f"event_{name}" for name in ("invited", "unanswered", "answered", "yes", "no", "maybe", "seat", "waiting", "came", "missed")]  # fmt: skip
DELEGATION_FIELDS = [f"delegation_{name}" for name in ("member", "delegate", "adviser", "silent")]
COVERAGE = "indicator.SI_COV_BENFTS"
COUNTRIES = ["SN", "TD", "FR", "NO", "IN", "AQ", "CR"]  # AQ lies in no region and has no figure
CODES = ["GOV", "EMP", "WRK", "CSO", "INF", "SSI"]
TITLES = ["Minister of Labour", "Secrétaire générale", "Director", "100%_Chief"]

IN_TIME = ("within", "not_within", "between", "not_between", "at_least_times", "fewer_times")


class World:
    """Everything the oracle needs, as plain objects read back from the database."""

    def __init__(self, seed: int = 7) -> None:
        self.chance = random.Random(seed)
        self.now = timezone.now()
        cso = Constituency.objects.get(code="CSO")
        Constituency.objects.create(code="INF", name="Informal workers’ association", parent=cso, root_code="CSO")
        self.tags = [Tag.objects.create(name=name) for name in ("g20", "press")]
        self.topics = [TopicFactory(code=f"t{n}") for n in range(2)]
        self.make_organizations()
        self.make_people()
        self.backdate()
        self.make_addressing()
        self.make_lists_and_segments()
        self.make_mailings()
        self.make_days()
        self.make_positions()
        self.make_networks()
        self.make_events()
        self.make_forms()
        self.make_contacts()
        self.make_guards()
        self.read()

    def make_networks(self) -> None:
        """Two: individuals, those who speak for or represent an institution, and some who left."""
        pick = random.Random(11)
        self.networks = [NetworkFactory(), NetworkFactory()]
        self.network_people: set[tuple[Any, int]] = set()
        for network in self.networks:
            speakers = pick.sample(self.people, 4)
            for organization, speaker in zip(pick.sample(self.organizations, 4), speakers, strict=True):
                member = MemberFactory(network=network, organization=organization, contact=speaker)
                self.network_people.add((network.uid, speaker.pk))
                acting, former = pick.sample(self.people, 2)
                RepresentativeFactory(member=member, person=acting)
                RepresentativeFactory(member=member, person=former, state="ended", ended_at=self.now)
                self.network_people.add((network.uid, acting.pk))
            for person in pick.sample(self.people, 6):
                left = pick.random() < 0.3
                MemberFactory(
                    network=network,
                    organization=None,
                    person=person,
                    joined_at=self.now - timedelta(days=9),
                    left_at=self.now if left else None,
                )
                if not left:
                    self.network_people.add((network.uid, person.pk))

    def make_events(self) -> None:
        """Two: invited with every answer, seats that were taken or given back, and some who came."""
        pick = random.Random(17)
        self.events = [EventFactory(), EventFactory()]
        self.event_rows: set[tuple[str, str, int]] = set()  # (field, event, person)
        for event in self.events:
            uid = str(event.uid)
            for person in pick.sample(self.people, 14):
                answer = pick.choice(["", "yes", "no", "maybe", "other"])
                answered_at = self.now if answer else None
                InvitationFactory(event=event, person=person, answer=answer, answered_at=answered_at)
                fields = ["event_invited"]
                says = {"": "unanswered", "yes": "yes", "other": "yes", "no": "no", "maybe": "maybe"}[answer]
                fields += [f"event_{says}"] + (["event_answered"] if answer else [])
                if answer == "yes":
                    came, gone = pick.random() < 0.5, pick.random() < 0.2
                    RegistrationFactory(
                        event=event, person=person, state="gone" if gone else "seat", gone_at=self.now if gone else None,
                        came_at=self.now if came and not gone else None,
                    )  # fmt: skip
                    fields += [] if gone else ["event_seat", "event_came" if came else "event_missed"]
                elif answer == "other":
                    RegistrationFactory(event=event, person=person, state="waiting", seated_at=None)
                    fields += ["event_waiting"]
                self.event_rows |= {(field, uid, person.pk) for field in fields}
            self.make_delegations(event)

    def make_delegations(self, event: Any) -> None:
        """Some are accepted as delegates or advisers, some still wait; of those who were asked for names some named nobody."""
        pick, uid = random.Random(19), str(event.uid)
        delegation = DelegationFactory(event=CompositionFactory(event=event).event, seats={("GOV", "delegate"): 9})
        nominators = [
            NominatorFactory(delegation=delegation, person=person, asked_at=self.now if n else None)
            for n, person in enumerate(pick.sample(self.people, 5))
        ]
        for number, person in enumerate(pick.sample(self.people, 12)):
            role, state = pick.choice(["delegate", "adviser"]), pick.choice(["accepted", "accepted", "proposed"])
            NominationFactory(
                delegation=delegation, person=person, role=role, state=state, decided_at=self.now, named_by=nominators[number % 3]
            )  # fmt: skip
            if state == "accepted":
                self.event_rows |= {(f"delegation_{name}", uid, person.pk) for name in ("member", role)}
        self.event_rows |= {("delegation_silent", uid, row.person_id) for row in nominators[3:]}

    def make_forms(self) -> None:
        """Two forms, with some answers that count and some that were set aside; an event's and a network's, answered in every way."""
        pick = random.Random(23)
        self.forms = [FormFactory(), FormFactory()]
        self.form_answers: set[tuple[str, str, int]] = set()
        for form in self.forms:
            for person in pick.sample(self.people, 9):
                need, counts = pick.choice(["money", "people"]), pick.random() < 0.8
                state = "filed" if counts else "aside"
                SubmissionFactory(form=form, person=person, state=state, answers={"need": need})
                if counts:
                    self.form_answers.add((str(form.uid), need, person.pk))
        self.make_answers_to_an_event(pick)
        self.make_answers_to_a_network(pick)

    def make_answers_to_an_event(self, pick: random.Random) -> None:
        """With an answer to an invitation, and by signing up; who has no seat of it is nobody yet."""
        event = EventFactory(form=FormFactory())
        self.forms.append(event.form)
        first, *others = pick.sample(self.people, 8)
        InvitationFactory(event=event, person=first, answer="no", answered_at=self.now)  # without a word
        self.event_rows |= {
            (field, str(event.uid), first.pk) for field in ("event_invited", "event_answered", "event_no")
        }
        for person in others:
            need, invited = pick.choice(["money", "people"]), pick.random() < 0.5
            uid = str(event.uid)
            if invited:
                InvitationFactory(
                    event=event, person=person, answer="yes", answered_at=self.now, answers={"need": need}
                )
                self.event_rows |= {
                    (field, uid, person.pk) for field in ("event_invited", "event_answered", "event_yes")
                }
            else:
                seat = RegistrationFactory(event=event, person=person, role="self")
                SignUpFactory(
                    event=event, state="accepted", decided_at=self.now, registration=seat, answers={"need": need}
                )
                self.event_rows |= {(field, uid, person.pk) for field in ("event_seat", "event_missed")}
            self.form_answers.add((str(event.form.uid), need, person.pk))
        SignUpFactory(event=event, answers={"need": "money"})
        self.events.append(event)

    def make_answers_to_a_network(self, pick: random.Random) -> None:
        """By an individual, and by whoever speaks for an institution; one from before there was a form."""
        network = NetworkFactory(form=FormFactory())
        self.forms.append(network.form)
        self.networks.append(network)
        people = pick.sample(self.people, 5)
        for number, person in enumerate(people):
            need = pick.choice(["money", "people"])
            if number < 2:
                member = MemberFactory(network=network, organization=self.organizations[number], contact=person)
            else:
                member = MemberFactory(network=network, organization=None, person=person)
            self.network_people.add((network.uid, person.pk))
            answers: Any = [{"question": "Why?", "answer": "So"}] if number == 4 else {"need": need}
            ApplicationFactory(network=network, state="accepted", decided_at=self.now, member=member, answers=answers)
            if number < 4:
                self.form_answers.add((str(network.form.uid), need, person.pk))

    def make_contacts(self) -> None:
        """Calls with some people, one way or both; some only name a person."""
        pick = random.Random(13)
        self.contacts: list[Party] = []
        for person in pick.sample(self.people, 20):
            for _ in range(pick.choice([1, 1, 2, 4])):
                at = self.now - timedelta(days=pick.choice([0, 2, 5, 40, 89, 92, 400]))
                call = Interaction.objects.create(kind="call", at=at)
                two_way, mention = pick.random() < 0.6, pick.random() < 0.2
                party = Party.objects.create(interaction=call, person=person, at=at, is_two_way=two_way, is_mention=mention)  # fmt: skip
                if not mention:
                    self.contacts.append(party)

    def make_guards(self) -> None:
        """Two officers look after some institutions; some have a guard and no owner."""
        pick = random.Random(17)
        self.officers = [UserFactory(), UserFactory()]
        self.owners: dict[int, str] = {}
        for organization in pick.sample(self.organizations, 8):
            owner = pick.choice([*self.officers, None])
            ContactGuard.objects.create(organization=organization, owner=owner)
            if owner:
                self.owners[organization.pk] = str(owner.uid)

    def when(self) -> Any:
        return self.chance.choice([None, self.now - timedelta(days=self.chance.choice([1, 5, 40, 100, 400]))])

    def day(self) -> date:
        """A day around the borders of what the rules ask about; some lie ahead."""
        far = self.chance.choice([-20, 0, 2, 3, 4, 40, 89, 90, 91, 400])
        return self.chance.choice([self.now.date() - timedelta(days=far), date(2025, 12, 31), date(2026, 1, 1), date(2026, 1, 31), date(2026, 2, 1)])  # fmt: skip

    def make_organizations(self) -> None:
        pick = self.chance
        self.organizations = []
        for n in range(12):
            code = pick.choice([*COUNTRIES, None])
            row = OrganizationFactory(
                name=f"Org {n}", constituency=Constituency.objects.get(code=pick.choice(CODES)), country=None,
                language=pick.choice(["", "fr", "en"]), last_contacted_at=self.when(),
            )  # fmt: skip
            if code:
                row.country = Country.objects.get(code=code)
                row.save()
            row.tags.set([tag for tag in self.tags if pick.random() < 0.3])
            self.organizations.append(row)

    def make_people(self) -> None:
        pick = self.chance
        self.people = []
        for n in range(45):
            organization = pick.choice([*self.organizations, None])
            place = organization.country_id if organization else pick.choice([*COUNTRIES, None])
            person = PersonFactory(
                family_name=f"P{n}", language=pick.choice(["", "fr", "pt-BR", "en", "ar"]), last_mailed_at=self.when(),
                country=Country.objects.get(code=place) if place else None,
                archived_at=self.now if pick.random() < 0.05 else None, erased_at=self.now if pick.random() < 0.03 else None,
            )  # fmt: skip
            person.tags.set([tag for tag in self.tags if pick.random() < 0.3])
            if organization:
                post = PostFactory(organization=organization, name=f"{pick.choice(TITLES)} {n}", is_head=pick.random() < 0.3)  # fmt: skip
                MembershipFactory(person=person, organization=organization, post=post if pick.random() < 0.7 else None, started_on=pick.choice([None, self.day()]))  # fmt: skip
            elif pick.random() < 0.5:
                other = pick.choice(self.organizations)
                ended = self.day() if pick.random() < 0.7 else None
                MembershipFactory(person=person, organization=other, is_primary=False, started_on=None, ended_on=ended)
            if organization and pick.random() < 0.2:
                MembershipFactory(person=person, organization=pick.choice(self.organizations), is_primary=False, started_on=None, ended_on=self.day())  # fmt: skip
            for _ in range(pick.choice([0, 0, 1, 2])):
                ContactPointFactory(person=person, status=pick.choice(ContactPoint.Status.values))
            for topic in self.topics:
                word = pick.choice([None, "grant", "withdraw"])
                if word:
                    ConsentEvent.objects.create(
                        subject_uid=person.uid, subject_kind="person", topic=topic, action=word, at=self.now,
                        lawful_basis="consent", source="test",
                    )  # fmt: skip
            self.people.append(person)

    def backdate(self) -> None:
        """Created and changed at other times than in this moment."""
        for person in self.people:
            moments = {name: self.when() or self.now - timedelta(days=self.chance.choice([2, 89, 91, 250])) for name in ("created_at", "updated_at")}  # fmt: skip
            Person.objects.filter(pk=person.pk).update(**moments)

    def make_addressing(self) -> None:
        """Some posts have a form of address of their own, or one that was archived; of some people we know how the name is said."""
        pick = random.Random(29)
        *forms, archived = FormOfAddress.objects.filter(is_general=False)[:3]
        FormOfAddress.objects.filter(pk=archived.pk).update(archived_at=self.now)
        general = FormOfAddress.objects.get(is_general=True).uid
        self.address_forms = {form.pk: form.uid for form in forms} | {None: general, archived.pk: general}
        self.archived_form = archived.uid
        for post in Post.objects.order_by("pk"):
            Post.objects.filter(pk=post.pk).update(form_of_address=pick.choice([*forms, archived, None]))
        for person in pick.sample(self.people, 15):
            Person.objects.filter(pk=person.pk).update(pronunciation="fa-TOO")

    def make_lists_and_segments(self) -> None:
        self.lists = [ContactList.objects.create(name=f"List {n}") for n in range(2)]
        for row in self.lists:
            for person in self.chance.sample(self.people, 8):
                ContactListMember.objects.create(contact_list=row, person=person)
        trees = [
            {"version": 1, "op": "all", "rules": [{"field": COVERAGE, "operator": "below", "value": 40}]},
            {"version": 1, "op": "none", "rules": [
                {"field": "language", "operator": "any_of", "value": ["fr"]},
                {"field": "constituency", "operator": "any_of", "value": ["CSO"]}]},
        ]  # fmt: skip
        self.segments = [Segment.objects.create(name=f"Segment {n}", tree=tree) for n, tree in enumerate(trees)]
        outer = {"version": 1, "op": "any", "rules": [
            {"field": "in_segment", "operator": "none_of", "value": [str(row.uid) for row in self.segments]},
            {"field": "membership", "operator": "no"}]}  # fmt: skip
        self.segments.append(Segment.objects.create(name="Outer", tree=outer))

    def make_mailings(self) -> None:
        drive = DriveFactory()
        self.mailings = [Mailing.objects.create(name=f"Mailing {n}", drive=drive) for n in range(2)]
        with connection.cursor() as cursor:
            cursor.execute("CREATE TABLE delivery_of_test PARTITION OF delivery DEFAULT")
            for mailing in self.mailings:
                for seq, person in enumerate(self.chance.sample(self.people, 25), start=1):
                    state = self.chance.choice(["accepted", "accepted", "failed"])
                    cursor.execute(
                        "INSERT INTO delivery (mailing_id, seq, state, person_id, is_tracked, address_key, settled_at)"
                        " VALUES (%s, %s, %s, %s, %s, %s, %s)",
                        [
                            mailing.pk,
                            seq,
                            state,
                            person.pk,
                            self.chance.random() < 0.6,
                            f"{seq}@x.test",
                            self.when() or self.now,
                        ],
                    )
                    if self.chance.random() < 0.4:
                        DeliveryEngagement.objects.create(
                            mailing_id=mailing.pk, seq=seq, person_id=person.pk,
                            first_click_at=self.chance.choice([None, self.now]),
                        )  # fmt: skip
                    if self.chance.random() < 0.2:
                        Interaction.objects.create(kind="reply", person=person, mailing_id=mailing.pk, seq=seq, at=self.now)  # fmt: skip

    def make_days(self) -> None:
        """Buckets of their own, so that each way of counting is tried: they follow from nothing here."""
        pick = self.chance
        for person in self.people:
            for day in {max(self.day(), date(2020, 1, 1)) for _ in range(pick.choice([0, 1, 3]))}:
                if day <= self.now.date():
                    EngagementDay.objects.create(person_id=person.pk, day=day, mailed=pick.choice([0, 1, 2]), human_clicks=pick.choice([0, 0, 1, 2]), replies=pick.choice([0, 0, 1]))  # fmt: skip

    def make_positions(self) -> None:
        """Two asks; of some institutions nothing is known, of some a step was withdrawn."""
        pick = self.chance
        self.asks = [AskFactory(name=f"Ask {n}") for n in range(2)]
        for ask in self.asks:
            for organization in pick.sample(self.organizations, 7):
                for month in range(1, pick.choice([2, 3])):
                    StepFactory(organization=organization, ask=ask, stance=pick.randint(1, 7), on=date(2026, month, 1))
        gone = PositionStep.objects.order_by("pk")[::4]
        for step in gone:
            PositionStep.objects.filter(pk=step.pk).update(withdrawn_at=self.now, withdrawn_why="a slip")

        for organization in pick.sample(self.organizations, 8):
            for n in range(pick.choice([1, 2])):
                self.make_promise(organization, n)

    def make_promise(self, organization: Any, n: int) -> None:
        """Around the borders of the rule."""
        pick, today = self.chance, self.now.date()
        made = today - timedelta(days=pick.choice([0, 30, 31, 90, 91]))
        state = pick.choice(["open", "open", "open", "kept", "broken"])
        ended = {} if state == "open" else {"settled_at": self.now, "outcome": "so"}
        promise = CommitmentFactory(organization=organization, text=f"P{n}", state=state, made_on=made, due_on=max(made, today + timedelta(days=pick.choice([-1, 0, 30, 31, 200]))), **ended)  # fmt: skip
        if pick.random() < 0.4:
            promise.milestones.create(text="m", due_on=today - timedelta(days=pick.choice([0, 1, 14, 15])))

    def read(self) -> None:
        self.promises: dict[int, list[Any]] = {}
        for row in Commitment.objects.prefetch_related("milestones").select_related("verified_by"):
            self.promises.setdefault(row.organization_id, []).append(row)
        self.positions: dict[tuple[int, str], int] = {}
        for step in PositionStep.objects.filter(withdrawn_at=None).select_related("ask").order_by("on", "pk"):
            self.positions[step.organization_id, str(step.ask.uid)] = step.stance
        self.people = list(Person.objects.order_by("pk"))
        self.active = [p for p in self.people if p.archived_at is None and p.erased_at is None]
        self.primary = {
            m.person_id: m
            for m in Membership.objects.filter(is_primary=True, ended_on=None).select_related("organization__constituency", "post")
        }  # fmt: skip
        self.mates: dict[int, list[int]] = {}
        for place, mate in Membership.objects.filter(ended_on=None).values_list("organization_id", "person_id"):
            self.mates.setdefault(place, []).append(mate)
        self.any_current = set(Membership.objects.filter(ended_on=None).values_list("person_id", flat=True))
        self.parents = dict(Constituency.objects.values_list("code", "parent__code"))
        self.regions = dict(Region.objects.values_list("code", "parent__code"))
        self.region_of = dict(Country.objects.values_list("code", "region_id"))
        self.figures: dict[str, float] = {}
        for code, value in IndicatorValue.objects.filter(country__isnull=False).order_by("year").values_list("country_id", "value"):  # fmt: skip
            self.figures[code] = float(value)
        self.by_year = {
            (code, year): float(value)
            for code, year, value in IndicatorValue.objects.filter(indicator__code="SI_COV_BENFTS", country__isnull=False).values_list("country_id", "year", "value")
        }  # fmt: skip
        self.endings: dict[int, list[date]] = {}
        for owner, ended in Membership.objects.filter(ended_on__isnull=False).values_list("person_id", "ended_on"):
            self.endings.setdefault(owner, []).append(ended)
        self.days: dict[int, list[EngagementDay]] = {}
        for row in EngagementDay.objects.all():
            self.days.setdefault(row.person_id, []).append(row)
        self.points: dict[int, list[str]] = {}
        for owner, status in ContactPoint.objects.filter(person__isnull=False).values_list("person_id", "status"):
            self.points.setdefault(owner, []).append(status)
        self.consent = {
            (uid, code): given
            for uid, code, given in ConsentState.objects.values_list("subject_uid", "topic__code", "is_granted")
        }
        self.tagged = {p.pk: {t.name for t in p.tags.all()} for p in self.people}
        self.org_tagged = {o.pk: {t.name for t in o.tags.all()} for o in self.organizations}
        self.listed = {str(row.uid): set(row.members.values_list("person_id", flat=True)) for row in self.lists}
        self.trees = {str(row.uid): row.tree for row in self.segments}
        self.mailing_ids = {str(row.uid): row.pk for row in self.mailings}
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT person_id, mailing_id, is_tracked, settled_at FROM delivery WHERE state = 'accepted'"
            )
            self.deliveries = cursor.fetchall()
        clicks = DeliveryEngagement.objects.filter(first_click_at__isnull=False)
        self.clicks = set(clicks.values_list("person_id", "mailing_id"))
        self.replies = set(Interaction.objects.values_list("person_id", "mailing_id"))

    # --- the oracle: True, False or None for unknown
    def answer(self, node: dict[str, Any], person: Person) -> bool | None:
        if "rules" not in node:
            return self.rule(node, person)
        answers = [self.answer(item, person) for item in node["rules"]]
        if node["op"] == "all":
            return False if False in answers else None if None in answers else True
        anyone = True if True in answers else None if None in answers else False
        return anyone if node["op"] == "any" or anyone is None else not anyone

    def selected(self, tree: dict[str, Any]) -> set[int]:
        return {person.pk for person in self.active if self.answer(tree, person) is True}

    def unknown(self, tree: dict[str, Any]) -> int:
        return sum(self.answer(tree, person) is None for person in self.active)

    def under(self, code: str | None, wanted: list[str], parents: dict[str, str | None]) -> bool:
        while code is not None:
            if code in wanted:
                return True
            code = parents.get(code)
        return False

    def rule(self, rule: dict[str, Any], person: Person) -> bool | None:
        operator, value = rule["operator"], rule.get("value")
        ask = getattr(self, "ask_" + rule["field"].split(".")[0])
        return ask(person, operator, value)

    @staticmethod
    def one_of(mine: Any, operator: str, value: list[str]) -> bool:
        return (mine in value) == (operator == "any_of")

    def ask_constituency(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        code = seat.organization.constituency.code if seat else "IND"
        return self.under(code, value, self.parents) == (operator == "any_of")

    def ask_organization(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        return self.one_of(str(seat.organization.uid) if seat else None, operator, value)

    def ask_country(self, person: Person, operator: str, value: Any) -> bool | None:
        return None if person.country_id is None else self.one_of(person.country_id, operator, value)

    def ask_region(self, person: Person, operator: str, value: Any) -> bool | None:
        region = self.region_of.get(person.country_id)
        return None if region is None else self.under(region, value, self.regions) == (operator == "any_of")

    def ask_indicator(self, person: Person, operator: str, value: Any) -> bool | None:
        figure = self.figures.get(person.country_id)
        if operator in ("known", "not_known"):
            return (figure is None) == (operator == "not_known")
        if operator in ("known_in", "not_known_in"):
            return ((person.country_id, value) in self.by_year) == (operator == "known_in")
        if operator in ("rose", "fell"):
            before, after = (self.by_year.get((person.country_id, year)) for year in value[:2])
            if before is None or after is None:
                return None
            return round(after - before if operator == "rose" else before - after, 6) >= value[2]
        if operator in ("below_in", "at_least_in"):
            figure = self.by_year.get((person.country_id, value[0]))
            return None if figure is None else (figure < value[1]) == (operator == "below_in")
        if figure is None:
            return None
        if operator == "between":
            return value[0] <= figure <= value[1]
        return {"below": figure < value, "at_most": figure <= value, "above": figure > value, "at_least": figure >= value}[operator]  # fmt: skip

    def ask_post_title(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        title = normalise(seat.post.name) if seat and seat.post else None
        found = title is not None and all(word in title for word in normalise(value).split())
        return found == (operator == "contains")

    def ask_form_of_address(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        form = seat.post.form_of_address_id if seat and seat.post else None
        return self.one_of(str(self.address_forms[form]), operator, value)

    def ask_pronunciation(self, person: Person, operator: str, value: Any) -> bool:
        return bool(person.pronunciation) == (operator == "known")

    def ask_post_is_head(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        return bool(seat and seat.post and seat.post.is_head) == (operator == "yes")

    def ask_membership(self, person: Person, operator: str, value: Any) -> bool:
        return (person.pk in self.any_current) == (operator == "yes")

    def ask_language(self, person: Person, operator: str, value: Any) -> bool | None:
        return self.one_of(person.language.split("-")[0], operator, value) if person.language else None

    def tags_answer(self, mine: set[str], operator: str, value: list[str]) -> bool:
        if operator == "all_of":
            return set(value) <= mine
        return bool(set(value) & mine) == (operator == "any_of")

    def ask_tags(self, person: Person, operator: str, value: Any) -> bool:
        return self.tags_answer(self.tagged[person.pk], operator, value)

    def ask_organization_tags(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        return self.tags_answer(self.org_tagged[seat.organization_id] if seat else set(), operator, value)

    def ask_permission(self, person: Person, operator: str, value: Any) -> bool:
        words = [self.consent[person.uid, code] for code in value if (person.uid, code) in self.consent]
        return {"granted": True in words, "withdrawn": False in words, "none": not words}[operator]

    def ask_address_state(self, person: Person, operator: str, value: Any) -> bool:
        mine = self.points.get(person.pk, [])
        state = "usable" if "active" in mine else "bouncing" if "bouncing" in mine else "invalid" if mine else "none"
        return self.one_of(state, operator, value)

    def moment(self, at: Any, operator: str, value: Any) -> bool:
        if operator in ("never", "ever"):
            return (at is None) == (operator == "never")
        if operator in ("within", "not_within"):
            recent = at is not None and at >= self.now - timedelta(days=value)
        elif operator in ("between", "not_between"):
            recent = at is not None and value[0] <= at.date().isoformat() <= value[1]
        else:
            recent = at is not None and at.date() >= date.fromisoformat(value)
        return recent == (operator in ("within", "since", "between"))

    def on_day(self, on: date, operator: str, value: Any) -> bool:
        """Whether `on` lies in the time that is asked about, whatever the rule makes of it."""
        if "within" in operator:
            return self.now.date() - timedelta(days=value) <= on <= self.now.date()
        if "between" in operator:
            return value[0] <= on.isoformat() <= value[1]
        return on >= date.fromisoformat(value)

    def ask_created(self, person: Person, operator: str, value: Any) -> bool:
        return self.moment(person.created_at, operator, value)

    def ask_updated(self, person: Person, operator: str, value: Any) -> bool:
        return self.moment(person.updated_at, operator, value)

    def ask_membership_started(self, person: Person, operator: str, value: Any) -> bool | None:
        seat = self.primary.get(person.pk)
        if seat is None:
            return False
        if operator in ("known", "not_known"):
            return (seat.started_on is None) == (operator == "not_known")
        if seat.started_on is None:
            return None
        return self.on_day(seat.started_on, operator, value) != operator.startswith("not_")

    def ask_membership_ended(self, person: Person, operator: str, value: Any) -> bool:
        mine = self.endings.get(person.pk, [])
        if operator in ("ever", "never"):
            return bool(mine) == (operator == "ever")
        return any(self.on_day(on, operator, value) for on in mine) != operator.startswith("not_")

    def happened(self, person: Person, what: str, operator: str, value: Any) -> bool:
        rows = [row for row in self.days.get(person.pk, []) if getattr(row, what) > 0]
        if operator in ("at_least_times", "fewer_times"):
            often = sum(getattr(row, what) for row in rows if self.on_day(row.day, "within", value[1]))
            return (often >= value[0]) == (operator == "at_least_times")
        return any(self.on_day(row.day, operator, value) for row in rows) != operator.startswith("not_")

    def ask_last_mailed(self, person: Person, operator: str, value: Any) -> bool:
        return self.moment(person.last_mailed_at, operator, value)

    def ask_institution_contacted(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        return bool(seat) and self.moment(seat.organization.last_contacted_at, operator, value)

    def ask_in_segment(self, person: Person, operator: str, value: Any) -> bool | None:
        op = "any" if operator == "any_of" else "none"
        return self.answer({"op": op, "rules": [self.trees[uid] for uid in value]}, person)

    def ask_on_list(self, person: Person, operator: str, value: Any) -> bool:
        return any(person.pk in self.listed[uid] for uid in value) == (operator == "any_of")

    def mailings_of(self, operator: str, value: Any) -> set[int]:
        return {self.mailing_ids[uid] for uid in value} if value else set(self.mailing_ids.values())

    def ask_received(self, person: Person, operator: str, value: Any) -> bool:
        if operator in IN_TIME:
            return self.happened(person, "mailed", operator, value)
        of = self.mailings_of(operator, value)
        found = any(owner == person.pk and mailing in of for owner, mailing, _, _ in self.deliveries)
        return found == (operator in ("any_of", "ever"))

    def ask_clicked(self, person: Person, operator: str, value: Any) -> bool | None:
        if operator in IN_TIME:
            answer = self.happened(person, "human_clicks", operator, value)
            did = answer == (operator in ("within", "between", "at_least_times"))
            until = value[1] if "between" in operator else "9999-12-31"
            hidden = any(owner == person.pk and not tracked and at.date().isoformat() <= until for owner, _, tracked, at in self.deliveries)  # fmt: skip
            return None if hidden and not did else answer
        of = self.mailings_of(operator, value)
        found = any((person.pk, mailing) in self.clicks for mailing in of)
        if not found and any(owner == person.pk and mailing in of and not tracked for owner, mailing, tracked, _ in self.deliveries):  # fmt: skip
            return None
        return found == (operator in ("any_of", "ever"))

    def ask_replied(self, person: Person, operator: str, value: Any) -> bool:
        if operator in IN_TIME:
            return self.happened(person, "replies", operator, value)
        found = any((person.pk, mailing) in self.replies for mailing in self.mailings_of(operator, value))
        return found == (operator in ("any_of", "ever"))

    def stands(self, person: Person, asks: Any) -> dict[str, int]:
        """The positions of the person's institution on these asks, as far as they are known."""
        seat = self.primary.get(person.pk)
        places = {ask: self.positions.get((seat.organization_id, ask)) for ask in asks} if seat else {}
        return {ask: stance for ask, stance in places.items() if stance}

    def ask_position(self, person: Person, operator: str, value: Any) -> bool | None:
        wanted = [(ask, RUNGS[code].value) for ask, _colon, code in (item.partition(":") for item in value)]
        mine = self.stands(person, {ask for ask, _stance in wanted})
        if operator in ("at_least", "at_most"):
            up = operator == "at_least"
            found = any(ask in mine and (mine[ask] >= s if up else mine[ask] <= s) for ask, s in wanted)
        else:
            found = any(mine.get(ask) == stance for ask, stance in wanted)
        if not mine:
            return None
        return found != (operator == "none_of")

    def ask_position_known(self, person: Person, operator: str, value: Any) -> bool:
        return bool(self.stands(person, value)) == (operator == "any_of")

    def promised(self, person: Person) -> list[Any]:
        seat = self.primary.get(person.pk)
        return self.promises.get(seat.organization_id, []) if seat else []

    def ask_commitment(self, person: Person, operator: str, value: Any) -> bool:
        rows = self.promised(person)
        if operator in ("ever", "never"):
            return bool(rows) == (operator == "ever")
        return any(light_of(row, self.now.date()).code in value for row in rows) == (operator == "any_of")

    def ask_commitment_due(self, person: Person, operator: str, value: Any) -> bool:
        rows = [row.due_on for row in self.promised(person) if row.is_open]
        if "within" in operator:
            found = any(on <= self.now.date() + timedelta(days=value) for on in rows)
        else:
            found = any(value[0] <= on.isoformat() <= value[1] for on in rows)
        return found != operator.startswith("not_")

    def ask_two_way_contact(self, person: Person, operator: str, value: Any) -> bool:
        times = [row.at for row in self.contacts if row.person_id == person.pk and row.is_two_way]
        return self.moment(max(times, default=None), operator, value)

    def ask_contacts_logged(self, person: Person, operator: str, value: Any) -> bool:
        days = [row.at.date() for row in self.contacts if row.person_id == person.pk]
        if operator in ("at_least_times", "fewer_times"):
            often = sum(self.on_day(on, "within", value[1]) for on in days)
            return (often >= value[0]) == (operator == "at_least_times")
        return any(self.on_day(on, operator, value) for on in days) != operator.startswith("not_")

    def ask_institution_owner(self, person: Person, operator: str, value: Any) -> bool:
        seat = self.primary.get(person.pk)
        owner = self.owners.get(seat.organization_id) if seat else None
        found = owner is not None and (operator in ("nobody", "somebody") or owner in value)
        return found == (operator in ("any_of", "somebody"))

    def ask_touches(self, person: Person, operator: str, value: Any) -> bool:
        """Contacts of this world are with people alone, so what touched an institution are days on which its people were mailed."""
        seat, since = self.primary.get(person.pk), self.now.date() - timedelta(days=value[1])
        mailed = {row.day for mate in self.mates.get(seat.organization_id, ()) for row in self.days.get(mate, ()) if row.mailed and row.day > since} if seat else set()  # fmt: skip
        return (len(mailed) >= value[0]) == (operator == "at_least_times")

    def ask_network(self, person: Person, operator: str, value: Any) -> bool:
        of = set(value) if operator in ("any_of", "none_of") else None
        mine = {str(network) for network, owner in self.network_people if owner == person.pk}
        found = bool(mine if of is None else mine & of)
        return found == (operator in ("any_of", "ever"))

    def _ask_event(self, name: str, person: Person, operator: str, value: Any) -> bool:
        mine = {event for field, event, owner in self.event_rows if field == name and owner == person.pk}
        found = bool(mine & set(value) if operator in ("any_of", "none_of") else mine)
        return found == (operator in ("any_of", "ever"))

    ask_delegation_member = partialmethod(_ask_event, "delegation_member")
    ask_delegation_delegate = partialmethod(_ask_event, "delegation_delegate")
    ask_delegation_adviser = partialmethod(_ask_event, "delegation_adviser")
    ask_delegation_silent = partialmethod(_ask_event, "delegation_silent")
    ask_event_invited = partialmethod(_ask_event, "event_invited")
    ask_event_unanswered = partialmethod(_ask_event, "event_unanswered")
    ask_event_answered = partialmethod(_ask_event, "event_answered")
    ask_event_maybe = partialmethod(_ask_event, "event_maybe")
    ask_event_waiting = partialmethod(_ask_event, "event_waiting")
    ask_event_yes = partialmethod(_ask_event, "event_yes")
    ask_event_no = partialmethod(_ask_event, "event_no")
    ask_event_seat = partialmethod(_ask_event, "event_seat")
    ask_event_came = partialmethod(_ask_event, "event_came")
    ask_event_missed = partialmethod(_ask_event, "event_missed")

    def ask_form_answered(self, person: Person, operator: str, value: Any) -> bool:
        mine = {form for form, _need, owner in self.form_answers if owner == person.pk}
        found = bool(mine & set(value)) if operator in ("any_of", "none_of") else bool(mine)
        return found == (operator in ("any_of", "ever"))

    def ask_form_answer(self, person: Person, operator: str, value: Any) -> bool:
        mine = {f"{form}:need:{need}" for form, need, owner in self.form_answers if owner == person.pk}
        return bool(mine & set(value)) == (operator == "any_of")

    # --- what may be asked, by field
    def choices(self) -> dict[str, list[str]]:
        return {
            "constituency": [*CODES, "IND", "IGO"],
            "organization": [str(row.uid) for row in self.organizations],
            "organization_tags": [row.name for row in self.tags],
            "country": [*COUNTRIES, "DE"],
            "region": ["002", "202", "011", "150", "019", "057"],
            "language": ["fr", "pt", "en", "de"],
            "tags": [row.name for row in self.tags],
            "permission": [row.code for row in self.topics],
            "address_state": ["usable", "bouncing", "invalid", "none"],
            "form_of_address": [str(uid) for uid in {*self.address_forms.values(), self.archived_form}],
            "in_segment": [str(row.uid) for row in self.segments],
            "on_list": [str(row.uid) for row in self.lists],
            "received": list(self.mailing_ids),
            "clicked": list(self.mailing_ids),
            "replied": list(self.mailing_ids),
            "position": [f"{row.uid}:{code}" for row in self.asks for code in ("neutral", "supportive")],
            "commitment": ["green", "yellow", "red", "kept"],
            "position_known": [str(row.uid) for row in self.asks],
            "institution_owner": [str(row.uid) for row in self.officers],
            "network": [str(row.uid) for row in self.networks],
            **dict.fromkeys([*EVENT_FIELDS, *DELEGATION_FIELDS], [str(row.uid) for row in self.events]),
            "form_answered": [str(row.uid) for row in self.forms],
            "form_answer": [f"{row.uid}:need:{need}" for row in self.forms for need in ("money", "people")],
        }


def topic_of(code: str) -> Topic:
    return Topic.objects.get(code=code)
