"""The invented directory, made with factory-boy and written in bulk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import factory
from django.db.models import ForeignKey, Model

from campaigns.demo.names import DONORS, INSTITUTIONS, INTERNATIONAL, POSTS, Name, make_name
from contacts.consent.addresses import address_hash, address_key
from contacts.consent.models import ConsentEvent, LawfulBasis, SubjectKind, Topic
from contacts.directory.models import (
    Constituency,
    ContactPoint,
    Country,
    Membership,
    Organization,
    Person,
    Post,
    Region,
)
from contacts.greetings.models import FormOfAddress
from contacts.greetings.queries import form_for_title

NOTE = "Invented for the demo."
BATCH = 2000
# An institution writes in the first of these that is official there and that we have a name in.
LANGUAGES = ("en", "fr", "es", "pt", "ru", "ar")
# What the local mailbox does with a recipient, and how many per mille of the drive's people get such an address.
BEHAVIOURS = {"bounce": 30, "defer": 35, "reply": 70, "scanner": 60}
M = TypeVar("M", bound=Model)


class OrganizationFactory(factory.Factory[Organization]):
    class Meta:
        model = Organization

    note = NOTE
    is_invented = True


class PostFactory(factory.Factory[Post]):
    class Meta:
        model = Post


class PersonFactory(factory.Factory[Person]):
    class Meta:
        model = Person

    class Params:
        who = None

    name = factory.LazyAttribute(lambda o: o.who.full)
    given_name = factory.LazyAttribute(lambda o: o.who.given)
    family_name = factory.LazyAttribute(lambda o: o.who.family)
    gender = factory.LazyAttribute(lambda o: Person.Gender.FEMALE if o.who.is_woman else Person.Gender.MALE)
    note = NOTE
    is_invented = True


class MembershipFactory(factory.Factory[Membership]):
    class Meta:
        model = Membership

    is_primary = True


class EmailFactory(factory.Factory[ContactPoint]):
    class Meta:
        model = ContactPoint

    kind = ContactPoint.Kind.EMAIL
    address_key = factory.LazyAttribute(lambda o: address_key(o.value))
    address_hash = factory.LazyAttribute(lambda o: address_hash(o.address_key))


@dataclass
class Directory:
    """Everything that will be written, in the order in which it must be."""

    rng: random.Random
    drive_countries: set[str]
    today: date
    organizations: list[Organization] = field(default_factory=list)
    posts: list[Post] = field(default_factory=list)
    people: list[Person] = field(default_factory=list)
    memberships: list[Membership] = field(default_factory=list)
    contact_points: list[ContactPoint] = field(default_factory=list)
    used: set[str] = field(default_factory=set)
    forms: list[FormOfAddress] = field(default_factory=lambda: list(FormOfAddress.objects.all()))

    def address(self, local: str, domain: str) -> str:
        """An address nobody has yet, under .test."""
        number = 1
        candidate = f"{local}@{domain}"
        while candidate in self.used:
            number += 1
            candidate = f"{local}{number}@{domain}"
        self.used.add(candidate)
        return candidate

    def add_organization(
        self,
        *,
        constituency: Constituency,
        names: dict[str, str],
        country: Country | None,
        domain: str,
        **extra: object,
    ) -> None:
        spoken = country.languages if country else []
        language = next((code for code in LANGUAGES if code in spoken and code in names), "en")
        organization = OrganizationFactory.build(
            name=names["en"],
            names={code: text for code, text in names.items() if code != "en"},
            constituency=constituency,
            country=country,
            language=language,
            **extra,
        )
        self.organizations.append(organization)
        self.contact_points.append(
            EmailFactory.build(
                organization=organization, value=self.address("info", domain), label="office", is_preferred=True
            )
        )
        for is_head, local, titles in POSTS[constituency.root_code]:
            others = {code: text for code, text in titles.items() if code != "en"}
            post = PostFactory.build(
                organization=organization,
                name=titles["en"],
                names=others,
                is_head=is_head,
                form_of_address=form_for_title(titles.values(), self.forms),
            )
            self.posts.append(post)
            if local:
                self.contact_points.append(
                    EmailFactory.build(post=post, value=self.address(local, domain), label="post")
                )
            self.add_holders(organization, post, domain, language)

    def add_holders(self, organization: Organization, post: Post, domain: str, language: str) -> None:
        """The present holder and, for most heads, one or two before."""
        since = self.today - timedelta(days=self.rng.randint(60, 1500))
        self.add_person(organization, post, domain, language, started=since, ended=None)
        if not post.is_head:
            return
        for _before in range(self.rng.choice([0, 1, 1, 2])):
            started = since - timedelta(days=self.rng.randint(500, 1500))
            self.add_person(organization, post, domain, language, started=started, ended=since - timedelta(days=1))
            since = started

    def add_person(
        self, organization: Organization, post: Post, domain: str, language: str, *, started: date, ended: date | None
    ) -> None:
        code = organization.country_id or self.rng.choice(DONORS)
        who: Name = make_name(code, language, self.rng)
        person = PersonFactory.build(
            who=who,
            language=language,
            country=organization.country,
            honorific_prefix="Dr" if self.rng.random() < 0.04 else "",
            **({} if self.rng.random() > 0.05 else {"gender": Person.Gender.UNKNOWN}),
        )
        self.people.append(person)
        self.memberships.append(
            MembershipFactory.build(
                person=person,
                organization=organization,
                post=post,
                started_on=started,
                ended_on=ended,
                is_primary=ended is None,
            )
        )
        # a few have no address at all, and former holders' old addresses are not ours to use
        if ended is None and self.rng.random() > 0.03:
            local = self.behaviour(organization) + who.mail_name
            self.contact_points.append(
                EmailFactory.build(person=person, value=self.address(local, domain), is_preferred=True)
            )

    def behaviour(self, organization: Organization) -> str:
        """In the drive's countries some mailboxes bounce, defer, reply or scan, so that a report has something to show."""
        if organization.country_id not in self.drive_countries:
            return ""
        draw = self.rng.randrange(1000)
        for name, share in BEHAVIOURS.items():
            if draw < share:
                return f"{name}+"
            draw -= share
        return ""


def _plan(directory: Directory) -> None:
    constituencies = {c.code: c for c in Constituency.objects.filter(is_fixed=True)}
    countries = {c.code: c for c in Country.objects.order_by("code")}
    for code, country in countries.items():
        domain = f"{code.lower()}.test"
        for constituency, host, texts in INSTITUTIONS:
            names = {
                language: text.format(c=country.names.get(language) or country.name)
                for language, text in texts.items()
                if language == "en" or language in country.languages
            }
            directory.add_organization(
                constituency=constituencies[constituency], names=names, country=country, domain=f"{host}.{domain}"
            )
    members = _countries_by_region(countries.values())
    for name, acronym, region in INTERNATIONAL:
        directory.add_organization(
            constituency=constituencies["IGO"],
            names={"en": name},
            country=None,
            domain=f"{acronym.lower()}.int.test",
            acronym=acronym,
            countries_of_work=sorted(members[region]) if region else sorted(countries),
        )
    for code in DONORS:
        directory.add_organization(
            constituency=constituencies["DON"],
            names={"en": f"Development Cooperation Agency, {countries[code].name}"},
            country=countries[code],
            domain=f"cooperation.{code.lower()}.test",
            countries_of_work=sorted(
                directory.rng.sample(sorted(directory.drive_countries), k=min(4, len(directory.drive_countries)))
            ),
        )


def _countries_by_region(countries: Iterable[Country]) -> dict[str, set[str]]:
    """Region code → codes of its countries, sub-regions included."""
    parents = dict(Region.objects.values_list("code", "parent_id"))
    members: dict[str, set[str]] = {code: set() for code in parents}
    for country in countries:
        region = country.region_id
        while region:
            members[region].add(country.code)
            region = parents[region]
    return members


def _write(model: type[M], rows: list[M]) -> None:
    for row in rows:
        if hasattr(row, "index_text"):
            row.index_text()
        for relation in row._meta.concrete_fields:
            if isinstance(relation, ForeignKey) and relation.is_cached(
                row
            ):  # parents were written since: take over their keys
                setattr(row, relation.name, getattr(row, relation.name))
    model._default_manager.bulk_create(rows, batch_size=BATCH)


def make_directory(*, drive_countries: set[str], seed: int, today: date, tell: Callable[[str], None]) -> Directory:
    """Plan and write the whole directory. The same seed makes the same people."""
    directory = Directory(rng=random.Random(seed), drive_countries=drive_countries, today=today)  # noqa: S311  not a secret
    tell("inventing institutions and people")
    _plan(directory)
    written: list[tuple[type[Any], list[Any]]] = [
        (Organization, directory.organizations),
        (Post, directory.posts),
        (Person, directory.people),
        (Membership, directory.memberships),
        (ContactPoint, directory.contact_points),
    ]
    for model, rows in written:
        tell(f"writing {len(rows):,} {model._meta.verbose_name_plural}")
        _write(model, rows)
    return directory


def give_permissions(directory: Directory, *, topics: dict[str, Topic], now: datetime) -> int:
    """First permissions with their lawful bases; some people gave none, some took it back. Returns how many events."""
    rng = directory.rng
    holders = {m.person_id for m in directory.memberships if m.ended_on is None}
    events = []
    for person in directory.people:
        if person.pk not in holders:
            continue
        draw = rng.random()
        if draw < 0.05:
            continue
        at = datetime.combine(now.date() - timedelta(days=rng.randint(120, 700)), now.time(), tzinfo=UTC)
        chosen = [topics["policy-updates"]] + ([topics["events"]] if draw > 0.4 else [])
        for topic in chosen:
            events.append(_event(person.uid, topic, "grant", at, "conference register"))
        if draw > 0.97:
            events.append(_event(person.uid, chosen[0], "withdraw", at + timedelta(days=60), "preference page"))
    for organization in directory.organizations:
        at = now - timedelta(days=rng.randint(120, 700))
        events.append(
            _event(
                organization.uid,
                topics["policy-updates"],
                "grant",
                at,
                "public directory",
                kind=SubjectKind.ORGANIZATION,
            )
        )
    ConsentEvent.objects.bulk_create(events, batch_size=BATCH)
    return len(events)


def _event(
    uid: UUID, topic: Topic, action: str, at: datetime, source: str, kind: SubjectKind = SubjectKind.PERSON
) -> ConsentEvent:
    basis = (
        "" if action == "withdraw" else LawfulBasis.CONSENT if kind == SubjectKind.PERSON else LawfulBasis.PUBLIC_TASK
    )
    return ConsentEvent(
        subject_uid=uid,
        subject_kind=kind,
        topic=topic,
        action=action,
        lawful_basis=basis,
        source=source,
        evidence=NOTE,
        at=at,
    )
