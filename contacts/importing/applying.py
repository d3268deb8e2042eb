"""Write what the plan says: some twenty statements for any number of rows, in the caller's one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from contacts.consent.models import Topic
from contacts.greetings.queries import FormFinder
from contacts.importing.models import ImportRun
from contacts.importing.planning import ORGANIZATION_FIELDS, PERSON_FIELDS, execute
from crm.audit.models import AuditEntry
from crm.ids import tail_sql, uuid7_sql

# Every row of the plan says the ids of whom it leads to, also of those that it makes (see `planning.KEEP`).
MAKE_ORGANIZATIONS = f"""
INSERT INTO contacts_organization (id, uid, created_at, updated_at, name, names, sort_key, search_text, acronym,
       constituency_id, country_id, countries_of_work, language, website, note, custom, is_invented)
SELECT p.organization_id, {uuid7_sql("p.line * 8 + 0", "p.tail")}, %(now)s, %(now)s, p.organization, '{{}}',
       p.organization_key, p.organization_search, coalesce(p.acronym, ''),
       p.constituency, p.country, '{{}}', CASE WHEN p.has_person THEN '' ELSE coalesce(p.language, '') END,
       coalesce(p.website, ''), CASE WHEN p.has_person THEN '' ELSE coalesce(p.note, '') END, '{{}}', false
  FROM import_plan p WHERE p.makes_org;
"""  # noqa: S608 constants only

MAKE_POSTS = f"""
INSERT INTO contacts_post (id, uid, created_at, updated_at, name, names, sort_key, search_text, organization_id, is_head,
       form_of_address_id)
SELECT p.post_id, {uuid7_sql("p.line * 8 + 1", "p.tail")}, %(now)s, %(now)s, p.post, '{{}}', p.post_key, p.post_key, p.organization_id,
       false, f.form_id
  FROM import_plan p LEFT JOIN import_form f ON f.title = p.post WHERE p.makes_post;
"""  # noqa: S608 constants only

MAKE_PEOPLE = """
INSERT INTO contacts_person (id, uid, created_at, updated_at, name, names, sort_key, search_text, given_name, family_name,
       honorific_prefix, pronunciation, gender, language, country_id, note, custom, is_invented)
SELECT p.person_id, p.person_uid, %(now)s, %(now)s, p.name, '{}', p.sort_key, p.search_text, coalesce(p.given_name, ''),
       coalesce(p.family_name, ''), coalesce(p.honorific, ''), coalesce(p.pronunciation, ''), coalesce(p.gender, ''), coalesce(p.language, ''),
       coalesce(o.country_id, p.country), coalesce(p.note, ''), '{}', false
  FROM import_plan p LEFT JOIN contacts_organization o ON o.id = p.organization_id
 WHERE p.makes_person;
"""

CHANGE_ROWS = """
UPDATE contacts_{table} o SET {assignments}, updated_at = %(now)s
  FROM (SELECT object_id, jsonb_object_agg(field, after) AS v FROM import_change WHERE object_type = '{table}'
         GROUP BY object_id) c
 WHERE o.id = c.object_id;
"""
AFTER_PERSON = """
UPDATE contacts_person o SET sort_key = p.sort_key FROM import_change c JOIN import_plan p ON p.line = c.line
 WHERE c.object_type = 'person' AND c.field = 'family_name' AND o.id = c.object_id;
"""
AFTER_ORGANIZATION = """
UPDATE contacts_organization o SET search_text = o.search_text || ' ' || p.organization_search
  FROM import_change c JOIN import_plan p ON p.line = c.line
 WHERE c.object_type = 'organization' AND c.field = 'acronym' AND o.id = c.object_id;
"""

# What the import adds is noted by its ids, so that undoing it takes back exactly that.
NOTE_MADE = """
DROP TABLE IF EXISTS import_made, import_filled;
CREATE TEMP TABLE import_made (kind text, id bigint) ON COMMIT DROP;
"""
# Whoever is new can have no address that conflicts: the plan names each of an owner's once. Asking all unique indexes first, row by
# row, is left to those who were there before.
ADD_CONTACT_POINTS = f"""
WITH added AS (
INSERT INTO contacts_contactpoint (uid, created_at, updated_at, person_id, post_id, organization_id, kind, value, label, status,
       status_reason, bounce_count, is_preferred, address_key, address_hash)
SELECT {uuid7_sql("w.line * 8 + c.number", "w.tail")}, %(now)s, %(now)s, CASE WHEN w.owner = 1 THEN w.person_id END,
       CASE WHEN w.owner = 2 THEN w.post_id END, CASE WHEN w.owner = 3 THEN w.organization_id END, c.kind, c.value, '', 'active', '', 0,
       c.is_preferred, c.key, c.hash
  FROM (SELECT *, CASE WHEN has_person THEN 1 WHEN post_ref IS NOT NULL THEN 2 ELSE 3 END AS owner FROM import_plan
         WHERE adds_email OR adds_phone) w,
       LATERAL (VALUES (3, 'email', w.email, w.email_key, w.email_hash, w.adds_email, w.prefers_email),
                       (4, 'phone', w.phone, '', NULL, w.adds_phone, false)) AS c (number, kind, value, key, hash, added, is_preferred)
 WHERE c.added AND CASE w.owner WHEN 1 THEN w.person_ref WHEN 2 THEN w.post_ref ELSE w.org_ref END {{which}} RETURNING id)
INSERT INTO import_made SELECT 'contact_point', id FROM added;
"""  # noqa: S608 constants only
ADD_TO_NEW = ADD_CONTACT_POINTS.format(which="< 0")
ADD_TO_KNOWN = ADD_CONTACT_POINTS.format(which="> 0 ON CONFLICT DO NOTHING")

ADD_MEMBERSHIPS = f"""
WITH added AS (
INSERT INTO contacts_membership (uid, person_id, organization_id, post_id, role, started_on, is_primary)
SELECT {uuid7_sql("line * 8 + 5", "tail")}, person_id, organization_id, post_id, '', started_on, is_primary
  FROM import_plan WHERE adds_membership RETURNING id)
INSERT INTO import_made SELECT 'membership', id FROM added;
CREATE TEMP TABLE import_filled ON COMMIT DROP AS
SELECT h.id, h.started_on AS started_before, p.post_id, coalesce(h.started_on, p.started_on) AS started_on
  FROM import_plan p
  JOIN (SELECT x.person_id, x.organization_id, min(x.id) AS id FROM contacts_membership x
         WHERE x.ended_on IS NULL AND x.post_id IS NULL AND x.person_id IN (SELECT person_ref FROM import_plan WHERE fills_post)
         GROUP BY 1, 2) x ON x.person_id = p.person_ref AND x.organization_id = p.org_ref
  JOIN contacts_membership h ON h.id = x.id
 WHERE p.fills_post;
UPDATE contacts_membership h SET post_id = f.post_id, started_on = f.started_on FROM import_filled f WHERE h.id = f.id;
INSERT INTO import_change
SELECT 'person', q.id, p.line, 'country', q.country_id, o.country_id
  FROM import_plan p JOIN contacts_organization o ON o.id = p.organization_id JOIN contacts_person q ON q.id = p.person_id
 WHERE p.is_primary AND p.person_ref > 0 AND o.country_id IS NOT NULL AND q.country_id IS DISTINCT FROM o.country_id;
UPDATE contacts_person q SET country_id = o.country_id  -- whoever comes new has it already, but from a line further down
  FROM import_plan p JOIN contacts_organization o ON o.id = p.organization_id
 WHERE p.is_primary AND NOT p.makes_person AND q.id = p.person_id AND o.country_id IS NOT NULL
   AND q.country_id IS DISTINCT FROM o.country_id;
"""  # noqa: S608 constants only

ADD_TAGS = f"""
UPDATE contacts_tag t SET archived_at = NULL
 WHERE t.archived_at IS NOT NULL AND t.id IN (
       SELECT w.id FROM import_plan p CROSS JOIN LATERAL unnest(p.tags) tag JOIN import_tag w ON w.word = lower(tag)
        WHERE p.adds_tags);
WITH added AS (
INSERT INTO contacts_tag (uid, name, former_names)
SELECT {uuid7_sql("named.line * 8 + 6", tail_sql("named.line || ' ' || named.name"))}, named.name, '{{}}' FROM (
       SELECT min(tag) AS name, min(p.line) AS line FROM import_plan p CROSS JOIN LATERAL unnest(p.tags) tag
        WHERE p.outcome <> 'rejected' AND lower(tag) NOT IN (SELECT word FROM import_tag)
        GROUP BY lower(tag)) named
ON CONFLICT DO NOTHING RETURNING id)
INSERT INTO import_made SELECT 'tag', id FROM added;
INSERT INTO import_tag SELECT lower(t.name), t.id FROM contacts_tag t JOIN import_made m ON m.kind = 'tag' AND m.id = t.id;
WITH added AS (
INSERT INTO contacts_person_tags (person_id, tag_id)
SELECT DISTINCT p.person_id, t.id FROM import_plan p CROSS JOIN LATERAL unnest(p.tags) tag JOIN import_tag t ON t.word = lower(tag)
 WHERE p.adds_tags AND p.has_person
ON CONFLICT DO NOTHING RETURNING id)
INSERT INTO import_made SELECT 'person_tag', id FROM added;
WITH added AS (
INSERT INTO contacts_organization_tags (organization_id, tag_id)
SELECT DISTINCT p.organization_id, t.id FROM import_plan p CROSS JOIN LATERAL unnest(p.tags) tag JOIN import_tag t ON t.word = lower(tag)
 WHERE p.adds_tags AND NOT p.has_person
ON CONFLICT DO NOTHING RETURNING id)
INSERT INTO import_made SELECT 'organization_tag', id FROM added;
"""  # noqa: S608 constants only

NOTE_PLANNED = """
INSERT INTO import_made SELECT 'organization', organization_id FROM import_plan WHERE makes_org
UNION ALL SELECT 'post', post_id FROM import_plan WHERE makes_post
UNION ALL SELECT 'person', person_id FROM import_plan WHERE makes_person
UNION ALL SELECT 'permission', id FROM import_granted;
"""
LEDGER = """
INSERT INTO contacts_importmade (run_id, kind, ids, detail)
SELECT %(run)s, kind, array_agg(id), '{}'::jsonb FROM import_made GROUP BY kind
UNION ALL
SELECT %(run)s, 'filled_membership', array_agg(id ORDER BY id),
       jsonb_object_agg(id, jsonb_build_array(started_before, started_on, post_id)) FROM import_filled HAVING count(*) > 0;
"""

# Who may get a first permission: has an address, none of their addresses is suppressed, and nothing was said on the topic.
SUBJECTS = """
WITH stopped AS MATERIALIZED (
         SELECT c.person_id, c.organization_id FROM contacts_contactpoint c JOIN contacts_suppression n ON n.address_hash = c.address_hash
          WHERE c.person_id IN (SELECT person_ref FROM import_plan WHERE person_ref > 0)
             OR c.organization_id IN (SELECT org_ref FROM import_plan WHERE org_ref > 0 AND NOT has_person)),
     reached AS MATERIALIZED (
         SELECT DISTINCT c.person_id FROM contacts_contactpoint c
          WHERE c.kind = 'email' AND c.person_id IN (SELECT person_ref FROM import_plan WHERE person_ref > 0)),
     asked AS (
         SELECT p.is_several, p.person_ref, {person_uid} AS uid, p.email_hash,
                n.id IS NOT NULL OR p.person_ref IN (SELECT person_id FROM stopped WHERE person_id IS NOT NULL) AS is_suppressed
           FROM import_plan p {people} LEFT JOIN contacts_suppression n ON n.address_hash = p.email_hash
          WHERE p.has_person AND p.outcome <> 'rejected'
            AND (p.email_key IS NOT NULL OR p.person_ref IN (SELECT person_id FROM reached)))
SELECT 'person' AS kind, uid, email_hash, is_suppressed FROM asked WHERE NOT is_several
UNION ALL
SELECT 'person', uid, decode(min(encode(email_hash, 'hex')), 'hex'), bool_or(is_suppressed) FROM asked WHERE is_several
 GROUP BY person_ref, uid
UNION ALL
SELECT 'organization', o.uid, decode(min(encode(p.email_hash, 'hex')), 'hex'),
       bool_or(n.id IS NOT NULL OR o.id IN (SELECT organization_id FROM stopped WHERE organization_id IS NOT NULL))
  FROM import_plan p {organizations} LEFT JOIN contacts_suppression n ON n.address_hash = p.email_hash
 WHERE NOT p.has_person AND p.post_ref IS NULL AND p.email_key IS NOT NULL AND p.outcome <> 'rejected'
 GROUP BY p.org_ref, o.uid
"""
APPLIED_SUBJECTS = SUBJECTS.format(
    person_uid="p.person_uid", people="", organizations="JOIN contacts_organization o ON o.id = p.organization_id"
)
PLANNED_SUBJECTS = SUBJECTS.format(
    person_uid="q.uid",
    people="LEFT JOIN contacts_person q ON q.id = p.person_ref",
    organizations="LEFT JOIN contacts_organization o ON o.id = p.org_ref",
)
NOTE_GRANTED = """
DROP TABLE IF EXISTS import_granted;
CREATE TEMP TABLE import_granted (id bigint, uid uuid, kind text) ON COMMIT DROP;
"""
GRANT = f"""
WITH added AS (
INSERT INTO contacts_consentevent (subject_uid, subject_kind, topic_id, channel, action, lawful_basis, source, evidence, at,
       actor_uid, address_hash)
SELECT s.uid, s.kind, %(topic)s, 'email', 'grant', %(basis)s, %(source)s, %(evidence)s, %(asked_at)s, %(actor)s, s.email_hash
  FROM ({APPLIED_SUBJECTS}) s
 WHERE NOT s.is_suppressed AND NOT EXISTS (
       SELECT 1 FROM contacts_consentevent e WHERE e.subject_uid = s.uid AND e.topic_id = %(topic)s)
RETURNING id, subject_uid, subject_kind)
INSERT INTO import_granted SELECT id, subject_uid, subject_kind FROM added;
"""  # noqa: S608 constants only


def _object(parts: Mapping[str, str]) -> str:
    """SQL of a jsonb object: name → SQL of its value, which is left out where it is NULL. By way of text, which takes two thirds of what
    building the same piece by piece takes."""
    said = ", ".join(f"""',"{name}":' || to_json({value})::text""" for name, value in parts.items())
    return f"('{{' || substr(concat({said}), 2) || '}}')::jsonb"


ORGANIZATION_CAME_WITH = {
    "name": "p.organization",
    "email": "CASE WHEN p.adds_email AND NOT p.has_person AND p.post_ref IS NULL THEN p.email END",
    "phone": "CASE WHEN p.adds_phone AND NOT p.has_person AND p.post_ref IS NULL THEN p.phone END",
    "tags": "CASE WHEN p.adds_tags AND NOT p.has_person THEN p.tags END",
}
POST_CAME_WITH = {
    "name": "p.post",
    "email": "CASE WHEN p.adds_email AND NOT p.has_person THEN p.email END",
    "phone": "CASE WHEN p.adds_phone AND NOT p.has_person THEN p.phone END",
}
PERSON_CAME_WITH = {
    "name": "p.name",
    "email": "CASE WHEN p.adds_email THEN p.email END",
    "phone": "CASE WHEN p.adds_phone THEN p.phone END",
    "membership": "CASE WHEN p.adds_membership THEN concat_ws(', ', p.post, p.organization) END",
    "tags": "CASE WHEN p.adds_tags THEN p.tags END",
    # a code is a slug
    "consent:' || %(topic_code)s || '": "CASE WHEN g.uid IS NOT NULL THEN 'grant'::text END",
}
# What came new has one line that says all that it came with; what was there before has a line for each thing that was added.
AUDIT = f"""
INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
SELECT %(entry)s, 'organization', {uuid7_sql("p.line * 8 + 0", "p.tail")}, 'created', NULL::jsonb, {_object(ORGANIZATION_CAME_WITH)}
  FROM import_plan p WHERE p.makes_org
UNION ALL
SELECT %(entry)s, 'post', {uuid7_sql("p.line * 8 + 1", "p.tail")}, 'created', NULL::jsonb, {_object(POST_CAME_WITH)}
  FROM import_plan p WHERE p.makes_post
UNION ALL
SELECT %(entry)s, 'person', p.person_uid, 'created', NULL::jsonb, {_object(PERSON_CAME_WITH)}
  FROM import_plan p LEFT JOIN import_granted g ON g.uid = p.person_uid WHERE p.makes_person
UNION ALL
SELECT %(entry)s, CASE WHEN p.has_person THEN 'person' WHEN p.post_ref IS NOT NULL THEN 'post' ELSE 'organization' END,
       CASE WHEN p.has_person THEN p.person_uid WHEN p.post_ref IS NOT NULL THEN s.uid ELSE o.uid END, c.field, NULL::jsonb, to_jsonb(c.value)
  FROM import_plan p LEFT JOIN contacts_post s ON s.id = p.post_id AND NOT p.has_person
  LEFT JOIN contacts_organization o ON o.id = p.organization_id AND NOT p.has_person,
       LATERAL (VALUES ('email', p.email, p.adds_email), ('phone', p.phone, p.adds_phone)) AS c (field, value, added)
 WHERE (p.adds_email OR p.adds_phone) AND c.added
   AND NOT CASE WHEN p.has_person THEN p.makes_person WHEN p.post_ref IS NOT NULL THEN p.makes_post ELSE p.makes_org END
UNION ALL
SELECT %(entry)s, 'person', p.person_uid, 'membership', NULL::jsonb, to_jsonb(concat_ws(', ', p.post, p.organization))
  FROM import_plan p WHERE (p.adds_membership AND NOT p.makes_person) OR p.fills_post
UNION ALL
SELECT %(entry)s, CASE WHEN p.has_person THEN 'person' ELSE 'organization' END,
       CASE WHEN p.has_person THEN p.person_uid ELSE o.uid END, 'tags', NULL::jsonb, to_jsonb(p.tags)
  FROM import_plan p LEFT JOIN contacts_organization o ON o.id = p.organization_id AND NOT p.has_person
 WHERE p.adds_tags AND NOT CASE WHEN p.has_person THEN p.makes_person ELSE p.makes_org END
UNION ALL
SELECT %(entry)s, c.object_type, coalesce(q.uid, o.uid), c.field, to_jsonb(c.before), to_jsonb(c.after)
  FROM import_change c LEFT JOIN contacts_person q ON c.object_type = 'person' AND q.id = c.object_id
  LEFT JOIN contacts_organization o ON c.object_type = 'organization' AND o.id = c.object_id;
INSERT INTO crm_auditchange (entry_id, object_type, object_uid, field, before, after)
SELECT %(entry)s, g.kind, g.uid, 'consent:' || %(topic_code)s, NULL, to_jsonb('grant'::text) FROM import_granted g
 WHERE NOT EXISTS (SELECT 1 FROM import_plan p WHERE p.makes_person AND p.person_uid = g.uid);
"""  # noqa: S608 constants only

# Foreign keys are checked at the latest moment; said here, their time (a fifth of the whole) is not hidden in the commit.
CHECK_REFERENCES = "SET CONSTRAINTS ALL IMMEDIATE"


def write_rows(
    *, run: ImportRun, now: datetime, ids: Mapping[str, Any], actor_uid: UUID | None, on_phase: Callable[[str], None]
) -> None:
    """Write what the loaded plan says into the directory. ids: those that it was loaded with.

    on_phase is told in plain words what comes next, and may raise to stop: nothing is then kept.
    """
    has_tags = "tags" in run.mapping.values()
    values: dict[str, Any] = {"run": run.pk, "now": now, "actor": actor_uid, **ids}
    on_phase(_("Adding organizations and posts"))
    execute([MAKE_ORGANIZATIONS, _changes("organization", ORGANIZATION_FIELDS), AFTER_ORGANIZATION], values)
    _find_forms_of_address()
    execute([MAKE_POSTS], values)
    on_phase(_("Adding people"))
    execute([MAKE_PEOPLE, _changes("person", (*PERSON_FIELDS, "given_name", "family_name")), AFTER_PERSON], values)
    on_phase(_("Adding addresses and memberships"))
    execute([NOTE_MADE, ADD_TO_NEW, ADD_TO_KNOWN, ADD_MEMBERSHIPS], values)
    execute([ADD_TAGS] if has_tags else [], values)


def give_permissions(*, run: ImportRun, ids: Mapping[str, Any], actor_uid: UUID | None) -> int:
    """The first permissions of whom the loaded plan names; returns how many. Of people it may come before `write_rows`: the ledger knows them by
    their public ids."""
    execute([NOTE_GRANTED], {})
    chosen = run.first_permission
    if not chosen:
        return 0
    values = {
        **ids,
        "run": run.pk,
        "actor": actor_uid,
        "topic": chosen["topic_id"],
        "basis": chosen["lawful_basis"],
        "source": chosen["source"][:120],
        "evidence": chosen["evidence"],
        "asked_at": datetime.fromisoformat(chosen["asked_at"]),
    }
    return execute([GRANT], values)


def write_history(*, run: ImportRun, entry: AuditEntry, ids: Mapping[str, Any]) -> None:
    """What the rows of the loaded plan came with, for the audit trail, and their ids beside those that are noted already."""
    values = {"run": run.pk, "entry": entry.pk, "topic_code": _topic_code(run), **ids}
    execute([NOTE_PLANNED, AUDIT], values)


def keep_made(run: ImportRun) -> None:
    """The ids that were noted, for undoing it."""
    execute([LEDGER], {"run": run.pk})


def check_references() -> None:
    execute([CHECK_REFERENCES], {})


def _changes(table: str, fields: tuple[str, ...]) -> str:
    assignments = ", ".join(f"{name} = coalesce(c.v->>'{name}', o.{name})" for name in fields)
    return CHANGE_ROWS.format(table=table, assignments=assignments)


def _find_forms_of_address() -> None:
    """`import_form`: how holders of the posts that come new are addressed, by title, as for a post made on the screen."""
    finder = FormFinder()
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT post FROM import_plan WHERE makes_post")
        found = {title: form.pk for (title,) in cursor.fetchall() if (form := finder.form_for([title]))}
    table = "CREATE TEMP TABLE import_form ON COMMIT DROP AS SELECT * FROM unnest(%(titles)s::text[], %(forms)s::bigint[]) AS f (title, form_id)"
    execute(["DROP TABLE IF EXISTS import_form", table], {"titles": list(found), "forms": list(found.values())})


def _topic_code(run: ImportRun) -> str:
    topic = run.first_permission.get("topic_id")
    return Topic.objects.values_list("code", flat=True).get(pk=topic) if topic else ""
