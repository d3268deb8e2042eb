"""A drive begins from a template, or is a copy of another in other countries. Each is one transaction.

Days stay as far apart as they are in the template or the old drive; what would begin or be due on a weekend or a public holiday of
its country goes to the next day at work there, and what depends on it does not begin before.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from campaigns.activities.blueprints import Blueprint
from campaigns.activities.models import Activity, Dependency, Objective, TeamMember
from campaigns.activities.saving import check, hold, may_plan
from campaigns.activities.states import State, TeamRole
from campaigns.activities.working_days import at_work, begins
from campaigns.planning.models import Drive
from campaigns.planning.services import create_drive
from campaigns.positions.models import Ask
from campaigns.positions.services import create_ask
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed

MOST = 1000  # activities that one step makes
Key = tuple[str, str]  # key of a step, code of its country or ""


def begin_from(
    *, actor: User, drive: Drive, blueprint: Blueprint, starts_on: dt.date, owners: Mapping[str, User] | None = None
) -> AuditEntry:
    """Put the activities, objectives and asks of a template into a drive. owners: team role → who does its work.

    Undo takes the activities and objectives out again; asks that are there by name are not made twice.
    """
    with transaction.atomic():
        held = hold(drive)
        may_plan(actor, held)
        countries = [country for country in held.countries.order_by("sort_key") if _reaches(actor, held, country)]
        rows, pairs = _planned(held, blueprint, starts_on, owners or _team(held), countries)
        _save(rows, pairs)
        goals = _goals(held, blueprint, starts_on, len(countries))
        for name, done_when in blueprint.asks:
            if not held.asks.filter(name__iexact=str(name)).exists():
                create_ask(drive=held, actor=actor, name=str(name), done_when=str(done_when))
        return _told("activity.begun", actor, rows.values(), goals, summary=str(blueprint.label))


def _reaches(actor: User, drive: Drive, country: Country) -> bool:
    """Somebody who plans for some of the countries plans in those."""
    try:
        may_plan(actor, drive, country)
    except NotAllowed:
        return False
    return True


def _team(drive: Drive) -> dict[str, User]:
    members = TeamMember.objects.live().filter(drive=drive).select_related("user").order_by("-pk")
    return {member.role: member.user for member in members}


def _planned(
    drive: Drive, blueprint: Blueprint, start: dt.date, owners: Mapping[str, User], countries: Sequence[Country]
) -> tuple[dict[Key, Activity], list[tuple[Key, Key]]]:
    rows: dict[Key, Activity] = {}
    pairs: list[tuple[Key, Key]] = []
    only = countries[0].code if len(countries) == 1 else None
    for step in blueprint.steps:
        places: Sequence[Country | None] = countries if step.each else [None]
        for country in places:
            key = (step.key, country.code if country else "")
            before = [
                known for known in rows if known[0] in step.after and (not known[1] or not key[1] or known[1] == key[1])
            ]
            code = country.code if country else only
            first = begins(start + dt.timedelta(step.first), code, [rows[known].due_on for known in before])
            last = at_work(max(first, start + dt.timedelta(step.last)), code)
            rows[key] = Activity(
                drive=drive, name=str(step.name), kind=step.kind, role=step.role, owner=owners.get(step.role),
                starts_on=first, due_on=last, country=country,
            )  # fmt: skip
            pairs += [(known, key) for known in before]
    return rows, pairs


def _goals(drive: Drive, blueprint: Blueprint, start: dt.date, countries: int) -> list[Objective]:
    known = {name.lower() for name in Objective.objects.live().filter(drive=drive).values_list("name", flat=True)}
    rows = [
        Objective(
            drive=drive, name=str(goal.name), unit=str(goal.unit), target=goal.target or max(1, countries),
            due_on=start + dt.timedelta(goal.day),
        )
        for goal in blueprint.goals
        if str(goal.name).lower() not in known
    ]  # fmt: skip
    for row in rows:
        check(row)
        row.save()
    return rows


def _save(rows: Mapping[Any, Activity], pairs: Iterable[tuple[Any, Any]]) -> None:
    if len(rows) > MOST:
        words = _("That would be %(n)s activities; %(most)s can be made at once. Choose fewer countries.")
        raise Invalid(words % {"n": len(rows), "most": MOST}, code="too_many")
    for row in rows.values():
        row.index_text()
    Activity.objects.bulk_create(rows.values())
    Dependency.objects.bulk_create(Dependency(before=rows[one], after=rows[two]) for one, two in pairs)


def _told(verb: str, actor: User, rows: Iterable[Activity], goals: Iterable[Objective], *, summary: str) -> AuditEntry:
    """One entry of many; each row's line says its name, so that taking it back takes the row out."""
    entry = record(verb=verb, object_type="activity", actor=actor, summary=summary)
    AuditChange.objects.bulk_create(
        AuditChange(entry=entry, object_type=kind, object_uid=row.uid, field="name", before=None, after=row.name)
        for kind, made in (("activity", rows), ("objective", goals))
        for row in made
    )
    return entry


# --- copies -----------------------------------------------------------------------------------------------------------
def copy_drive(
    *, actor: User, source: Drive, name: str, countries: Sequence[Country], starts_on: dt.date, pattern: str = ""
) -> Drive:
    """The same drive in other countries. pattern: code of the old country whose activities each new one gets.

    Objectives begin anew, asks and team are taken over, activities are planned again; mailings are not: they were another's. What
    the texts still say of the old countries, days and addresses is found by `campaigns.activities.leftovers`.
    """
    with transaction.atomic():
        moved = starts_on - source.starts_on
        drive = create_drive(
            actor=actor, campaign=source.campaign, name=name, goal=source.goal, owner=actor, starts_on=starts_on,
            ends_on=source.ends_on + moved, countries=countries, constituencies=list(source.constituencies.all()),
            copied_from=source,
        )  # fmt: skip
        rows, pairs = _copied(source, drive, moved, countries, pattern)
        _save(rows, pairs)
        goals = _copied_goals(source, drive, moved)
        for ask in Ask.objects.filter(drive=source, archived_at=None).order_by("place", "pk"):
            create_ask(
                drive=drive, actor=actor, name=ask.name, names=ask.names, description=ask.description,
                done_when=ask.done_when,
            )  # fmt: skip
        for member in TeamMember.objects.live().filter(drive=source, user__is_active=True):
            TeamMember.objects.create(drive=drive, user=member.user, role=member.role)
        _told("activity.copied", actor, rows.values(), goals, summary=source.name)
    return drive


def _copied(
    source: Drive, drive: Drive, moved: dt.timedelta, countries: Sequence[Country], pattern: str
) -> tuple[dict[tuple[int, str], Activity], list[tuple[Any, Any]]]:
    live = Activity.objects.filter(drive=source, archived_at=None).exclude(state=State.DROPPED)
    old = {row.pk: row for row in live.order_by("starts_on", "due_on", "pk")}
    links = Dependency.objects.filter(before__in=old, after__in=old).values_list("before_id", "after_id")
    before: dict[int, list[int]] = {}
    for one, two in links:
        before.setdefault(two, []).append(one)
    rows: dict[tuple[int, str], Activity] = {}
    pairs: list[tuple[Any, Any]] = []
    only = countries[0].code if len(countries) == 1 else None
    for row in _in_order(old, before):
        if row.country_id and row.country_id != pattern:
            continue
        places: Sequence[Country | None] = countries if row.country_id else [None]
        for country in places:
            key = (row.pk, country.code if country else "")
            waits = [
                known
                for known in rows
                if known[0] in before.get(row.pk, ()) and (not known[1] or not key[1] or known[1] == key[1])
            ]
            code = country.code if country else only
            first = begins(row.starts_on + moved, code, [rows[known].due_on for known in waits])
            rows[key] = Activity(
                drive=drive, name=row.name, names=row.names, kind=row.kind, role=row.role, owner=row.owner, note=row.note,
                starts_on=first, due_on=at_work(max(first, row.due_on + moved), code), country=country,
            )  # fmt: skip
            pairs += [(known, key) for known in waits]
    return rows, pairs


def _in_order(rows: Mapping[int, Activity], before: Mapping[int, list[int]]) -> list[Activity]:
    """What others wait for comes before them, whatever their days say."""
    found: dict[int, Activity] = {}

    def add(pk: int) -> None:
        if pk not in found:
            for other in before.get(pk, ()):
                add(other)
            found[pk] = rows[pk]

    for pk in rows:
        add(pk)
    return list(found.values())


def _copied_goals(source: Drive, drive: Drive, moved: dt.timedelta) -> list[Objective]:
    rows = [
        Objective(
            drive=drive, name=goal.name, unit=goal.unit, baseline=goal.baseline, target=goal.target,
            due_on=goal.due_on + moved,
        )
        for goal in Objective.objects.live().filter(drive=source).order_by("pk")
    ]  # fmt: skip
    for row in rows:
        row.save()
    return rows


def roles_of(blueprint: Blueprint) -> list[TeamRole]:
    """The roles that its steps need, in the order of the enum."""
    needed = {step.role for step in blueprint.steps}
    return [role for role in TeamRole if role in needed]
