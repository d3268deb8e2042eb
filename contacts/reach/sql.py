"""The statements that count. `counted(whom)` are CTEs that end in one `reach` row per institution; whom: SQL of their ids."""

NEVER = "NOT EXISTS (SELECT 1 FROM contacts_suppression never WHERE never.address_hash = point.address_hash)"
WORKS = f"point.kind = 'email' AND point.status = 'active' AND {NEVER}"
COLUMNS = "people, has_own, posts, filled, seats"
COUNTED = f"""person AS (
    SELECT member.organization_id, count(DISTINCT member.person_id) AS people
      FROM contacts_membership member
      JOIN contacts_person person ON person.id = member.person_id
       AND person.archived_at IS NULL AND person.erased_at IS NULL
      JOIN contacts_contactpoint point ON point.person_id = member.person_id
     WHERE member.ended_on IS NULL AND member.organization_id IN ({{whom}}) AND {WORKS}
     GROUP BY member.organization_id
), own AS (
    SELECT addressed.organization_id
      FROM (
        SELECT point.organization_id, point.address_hash FROM contacts_contactpoint point
         WHERE point.organization_id IN ({{whom}}) AND {WORKS}
         UNION ALL
        SELECT post.organization_id, point.address_hash
          FROM contacts_post post JOIN contacts_contactpoint point ON point.post_id = post.id
         WHERE post.organization_id IN ({{whom}}) AND {WORKS}
      ) addressed
     GROUP BY addressed.organization_id
), held AS (
    SELECT member.post_id, bool_or(EXISTS (SELECT 1 FROM contacts_contactpoint point WHERE point.person_id = member.person_id AND {WORKS})) AS is_reachable
      FROM contacts_membership member WHERE member.ended_on IS NULL AND member.post_id IS NOT NULL AND member.organization_id IN ({{whom}})
     GROUP BY member.post_id
), seat AS (
    SELECT post.organization_id, count(*) AS posts, count(held.post_id) AS filled, count(*) FILTER (WHERE held.is_reachable) AS seats
      FROM contacts_post post LEFT JOIN held ON held.post_id = post.id
     WHERE post.archived_at IS NULL AND post.organization_id IN ({{whom}})
     GROUP BY post.organization_id
), anew AS (
    SELECT one.id AS organization_id, coalesce(person.people, 0) AS people, own.organization_id IS NOT NULL AS has_own,
           coalesce(seat.posts, 0) AS posts, coalesce(seat.filled, 0) AS filled, coalesce(seat.seats, 0) AS seats
      FROM contacts_organization one
      LEFT JOIN person ON person.organization_id = one.id LEFT JOIN own ON own.organization_id = one.id
      LEFT JOIN seat ON seat.organization_id = one.id
     WHERE one.id IN ({{whom}})
)"""  # noqa: S608 our own words


def counted(whom: str) -> str:
    """CTEs, the last of which is `anew`: what the institutions of `whom` come to now."""
    return COUNTED.format(whom=whom)


# What was counted holds where nothing is in doubt; the rest is counted while it is read. For a statement whose rows have an `id` of an
# institution: the CTEs, the joins, and what to read.
REACH = f"""doubt AS MATERIALIZED (
    SELECT DISTINCT organization_id AS id FROM contacts_reachdoubt
), {counted("SELECT id FROM doubt")}"""  # noqa: S608 our own words


def joins(rows: str) -> str:
    """rows: the name of what has the ids."""
    return f"LEFT JOIN contacts_reach kept ON kept.organization_id = {rows}.id LEFT JOIN anew ON anew.organization_id = {rows}.id"


PEOPLE, HAS_OWN, POSTS, FILLED, SEATS = (
    f"coalesce(anew.{name}, kept.{name}, {nothing})"
    for name, nothing in (("people", 0), ("has_own", "false"), ("posts", 0), ("filled", 0), ("seats", 0))
)

# One snapshot sees both the doubts that it takes away and the changes that they tell of; a doubt that commits later stays.
REFRESH = f"""WITH chosen AS MATERIALIZED (
    SELECT DISTINCT organization_id AS id FROM contacts_reachdoubt LIMIT %s
), taken AS (
    DELETE FROM contacts_reachdoubt WHERE organization_id IN (SELECT id FROM chosen)
), {counted("SELECT id FROM chosen")}
INSERT INTO contacts_reach AS known (organization_id, {COLUMNS}) SELECT organization_id, {COLUMNS} FROM anew
    ON CONFLICT (organization_id) DO UPDATE SET people = EXCLUDED.people, has_own = EXCLUDED.has_own, posts = EXCLUDED.posts,
       filled = EXCLUDED.filled, seats = EXCLUDED.seats
 WHERE (known.people, known.has_own, known.posts, known.filled, known.seats)
       IS DISTINCT FROM (EXCLUDED.people, EXCLUDED.has_own, EXCLUDED.posts, EXCLUDED.filled, EXCLUDED.seats)"""  # noqa: S608 our own words
