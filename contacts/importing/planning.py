"""What an import would do, decided for all its rows by a handful of statements into temporary tables.

`make_plan()` decides and keeps what it decided in `ImportRow`: the dry run shows it. `load_plan()` puts the decisions beside the
values of the lines: `import_plan` (one row per usable row of the file) and `import_change` (one row per field that would change) in the
caller's transaction, by which applying writes. So both agree, and while nothing else was changed nothing is decided twice.

A *ref* is the id of a row that exists, or minus the line of the row of the file that will create it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextvars import ContextVar
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from contacts.importing.models import ImportLine, ImportRun
from crm.ids import tail_sql, uuid7_sql

WITHOUT_TEMPORARY: ContextVar[bool] = ContextVar("without_temporary", default=False)
# Tables that an import has just filled look empty to the planner until they are analyzed, and a loop over them grows with the
# square of the file. Large files are joined by hashes only; a few rows find their way by indexes.
MANY = 1_000
# The working memory is for sorts and hashes over the whole file, and for merging its words into the search index. A small
# sample is enough to tell a large table from an empty one, and that is all that the plans hang on. The working tables of a large file
# are some 100 MB, and PostgreSQL keeps 8 of them, so that each statement would fetch them anew; a session that has had working tables
# before cannot change that any more.
SETTINGS = """
DO $$ BEGIN SET LOCAL temp_buffers = '128MB'; EXCEPTION WHEN invalid_parameter_value THEN NULL; END $$;
SET LOCAL work_mem = '64MB';
SET LOCAL gin_pending_list_limit = '64MB';
SET LOCAL default_statistics_target = 10;
"""
VALUES = """
DROP TABLE IF EXISTS import_value, import_place, import_seat, import_step, import_same, import_draft, import_plan, import_new, import_subject;
CREATE TEMP TABLE import_value ON COMMIT DROP AS
SELECT line, name IS NOT NULL AS has_person, organization IS NOT NULL AS has_organization, sort_key, search_text, words, email_key,
       email_hash, phone, organization, organization_key, constituency AS constituency_id, country, post_key
  FROM contacts_importline WHERE run_id = %(run)s AND refused = '';
ANALYZE import_value (line, has_person, has_organization, email_key, words, sort_key, organization_key, country, post_key);
"""
CHANGES = """
DROP TABLE IF EXISTS import_change;
CREATE TEMP TABLE import_change (
    object_type text, object_id bigint, line int, field text, before text, after text
) ON COMMIT DROP;
"""

# One row for each institution that the file names: which one it is, or the line that will make it, or why it can be neither.
PLACES = """
CREATE TEMP TABLE import_place ON COMMIT DROP AS
WITH named AS (
         SELECT organization_key, coalesce(country, '') AS country, min(organization) AS name,
                min(line) FILTER (WHERE constituency_id IS NOT NULL) AS leader
           FROM import_value WHERE has_organization GROUP BY 1, 2),
     given AS (
         SELECT DISTINCT ON (n.organization_key, n.country) n.organization_key, n.country, o.id
           FROM named n JOIN contacts_organization o ON o.sort_key = n.organization_key AND o.archived_at IS NULL
                AND (o.country_id = n.country OR o.country_id IS NULL)
          WHERE n.country <> '' ORDER BY n.organization_key, n.country, o.country_id IS NULL, o.id),
     guessed AS (
         SELECT n.organization_key, min(o.id) AS id, count(*) AS times
           FROM named n JOIN contacts_organization o ON o.sort_key = n.organization_key AND o.archived_at IS NULL
          WHERE n.country = '' GROUP BY n.organization_key)
SELECT n.organization_key, n.country,
       CASE WHEN g.id IS NOT NULL THEN g.id WHEN u.times = 1 THEN u.id WHEN u.times IS NULL THEN -n.leader END AS ref,
       CASE WHEN g.id IS NULL AND u.times > 1 THEN %(several)s
            WHEN g.id IS NULL AND u.times IS NULL AND n.leader IS NULL THEN %(no_constituency)s END AS refused
  FROM named n LEFT JOIN given g ON g.organization_key = n.organization_key AND g.country = n.country
  LEFT JOIN guessed u ON u.organization_key = n.organization_key AND n.country = '';
ANALYZE import_place;
CREATE TEMP TABLE import_step ON COMMIT DROP AS
SELECT v.line, v.has_person, p.ref AS org_ref, NULL::bigint AS person_ref, false AS makes_person,
       CASE WHEN p.refused IS NULL THEN '' ELSE 'rejected' END AS outcome,
       coalesce(replace(p.refused, '§', v.organization), '') AS reason
  FROM import_value v
  LEFT JOIN import_place p ON p.organization_key = v.organization_key AND p.country = coalesce(v.country, '');
ANALYZE import_step;
"""

ORGANIZATION_SCOPE = """
UPDATE import_step p SET outcome = 'rejected', reason = %(out_of_scope)s
  FROM import_step q JOIN import_value v ON v.line = q.line LEFT JOIN contacts_organization o ON o.id = q.org_ref
 WHERE p.line = q.line AND p.outcome = ''
   AND CASE WHEN q.org_ref > 0 THEN NOT (coalesce(o.country_id = ANY(%(scope)s), false) OR o.countries_of_work && %(scope)s)
            ELSE coalesce(v.country <> ALL(%(scope)s), true) END;
"""

PEOPLE = """
UPDATE import_step p
   SET person_ref = m.person_id, outcome = CASE WHEN m.is_same THEN '' ELSE 'rejected' END,
       reason = CASE WHEN m.is_same THEN '' ELSE replace(%(other_name)s, '§', m.name) END
  FROM (SELECT DISTINCT ON (w.line) w.line, c.person_id, q.name,
               string_to_array(w.search_text, ' ') && string_to_array(q.search_text, ' ') AS is_same
          FROM import_value w
          JOIN contacts_contactpoint c ON c.kind = 'email' AND c.address_key = w.email_key AND c.person_id IS NOT NULL
          JOIN contacts_person q ON q.id = c.person_id AND q.archived_at IS NULL AND q.erased_at IS NULL
         WHERE w.has_person AND w.email_key IS NOT NULL
         ORDER BY w.line, is_same DESC, c.person_id) m
 WHERE p.line = m.line AND p.outcome = '';
ANALYZE import_step;
WITH wanted AS MATERIALIZED (
         SELECT s.line, v.words, s.org_ref FROM import_step s JOIN import_value v ON v.line = s.line
          WHERE s.has_person AND s.outcome = '' AND s.person_ref IS NULL AND s.org_ref > 0),
     members AS MATERIALIZED (
         SELECT m.organization_id, q.id, q.sort_key
           FROM contacts_membership m JOIN contacts_person q ON q.id = m.person_id
          WHERE m.ended_on IS NULL AND q.archived_at IS NULL AND q.erased_at IS NULL
            AND m.organization_id IN (SELECT org_ref FROM wanted)),
     named AS MATERIALIZED (
         SELECT m.organization_id, m.id, string_agg(w, ' ' ORDER BY w COLLATE "C") AS words
           FROM (SELECT DISTINCT organization_id, id, unnest(string_to_array(sort_key, ' ')) AS w FROM members) m GROUP BY 1, 2),
     found AS (SELECT w.line, min(m.id) AS id
                 FROM wanted w JOIN named m ON m.organization_id = w.org_ref AND m.words = w.words GROUP BY w.line)
UPDATE import_step p SET person_ref = f.id FROM found f WHERE p.line = f.line;
UPDATE import_step p SET person_ref = m.id
  FROM (SELECT w.line, min(q.id) AS id FROM import_step s JOIN import_value w ON w.line = s.line
          JOIN contacts_person q ON q.sort_key = w.sort_key AND q.country_id IS NOT DISTINCT FROM w.country
               AND q.archived_at IS NULL AND q.erased_at IS NULL
         WHERE w.has_person AND s.outcome = '' AND s.person_ref IS NULL AND w.email_key IS NULL
           AND NOT w.has_organization
           AND NOT EXISTS (SELECT 1 FROM contacts_membership m WHERE m.person_id = q.id AND m.ended_on IS NULL)
         GROUP BY w.line) m
 WHERE p.line = m.line;
"""

PERSON_SCOPE = """
UPDATE import_step p SET outcome = 'rejected', reason = %(person_out_of_scope)s
 WHERE p.person_ref > 0 AND NOT EXISTS (
       SELECT 1 FROM contacts_person q WHERE q.id = p.person_ref AND (q.country_id = ANY(%(scope)s) OR EXISTS (
              SELECT 1 FROM contacts_membership m JOIN contacts_organization o ON o.id = m.organization_id
               WHERE m.person_id = q.id AND m.ended_on IS NULL
                 AND (o.country_id = ANY(%(scope)s) OR o.countries_of_work && %(scope)s))));
"""

NEW_PEOPLE = """
CREATE TEMP TABLE import_same ON COMMIT DROP AS
SELECT s.line, coalesce('e' || v.email_key, 'n' || v.words || '|' || coalesce(s.org_ref::text, v.country, '')) AS same
  FROM import_step s JOIN import_value v ON v.line = s.line
 WHERE s.has_person AND s.outcome = '' AND s.person_ref IS NULL;
ANALYZE import_same;
WITH repeated AS MATERIALIZED (SELECT same, min(line) AS leader FROM import_same GROUP BY same HAVING count(*) > 1),
     judged AS MATERIALIZED (SELECT f.line, l.leader FROM import_same f JOIN repeated l ON l.same = f.same WHERE f.line <> l.leader),
     other AS MATERIALIZED (
         SELECT g.line FROM judged g JOIN import_value v ON v.line = g.line JOIN import_value w ON w.line = g.leader
          WHERE NOT string_to_array(v.search_text, ' ') && string_to_array(w.search_text, ' '))
UPDATE import_step p
   SET person_ref = -coalesce(g.leader, f.line), makes_person = g.line IS NULL,
       outcome = CASE WHEN o.line IS NULL THEN '' ELSE 'rejected' END,
       reason = CASE WHEN o.line IS NULL THEN '' ELSE replace(%(other_line)s, '§', g.leader::text) END
  FROM import_same f LEFT JOIN judged g ON g.line = f.line LEFT JOIN other o ON o.line = f.line WHERE p.line = f.line;
ANALYZE import_step;
"""

POSTS = """
CREATE TEMP TABLE import_seat ON COMMIT DROP AS
SELECT w.org_ref, w.post_key, coalesce(min(s.id), -min(w.leader)) AS ref
  FROM (SELECT s.org_ref, v.post_key, min(s.line) AS leader FROM import_step s JOIN import_value v ON v.line = s.line
         WHERE s.outcome = '' AND v.post_key IS NOT NULL GROUP BY 1, 2) w
  LEFT JOIN contacts_post s ON s.organization_id = w.org_ref AND s.sort_key = w.post_key
 GROUP BY w.org_ref, w.post_key;
ANALYZE import_seat;
"""

# The first row of each person, organization, address … speaks; the others would say it again. An institution is made by its
# first row with a constituency, if any row is left that needs it. Most owners stand in one row of the file, which says all by itself:
# only the rows of those who stand in several are compared with one another.
PLAN = """
CREATE TEMP TABLE import_draft ON COMMIT DROP AS
WITH placed AS (
         SELECT s.*, t.ref AS post_ref, v.email_key, v.phone, v.has_organization, s.outcome = '' AS is_used,
                CASE WHEN s.has_person THEN 1 WHEN t.ref IS NOT NULL THEN 2 ELSE 3 END AS owner,
                CASE WHEN s.has_person THEN s.person_ref ELSE coalesce(t.ref, s.org_ref) END AS owner_ref
           FROM import_step s JOIN import_value v ON v.line = s.line
           LEFT JOIN import_seat t ON t.org_ref = s.org_ref AND t.post_key = v.post_key AND s.outcome = ''),
     step AS MATERIALIZED (
         SELECT p.*, count(*) OVER mine > 1 AS is_several, min(line) OVER mine = line AS is_first
           FROM placed p WINDOW mine AS (PARTITION BY is_used, owner, owner_ref)),
     several AS MATERIALIZED (SELECT * FROM step WHERE is_used AND is_several),
     known AS MATERIALIZED (SELECT DISTINCT owner, owner_ref FROM step WHERE is_used AND owner_ref > 0),
     points AS MATERIALIZED (
         SELECT k.owner, k.owner_ref, c.kind, c.address_key, c.value FROM known k JOIN contacts_contactpoint c
             ON k.owner = 1 AND c.person_id = k.owner_ref
         UNION ALL SELECT k.owner, k.owner_ref, c.kind, c.address_key, c.value FROM known k JOIN contacts_contactpoint c
             ON k.owner = 2 AND c.post_id = k.owner_ref
         UNION ALL SELECT k.owner, k.owner_ref, c.kind, c.address_key, c.value FROM known k JOIN contacts_contactpoint c
             ON k.owner = 3 AND c.organization_id = k.owner_ref),
     held AS MATERIALIZED (
         SELECT m.person_id, m.organization_id, m.post_id FROM known k JOIN contacts_membership m
             ON m.person_id = k.owner_ref AND m.ended_on IS NULL WHERE k.owner = 1),
     orgs AS (SELECT org_ref, min(line) AS line FROM step WHERE is_used AND org_ref IS NOT NULL GROUP BY 1),
     pairs AS (SELECT person_ref, org_ref, bool_or(post_ref IS NOT NULL) AS has_post
                 FROM several WHERE has_person AND org_ref IS NOT NULL GROUP BY 1, 2)
SELECT s.line, s.has_person, s.org_ref, s.person_ref, s.post_ref, s.owner, s.owner_ref, s.is_several,
       coalesce(s.org_ref = -s.line AND o.org_ref IS NOT NULL, false) AS makes_org,
       s.makes_person, coalesce(s.post_ref = -s.line, false) AS makes_post,
       coalesce(o.line = s.line, false) AND s.has_organization AS leads_org, s.is_used AND s.has_person AND s.is_first AS leads_person,
       CASE WHEN NOT s.is_used OR s.email_key IS NULL THEN false
            WHEN s.owner_ref > 0 AND (s.owner, s.owner_ref, s.email_key) IN (
                 SELECT owner, owner_ref, address_key FROM points WHERE kind = 'email') THEN false
            WHEN s.is_several THEN s.line IN (
                 SELECT min(line) FROM several WHERE email_key IS NOT NULL GROUP BY owner, owner_ref, email_key)
            ELSE true END AS adds_email,
       CASE WHEN NOT s.is_used OR s.phone IS NULL THEN false
            WHEN s.owner_ref > 0 AND (s.owner, s.owner_ref, s.phone) IN (
                 SELECT owner, owner_ref, value FROM points WHERE kind = 'phone') THEN false
            WHEN s.is_several THEN s.line IN (
                 SELECT min(line) FROM several WHERE phone IS NOT NULL GROUP BY owner, owner_ref, phone)
            ELSE true END AS adds_phone,
       CASE WHEN NOT s.is_used OR NOT s.has_person OR s.org_ref IS NULL THEN false
            WHEN s.person_ref > 0 AND s.post_ref IS NULL AND (s.person_ref, s.org_ref) IN (
                 SELECT person_id, organization_id FROM held) THEN false
            WHEN s.person_ref > 0 AND s.post_ref IS NOT NULL AND (s.person_ref, s.org_ref, s.post_ref) IN (
                 SELECT person_id, organization_id, post_id FROM held WHERE post_id IS NOT NULL) THEN false
            WHEN s.is_several THEN s.line IN (
                 SELECT min(u.line) FROM several u JOIN pairs p ON p.person_ref = u.person_ref AND p.org_ref = u.org_ref
                  WHERE u.post_ref IS NOT NULL OR NOT p.has_post GROUP BY u.person_ref, u.org_ref, u.post_ref)
            ELSE true END AS adds_membership,
       false AS fills_post, false AS adds_tags, s.outcome, s.reason
  FROM step s LEFT JOIN orgs o ON o.org_ref = s.org_ref;
ANALYZE import_draft;
"""

FILLS = """
UPDATE import_draft p SET fills_post = true, adds_membership = false
  FROM (SELECT DISTINCT ON (m.person_id, m.organization_id) w.line
          FROM import_draft w JOIN contacts_membership m ON m.person_id = w.person_ref AND m.organization_id = w.org_ref
         WHERE w.person_ref > 0 AND w.adds_membership AND w.post_ref IS NOT NULL AND m.ended_on IS NULL AND m.post_id IS NULL
         ORDER BY m.person_id, m.organization_id, w.line) f
 WHERE p.line = f.line;
"""
# A tag's former names mean it too, and one that was merged away means what it was merged into.
TAG_WORDS = """
DROP TABLE IF EXISTS import_tag;
CREATE TEMP TABLE import_tag ON COMMIT DROP AS
SELECT DISTINCT ON (w.word) w.word, coalesce(n.merged_into_id, n.id) AS id
  FROM (SELECT lower(name) AS word, id, merged_into_id, 1 AS place FROM contacts_tag
        UNION ALL SELECT unnest(former_names), id, merged_into_id, 2 FROM contacts_tag) w
  JOIN contacts_tag n ON n.id = coalesce(w.merged_into_id, w.id)
 ORDER BY w.word, w.place, w.id;
ANALYZE import_tag;
"""
TAGS = """
UPDATE import_draft p SET adds_tags = true
  FROM (SELECT DISTINCT w.line FROM import_draft w JOIN contacts_importline v ON v.run_id = %(run)s AND v.line = w.line AND v.tags IS NOT NULL
         CROSS JOIN LATERAL unnest(v.tags) AS tag
          LEFT JOIN import_tag t ON t.word = lower(tag)
          LEFT JOIN contacts_person_tags pt ON pt.tag_id = t.id AND w.has_person AND pt.person_id = w.person_ref
          LEFT JOIN contacts_organization_tags ot ON ot.tag_id = t.id AND NOT w.has_person AND ot.organization_id = w.org_ref
         WHERE w.outcome = '' AND pt.id IS NULL AND ot.id IS NULL) f
 WHERE p.line = f.line;
"""

# Fields of rows that exist: filled where empty, replaced only when the import says so.
CHANGE = """
INSERT INTO import_change
SELECT '{table}', o.id, p.line, '{column}', o.{column}::text, v.{value}
  FROM {plan} p JOIN contacts_importline v ON v.run_id = %(run)s AND v.line = p.line JOIN contacts_{table} o ON o.id = p.{ref}
 WHERE p.{ref} > 0 AND p.{leads} AND p.outcome <> 'rejected' AND v.{value} IS NOT NULL AND v.{value} <> o.{column}
   AND (o.{column} = '' OR %(overwrite)s);
"""
# A name decides who is who, so it is never replaced; its parts are filled where both are missing.
NAME_PARTS = """
INSERT INTO import_change
SELECT 'person', o.id, p.line, part.field, '', part.value
  FROM {plan} p JOIN contacts_importline v ON v.run_id = %(run)s AND v.line = p.line JOIN contacts_person o ON o.id = p.person_ref,
       LATERAL (VALUES ('given_name', v.given_name), ('family_name', v.family_name)) AS part (field, value)
 WHERE p.leads_person AND p.outcome <> 'rejected' AND o.given_name = '' AND o.family_name = ''
   AND v.family_name IS NOT NULL AND part.value IS NOT NULL;
"""
PERSON_FIELDS = ("honorific_prefix", "pronunciation", "gender", "language", "note")
ORGANIZATION_FIELDS = ("acronym", "website")

# What had to be found out step by step is in narrow tables until here. An owner's first address is preferred, and somebody's first
# membership is the primary one, unless there is one already.
OUTCOMES = """
ANALYZE import_change;
CREATE TEMP TABLE import_plan ON COMMIT DROP AS
SELECT v.line, v.has_person, v.email_key, v.email_hash, d.org_ref, d.person_ref, d.post_ref, d.is_several, d.makes_org, d.makes_person,
       d.makes_post, d.leads_org, d.leads_person, d.adds_email, d.adds_phone, d.adds_membership, d.fills_post, d.adds_tags,
       CASE WHEN NOT d.adds_email OR (d.owner_ref > 0 AND (d.owner, d.owner_ref) IN (
                 SELECT 1, c.person_id FROM contacts_contactpoint c WHERE c.kind = 'email' AND c.is_preferred
                    AND c.person_id IN (SELECT person_ref FROM import_draft WHERE adds_email AND person_ref > 0)
                 UNION ALL SELECT 2, c.post_id FROM contacts_contactpoint c WHERE c.kind = 'email' AND c.is_preferred
                    AND c.post_id IN (SELECT post_ref FROM import_draft WHERE adds_email AND post_ref > 0)
                 UNION ALL SELECT 3, c.organization_id FROM contacts_contactpoint c WHERE c.kind = 'email' AND c.is_preferred
                    AND c.organization_id IN (SELECT org_ref FROM import_draft WHERE adds_email AND org_ref > 0))) THEN false
            WHEN d.is_several THEN d.line IN (
                 SELECT min(line) FROM import_draft WHERE adds_email AND is_several GROUP BY owner, owner_ref)
            ELSE true END AS prefers_email,
       CASE WHEN NOT d.adds_membership OR (d.person_ref > 0 AND d.person_ref IN (
                 SELECT h.person_id FROM contacts_membership h WHERE h.is_primary AND h.ended_on IS NULL
                    AND h.person_id IN (SELECT person_ref FROM import_draft WHERE adds_membership AND person_ref > 0))) THEN false
            WHEN d.is_several THEN d.line IN (
                 SELECT min(line) FROM import_draft WHERE adds_membership AND is_several GROUP BY person_ref)
            ELSE true END AS is_primary,
       CASE WHEN d.outcome <> '' THEN d.outcome WHEN d.creates THEN 'created'
            WHEN d.makes_org OR d.makes_post OR d.adds_email OR d.adds_phone OR d.adds_membership OR d.fills_post OR d.adds_tags
                 OR h.fields IS NOT NULL THEN 'updated'
            ELSE 'unchanged' END AS outcome,
       CASE WHEN d.outcome <> '' THEN d.reason WHEN d.creates THEN '' ELSE
            left(concat_ws(', ', CASE WHEN d.makes_org THEN %(w_organization)s END, CASE WHEN d.adds_email THEN %(w_email)s END,
                 CASE WHEN d.adds_phone THEN %(w_phone)s END,
                 CASE WHEN d.adds_membership OR d.fills_post OR d.makes_post THEN %(w_post)s END,
                 CASE WHEN d.adds_tags THEN %(w_tags)s END, h.fields), 300) END AS reason
  FROM (SELECT *, makes_person OR ((makes_org OR makes_post) AND NOT has_person) AS creates FROM import_draft) d
  JOIN import_value v ON v.line = d.line
  LEFT JOIN (SELECT line, string_agg(replace(field, '_', ' '), ', ' ORDER BY field) AS fields FROM import_change GROUP BY line
       ) h ON h.line = d.line;
ANALYZE import_plan (line, has_person, org_ref, person_ref, post_ref, outcome);
"""
# Kept for the screens, and for applying. Ids of what will be made are drawn here already, in the order of lines: applying then joins
# nothing to find them, and writes none of these rows again. Whoever never applies leaves a gap in a sequence.
KEEP = """
CREATE TEMP TABLE import_new ON COMMIT DROP AS
SELECT 'org' AS kind, line, nextval(%(organization_ids)s::regclass) AS id FROM import_plan WHERE makes_org ORDER BY line;
INSERT INTO import_new
SELECT 'post', line, nextval(%(post_ids)s::regclass) FROM import_plan WHERE makes_post ORDER BY line;
INSERT INTO import_new
SELECT 'person', line, nextval(%(person_ids)s::regclass) FROM import_plan WHERE makes_person ORDER BY line;
ANALYZE import_new;
DELETE FROM contacts_importrow WHERE run_id = %(run)s;
INSERT INTO contacts_importrow (run_id, line, outcome, reason, person_id, organization_id, post_id, org_ref, person_ref, post_ref, does)
SELECT %(run)s, p.line, p.outcome, p.reason, CASE WHEN p.person_ref > 0 THEN p.person_ref ELSE m.id END,
       CASE WHEN p.org_ref > 0 THEN p.org_ref ELSE o.id END, CASE WHEN p.post_ref > 0 THEN p.post_ref ELSE s.id END,
       p.org_ref, p.person_ref, p.post_ref, {does}
  FROM import_plan p LEFT JOIN import_new m ON m.kind = 'person' AND m.line = -p.person_ref
  LEFT JOIN import_new o ON o.kind = 'org' AND o.line = -p.org_ref LEFT JOIN import_new s ON s.kind = 'post' AND s.line = -p.post_ref
UNION ALL SELECT %(run)s, line, 'rejected', refused, NULL, NULL, NULL, NULL, NULL, NULL, 0
  FROM contacts_importline WHERE run_id = %(run)s AND refused <> '';
"""
PLAN_ONLY = {"words"}  # by which rows were compared
TOLD = ("name", "email", "phone", "organization", "post", "tags")  # by the history
DOES = ("makes_org", "makes_person", "makes_post", "leads_org", "leads_person", "adds_email", "adds_phone", "adds_membership",
        "fills_post", "adds_tags", "prefers_email", "is_primary", "is_several")  # fmt: skip
# What is asked of all rows in each statement stands first, where it is read without walking over the texts. In the order of lines, by
# which ids were drawn: what grows at the end of an index is written fastest.
LOAD = f"""
DROP TABLE IF EXISTS import_plan;
CREATE TEMP TABLE import_plan ON COMMIT DROP AS
SELECT v.line, {{flags}}, v.name IS NOT NULL AS has_person, r.org_ref, r.person_ref, r.post_ref, r.organization_id, r.person_id, r.post_id,
       CASE WHEN r.person_ref = -r.line THEN {uuid7_sql("r.line * 8 + 2", "r.tail")}
            WHEN r.person_ref < 0 THEN {uuid7_sql("r.person_ref * -8 + 2", tail_sql("-r.person_ref"))} ELSE q.uid END AS person_uid,
       r.outcome, r.tail, {{values}}
  FROM (SELECT *, {tail_sql("line")} AS tail FROM contacts_importrow WHERE run_id = %(run)s {{part}} OFFSET 0) r
  JOIN contacts_importline v ON v.run_id = %(run)s AND v.line = r.line AND v.refused = ''
  LEFT JOIN contacts_person q ON q.id = r.person_ref ORDER BY v.line;
ANALYZE import_plan (line, has_person, org_ref, person_ref, post_ref, organization_id, person_id, post_id, makes_org, makes_post,
        makes_person, adds_email, adds_phone, adds_membership, adds_tags, fills_post, is_primary, is_several, outcome);
"""  # noqa: S608 constants only


def make_plan(*, run: ImportRun, scope: Collection[str] | None) -> None:
    """Decide for every usable row what it does, and keep that in `ImportRow`. Call in a transaction; `import_plan` vanishes with it.

    scope: ISO codes that the importer is limited to, None for all.
    """
    values = {**_values(run), "scope": sorted(scope or []), **sentences(), **sequences()}
    limited = scope is not None
    meant = _meant(run)
    statements = [SETTINGS, *_joins(run), VALUES, PLACES, *([ORGANIZATION_SCOPE] if limited else []), PEOPLE]
    statements += [*([PERSON_SCOPE] if limited else []), NEW_PEOPLE, POSTS, PLAN, *([FILLS] if "post" in meant else [])]
    statements += [*([TAG_WORDS, TAGS] if "tags" in meant else []), *_change_statements(meant, "import_draft")]
    does = " + ".join(f"CASE WHEN {name} THEN {1 << bit} ELSE 0 END" for bit, name in enumerate(DOES))
    execute([*statements, OUTCOMES, KEEP.format(does=does)], values)


def load_plan(run: ImportRun, ids: Mapping[str, Any], *, part: str = "") -> None:
    """`import_plan` with all that writing needs, and `import_change`, from what `make_plan` kept. ids: `ms` and `salt` of public ids.

    part: SQL behind the WHERE of `ImportRow`, by parameters that stand among the ids too; "" for all rows.
    """
    meant = _meant(run)
    load = _load(part, [column for column in ImportLine.VALUES if column not in PLAN_ONLY])
    statements = [SETTINGS, *_joins(run), load, *([TAG_WORDS] if "tags" in meant else [])]
    execute([*statements, *_change_statements(meant, "import_plan"), "ANALYZE import_change"], {**_values(run), **ids})


def load_told(run: ImportRun, ids: Mapping[str, Any], *, part: str) -> None:
    """As `load_plan`, but with no more than the history tells of a row, and with nothing in `import_change` yet."""
    execute([SETTINGS, *_joins(run), _load(part, TOLD), CHANGES], {**_values(run), **ids})


def _load(part: str, columns: Collection[str]) -> str:
    flags = ", ".join(f"r.does & {1 << bit} > 0 AS {name}" for bit, name in enumerate(DOES))
    return LOAD.format(values=", ".join(f"v.{column}" for column in columns), flags=flags, part=part)


def _values(run: ImportRun) -> dict[str, Any]:
    return {"run": run.pk, "overwrite": bool(run.options.get("overwrite"))}


def _joins(run: ImportRun) -> list[str]:
    return ["SET LOCAL enable_nestloop = off"] if int(run.options.get("rows") or 0) > MANY else []


def _meant(run: ImportRun) -> set[str]:
    """The fields that the file has, by default or by a column: any other changes nothing."""
    return set(run.mapping.values()) | ({"language"} if run.options.get("language") else set())


def _change_statements(meant: Collection[str], plan: str) -> list[str]:
    statements = [CHANGES, *([NAME_PARTS.format(plan=plan)] if "family_name" in meant else [])]
    for table, ref, leads, fields in (
        ("person", "person_ref", "leads_person", PERSON_FIELDS),
        ("organization", "org_ref", "leads_org", ORGANIZATION_FIELDS),
    ):
        for column in fields:
            value = "honorific" if column == "honorific_prefix" else column
            if value in meant:
                statements.append(
                    CHANGE.format(table=table, column=column, value=value, ref=ref, leads=leads, plan=plan)
                )
    return statements


def sequences() -> dict[str, Any]:
    """The sequences that ids are drawn from: looked up here once, for PostgreSQL would look them up by name for each row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_serial_sequence('contacts_organization', 'id'), pg_get_serial_sequence('contacts_post', 'id'),"
            " pg_get_serial_sequence('contacts_person', 'id')"
        )
        return dict(zip(["organization_ids", "post_ids", "person_ids"], cursor.fetchone(), strict=True))


def execute(statements: list[str], values: dict[str, Any]) -> int:
    """Run statements in order (several in one text are told apart by the ; at a line's end); the last one's row count."""
    with connection.cursor() as cursor:
        for text in statements:
            for statement in text.split(";\n"):
                if statement.strip():
                    cursor.execute(_as_made_here(statement), values)
        return cursor.rowcount


def _as_made_here(statement: str) -> str:
    """A transaction that is to be prepared may touch no temporary table: its own are made, and dropped, like others."""
    if not WITHOUT_TEMPORARY.get():
        return statement
    return statement.replace("CREATE TEMP TABLE", "CREATE UNLOGGED TABLE").replace(" ON COMMIT DROP", "")


def sentences() -> dict[str, str]:
    """What rows are rejected with; § stands for what is named."""
    return {
        "several": _("Several organizations are called “§”. Give the country, so that one can be chosen."),
        "no_constituency": _("“§” is not in the directory yet, and no constituency is given for it."),
        "out_of_scope": _("The row's country is outside of the countries that you work in."),
        "person_out_of_scope": _("The person belongs to a country outside of those that you work in."),
        "other_name": _("The address belongs to “§”, whose name is another one. Check which of the two is right."),
        "other_line": _("Line § has the same address with another name. Check which of the two is right."),
        "w_organization": _("a new organization"),
        "w_email": _("e-mail"),
        "w_phone": _("phone"),
        "w_post": _("post"),
        "w_tags": _("tags"),
    }
