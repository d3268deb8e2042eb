"""The statement behind a drive's grid: `place` are the institutions of each cell, and every other part is one row for each of them."""

# Cells are made first, so that those where nobody is known are rows too.
PLACES = """
WITH cell AS (
    SELECT country.code AS country, constituency.id, constituency.code, constituency.parent_id IS NULL AS is_root
      FROM contacts_country country CROSS JOIN contacts_constituency constituency
     WHERE country.code = ANY(%(countries)s) AND constituency.id = ANY(%(constituencies)s)
), inside AS MATERIALIZED (
    SELECT organization.id, organization.uid, organization.country_id, organization.countries_of_work,
           organization.last_contacted_at, of.id AS constituency_id, of.root_code
      FROM contacts_organization organization JOIN contacts_constituency of ON of.id = organization.constituency_id
     WHERE organization.archived_at IS NULL
       AND (of.id = ANY(%(constituencies)s) OR of.root_code IN (SELECT code FROM cell WHERE is_root))
       AND (organization.country_id = ANY(%(countries)s) OR organization.countries_of_work && %(countries)s::varchar[])
), place AS MATERIALIZED (
    SELECT cell.country, cell.code, inside.id, inside.uid, inside.last_contacted_at
      FROM inside JOIN cell ON cell.country = inside.country_id AND (cell.id = inside.constituency_id OR (cell.is_root AND cell.code = inside.root_code))
     UNION ALL
    SELECT cell.country, cell.code, inside.id, inside.uid, inside.last_contacted_at
      FROM inside JOIN cell ON cell.country = ANY(inside.countries_of_work)
       AND cell.country IS DISTINCT FROM inside.country_id AND (cell.id = inside.constituency_id OR (cell.is_root AND cell.code = inside.root_code))
     WHERE inside.countries_of_work <> '{}'
)"""
NEVER = "NOT EXISTS (SELECT 1 FROM contacts_suppression never WHERE never.address_hash = point.address_hash)"
WORKS = f"point.kind = 'email' AND point.status = 'active' AND {NEVER}"
# one row for each institution of {whom}
REACH = f"""
person AS (
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
    SELECT post.organization_id, count(*) AS posts, count(held.post_id) AS filled, count(*) FILTER (WHERE held.is_reachable) AS reachable
      FROM contacts_post post LEFT JOIN held ON held.post_id = post.id
     WHERE post.archived_at IS NULL AND post.organization_id IN ({{whom}})
     GROUP BY post.organization_id
)"""  # noqa: S608 our own words
LIVE = f"""{REACH.format(whom="SELECT id FROM place")}, reach AS (
    SELECT one.id AS organization_id, coalesce(person.people, 0) AS people, own.organization_id IS NOT NULL AS has_own,
           coalesce(seat.posts, 0) AS posts, coalesce(seat.filled, 0) AS filled, coalesce(seat.reachable, 0) AS seats
      FROM (SELECT DISTINCT id FROM place) one
      LEFT JOIN person ON person.organization_id = one.id LEFT JOIN own ON own.organization_id = one.id
      LEFT JOIN seat ON seat.organization_id = one.id
)"""  # noqa: S608 our own words
FACTS = """
, reached AS (
    SELECT DISTINCT organization_id FROM delivery
     WHERE mailing_id = ANY(%(mailings)s) AND state = 'accepted' AND organization_id IS NOT NULL
), talk AS (
    SELECT organization_id, max(at) AS at FROM campaigns_party
     WHERE organization_id IN (SELECT id FROM inside) AND is_two_way AND NOT is_mention GROUP BY organization_id
), stand AS (
    SELECT position.organization_id, position.stance, position."on" FROM campaigns_position position
     WHERE position.ask_id = %(ask)s AND position.stance IS NOT NULL
), promise AS (
    SELECT cc.organization_id, count(*) FILTER (WHERE {light} = 'green') AS green, count(*) FILTER (WHERE {light} = 'yellow') AS yellow,
           count(*) FILTER (WHERE {light} = 'red') AS red, count(*) FILTER (WHERE cc.state = 'kept') AS kept,
           min(cc.due_on) FILTER (WHERE cc.state = 'open') AS due
      FROM campaigns_commitment cc WHERE cc.drive_id = %(drive)s GROUP BY cc.organization_id
), fact AS MATERIALIZED (
    SELECT place.*, reached.organization_id IS NOT NULL AS is_reached,
           coalesce(reach.people, 0) > 0 OR coalesce(reach.has_own, false) AS is_reachable, reach.people, reach.posts, reach.filled, reach.seats,
           talk.at AS talked_at, stand.stance, power.power, stand."on", promise.green, promise.yellow, promise.red, promise.kept, promise.due
      FROM place
      LEFT JOIN reach ON reach.organization_id = place.id LEFT JOIN reached ON reached.organization_id = place.id
      LEFT JOIN talk ON talk.organization_id = place.id LEFT JOIN stand ON stand.organization_id = place.id
      LEFT JOIN promise ON promise.organization_id = place.id
      LEFT JOIN campaigns_power power ON power.organization_id = place.id AND power.campaign_id = %(campaign)s
)
"""
SUMS = """count(id), count(*) FILTER (WHERE is_reached), count(*) FILTER (WHERE is_reachable), coalesce(sum(people), 0)::bigint,
       max(last_contacted_at), coalesce(sum(posts), 0)::bigint, coalesce(sum(filled), 0)::bigint, coalesce(sum(seats), 0)::bigint,
       max(talked_at), (array_agg(stance ORDER BY power DESC NULLS LAST, "on" DESC, id) FILTER (WHERE stance IS NOT NULL))[1],
       count(stance), min(stance), max(stance), coalesce(sum(green), 0)::bigint, coalesce(sum(yellow), 0)::bigint, coalesce(sum(red), 0)::bigint,
       coalesce(sum(kept), 0)::bigint, min(due)"""
# whom to turn to in a cell: the most powerful, then the one that was spoken to longest ago
WHOM = "(array_agg(uid ORDER BY power DESC NULLS LAST, talked_at NULLS FIRST, id))[1]"
# a cell without institutions has no rows here; the last row is the whole drive, in which one that works in five countries counts once
CELLS = f"""
SELECT country, code, {SUMS}, {WHOM} FROM fact GROUP BY country, code
 UNION ALL
SELECT '', '', {SUMS}, NULL FROM (SELECT DISTINCT ON (id) * FROM fact ORDER BY id) once
"""  # noqa: S608 our own words


def grid_sql(*, light: str) -> str:
    """One statement for all cells. light: SQL of a commitment's light."""
    return f"{PLACES}, {LIVE}{FACTS.format(light=light)}{CELLS}"
