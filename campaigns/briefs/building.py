"""A brief, put together: as many queries for a large institution as for a small one. Each part is short, so that it stays one page."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.commitments.models import Commitment
from campaigns.commitments.rule import Light, light_of
from campaigns.guard.models import ContactGuard
from campaigns.guard.queries import Conflict, conflicts_of
from campaigns.interactions.models import Party
from campaigns.interactions.presenting import Shown, first_words, present
from campaigns.positions.ladder import word_of
from campaigns.positions.presenting import History, histories
from contacts.directory.lists import LANGUAGE_NAMES
from contacts.directory.models import IndicatorValue, Membership, Organization, Person
from contacts.greetings.queries import texts_for
from contacts.greetings.wording import Addressed, address
from crm.accounts.models import User
from crm.ui import formats

MOST_ASKS, MOST_PROMISES, MOST_PEOPLE, MOST_CONTACTS, MOST_FACTS = 4, 4, 7, 5, 4
TWO_WAY_FIRST = 3
EVIDENCE, WORDS = 180, 170  # characters: two lines on paper


@dataclass(frozen=True)
class Asked:
    """One ask, and where they stand on it."""

    name: str
    done_when: str
    stance: str
    colour: str
    last_step: str = ""
    evidence: str = ""


@dataclass(frozen=True)
class Promise:
    row: Commitment
    light: Light


@dataclass(frozen=True)
class Met:
    """Somebody who may sit at the table. formal: on the envelope and the name plate; greeting: how a letter begins."""

    person: Person
    post: str
    formal: str
    greeting: str
    language: str

    @property
    def said(self) -> str:
        return self.person.pronunciation


@dataclass(frozen=True)
class Contact:
    shown: Shown
    words: str

    @property
    def line(self) -> str:
        """One line of who, when and how."""
        row = self.shown.row
        by = row.logged_by.name if row.logged_by else ""
        one_way = "" if row.is_two_way else _("from us only")
        return " · ".join(filter(None, [formats.day(row.at), by, one_way]))


@dataclass(frozen=True)
class Fact:
    label: str
    words: str
    source: str
    url: str


@dataclass
class Brief:
    """Everything on the page. more: how many of a part did not fit, by its name."""

    organization: Organization
    made_on: date
    asks: list[Asked] = field(default_factory=list)
    promises: list[Promise] = field(default_factory=list)
    people: list[Met] = field(default_factory=list)
    contacts: list[Contact] = field(default_factory=list)
    facts: list[Fact] = field(default_factory=list)
    guards: list[Conflict] = field(default_factory=list)
    more: dict[str, int] = field(default_factory=dict)


def brief_of(organization: Organization, user: User) -> Brief:
    """organization: with its constituency and country, of those that `user` may see."""
    now = timezone.now()
    brief = Brief(organization, timezone.localdate(now))
    brief.asks = _cut(brief, "asks", [_asked(one) for one in _live(histories(organization, user))], MOST_ASKS)
    brief.promises = _cut(brief, "promises", _promises(organization, user, brief.made_on), MOST_PROMISES)
    brief.people = _cut(brief, "people", _people(organization, user), MOST_PEOPLE)
    brief.contacts = _contacts(organization, user)
    brief.facts = _facts(organization)[:MOST_FACTS]
    brief.guards = [*conflicts_of([organization.pk], now=now).get(organization.pk, []), *_owner(organization)]
    return brief


def _owner(organization: Organization) -> list[Conflict]:
    """Told to whoever reads it, the owner too: the page goes to the meeting."""
    guard = ContactGuard.objects.filter(organization=organization, owner__isnull=False).select_related("owner").first()
    return (
        [Conflict("owner", _("%(name)s looks after it") % {"name": guard.owner.name})] if guard and guard.owner else []
    )


def _cut(brief: Brief, name: str, rows: list[Any], most: int) -> list[Any]:
    if len(rows) > most:
        brief.more[name] = len(rows) - most
    return rows[:most]


# --- asks and promises ----------------------------------------------------------------------------------------------------
def _live(found: list[History]) -> list[History]:
    """What is asked of them now; those that they answered come first, the latest answer before older ones."""
    asked = [one for one in found if one.ask.archived_at is None]
    return sorted(asked, key=lambda one: one.current.on if one.current else date.min, reverse=True)


def _asked(history: History) -> Asked:
    step = history.current
    name, done_when = history.ask.label, history.ask.done_when
    if step is None:
        return Asked(name, done_when, word_of(None), "rest")
    who = step.said_by.label if step.said_by else step.said_by_name
    said = " · ".join(filter(None, [formats.day(step.on), str(step.get_evidence_kind_display()), who]))
    return Asked(
        name, done_when, word_of(step.stance), step.rung.colour, said, first_words(step.evidence, most=EVIDENCE)
    )


def _promises(organization: Organization, user: User, today: date) -> list[Promise]:
    """Open ones by their day, then how the latest ended."""
    rows = Commitment.objects.visible_to(user).filter(organization=organization).exclude(state="withdrawn")
    rows = rows.select_related("verified_by").prefetch_related("milestones")
    open_ones = list(rows.open().order_by("due_on", "pk"))
    ended = list(rows.filter(settled_at__isnull=False).order_by("-settled_at")[:2])
    return [Promise(row, light_of(row, today)) for row in [*open_ones, *ended]]


# --- people ---------------------------------------------------------------------------------------------------------------
def _people(organization: Organization, user: User) -> list[Met]:
    """Who belongs here now: the head first, then other posts, then those without one."""
    visible = Person.objects.active().visible_to(user).filter(memberships__organization=organization)
    held = Membership.objects.current().filter(organization=organization, person__in=visible.values("pk"))
    order: list[Any] = [
        F("post__is_head").desc(nulls_last=True),
        F("post_id").asc(nulls_last=True),
        "person__sort_key",
        "pk",
    ]
    rows: dict[int, Membership] = {}
    for row in held.select_related("person", "post").order_by(*order):
        rows.setdefault(row.person_id, row)  # somebody in two posts stands once, by the first
    found = list(rows.values())
    languages = {row.person.language or organization.language or "en" for row in found}
    texts = texts_for(sorted(languages)) if found else {}
    return [_met(row, row.person.language or organization.language or "en", texts) for row in found]


def _met(held: Membership, language: str, texts: dict[str, str]) -> Met:
    person = held.person
    who = Addressed(
        name=str(person.names.get(language) or person.name), given_name=person.given_name, family_name=person.family_name,
        gender=person.gender, honorific=person.honorific_prefix, own_greeting=person.greeting, own_language=person.language,
        form_id=held.post.form_of_address_id if held.post else None,
    )  # fmt: skip
    words = address(who, language, texts)
    spoken = str(LANGUAGE_NAMES.get(person.language, person.language)) if person.language else ""
    post = held.post.label if held.post else held.role
    return Met(person, post, words["formal"], words["greeting"], spoken)


# --- contacts and facts -----------------------------------------------------------------------------------------------------
def _contacts(organization: Organization, user: User) -> list[Contact]:
    """The latest that went both ways, then what went from us alone."""
    parties = Party.objects.took_part().filter(organization=organization).select_related("interaction__logged_by")
    parties = parties.order_by("-at", "-pk")
    both = list(parties.filter(is_two_way=True)[:TWO_WAY_FIRST])
    ours = list(parties.filter(is_two_way=False)[: MOST_CONTACTS - len(both)])
    rows = [party.interaction for party in [*both, *ours]]
    return [Contact(one, first_words(" ".join(one.row.text.split()), most=WORDS)) for one in present(rows, user)]


def _facts(organization: Organization) -> list[Fact]:
    """The country's latest figure of each indicator, with its year and where it comes from."""
    if not organization.country_id:
        return []
    values = IndicatorValue.objects.filter(country=organization.country_id).select_related("indicator")
    rows = values.order_by("indicator_id", "-year").distinct("indicator_id")
    return [
        Fact(row.indicator.label, _("%(value)s in %(year)s") % {"value": _measured(row), "year": row.year},
             f"{row.indicator.source} · {row.indicator.licence}", row.indicator.url)
        for row in rows
    ]  # fmt: skip


def _measured(row: IndicatorValue) -> str:
    if row.indicator.unit == "%":
        return formats.percent(row.value)
    return f"{formats.number(row.value, digits=1)} {row.indicator.unit}"
