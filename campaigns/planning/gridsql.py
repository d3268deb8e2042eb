"""The statement behind a drive's grid: `place` are the institutions of each cell, and every other part is one row for each of them.

With fifty thousand institutions what costs is sorting and joining by anything but a number, so cells are found by equality, and "that of
the most powerful" is the greatest of numbers put together from their parts, which needs no order. Sums are of `int`: those of `bigint`
are kept as `numeric`. The few that work abroad have an index of their own, and ids become uids when there are as few as cells.
"""

from contacts.reach.sql import FILLED, HAS_OWN, PEOPLE, POSTS, REACH, SEATS, joins

PLACES = """
WITH side AS MATERIALIZED (
    SELECT inside.id, chosen.code, count(*) OVER (PARTITION BY inside.id) > 1 AS is_twice FROM contacts_constituency chosen
      JOIN contacts_constituency inside ON inside.id = chosen.id OR (chosen.parent_id IS NULL AND inside.root_code = chosen.code)
     WHERE chosen.id = ANY(%(constituencies)s)
), place AS MATERIALIZED (
    SELECT organization.country_id AS country, side.code, organization.id, organization.last_contacted_at,
           side.is_twice OR organization.countries_of_work <> '{}' AS is_many
      FROM contacts_organization organization JOIN side ON side.id = organization.constituency_id
     WHERE organization.archived_at IS NULL AND organization.country_id = ANY(%(countries)s)
     UNION ALL
    SELECT country, side.code, organization.id, organization.last_contacted_at, true
      FROM contacts_organization organization JOIN side ON side.id = organization.constituency_id
     CROSS JOIN LATERAL unnest(organization.countries_of_work) country
     WHERE organization.countries_of_work <> '{}' AND organization.archived_at IS NULL
       AND country = ANY(%(countries)s) AND country IS DISTINCT FROM organization.country_id
)"""
# standing: power, day and rung in one number, the most powerful first, then the latest
# turn: power, how long ago anybody talked with us (never: longest), and the institution, the first made first
FACTS = f"""
, reached AS (
    SELECT DISTINCT organization_id FROM delivery
     WHERE mailing_id = ANY(%(mailings)s) AND state = 'accepted' AND organization_id IS NOT NULL
), talk AS (
    SELECT organization_id, max(at) AS at FROM campaigns_party
     WHERE {{among}}is_two_way AND NOT is_mention GROUP BY organization_id
), stand AS (
    SELECT position.organization_id, position.stance, position."on" FROM campaigns_position position
     WHERE position.ask_id = %(ask)s AND position.stance IS NOT NULL
), promise AS (
    SELECT organization_id, count(*) FILTER (WHERE light = 'green') AS green, count(*) FILTER (WHERE light = 'yellow') AS yellow,
           count(*) FILTER (WHERE light = 'red') AS red, count(*) FILTER (WHERE state = 'kept') AS kept,
           min(due_on) FILTER (WHERE state = 'open') AS due
      FROM (SELECT cc.organization_id, cc.state, cc.due_on, {{light}} AS light FROM campaigns_commitment cc WHERE cc.drive_id = %(drive)s OFFSET 0) cc
     GROUP BY organization_id
), invited AS (
    SELECT i.organization_id, count(*) AS n, count(*) FILTER (WHERE i.answer <> '') AS answered
      FROM campaigns_invitation i JOIN campaigns_event e ON e.id = i.event_id
     WHERE e.drive_id = %(drive)s AND e.cancelled_at IS NULL AND i.organization_id IS NOT NULL GROUP BY i.organization_id
), came AS (
    SELECT r.organization_id, count(*) AS n FROM campaigns_registration r JOIN campaigns_event e ON e.id = r.event_id
     WHERE e.drive_id = %(drive)s AND r.came_at IS NOT NULL AND r.organization_id IS NOT NULL GROUP BY r.organization_id
), joined AS (
    SELECT DISTINCT m.organization_id FROM campaigns_member m JOIN campaigns_network w ON w.id = m.network_id
     WHERE w.campaign_id = %(campaign)s AND w.archived_at IS NULL AND m.left_at IS NULL AND m.organization_id IS NOT NULL
), strength AS (
    SELECT organization_id, power FROM campaigns_power WHERE campaign_id = %(campaign)s
), fact AS (
    SELECT place.*, reached.organization_id IS NOT NULL AS is_reached, {PEOPLE} > 0 OR {HAS_OWN} AS is_reachable,
           ({PEOPLE})::int AS people, ({POSTS})::int AS posts, ({FILLED})::int AS filled, ({SEATS})::int AS seats, talk.at AS talked_at, stand.stance,
           (coalesce(strength.power, 0)::bigint << 32) + ((stand."on" - date '1900-01-01')::bigint << 8) + stand.stance AS standing,
           (coalesce(strength.power, 0)::bigint << 60) + (greatest(0, least(16777215, 16777215 - coalesce(date_part('epoch', talk.at)::bigint / 60 - 20000000, 0))) << 36)
              + (68719476735 - place.id) AS turn,
           promise.green::int, promise.yellow::int, promise.red::int, promise.kept::int, promise.due,
           invited.n::int AS invited, invited.answered::int, came.n::int AS came, joined.organization_id IS NOT NULL AS is_member
      FROM place
      {joins("place")} LEFT JOIN reached ON reached.organization_id = place.id
      LEFT JOIN talk ON talk.organization_id = place.id LEFT JOIN stand ON stand.organization_id = place.id
      LEFT JOIN promise ON promise.organization_id = place.id LEFT JOIN invited ON invited.organization_id = place.id
      LEFT JOIN came ON came.organization_id = place.id LEFT JOIN strength ON strength.organization_id = place.id
      LEFT JOIN joined ON joined.organization_id = place.id
)
"""  # noqa: S608 our own words
# A cell without institutions has no rows here. The last row is the whole drive, in which one that works in five countries counts once:
# institutions, reached, reachable.
CELLS = """
, summed AS (
    SELECT country, code, count(*) AS institutions, count(*) FILTER (WHERE is_reached) AS reached,
           count(*) FILTER (WHERE is_reachable) AS reachable, coalesce(sum(people), 0) AS people, max(last_contacted_at) AS contacted_at,
           coalesce(sum(posts), 0) AS posts, coalesce(sum(filled), 0) AS filled, coalesce(sum(seats), 0) AS seats,
           max(talked_at) AS talked_at, (max(standing) & 255)::int AS stance, count(stance) AS stances, min(stance) AS lowest, max(stance) AS highest,
           coalesce(sum(green), 0) AS green, coalesce(sum(yellow), 0) AS yellow, coalesce(sum(red), 0) AS red,
           coalesce(sum(kept), 0) AS kept, min(due) AS due, coalesce(sum(invited), 0) AS invited,
           coalesce(sum(answered), 0) AS answered, coalesce(sum(came), 0) AS came,
           count(*) FILTER (WHERE is_member) AS members, 68719476735 - (max(turn) & 68719476735) AS whom
      FROM fact GROUP BY country, code
), delegated AS (
    SELECT d.country_id AS country, side.code, sum(s.seats)::int AS delegate_seats, sum(s.taken)::int AS delegates
      FROM campaigns_delegation d JOIN campaigns_event e ON e.id = d.event_id JOIN campaigns_delegationseats s ON s.delegation_id = d.id
      JOIN side ON side.id = s.constituency_id
     WHERE e.drive_id = %(drive)s AND e.cancelled_at IS NULL AND d.left_out_at IS NULL AND d.country_id IS NOT NULL AND s.role = 'delegate'
     GROUP BY d.country_id, side.code
)
SELECT summed.country, summed.code, institutions, reached, reachable, people, contacted_at, posts, filled, seats, talked_at, stance, stances, lowest,
       highest, green, yellow, red, kept, due, invited, answered, came, members, coalesce(delegate_seats, 0), coalesce(delegates, 0), (SELECT uid FROM contacts_organization WHERE id = summed.whom)
  FROM summed LEFT JOIN delegated USING (country, code)
"""
# the sum of all cells, without the further ones of those that stand in several
TOTAL = f"""
 UNION ALL
SELECT '', '', (sums.n - again.n)::bigint, (sums.reached - again.reached)::bigint, (sums.reachable - again.reachable)::bigint,
       0, NULL, 0, 0, 0, NULL, NULL, 0, NULL, NULL, 0, 0, 0, 0, NULL, 0, 0, 0, 0, 0, 0, NULL
  FROM (SELECT coalesce(sum(institutions), 0) AS n, coalesce(sum(reached), 0) AS reached, coalesce(sum(reachable), 0) AS reachable FROM summed) sums,
       (SELECT coalesce(sum(more), 0) AS n, coalesce(sum(more) FILTER (WHERE reached.organization_id IS NOT NULL), 0) AS reached,
               coalesce(sum(more) FILTER (WHERE {PEOPLE} > 0 OR {HAS_OWN}), 0) AS reachable
          FROM (SELECT id, count(*) - 1 AS more FROM place WHERE is_many GROUP BY id) several {joins("several")}
          LEFT JOIN reached ON reached.organization_id = several.id) again
"""  # noqa: S608 our own words


def grid_sql(*, light: str, is_wide: bool = False) -> str:
    """One statement for all cells. light: SQL of a commitment's light; is_wide: most of the world, where looking contacts up one institution
    after the other takes longer than reading all."""
    among = "" if is_wide else "organization_id IN (SELECT id FROM place) AND "
    return f"{PLACES}, {REACH}{FACTS.format(light=light, among=among)}{CELLS}{TOTAL}"
