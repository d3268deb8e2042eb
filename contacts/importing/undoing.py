"""Undo of a whole import: by the ids that it noted, in short steps, and never over what somebody built on it since.

A row that the import made goes, unless it was edited, written to, used or spoke for itself since: then it stays with all that it has,
and is listed. A field that it filled goes back, unless it says something else by now. The consent ledger only grows: a first permission
that is still the last word is withdrawn, with the reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from contacts.directory.models import Organization, Person, Post
from contacts.importing.keeping import KEPT_WHILE
from contacts.importing.models import ImportKept, ImportMade, ImportRun
from contacts.importing.planning import ORGANIZATION_FIELDS, PERSON_FIELDS, execute
from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import emit, record

CHUNK = 5_000
MODELS: dict[str, Any] = {"person": Person, "post": Post, "organization": Organization}
# what belongs to a row and goes with it: table, column, how the import noted it
PARTS = {
    "person": [
        ("contacts_contactpoint", "person_id", "contact_point"),
        ("contacts_membership", "person_id", "membership"),
        ("contacts_person_tags", "person_id", "person_tag"),
    ],
    "post": [("contacts_contactpoint", "post_id", "contact_point")],
    "organization": [
        ("contacts_contactpoint", "organization_id", "contact_point"),
        ("contacts_organization_tags", "organization_id", "organization_tag"),
    ],
}
# what is counted of a row by itself: it says nothing of use, and goes along
COUNTED = {"organization": [("contacts_reach", "organization_id")]}
HOLDERS = {"contacts_membership", "contacts_post"}
FIELDS = {
    "person": {name: name for name in (*PERSON_FIELDS, "given_name", "family_name")} | {"country": "country_id"},
    "organization": {name: name for name in ORGANIZATION_FIELDS},
}

LOCK = """
SELECT count(*) FROM (SELECT id FROM contacts_{kind} WHERE id IN (
       SELECT unnest(ids[%(first)s:%(last)s]) FROM contacts_importmade WHERE run_id = %(run)s AND kind = '{kind}')
 ORDER BY id FOR UPDATE) locked;
"""
JUDGE = """
DROP TABLE IF EXISTS undo_row;
CREATE TEMP TABLE undo_row ON COMMIT DROP AS
SELECT o.id, o.uid, o.name, CASE {cases} END AS reason
  FROM contacts_{kind} o
 WHERE o.id IN (SELECT unnest(ids[%(first)s:%(last)s]) FROM contacts_importmade WHERE run_id = %(run)s AND kind = '{kind}');
INSERT INTO contacts_importkept (run_id, object_type, object_id, object_uid, name, field, reason)
SELECT %(run)s, '{kind}', id, uid, name, '', reason FROM undo_row WHERE reason IS NOT NULL ON CONFLICT DO NOTHING;
INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
SELECT %(entry)s, '{kind}', uid, 'name', to_jsonb(name), NULL FROM undo_row WHERE reason IS NULL;
"""
NOTED = "SELECT unnest(ids) FROM contacts_importmade WHERE run_id = %(run)s AND kind = '{kind}'"

MEMBERSHIPS = """
DROP TABLE IF EXISTS undo_row;
CREATE TEMP TABLE undo_row ON COMMIT DROP AS
SELECT m.id, p.id AS person_id, p.uid, p.name, left('membership: ' || o.name, 64) AS field,
       m.ended_on IS NOT NULL OR m.role <> '' OR EXISTS (
           SELECT 1 FROM crm_auditchange a WHERE a.object_uid = p.uid AND a.entry_id > %(import_entry)s
              AND a.field = 'membership:' || m.uid) AS is_edited
  FROM contacts_membership m JOIN contacts_person p ON p.id = m.person_id JOIN contacts_organization o ON o.id = m.organization_id
 WHERE m.id IN (SELECT unnest(ids[%(first)s:%(last)s]) FROM contacts_importmade WHERE run_id = %(run)s AND kind = 'membership')
   AND NOT EXISTS (SELECT 1 FROM contacts_importkept k WHERE k.run_id = %(run)s AND k.object_type = 'person'
                      AND k.object_id = p.id AND k.field = '');
INSERT INTO contacts_importkept (run_id, object_type, object_id, object_uid, name, field, reason)
SELECT %(run)s, 'person', person_id, uid, name, field, 'edited' FROM undo_row WHERE is_edited ON CONFLICT DO NOTHING;
INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
SELECT %(entry)s, 'person', uid, 'membership', to_jsonb(substr(field, 13)), NULL FROM undo_row WHERE NOT is_edited;
DELETE FROM contacts_membership WHERE id IN (SELECT id FROM undo_row WHERE NOT is_edited);
"""
CONTACT_POINTS = """
DROP TABLE IF EXISTS undo_row;
CREATE TEMP TABLE undo_row ON COMMIT DROP AS
SELECT c.id, c.kind, c.value, CASE WHEN p.id IS NOT NULL THEN 'person' WHEN s.id IS NOT NULL THEN 'post' ELSE 'organization' END AS owner,
       coalesce(p.id, s.id, o.id) AS owner_id, coalesce(p.uid, s.uid, o.uid) AS uid, coalesce(p.name, s.name, o.name) AS name,
       c.updated_at <> c.created_at OR c.status <> 'active' OR c.bounce_count > 0 AS is_edited
  FROM contacts_contactpoint c LEFT JOIN contacts_person p ON p.id = c.person_id LEFT JOIN contacts_post s ON s.id = c.post_id
  LEFT JOIN contacts_organization o ON o.id = c.organization_id
 WHERE c.id IN (SELECT unnest(ids[%(first)s:%(last)s]) FROM contacts_importmade WHERE run_id = %(run)s AND kind = 'contact_point');
DELETE FROM undo_row r USING contacts_importkept k
 WHERE k.run_id = %(run)s AND k.object_type = r.owner AND k.object_id = r.owner_id AND k.field = '';
INSERT INTO contacts_importkept (run_id, object_type, object_id, object_uid, name, field, reason)
SELECT %(run)s, owner, owner_id, uid, name, left(kind || ': ' || value, 64), 'edited' FROM undo_row WHERE is_edited
ON CONFLICT DO NOTHING;
INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
SELECT %(entry)s, owner, uid, kind, to_jsonb(value), NULL FROM undo_row WHERE NOT is_edited;
DELETE FROM contacts_contactpoint WHERE id IN (SELECT id FROM undo_row WHERE NOT is_edited);
"""
TAGGED = """
DELETE FROM contacts_{kind}_tags t
 WHERE t.id IN (SELECT unnest(ids[%(first)s:%(last)s]) FROM contacts_importmade WHERE run_id = %(run)s AND kind = '{kind}_tag')
   AND NOT EXISTS (SELECT 1 FROM contacts_importkept k WHERE k.run_id = %(run)s AND k.object_type = '{kind}'
                      AND k.object_id = t.{kind}_id AND k.field = '');
"""
FILLED = """
DROP TABLE IF EXISTS undo_row;
CREATE TEMP TABLE undo_row ON COMMIT DROP AS
SELECT m.id, p.id AS person_id, p.uid, p.name, (d.v->>0)::date AS started_before,
       m.post_id IS DISTINCT FROM (d.v->>2)::bigint OR m.started_on IS DISTINCT FROM (d.v->>1)::date OR m.ended_on IS NOT NULL AS is_edited
  FROM contacts_importmade i CROSS JOIN LATERAL jsonb_each(i.detail) AS d (id, v)
  JOIN contacts_membership m ON m.id = d.id::bigint JOIN contacts_person p ON p.id = m.person_id
 WHERE i.run_id = %(run)s AND i.kind = 'filled_membership' AND m.post_id IS NOT NULL;
INSERT INTO contacts_importkept (run_id, object_type, object_id, object_uid, name, field, reason)
SELECT %(run)s, 'person', person_id, uid, name, 'post', 'edited' FROM undo_row WHERE is_edited ON CONFLICT DO NOTHING;
UPDATE contacts_membership m SET post_id = NULL, started_on = r.started_before FROM undo_row r WHERE r.id = m.id AND NOT r.is_edited;
"""
CHANGED = """
DROP TABLE IF EXISTS undo_row;
CREATE TEMP TABLE undo_row ON COMMIT DROP AS
SELECT o.id, o.uid, o.name, c.before, c.after, o.{column}::text IS DISTINCT FROM c.after AS is_edited
  FROM (SELECT DISTINCT object_uid, before #>> '{{}}' AS before, after #>> '{{}}' AS after FROM crm_auditchange
         WHERE entry_id = %(import_entry)s AND object_type = '{kind}' AND field = '{field}'
           AND (before IS NOT NULL OR field = 'country')) c
  JOIN contacts_{kind} o ON o.uid = c.object_uid AND o.{column}::text IS DISTINCT FROM c.before;
INSERT INTO contacts_importkept (run_id, object_type, object_id, object_uid, name, field, reason)
SELECT %(run)s, '{kind}', id, uid, name, '{field}', 'edited' FROM undo_row WHERE is_edited ON CONFLICT DO NOTHING;
INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
SELECT %(entry)s, '{kind}', uid, '{field}', to_jsonb(after), to_jsonb(before) FROM undo_row WHERE NOT is_edited;
UPDATE contacts_{kind} o SET {column} = r.before, updated_at = %(now)s FROM undo_row r WHERE r.id = o.id AND NOT r.is_edited;
"""
WITHDRAW = """
INSERT INTO contacts_consentevent (subject_uid, subject_kind, topic_id, channel, action, lawful_basis, source, evidence, at, actor_uid,
       address_hash)
SELECT e.subject_uid, e.subject_kind, e.topic_id, e.channel, 'withdraw', '', %(source)s, %(evidence)s, %(now)s, %(actor)s, e.address_hash
  FROM contacts_consentevent e
  JOIN contacts_consentstate s ON s.event_id = e.id AND s.subject_uid = e.subject_uid AND s.topic_id = e.topic_id AND s.is_granted
 WHERE e.id IN (SELECT unnest(ids[%(first)s:%(last)s]) FROM contacts_importmade WHERE run_id = %(run)s AND kind = 'permission');
"""
UNUSED_TAGS = """
DELETE FROM contacts_tag t WHERE t.id IN (SELECT unnest(ids) FROM contacts_importmade WHERE run_id = %(run)s AND kind = 'tag')
   AND {unused};
"""


def references(kind: str) -> list[tuple[str, str]]:
    """Every table and column that points to rows of this kind and is not a part of them: whatever features add is found by itself."""
    model = MODELS[kind]
    parts = {(table, column) for table, column, _noted in PARTS[kind]} | set(COUNTED.get(kind, ()))
    found = []
    for relation in model._meta.get_fields(include_hidden=True):
        if relation.auto_created and not relation.concrete and relation.field.concrete and not relation.many_to_many:
            place = (relation.related_model._meta.db_table, relation.field.column)
            if place not in parts:
                found.append(place)
    return sorted(set(found))


def judge(kind: str) -> str:
    """The statements that say of each row of a chunk why it stays, if it does."""
    since = "a.object_uid = o.uid AND a.entry_id > %(import_entry)s"
    cases = []
    if kind == "person":
        cases.append("WHEN o.last_mailed_at IS NOT NULL OR o.last_engaged_at IS NOT NULL THEN 'written'")
    cases += [f"WHEN EXISTS ({exists}) THEN '{reason}'" for reason, exists in KEPT_WHILE[kind]]
    if kind != "post":
        cases.append(
            "WHEN EXISTS (SELECT 1 FROM contacts_consentevent e WHERE e.subject_uid = o.uid"  # noqa: S608
            f" AND e.id NOT IN ({NOTED.format(kind='permission')})) THEN 'permission'"
        )
    cases.append(f"WHEN EXISTS (SELECT 1 FROM crm_auditchange a WHERE {since}) THEN 'edited'")  # noqa: S608 our own words
    cases.append("WHEN o.archived_at IS NOT NULL THEN 'edited'")
    for table, column, noted in PARTS[kind]:
        cases.append(
            f"WHEN EXISTS (SELECT 1 FROM {table} x WHERE x.{column} = o.id AND x.id NOT IN ({NOTED.format(kind=noted)}))"  # noqa: S608
            " THEN 'edited'"
        )
    for table, column in references(kind):
        reason = "holds" if table in HOLDERS else "used"
        cases.append(f"WHEN EXISTS (SELECT 1 FROM {table} x WHERE x.\"{column}\" = o.id) THEN '{reason}'")  # noqa: S608
    return LOCK.format(kind=kind) + JUDGE.format(kind=kind, cases=" ".join(cases))


def _go(kind: str) -> str:
    gone = "(SELECT id FROM undo_row WHERE reason IS NULL)"
    along = [(table, column) for table, column, _noted in PARTS[kind]] + COUNTED.get(kind, [])
    parts = "".join(f"DELETE FROM {table} WHERE {column} IN {gone};\n" for table, column in along)  # noqa: S608
    return f"{parts}DELETE FROM contacts_{kind} WHERE id IN {gone};\n"  # noqa: S608


def _unused_tags() -> str:
    from contacts.directory.models import Tag

    places = set()
    relations: list[Any] = list(Tag._meta.get_fields(include_hidden=True))
    for relation in relations:
        if relation.auto_created and not relation.concrete and not relation.many_to_many:
            places.add((relation.related_model._meta.db_table, relation.field.column))
    unused = "NOT EXISTS (SELECT 1 FROM {} x WHERE x.{} = t.id)"
    return " AND ".join(unused.format(table, column) for table, column in sorted(places))


Statements = Callable[[], list[str]]
# In this order nothing points to what goes. (what, how it was noted, statements)
PHASES: list[tuple[str, str, Statements]] = [
    ("people", "person", lambda: [judge("person"), _go("person")]),
    ("filled", "filled_membership", lambda: [FILLED]),
    ("memberships", "membership", lambda: [MEMBERSHIPS]),
    ("posts", "post", lambda: [judge("post"), _go("post")]),
    ("organizations", "organization", lambda: [judge("organization"), _go("organization")]),
    ("addresses", "contact_point", lambda: [CONTACT_POINTS]),
    ("person_tags", "person_tag", lambda: [TAGGED.format(kind="person")]),
    ("organization_tags", "organization_tag", lambda: [TAGGED.format(kind="organization")]),
    ("fields", "", lambda: [CHANGED.format(kind=kind, field=field, column=column)
                            for kind, fields in FIELDS.items() for field, column in fields.items()]),
    ("permissions", "permission", lambda: [WITHDRAW]),
    ("tags", "", lambda: [UNUSED_TAGS.format(unused=_unused_tags())]),
]  # fmt: skip


def begin(*, run: ImportRun, actor: User | None) -> AuditEntry:
    """The entry that this undo writes to; one for an import, however often it is begun."""
    made = AuditEntry.objects.get(verb="import.applied", object_uid=run.uid)
    found = AuditEntry.objects.filter(undoes=made).first()
    return found or record(verb="import.undone", target=run, actor=actor, summary=run.file_name, undoes=made)


def next_step(*, run: ImportRun, actor: User | None, phase: int, first: int) -> tuple[int, int, int]:
    """Do one chunk of one phase in the caller's transaction; returns the phase and the place to go on from, and how many were done."""
    _name, noted, statements = PHASES[phase]
    made = ImportMade.objects.filter(run=run, kind=noted).values_list("ids", flat=True).first() if noted else None
    total = len(made or [])
    if noted and first > total:
        return phase + 1, 1, 0
    entry = begin(run=run, actor=actor)
    whole = not noted or noted == "filled_membership"
    values = {
        "run": run.pk, "entry": entry.pk, "import_entry": entry.undoes_id, "first": first, "last": first + CHUNK - 1,
        "now": timezone.now(), "actor": actor.uid if actor else None, "source": _("Import undone"), "evidence": run.file_name,
    }  # fmt: skip
    execute(statements(), values)
    if noted == "" and _name == "fields":
        _index_again(entry)
    if whole:
        return phase + 1, 1, total
    done = min(CHUNK, total - first + 1)
    return (phase + 1, 1, done) if first + CHUNK > total else (phase, first + CHUNK, done)


def finish(*, run: ImportRun, actor: User | None) -> ImportRun:
    """Say what became of it."""
    with transaction.atomic():
        run = ImportRun.objects.select_for_update().get(pk=run.pk)
        if run.state == ImportRun.State.UNDONE:
            return run
        entry = begin(run=run, actor=actor)
        kept = ImportKept.objects.filter(run=run)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FILTER (WHERE field = 'name' AND after IS NULL AND object_type = 'person'),"
                " count(*) FILTER (WHERE field = 'name' AND after IS NULL AND object_type = 'organization'),"
                " count(*) FILTER (WHERE field = 'name' AND after IS NULL AND object_type = 'post'),"
                " count(*) FILTER (WHERE NOT (field = 'name' AND after IS NULL)) FROM crm_auditchange WHERE entry_id = %s",
                [entry.pk],
            )
            people, organizations, posts, taken_back = cursor.fetchone()
        counts = {
            "people": people,
            "organizations": organizations,
            "posts": posts,
            "taken_back": taken_back,
            "kept": kept.count(),
        }
        run.state, run.undone_at, run.counts = ImportRun.State.UNDONE, timezone.now(), {**run.counts, "undo": counts}
        run.save(update_fields=["state", "undone_at", "counts", "updated_at"])
        emit(type="import.undone", object_uid=run.uid, actor=actor, payload=counts)
    return run


def _index_again(entry: AuditEntry) -> None:
    """Names that lost a part, and institutions that lost an acronym, are sorted and found by what is left."""
    for model, kind, fields in (
        (Person, "person", ["given_name", "family_name"]),
        (Organization, "organization", ["acronym"]),
    ):
        uids = entry.changes.filter(object_type=kind, field__in=fields).values("object_uid")
        rows: Any = model._default_manager.filter(uid__in=uids)
        batch = []
        for row in rows.iterator(chunk_size=1000):
            row.index_text()
            batch.append(row)
        model._default_manager.bulk_update(batch, ["sort_key", "search_text"], batch_size=1000)
