"""What an import would do, decided for all its rows by a handful of statements into temporary tables.

`make_plan()` leaves `import_plan` (one row per usable row of the file) and `import_change` (one row per field that would
change) in the caller's transaction. The dry run reads them; applying makes them anew and writes by them, so both agree.

A *ref* is the id of a row that exists, or minus the line of the row of the file that will create it.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from django.db import connection
from django.utils.translation import gettext as _

from contacts.importing.models import ImportRun

# The working memory is for sorts and hashes over the whole file, and for merging its words into the search index.
PLAN = """
SET LOCAL work_mem = '64MB';
DROP TABLE IF EXISTS import_plan, import_change, import_org, import_post, import_person, import_membership, import_subject;
CREATE TEMP TABLE import_plan ON COMMIT DROP AS
SELECT line, v->>'name' AS name, v->>'given_name' AS given_name, v->>'family_name' AS family_name,
       v->>'honorific' AS honorific_prefix, v->>'gender' AS gender, v->>'language' AS language,
       v->>'sort_key' AS sort_key, v->>'search_text' AS search_text, v->>'words' AS words,
       v->>'email' AS email, v->>'email_key' AS email_key, decode(v->>'email_hash', 'hex') AS email_hash,
       v->>'phone' AS phone, v->>'organization' AS organization, v->>'organization_key' AS organization_key,
       v->>'organization_search' AS organization_search, v->>'acronym' AS acronym,
       (v->>'constituency')::bigint AS constituency_id, v->>'country' AS country, v->>'website' AS website,
       v->>'post' AS post, v->>'post_key' AS post_key, (v->>'started_on')::date AS started_on,
       coalesce(v->'tags', '[]') AS tags, v->>'note' AS note,
       v ? 'name' AS has_person, v ? 'organization' AS has_organization,
       NULL::bigint AS org_ref, NULL::bigint AS person_ref, NULL::bigint AS post_ref,
       false AS makes_org, false AS makes_person, false AS makes_post, false AS leads_org, false AS leads_person,
       false AS adds_email, false AS adds_phone, false AS adds_membership, false AS fills_post, false AS adds_tags,
       ''::text AS outcome, ''::text AS reason
  FROM (SELECT line, "values" AS v FROM contacts_importrow WHERE run_id = %(run)s AND "values" <> '{}') staged;
ALTER TABLE import_plan ADD PRIMARY KEY (line);
ANALYZE import_plan;
CREATE TEMP TABLE import_change (
    object_type text, object_id bigint, line int, field text, before text, after text
) ON COMMIT DROP;
"""

ORGANIZATIONS = """
UPDATE import_plan p SET org_ref = m.id
  FROM (SELECT DISTINCT ON (k.organization_key, k.country) k.organization_key, k.country, o.id
          FROM (SELECT DISTINCT organization_key, country FROM import_plan
                 WHERE has_organization AND country IS NOT NULL) k
          JOIN contacts_organization o ON o.sort_key = k.organization_key AND o.archived_at IS NULL
               AND (o.country_id = k.country OR o.country_id IS NULL)
         ORDER BY k.organization_key, k.country, o.country_id IS NULL, o.id) m
 WHERE p.organization_key = m.organization_key AND p.country = m.country;
WITH found AS (
    SELECT k.organization_key, min(o.id) AS id, count(*) AS times
      FROM (SELECT DISTINCT organization_key FROM import_plan WHERE has_organization AND country IS NULL) k
      JOIN contacts_organization o ON o.sort_key = k.organization_key AND o.archived_at IS NULL
     GROUP BY k.organization_key)
UPDATE import_plan p
   SET org_ref = CASE WHEN times = 1 THEN f.id END,
       outcome = CASE WHEN times = 1 THEN '' ELSE 'rejected' END,
       reason = CASE WHEN times = 1 THEN '' ELSE replace(%(several)s, '§', p.organization) END
  FROM found f WHERE p.organization_key = f.organization_key AND p.country IS NULL;
WITH fresh AS (
    SELECT organization_key, country, min(line) FILTER (WHERE constituency_id IS NOT NULL) AS leader
      FROM import_plan WHERE has_organization AND org_ref IS NULL AND outcome = '' GROUP BY organization_key, country)
UPDATE import_plan p
   SET org_ref = -f.leader, makes_org = coalesce(p.line = f.leader, false),
       outcome = CASE WHEN f.leader IS NULL THEN 'rejected' ELSE '' END,
       reason = CASE WHEN f.leader IS NULL THEN replace(%(no_constituency)s, '§', p.organization) ELSE '' END
  FROM fresh f
 WHERE p.has_organization AND p.org_ref IS NULL AND p.outcome = '' AND p.organization_key = f.organization_key
   AND p.country IS NOT DISTINCT FROM f.country;
"""

ORGANIZATION_SCOPE = """
UPDATE import_plan p SET outcome = 'rejected', reason = %(out_of_scope)s
  FROM import_plan q LEFT JOIN contacts_organization o ON o.id = q.org_ref
 WHERE p.line = q.line AND p.outcome = ''
   AND CASE WHEN q.org_ref > 0 THEN NOT (coalesce(o.country_id = ANY(%(scope)s), false) OR o.countries_of_work && %(scope)s)
            ELSE coalesce(q.country <> ALL(%(scope)s), true) END;
"""

PEOPLE = """
UPDATE import_plan p
   SET person_ref = m.person_id, outcome = CASE WHEN m.is_same THEN '' ELSE 'rejected' END,
       reason = CASE WHEN m.is_same THEN '' ELSE replace(%(other_name)s, '§', m.name) END
  FROM (SELECT DISTINCT ON (w.line) w.line, c.person_id, q.name,
               string_to_array(w.search_text, ' ') && string_to_array(q.search_text, ' ') AS is_same
          FROM import_plan w
          JOIN contacts_contactpoint c ON c.kind = 'email' AND c.address_key = w.email_key AND c.person_id IS NOT NULL
          JOIN contacts_person q ON q.id = c.person_id AND q.archived_at IS NULL AND q.erased_at IS NULL
         WHERE w.has_person AND w.email_key IS NOT NULL AND w.outcome = ''
         ORDER BY w.line, is_same DESC, c.person_id) m
 WHERE p.line = m.line;
WITH wanted AS (SELECT DISTINCT words, org_ref FROM import_plan
                 WHERE has_person AND outcome = '' AND person_ref IS NULL AND org_ref > 0),
     members AS (SELECT m.organization_id, q.id,
                        (SELECT string_agg(w, ' ' ORDER BY w COLLATE "C")
                           FROM (SELECT DISTINCT unnest(string_to_array(q.sort_key, ' ')) AS w) words) AS words
                   FROM contacts_membership m JOIN contacts_person q ON q.id = m.person_id
                  WHERE m.ended_on IS NULL AND q.archived_at IS NULL AND q.erased_at IS NULL
                    AND m.organization_id IN (SELECT org_ref FROM wanted)),
     found AS (SELECT w.words, w.org_ref, min(m.id) AS id
                 FROM wanted w JOIN members m ON m.organization_id = w.org_ref AND m.words = w.words GROUP BY 1, 2)
UPDATE import_plan p SET person_ref = f.id FROM found f
 WHERE p.has_person AND p.outcome = '' AND p.person_ref IS NULL AND p.words = f.words AND p.org_ref = f.org_ref;
UPDATE import_plan p SET person_ref = m.id
  FROM (SELECT w.line, min(q.id) AS id FROM import_plan w
          JOIN contacts_person q ON q.sort_key = w.sort_key AND q.country_id IS NOT DISTINCT FROM w.country
               AND q.archived_at IS NULL AND q.erased_at IS NULL
         WHERE w.has_person AND w.outcome = '' AND w.person_ref IS NULL AND w.email_key IS NULL
           AND NOT w.has_organization
           AND NOT EXISTS (SELECT 1 FROM contacts_membership m WHERE m.person_id = q.id AND m.ended_on IS NULL)
         GROUP BY w.line) m
 WHERE p.line = m.line;
"""

PERSON_SCOPE = """
UPDATE import_plan p SET outcome = 'rejected', reason = %(person_out_of_scope)s
 WHERE p.person_ref > 0 AND NOT EXISTS (
       SELECT 1 FROM contacts_person q WHERE q.id = p.person_ref AND (q.country_id = ANY(%(scope)s) OR EXISTS (
              SELECT 1 FROM contacts_membership m JOIN contacts_organization o ON o.id = m.organization_id
               WHERE m.person_id = q.id AND m.ended_on IS NULL
                 AND (o.country_id = ANY(%(scope)s) OR o.countries_of_work && %(scope)s))));
"""

NEW_PEOPLE = """
WITH grouped AS (
    SELECT line, search_text, first_value(line) OVER same AS leader, first_value(search_text) OVER same AS leader_text
      FROM import_plan WHERE has_person AND outcome = '' AND person_ref IS NULL
    WINDOW same AS (PARTITION BY coalesce('e' || email_key, 'n' || words || '|' || coalesce(org_ref::text, country, ''))
                    ORDER BY line))
UPDATE import_plan p
   SET person_ref = -g.leader, makes_person = p.line = g.leader,
       outcome = CASE WHEN string_to_array(g.search_text, ' ') && string_to_array(g.leader_text, ' ') THEN '' ELSE 'rejected' END,
       reason = CASE WHEN string_to_array(g.search_text, ' ') && string_to_array(g.leader_text, ' ') THEN ''
                     ELSE replace(%(other_line)s, '§', g.leader::text) END
  FROM grouped g WHERE p.line = g.line;
"""

POSTS = """
UPDATE import_plan p SET post_ref = s.id FROM contacts_post s
 WHERE p.outcome = '' AND p.post_key IS NOT NULL AND s.organization_id = p.org_ref AND s.sort_key = p.post_key;
WITH fresh AS (SELECT org_ref, post_key, min(line) AS leader FROM import_plan
                WHERE outcome = '' AND post_key IS NOT NULL AND post_ref IS NULL GROUP BY 1, 2)
UPDATE import_plan p SET post_ref = -f.leader, makes_post = p.line = f.leader FROM fresh f
 WHERE p.outcome = '' AND p.post_ref IS NULL AND p.org_ref = f.org_ref AND p.post_key = f.post_key;
"""

# The first row of each person, organization, address … speaks; the others would say it again.
ADDITIONS = """
WITH ranked AS (
    SELECT line, row_number() OVER (PARTITION BY org_ref ORDER BY line) AS of_org,
           row_number() OVER (PARTITION BY person_ref ORDER BY line) AS of_person,
           row_number() OVER (PARTITION BY has_person, person_ref, CASE WHEN NOT has_person THEN org_ref END,
                              CASE WHEN NOT has_person THEN post_ref END, email_key ORDER BY line) AS of_email,
           row_number() OVER (PARTITION BY has_person, person_ref, CASE WHEN NOT has_person THEN org_ref END,
                              CASE WHEN NOT has_person THEN post_ref END, phone ORDER BY line) AS of_phone,
           row_number() OVER (PARTITION BY person_ref, org_ref, post_ref ORDER BY line) AS of_membership,
           bool_or(post_ref IS NOT NULL) OVER (PARTITION BY person_ref, org_ref) AS has_post
      FROM import_plan WHERE outcome = '')
UPDATE import_plan p
   SET leads_org = p.has_organization AND r.of_org = 1,
       leads_person = p.has_person AND r.of_person = 1,
       adds_email = p.email_key IS NOT NULL AND r.of_email = 1 AND NOT EXISTS (
           SELECT 1 FROM contacts_contactpoint c WHERE c.kind = 'email' AND c.address_key = p.email_key
              AND CASE WHEN p.has_person THEN c.person_id = p.person_ref
                       WHEN p.post_ref IS NOT NULL THEN c.post_id = p.post_ref ELSE c.organization_id = p.org_ref END),
       adds_phone = p.phone IS NOT NULL AND r.of_phone = 1 AND NOT CASE
           WHEN p.has_person THEN EXISTS (SELECT 1 FROM contacts_contactpoint c
                WHERE c.person_id = p.person_ref AND c.kind = 'phone' AND c.value = p.phone)
           WHEN p.post_ref IS NOT NULL THEN EXISTS (SELECT 1 FROM contacts_contactpoint c
                WHERE c.post_id = p.post_ref AND c.kind = 'phone' AND c.value = p.phone)
           ELSE EXISTS (SELECT 1 FROM contacts_contactpoint c
                WHERE c.organization_id = p.org_ref AND c.kind = 'phone' AND c.value = p.phone) END,
       adds_membership = p.has_person AND p.has_organization AND r.of_membership = 1
           AND (p.post_ref IS NOT NULL OR NOT r.has_post)
           AND NOT EXISTS (SELECT 1 FROM contacts_membership m
                            WHERE m.person_id = p.person_ref AND m.organization_id = p.org_ref AND m.ended_on IS NULL
                              AND (p.post_ref IS NULL OR m.post_id = p.post_ref)),
       adds_tags = jsonb_array_length(p.tags) > 0 AND EXISTS (
           SELECT 1 FROM jsonb_array_elements_text(p.tags) tag WHERE NOT EXISTS (
                  SELECT 1 FROM contacts_tag t
                    LEFT JOIN contacts_person_tags pt ON pt.tag_id = t.id AND p.has_person AND pt.person_id = p.person_ref
                    LEFT JOIN contacts_organization_tags ot
                              ON ot.tag_id = t.id AND NOT p.has_person AND ot.organization_id = p.org_ref
                   WHERE lower(t.name) = lower(tag) AND (pt.id IS NOT NULL OR ot.id IS NOT NULL)))
  FROM ranked r WHERE p.line = r.line;
UPDATE import_plan p SET fills_post = true, adds_membership = false
  FROM (SELECT DISTINCT ON (m.person_id, m.organization_id) w.line
          FROM import_plan w JOIN contacts_membership m ON m.person_id = w.person_ref AND m.organization_id = w.org_ref
         WHERE w.adds_membership AND w.post_ref IS NOT NULL AND m.ended_on IS NULL AND m.post_id IS NULL
         ORDER BY m.person_id, m.organization_id, w.line) f
 WHERE p.line = f.line;
"""

# Fields of rows that exist: filled where empty, replaced only when the import says so.
CHANGE = """
INSERT INTO import_change
SELECT '{table}', o.id, p.line, '{column}', o.{column}::text, p.{column}
  FROM import_plan p JOIN contacts_{table} o ON o.id = p.{ref}
 WHERE p.{leads} AND p.outcome = '' AND p.{column} IS NOT NULL AND p.{column} <> o.{column}
   AND (o.{column} = '' OR %(overwrite)s);
"""
# A name decides who is who, so it is never replaced; its parts are filled where both are missing.
NAME_PARTS = """
INSERT INTO import_change
SELECT 'person', o.id, p.line, part.field, '', part.value
  FROM import_plan p JOIN contacts_person o ON o.id = p.person_ref,
       LATERAL (VALUES ('given_name', p.given_name), ('family_name', p.family_name)) AS part (field, value)
 WHERE p.leads_person AND p.outcome = '' AND o.given_name = '' AND o.family_name = ''
   AND p.family_name IS NOT NULL AND part.value IS NOT NULL;
"""
PERSON_FIELDS = ("honorific_prefix", "gender", "language", "note")
ORGANIZATION_FIELDS = ("acronym", "website")

OUTCOMES = """
UPDATE import_plan p
   SET outcome = CASE WHEN makes_person OR (makes_org AND NOT has_person) OR (makes_post AND NOT has_person) THEN 'created'
                      WHEN makes_org OR makes_post OR adds_email OR adds_phone OR adds_membership OR fills_post OR adds_tags
                           OR c.fields IS NOT NULL THEN 'updated'
                      ELSE 'unchanged' END,
       reason = CASE WHEN makes_person OR (makes_org AND NOT has_person) OR (makes_post AND NOT has_person) THEN '' ELSE
                left(concat_ws(', ', CASE WHEN makes_org THEN %(w_organization)s END, CASE WHEN adds_email THEN %(w_email)s END,
                     CASE WHEN adds_phone THEN %(w_phone)s END,
                     CASE WHEN adds_membership OR fills_post OR makes_post THEN %(w_post)s END,
                     CASE WHEN adds_tags THEN %(w_tags)s END, c.fields), 300) END
  FROM (SELECT q.line, string_agg(replace(h.field, '_', ' '), ', ' ORDER BY h.field) AS fields
          FROM import_plan q LEFT JOIN import_change h ON h.line = q.line GROUP BY q.line) c
 WHERE p.line = c.line AND p.outcome = '';
"""


def make_plan(*, run: ImportRun, scope: Collection[str] | None) -> None:
    """Decide for every usable row what it does. Call in a transaction; the tables vanish with it.

    scope: ISO codes that the importer is limited to, None for all.
    """
    values = {
        "run": run.pk,
        "scope": sorted(scope or []),
        "overwrite": bool(run.options.get("overwrite")),
        **sentences(),
    }
    limited = scope is not None
    statements = [PLAN, ORGANIZATIONS, *([ORGANIZATION_SCOPE] if limited else []), PEOPLE]
    statements += [*([PERSON_SCOPE] if limited else []), NEW_PEOPLE, POSTS, ADDITIONS, NAME_PARTS]
    for table, ref, leads, fields in (
        ("person", "person_ref", "leads_person", PERSON_FIELDS),
        ("organization", "org_ref", "leads_org", ORGANIZATION_FIELDS),
    ):
        statements += [CHANGE.format(table=table, column=name, ref=ref, leads=leads) for name in fields]
    execute([*statements, OUTCOMES], values)


def execute(statements: list[str], values: dict[str, Any]) -> int:
    """Run statements in order (several in one text are told apart by the ; at a line's end); the last one's row count."""
    with connection.cursor() as cursor:
        for text in statements:
            for statement in text.split(";\n"):
                if statement.strip():
                    cursor.execute(statement, values)
        return cursor.rowcount


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
