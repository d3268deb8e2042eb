"""Lists chosen by hand: what changes them. Each change raises the list's version, which approvals hash."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Person
from contacts.segments.compiler import compile_segment
from contacts.segments.models import ContactList, ContactListMember, Segment, Selects
from contacts.segments.registry import PEOPLE
from contacts.segments.services import checked_name
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid

CHUNK = 5000  # members in one row of the audit trail


def _owner(contact_list: ContactList) -> str:
    return "person" if contact_list.selects == PEOPLE else "organization"


def create_list(*, name: str, actor: User | None, selects: str = PEOPLE, description: str = "") -> ContactList:
    """An empty list."""
    if selects not in Selects.values:
        raise Invalid(_("A list holds people or organizations."))
    with transaction.atomic():
        made = ContactList.objects.create(
            name=checked_name(name), selects=selects, owner=actor, description=description
        )
        record(verb="contactlist.created", target=made, actor=actor, changes=[("name", None, made.name)], event={})
    return made


def rename_list(*, contact_list: ContactList, name: str, actor: User) -> AuditEntry | None:
    name = checked_name(name)
    with transaction.atomic():
        locked = ContactList.objects.select_for_update().get(pk=contact_list.pk)
        before, locked.name = locked.name, name
        if before == name:
            return None
        locked.save(update_fields=["name", "updated_at"])
        return record(verb="contactlist.renamed", target=locked, actor=actor, changes=[("name", before, name)])


def add_to_list(*, contact_list: ContactList, rows: QuerySet[Any], actor: User | None) -> tuple[int, AuditEntry | None]:
    """Add people (or organizations, as the list holds); those on it already are left alone. → (how many, entry)"""
    kind = _owner(contact_list)
    if rows.model is not (Person if kind == "person" else Organization):
        raise Invalid(
            _("“%(name)s” is a list of %(things)s; nothing was added.")
            % {"name": contact_list.name, "things": Selects(contact_list.selects).label}
        )
    sql, params = rows.order_by().values_list("pk").query.sql_with_params()
    return _insert(contact_list, kind, sql, tuple(params), actor)


def _insert(
    contact_list: ContactList, kind: str, sql: str, params: tuple[Any, ...], actor: User | None
) -> tuple[int, AuditEntry | None]:
    """One statement, whatever the number; `sql` selects ids."""
    with transaction.atomic(), connection.cursor() as cursor:
        locked = ContactList.objects.select_for_update().get(pk=contact_list.pk)
        cursor.execute(
            f"INSERT INTO contacts_contactlistmember (contact_list_id, {kind}_id, added_by_id, added_at)"  # noqa: S608 our own words
            f" SELECT %s, chosen.id, %s, now() FROM ({sql}) chosen (id)"
            f" ON CONFLICT (contact_list_id, {kind}_id) DO NOTHING RETURNING {kind}_id",
            [locked.pk, actor.pk if actor else None, *params],
        )
        added = [row[0] for row in cursor.fetchall()]
        if not added:
            return 0, None
        return len(added), _changed(locked, "contactlist.members_added", added, kind, actor, gone=False)


def remove_from_list(*, contact_list: ContactList, uids: Iterable[Any], actor: User) -> tuple[int, AuditEntry | None]:
    """Take members off by their uids. → (how many, entry to undo)"""
    kind = _owner(contact_list)
    with transaction.atomic():
        locked = ContactList.objects.select_for_update().get(pk=contact_list.pk)
        members = ContactListMember.objects.filter(contact_list=locked, **{f"{kind}__uid__in": list(uids)})
        gone = list(members.values_list(f"{kind}_id", flat=True))
        if not gone:
            return 0, None
        members.delete()
        return len(gone), _changed(locked, "contactlist.members_removed", gone, kind, actor, gone=True)


def _changed(
    locked: ContactList, verb: str, ids: list[int], kind: str, actor: User | None, *, gone: bool
) -> AuditEntry:
    locked.version += 1
    locked.save(update_fields=["version", "updated_at"])
    model = Person if kind == "person" else Organization
    changes = []
    for number, start in enumerate(range(0, len(ids), CHUNK), start=1):
        part = ids[start : start + CHUNK]
        uids = sorted(str(uid) for uid in model.objects.filter(pk__in=part).values_list("uid", flat=True))
        field = "members" if number == 1 else f"members:{number}"
        changes.append((field, uids, []) if gone else (field, [], uids))
    return record(
        verb=verb, target=locked, actor=actor, changes=changes, summary=f"{locked.name}: {len(ids)}",
        event={"count": len(ids), "version": locked.version},
    )  # fmt: skip


def save_as_list(*, segment: Segment, name: str, actor: User) -> tuple[ContactList, int]:
    """Whom the segment selects at this moment, within the actor's scope, as a list that stays as it is."""
    with transaction.atomic():
        made = create_list(name=name, actor=actor, selects=segment.selects)
        countries = actor.scope(Action.SEE).countries
        compiled = compile_segment(segment, scope_countries=countries)
        number, _entry = _insert(made, _owner(made), compiled.sql, compiled.params, actor)
    made.refresh_from_db()
    return made, number


def archive_list(*, contact_list: ContactList, actor: User) -> AuditEntry:
    with transaction.atomic():
        locked = ContactList.objects.select_for_update().get(pk=contact_list.pk)
        if locked.archived_at is not None:
            raise Conflict(_("“%(name)s” is archived already.") % {"name": locked.name})
        locked.archived_at = timezone.now()
        locked.save(update_fields=["archived_at", "updated_at"])
        return record(
            verb="contactlist.archived", target=locked, actor=actor, changes=[("archived", False, True)],
            summary=locked.name, event={},
        )  # fmt: skip


def restore_list(*, uid: UUID, values: dict[str, Any], expected: dict[str, Any], actor: User) -> None:
    """Undo for lists: members put back or taken off again, the name before, back from the archive; a new one is archived."""
    mine = ContactList.objects.visible_to(actor, Action.SEGMENTS)
    locked = mine.select_for_update(of=("self",)).filter(uid=uid).first()
    if locked is None:
        raise Conflict(_("This list is not yours to change."), code="not_undoable")
    now = {"name": locked.name, "archived": locked.archived_at is not None}
    if "name" in values and values["name"] is None:
        locked.archived_at = locked.archived_at or timezone.now()
        locked.save(update_fields=["archived_at", "updated_at"])
        return
    if any(field in now and now[field] != value for field, value in expected.items()):
        raise Conflict(_("“%(name)s” was changed since, so this was not undone.") % {"name": locked.name})
    if "archived" in values:
        locked.archived_at = timezone.now() if values["archived"] else None
    locked.name = values.get("name", locked.name)
    members = [field for field in values if field.partition(":")[0] == "members"]
    for field in members:
        _put_members_back(locked, values[field], expected[field], actor)
    locked.version += 1 if members else 0
    locked.save(update_fields=["name", "archived_at", "version", "updated_at"])


def _put_members_back(locked: ContactList, before: list[str], after: list[str], actor: User) -> None:
    kind = _owner(locked)
    model = Person if kind == "person" else Organization
    rows = model.objects.filter(uid__in=before).values_list("pk", flat=True)
    ContactListMember.objects.bulk_create(
        (ContactListMember(contact_list=locked, added_by=actor, **{f"{kind}_id": pk}) for pk in rows),
        ignore_conflicts=True,
    )
    ContactListMember.objects.filter(contact_list=locked, **{f"{kind}__uid__in": after}).delete()
