"""Questions asked of the trail. Nobody reads changes of what they may not see."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditChange, AuditEntry
from crm.audit.subjects import kinds_for

SHOWN = 8  # changes of one entry that a list shows; the entry's own page has all of them
FOUND_MOST = 200  # objects of a kind that a search looks up
_FEW_OF_EACH = """
SELECT c.id, c.entry_id, c.object_type, c.object_uid, c.field, c.before, c.after
  FROM unnest(%s::bigint[]) AS e (id)
 CROSS JOIN LATERAL (SELECT * FROM crm_auditchange x WHERE x.entry_id = e.id{only} ORDER BY x.id LIMIT {most}) c
"""
_VERBS = """
WITH RECURSIVE step (verb) AS (
    (SELECT verb FROM crm_auditentry ORDER BY verb LIMIT 1)
    UNION ALL
    SELECT (SELECT verb FROM crm_auditentry WHERE verb > step.verb ORDER BY verb LIMIT 1) FROM step WHERE step.verb IS NOT NULL
) SELECT verb FROM step WHERE verb IS NOT NULL
"""


def sees_all(user: User) -> bool:
    """An administrator of everything."""
    return user.scope(Action.ADMINISTER).is_everything


def entries_visible_to(user: User) -> QuerySet[AuditEntry]:
    """Entries about objects that the user may see today; of many objects at once: those of one's own, and all if no limits apply."""
    entries = AuditEntry.objects.all()
    if sees_all(user):
        return entries
    has_all = user.scope(Action.SEE).is_everything
    free = [kind.name for kind in kinds_for(user) if kind.is_scoped and has_all]
    rule = Q(object_type__in=free) | Q(object_uid__isnull=True, actor=user)
    bound = [kind for kind in kinds_for(user) if kind.name not in free]
    if bound:
        uids = [kind.rows(user).order_by().values("uid") for kind in bound]
        rule |= Q(object_uid__in=uids[0].union(*uids[1:], all=True) if len(uids) > 1 else uids[0])
    return entries.filter(rule)


def entries_of_object(uids: Iterable[UUID]) -> QuerySet[AuditEntry]:
    """What happened to these objects, alone or among many. Two look-ups by index; as OR, every entry would be looked at."""
    uids = list(uids)
    own = AuditEntry.objects.filter(object_uid__in=uids).order_by().values("pk")
    among = AuditChange.objects.filter(object_uid__in=uids).order_by().values("entry_id")
    return AuditEntry.objects.filter(pk__in=own.union(among))


def changes_visible_to(user: User, changes: QuerySet[AuditChange]) -> QuerySet[AuditChange]:
    """The same rule for the objects behind one entry."""
    if sees_all(user):
        return changes
    has_all = user.scope(Action.SEE).is_everything
    rule = Q(pk__in=[])
    for kind in kinds_for(user):
        mine = Q(object_type=kind.name)
        rule |= (
            mine if kind.is_scoped and has_all else mine & Q(object_uid__in=kind.rows(user).order_by().values("uid"))
        )
    return changes.filter(rule)


def objects_found(user: User, words: str) -> list[UUID]:
    """Uids of what the words name, among what the user may see."""
    found: list[UUID] = []
    for kind in kinds_for(user):
        if kind.can_search:
            rows: Any = kind.rows(user)
            found += rows.search(words).order_by().values_list("uid", flat=True)[:FOUND_MOST]
    return found


def attach_changes(entries: list[AuditEntry], *, only: Iterable[UUID] | None = None) -> None:
    """`shown` (a few changes) and `has_more` for each entry, in one query, also where an entry has a million of them."""
    uids = None if only is None else list(only)
    sql = _FEW_OF_EACH.format(only=" AND x.object_uid = ANY(%s)" if uids is not None else "", most=SHOWN + 1)
    ids = [entry.pk for entry in entries]
    rows = AuditChange.objects.raw(sql, [ids] if uids is None else [ids, uids]) if ids else []
    by_entry: dict[int, list[AuditChange]] = {}
    for row in rows:
        by_entry.setdefault(row.entry_id, []).append(row)
    for entry in entries:
        mine = by_entry.get(entry.pk, [])
        vars(entry).update(shown=mine[:SHOWN], has_more=len(mine) > SHOWN)


def verbs_in_use() -> list[str]:
    """Every verb in the trail, by jumping along its index."""
    with connection.cursor() as cursor:
        cursor.execute(_VERBS)
        return [row[0] for row in cursor.fetchall()]
