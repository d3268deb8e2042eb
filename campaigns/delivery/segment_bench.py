"""Questions about mailings for `bench segments`: how often and when somebody clicked, against SQL by hand."""

from __future__ import annotations

from django.db import connection

from contacts.directory.volume import Volume
from contacts.segments.bench import ALIVE, Case, rule

MAILING = 1  # of the partition that there is from the first
# of the people three in ten have some days in the last year, two days of five with a click
DAYS = """
INSERT INTO campaigns_engagementday (person_id, day, mailed, human_clicks, replies)
SELECT p.id, current_date - (d * 17 + p.id % 13)::int, 1, CASE WHEN (p.id + d) % 5 < 2 THEN 1 + d % 2 ELSE 0 END, 0
  FROM contacts_person p, generate_series(0, 19) d WHERE p.id % 10 < 3
"""
# one in twenty was written to without tracking
DELIVERIES = """
INSERT INTO delivery (mailing_id, seq, state, person_id, is_tracked, address_key, settled_at)
SELECT %s, row_number() OVER (), 'accepted', p.id, p.id %% 20 <> 0, 'person' || p.id || '@people.test', now() - interval '40 days'
  FROM contacts_person p WHERE p.id %% 2 = 0
"""
CLICKS = "SELECT b.person_id FROM campaigns_engagementday b WHERE b.human_clicks > 0 AND b.day >= current_date - 90"
UNTRACKED = "SELECT 1 FROM delivery u WHERE u.person_id = p.id AND u.state = 'accepted' AND NOT u.is_tracked"


def make(volume: Volume) -> list[Case]:
    with connection.cursor() as cursor:
        cursor.execute(DAYS)
        cursor.execute(DELIVERIES, [MAILING])
    return [
        Case(
            "clicked at least twice in 90 days",
            [rule("clicked", "at_least_times", [2, 90])],
            f"FROM contacts_person p WHERE {ALIVE} AND p.id IN ({CLICKS} GROUP BY b.person_id HAVING sum(b.human_clicks) >= 2)",
        ),
        Case(
            "did not click in 90 days",
            [rule("clicked", "not_within", 90)],
            f"FROM contacts_person p WHERE {ALIVE} AND NOT EXISTS ({CLICKS} AND b.person_id = p.id) AND NOT EXISTS ({UNTRACKED})",
        ),
        Case(
            "mailed, in one region, clicked fewer than three times",
            [rule("region", "any_of", ["002"]), rule("clicked", "fewer_times", [3, 90])],
            "FROM contacts_person p JOIN contacts_country c ON c.code = p.country_id"
            f" AND c.region_id IN ('002', '015', '202', '014', '017', '018', '011') WHERE {ALIVE} AND NOT EXISTS ({UNTRACKED})"
            f" AND NOT EXISTS (SELECT 1 FROM ({CLICKS} GROUP BY b.person_id HAVING sum(b.human_clicks) >= 3) q"
            " WHERE q.person_id = p.id)",
        ),
    ]
