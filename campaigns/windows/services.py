"""Windows entered, changed, taken out, and taken in from files. Each is one transaction with one audit entry; lead times are tasks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.activities.saving import check, differences, put, refuse_stale, told
from campaigns.interactions.words import notes, one_line
from campaigns.windows.leads import Lead, follow, put_leads
from campaigns.windows.models import PolicyWindow
from campaigns.windows.reading import Found
from contacts.directory.models import Country
from contacts.directory.services.editing import find_locked, lock, plain
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import record
from crm.audit.verbs import Outcome
from crm.errors import Conflict, DomainError, Invalid, NotAllowed

FIELDS = ("name", "kind", "country", "starts_on", "ends_on", "is_expected", "owner", "note", "link")
MOST = 500  # windows taken in from one file
Values = Mapping[str, Any]


def may_keep(actor: User, country: Country | None) -> None:
    """Raises NotAllowed unless the actor plans in that country; for one in all countries, everywhere."""
    scope = actor.scope(Action.DRIVES)
    if scope and (scope.countries is None or (country is not None and country.code in scope.countries)):
        return
    where = country.label if country else _("all countries")
    raise NotAllowed(_("Your role does not let you keep windows of %(where)s. Nothing was saved.") % {"where": where})


def _clean(values: dict[str, Any]) -> dict[str, Any]:
    if "name" in values:
        values["name"] = one_line(values["name"])
    if "note" in values:
        values["note"] = notes(values["note"])
    owner = values.get("owner")
    if owner is not None and not (owner.is_active and owner.may(Action.SEE)):
        words = _("%(name)s cannot sign in any more. Choose somebody else.")
        raise Invalid(words % {"name": owner.name}, code="owner")
    return values


def create_window(*, actor: User, leads: Sequence[Lead] = (), **values: Any) -> PolicyWindow:
    """A chance with its day or days. values: FIELDS; without `ends_on` it is one day. leads: what becomes tasks."""
    may_keep(actor, values.get("country"))
    values["ends_on"] = values.get("ends_on") or values["starts_on"]
    window = PolicyWindow(**_clean(values))
    check(window)
    with transaction.atomic():
        window.save()
        put_leads(window, leads, actor)
        changes = told(window, FIELDS) + ([("leads", None, _plain_leads(leads))] if leads else [])
        record(verb="policywindow.created", target=window, actor=actor, changes=changes, event={})
        follow(window, actor)
    return window


def edit_window(
    *, window: PolicyWindow, actor: User, seen_at: datetime | None = None, leads: Sequence[Lead] | None = None, **values: Any
) -> AuditEntry | None:  # fmt: skip
    """Change it; tasks of its lead times move with its first day. Raises StaleEdit."""
    with transaction.atomic():
        row: PolicyWindow = lock(window)
        may_keep(actor, row.country)
        refuse_stale(row, seen_at)
        if "country" in values:
            may_keep(actor, values["country"])
        changed, changes = differences(row, _clean(values), FIELDS)
        before = [(lead.days, lead.title) for lead in row.leads.all()]
        if leads is not None and set(leads) != set(before):
            changes.append(("leads", _plain_leads(before), _plain_leads(leads)))
        if not changes:
            return None
        put(row, changed)
        if leads is not None:
            put_leads(row, leads, actor)
        follow(row, actor)
        event = {"fields": [change[0] for change in changes]}
        return record(verb="policywindow.edited", target=row, actor=actor, changes=changes, event=event)


def archive_window(*, window: PolicyWindow, actor: User) -> AuditEntry | None:
    """Take it out; its open tasks are dropped."""
    with transaction.atomic():
        row: PolicyWindow = lock(window)
        may_keep(actor, row.country)
        if row.archived_at:
            return None
        put(row, {"archived_at": timezone.now()})
        follow(row, actor)
        changes = [("archived_at", None, plain(row.archived_at))]
        return record(verb="policywindow.archived", target=row, actor=actor, changes=changes, event={})


def _plain_leads(leads: Iterable[Lead]) -> list[list[Any]]:
    return [[days, title] for days, title in sorted(leads, key=lambda lead: (-lead[0], lead[1]))]


# --- files ------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Taken:
    """What came of a file: entry is None when all of it was there already."""

    entry: AuditEntry | None
    added: int
    moved: int
    known: int


def take_in(
    *, actor: User, found: Sequence[Found], origin: str, owner: User | None = None, leads: Sequence[Lead] = ()
) -> Taken:
    """Windows of a file. One that came before (its event's UID, or country, day and name) is not taken twice; an event that moved moves.

    All or nothing: raises NotAllowed for a country out of the actor's reach, Invalid for more than MOST.
    """
    if len(found) > MOST:
        words = _("That is %(n)s windows; %(most)s can be taken in at once. Nothing was saved.")
        raise Invalid(words % {"n": len(found), "most": MOST}, code="too_many")
    for country in {one.country.code if one.country else "": one.country for one in found}.values():
        may_keep(actor, country)
    with transaction.atomic():
        by_event, by_day = _known(found)
        added: list[PolicyWindow] = []
        moved: list[tuple[PolicyWindow, list[tuple[str, Any, Any]]]] = []
        for one in found:
            code = one.country.code if one.country else None
            row = (by_event.get((one.external_id, code)) if one.external_id else None) or by_day.get(
                (code, one.starts_on, one.name.lower())
            )
            if row is None:
                row = _add(one, origin, owner)
                added.append(row)
                put_leads(row, one.leads or leads, actor)
                by_day[code, one.starts_on, one.name.lower()] = row
                if one.external_id:
                    by_event[one.external_id, code] = row
            elif one.external_id and row.external_id == one.external_id:
                changed, changes = differences(row, one.dates(), ("starts_on", "ends_on", "name"))
                if changes and row not in added:
                    put(row, changed)
                    moved.append((row, changes))
        entry = _told(actor, added, moved)
        for row in [*added, *(row for row, _changes in moved)]:
            follow(row, actor)
    return Taken(entry, len(added), len(moved), len(found) - len(added) - len(moved))


def _known(found: Sequence[Found]) -> tuple[dict[Any, PolicyWindow], dict[Any, PolicyWindow]]:
    live = PolicyWindow.objects.live().select_related("owner").select_for_update(of=("self",))
    events = live.filter(external_id__in={one.external_id for one in found if one.external_id})
    days = live.annotate(lower=Lower("name")).filter(
        starts_on__in={one.starts_on for one in found}, lower__in={one.name.lower() for one in found}
    )
    by_event = {(row.external_id, row.country_id): row for row in events}
    return by_event, {(row.country_id, row.starts_on, row.name.lower()): row for row in days}


def _add(one: Found, origin: str, owner: User | None) -> PolicyWindow:
    row = PolicyWindow(
        name=one.name, kind=one.kind, country=one.country, starts_on=one.starts_on, ends_on=one.ends_on, note=one.note,
        link=one.link, is_expected=one.is_expected, owner=owner, origin=origin, external_id=one.external_id,
    )  # fmt: skip
    check(row)
    row.save()
    return row


def _told(actor: User, added: list[PolicyWindow], moved: list[Any]) -> AuditEntry | None:
    if not added and not moved:
        return None
    summary = _("%(added)s added, %(moved)s moved") % {"added": len(added), "moved": len(moved)}
    entry = record(verb="policywindow.imported", object_type="policywindow", actor=actor, summary=summary)
    rows = [(row, [("name", None, row.name)]) for row in added] + moved
    AuditChange.objects.bulk_create(
        AuditChange(
            entry=entry, object_type="policywindow", object_uid=row.uid, field=field, before=before, after=after
        )
        for row, changes in rows
        for field, before, after in changes
    )
    return entry


# --- undo -------------------------------------------------------------------------------------------------------------
def restore_window(*, uid: UUID, values: Values, expected: Values, actor: User) -> None:
    row: PolicyWindow = find_locked(PolicyWindow, uid)
    may_keep(actor, row.country)
    if "name" in values and values["name"] is None:  # it was made by this entry
        row.archived_at = row.archived_at or timezone.now()
        row.save(update_fields=["archived_at"])
        follow(row, actor)
        return
    fields = {}
    for field, before in values.items():
        now = _plain_leads((lead.days, lead.title) for lead in row.leads.all()) if field == "leads" else plain(getattr(row, field))  # fmt: skip
        if now != (expected[field] or [] if field == "leads" else expected[field]):
            raise Conflict(_("This was changed again since, so it was left as it is."), code="changed_since")
        if field == "leads":
            put_leads(row, [(days, title) for days, title in before or []], actor)
        else:
            fields[field] = _value(field, before)
    put(row, fields)
    follow(row, actor)


def _value(field: str, before: Any) -> Any:
    if field == "owner":
        return User.objects.filter(uid=before).first() if before else None
    if field == "country":
        return Country.objects.filter(code=before).first() if before else None
    column: Any = PolicyWindow._meta.get_field(field)
    return column.get_default() if before is None and not column.null else column.to_python(before)


def restore_windows(entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    """What a file brought is taken out, what it moved goes back; what was edited since stays."""
    by_uid: dict[UUID, list[AuditChange]] = defaultdict(list)
    for change in entry.changes.filter(object_type="policywindow").order_by("pk"):
        by_uid[change.object_uid].append(change)
    restored = 0
    for uid, changes in by_uid.items():
        values, expected = ({c.field: getattr(c, side) for c in changes} for side in ("before", "after"))
        try:
            with transaction.atomic():
                restore_window(uid=uid, values=values, expected=expected, actor=actor)
        except DomainError:
            continue
        restored += 1
        AuditChange.objects.bulk_create(
            AuditChange(
                entry=into, object_type="policywindow", object_uid=uid, field=c.field, before=c.after, after=c.before
            )
            for c in changes
        )
    return Outcome(restored, len(by_uid) - restored)
