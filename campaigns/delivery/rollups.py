"""What accepted deliveries add up to: a chunk's counts, and when somebody was last mailed. SQL that several writers of the ledger share."""

CHUNK_COUNTS = """
SELECT coalesce(jsonb_object_agg(state, n), '{}') FROM (
    SELECT state, count(*) AS n FROM delivery WHERE mailing_id = k.mailing_id AND seq BETWEEN k.first_seq AND k.last_seq
     GROUP BY state) s"""
RECOUNT = f"""
UPDATE campaigns_deliverychunk k SET counts = ({CHUNK_COUNTS}) WHERE k.mailing_id = %(mailing)s
   AND EXISTS (SELECT 1 FROM unnest(%(seqs)s::int[]) s WHERE s BETWEEN k.first_seq AND k.last_seq)"""

# What of a chunk that has just ended does not count for its people yet. A chunk that was opened again counted before, and so did what a
# person settled while it was open: the chunk says which those are.
TO_ROLL_UP = """
SELECT array_agg(seq) FROM delivery WHERE mailing_id = %(mailing)s AND seq BETWEEN %(first)s AND %(last)s AND state = 'accepted'
   AND seq <> ALL (coalesce((SELECT rolled_seqs FROM campaigns_deliverychunk WHERE id = %(chunk)s), '{}'))"""

# Person last mailed, institution last contacted, daily buckets: once for each accepted delivery.
# In the order of their keys, so that two workers never wait for each other in a circle: where only nested loops are allowed
# (lines.py), rows are updated as the ordered subquery gives them.
# An institution has many people in one mailing: the first of them counts now, the last when the mailing is finished.
ROLL_UP = """
WITH hit AS MATERIALIZED (
    SELECT person_id, organization_id, settled_at FROM delivery
     WHERE mailing_id = %(mailing)s AND seq = ANY (%(seqs)s) AND state = 'accepted'),
people AS (
    UPDATE contacts_person p SET last_mailed_at = greatest(p.last_mailed_at, last.at)
      FROM (SELECT person_id, max(settled_at) AS at FROM hit WHERE person_id IS NOT NULL
             GROUP BY person_id ORDER BY person_id OFFSET 0) last
     WHERE p.id = last.person_id),
institutions AS (
    UPDATE contacts_organization o SET last_contacted_at = greatest(o.last_contacted_at, last.at)
      FROM (SELECT organization_id, max(settled_at) AS at FROM hit WHERE organization_id IS NOT NULL
             GROUP BY organization_id ORDER BY organization_id OFFSET 0) last
     WHERE o.id = last.organization_id AND (o.last_contacted_at IS NULL OR o.last_contacted_at < (
           SELECT m.started_at FROM campaigns_mailing m WHERE m.id = %(mailing)s)))
INSERT INTO campaigns_engagementday (person_id, day, mailed, human_clicks, replies)
SELECT person_id, (settled_at AT TIME ZONE 'UTC')::date, count(*), 0, 0 FROM hit WHERE person_id IS NOT NULL
 GROUP BY 1, 2 ORDER BY 1, 2
ON CONFLICT (person_id, day) DO UPDATE SET mailed = campaigns_engagementday.mailed + excluded.mailed"""
# The exact time, for each institution once.
ROLL_UP_AT_END = """
    UPDATE contacts_organization o SET last_contacted_at = hit.at
      FROM (SELECT organization_id, max(settled_at) AS at FROM delivery WHERE mailing_id = %(mailing)s
               AND state = 'accepted' AND organization_id IS NOT NULL
             GROUP BY organization_id ORDER BY organization_id OFFSET 0) hit
     WHERE o.id = hit.organization_id AND (o.last_contacted_at IS NULL OR o.last_contacted_at < hit.at)"""
