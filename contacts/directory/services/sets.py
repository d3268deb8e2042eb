"""Changes of many people or organizations in a few statements: the SQL that bulk edits and their undo share.

Every column that can be changed in bulk says here how it is read, compared with the audit trail's value, and written.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.verbs import Outcome
from crm.errors import NotAllowed


@dataclass(frozen=True)
class Field:
    """A column. read: its value as the trail's text; write: the trail's text (%s in its place) as the column's value."""

    column: str
    read: str
    write: str = "({})"


_CODE = "(SELECT k.code FROM contacts_constituency k WHERE k.id = t.constituency_id)"
_BY_CODE = "(SELECT k.id FROM contacts_constituency k WHERE k.code = {})"
FIELDS: dict[str, dict[str, Field]] = {
    "person": {
        "language": Field("language", "t.language", "coalesce({}, '')"),
        "country": Field("country_id", "t.country_id::text"),
    },
    "organization": {
        "language": Field("language", "t.language", "coalesce({}, '')"),
        "country": Field("country_id", "t.country_id::text"),
        "constituency": Field("constituency_id", _CODE, _BY_CODE),
    },
}
MODELS: dict[str, Any] = {"person": Person, "organization": Organization}


def _differs(kind: str) -> str:
    """Whether the row `t` no longer has what the change `c` left, as SQL."""
    cases = [
        f"WHEN c.field = '{name}' THEN {field.read} IS DISTINCT FROM (c.after #>> '{{}}')"
        for name, field in FIELDS[kind].items()
    ]
    cases.append("WHEN c.field = 'archived_at' THEN t.archived_at IS DISTINCT FROM (c.after #>> '{}')::timestamptz")
    cases.append(
        f"WHEN c.field LIKE 'tag:%%' THEN EXISTS (SELECT 1 FROM contacts_{kind}_tags x JOIN contacts_tag g ON g.id = x.tag_id"  # noqa: S608 our own words
        f" WHERE x.{kind}_id = t.id AND lower(g.name) = lower(substr(c.field, 5))) IS DISTINCT FROM (c.after = 'true'::jsonb)"
    )
    return f"CASE {' '.join(cases)} ELSE true END"


def restore_people(entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    return _restore("person", entry, into, actor)


def restore_organizations(entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    return _restore("organization", entry, into, actor)


def _restore(kind: str, entry: AuditEntry, into: AuditEntry, actor: User) -> Outcome:
    """Put back what `entry` changed of each row, unless something of it was edited since; six statements or so, however many."""
    action = next((each for each in (Action.BULK, Action.EDIT_DIRECTORY) if actor.may(each)), None)
    if action is None:
        raise NotAllowed(_("You may no longer change this, so it was left as it is."))
    model = MODELS[kind]
    table = model._meta.db_table
    # whoever moved rows out of their own countries may take that back
    reach, reach_params = "", list[Any]()
    if actor.scope(action).countries is not None and entry.actor_id != actor.pk:
        sql, params = model.objects.visible_to(actor, action).order_by().values("pk").query.sql_with_params()
        reach, reach_params = f" AND t.id IN ({sql})", list(params)
    given: list[Any] = [entry.pk, kind]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(DISTINCT object_uid) FROM crm_auditchange WHERE entry_id = %s AND object_type = %s", given
        )
        asked = cursor.fetchone()[0]
        cursor.execute("DROP TABLE IF EXISTS undo_rows")
        cursor.execute(
            f"SELECT t.id FROM {table} t WHERE t.uid IN"  # noqa: S608 our own words
            " (SELECT c.object_uid FROM crm_auditchange c WHERE c.entry_id = %s AND c.object_type = %s)"
            " ORDER BY t.id FOR UPDATE",
            given,
        )
        cursor.execute(
            "CREATE TEMP TABLE undo_rows ON COMMIT DROP AS"  # noqa: S608 our own words
            f" SELECT t.id, t.uid FROM crm_auditchange c JOIN {table} t ON t.uid = c.object_uid"
            f" WHERE c.entry_id = %s AND c.object_type = %s{reach} GROUP BY t.id, t.uid HAVING NOT bool_or({_differs(kind)})",
            [*given, *reach_params],
        )
        cursor.execute("SELECT count(*) FROM undo_rows")
        restored = cursor.fetchone()[0]
        cursor.execute(
            "SELECT DISTINCT field FROM crm_auditchange WHERE entry_id = %s AND object_type = %s ORDER BY field", given
        )
        for (field,) in cursor.fetchall():
            _put_back(cursor, kind, table, field, given)
        cursor.execute(
            "INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)"
            " SELECT %s, c.object_type, c.object_uid, c.field, c.after, c.before FROM crm_auditchange c"
            " JOIN undo_rows u ON u.uid = c.object_uid WHERE c.entry_id = %s AND c.object_type = %s",
            [into.pk, *given],
        )
        tell(cursor, type=f"{kind}.undone", uids="SELECT uid FROM undo_rows", actor=actor)
    return Outcome(restored, asked - restored)


def _put_back(cursor: Any, kind: str, table: str, field: str, given: list[Any]) -> None:
    if field.startswith("tag:"):
        _put_tag_back(cursor, kind, field, given)
        return
    if field == "archived_at":
        column, value = "archived_at", "(c.before #>> '{}')::timestamptz"
    else:
        known = FIELDS[kind][field]
        column, value = known.column, known.write.format("c.before #>> '{}'")
    cursor.execute(
        f"UPDATE {table} t SET {column} = {value}, updated_at = now() FROM crm_auditchange c JOIN undo_rows u ON u.uid = c.object_uid"  # noqa: S608 our own words
        " WHERE c.entry_id = %s AND c.object_type = %s AND c.field = %s AND t.id = u.id",
        [*given, field],
    )


def _put_tag_back(cursor: Any, kind: str, field: str, given: list[Any]) -> None:
    """Tags that were added go, those that were taken away come back (the tag itself may have been deleted: made again)."""
    name = field.removeprefix("tag:")
    cursor.execute(
        f"DELETE FROM contacts_{kind}_tags x USING crm_auditchange c, undo_rows u, contacts_tag g"  # noqa: S608 our own words
        " WHERE c.entry_id = %s AND c.object_type = %s AND c.field = %s AND c.after = 'true'::jsonb AND u.uid = c.object_uid"
        f" AND g.id = x.tag_id AND lower(g.name) = lower(%s) AND x.{kind}_id = u.id",
        [*given, field, name],
    )
    cursor.execute(
        f"INSERT INTO contacts_{kind}_tags ({kind}_id, tag_id) SELECT u.id, g.id FROM crm_auditchange c"  # noqa: S608 our own words
        " JOIN undo_rows u ON u.uid = c.object_uid JOIN contacts_tag g ON lower(g.name) = lower(%s)"
        " WHERE c.entry_id = %s AND c.object_type = %s AND c.field = %s AND c.after = 'false'::jsonb ON CONFLICT DO NOTHING",
        [name, *given, field],
    )


def tell(cursor: Any, *, type: str, uids: str, actor: User | None, params: tuple[Any, ...] = ()) -> None:
    """One outbox event for each row that the SQL `uids` selects, in one statement."""
    cursor.execute(
        "INSERT INTO crm_outboxevent (type, object_uid, actor_uid, at, payload)"  # noqa: S608 our own words
        f" SELECT %s, chosen.uid, %s, now(), '{{}}'::jsonb FROM ({uids}) chosen (uid)",
        [type, actor.uid if actor else None, *params],
    )
