"""The figures of a report. What is counted per person comes from the read models; only links and time need the raw hits.

A person who is not tracked one by one is in no count of people who clicked; their clicks are in the totals, which say so.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone

from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from crm.accounts.models import User

LATELY = timedelta(days=30)
SMALL = 50_000  # an audience that is counted on the page itself; a larger one's tables come a moment later
# a message may bounce twice, and one that bounced may be complained about: each delivery counts once
_FEEDBACK_PARTS = """
       count(DISTINCT seq) FILTER (WHERE kind <> 'complaint'), count(DISTINCT seq) FILTER (WHERE kind = 'complaint'),
       count(DISTINCT seq)
  FROM campaigns_feedback"""
_PEOPLE = f"""
SELECT p.*, f.*, i.* FROM (
SELECT count(first_click_at) AS clicked,
       count(*) FILTER (WHERE first_click_at IS NULL AND machine_clicks > 0 AND unknown_clicks = 0) AS machines,
       count(*) FILTER (WHERE first_click_at IS NULL AND unknown_clicks > 0) AS unknown,
       count(replied_at) AS replied,
       count(unsubscribed_at) AS unsubscribed,
       count(*) FILTER (WHERE human_opens > 0 OR first_click_at IS NOT NULL) AS opened,
       coalesce(sum(machine_opens), 0) AS machine_opens
  FROM campaigns_deliveryengagement WHERE mailing_id = %s) p,
(SELECT {_FEEDBACK_PARTS} WHERE mailing_id = %s) f,
(SELECT count(*) FROM campaigns_interaction WHERE mailing_id = %s AND kind = 'reply' AND answered_at IS NULL) i
"""  # noqa: S608 - fixed parts
_LINKS = """
SELECT l.number, l.url, coalesce(nullif(l.label, ''), l.url), coalesce(people, 0), coalesce(nobody, 0), coalesce(machine, 0), coalesce(unknown, 0)
  FROM campaigns_trackedlink l
  LEFT JOIN (
       SELECT link_number, count(DISTINCT seq) FILTER (WHERE hit_class = 'human') AS people,
              count(*) FILTER (WHERE hit_class = 'human' AND seq IS NULL) AS nobody,
              count(*) FILTER (WHERE hit_class = 'machine') AS machine, count(*) FILTER (WHERE hit_class = 'unknown') AS unknown
         FROM engagement WHERE mailing_id = %s AND kind = 'click' AND at >= %s GROUP BY link_number) e ON e.link_number = l.number
 WHERE l.mailing_id = %s AND l.number > 0 ORDER BY 4 DESC, 5 DESC, 1
"""
_BY = """
SELECT d.constituency_code, d.country_code, count(*) FILTER (WHERE d.state = 'accepted'),
       count(*) FILTER (WHERE d.state = 'accepted' AND d.is_tracked),
       count(e.first_click_at), count(e.replied_at), count(e.unsubscribed_at), count(f.seq), count(*)
  FROM delivery d
  LEFT JOIN campaigns_deliveryengagement e ON e.mailing_id = d.mailing_id AND e.seq = d.seq
  LEFT JOIN (SELECT DISTINCT seq FROM campaigns_feedback WHERE mailing_id = %s AND kind <> 'complaint') f ON f.seq = d.seq
 WHERE d.mailing_id = %s GROUP BY GROUPING SETS ((d.constituency_code), (d.country_code))
"""
_REASONS = """
SELECT state, CASE state WHEN 'failed' THEN coalesce(nullif(left(reply_text, 300), ''), reply_code::text, '') ELSE skip_reason END, count(*)
  FROM delivery WHERE mailing_id = %s AND state IN ('failed', 'skipped') GROUP BY 1, 2
UNION ALL
SELECT kind, coalesce(nullif(reason, ''), status), count(*) FROM campaigns_feedback
 WHERE mailing_id = %s AND kind <> 'complaint' GROUP BY 1, 2
ORDER BY 3 DESC, 2
"""
_OVER_TIME = """
SELECT date_bin(%s, at, %s) AS bin, count(*), 0 FROM engagement
 WHERE mailing_id = %s AND kind = 'click' AND hit_class = 'human' AND at >= %s GROUP BY 1
UNION ALL
SELECT date_bin(%s, replied_at, %s), 0, count(*) FROM campaigns_deliveryengagement
 WHERE mailing_id = %s AND replied_at IS NOT NULL GROUP BY 1
"""
_LAST = """
SELECT greatest((SELECT max(at) FROM engagement WHERE mailing_id = %s AND kind = 'click' AND hit_class = 'human' AND at >= %s),
                (SELECT max(replied_at) FROM campaigns_deliveryengagement WHERE mailing_id = %s))
"""
STEPS = [
    timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=3), timedelta(hours=6),
    timedelta(days=1), timedelta(days=7), timedelta(days=30),
]  # fmt: skip
MOST_BARS = 36
OFTEN = 8  # bars at least, so that the first minutes already look like a course of time


@dataclass(frozen=True)
class People:
    """Deliveries by what their person did."""

    clicked: int = 0
    machines: int = 0
    unknown: int = 0
    replied: int = 0
    unsubscribed: int = 0
    opened: int = 0
    machine_opens: int = 0


@dataclass(frozen=True)
class Responses:
    """Deliveries of which something came back; `total` counts those with both once."""

    bounced: int = 0
    complained: int = 0
    total: int = 0


@dataclass(frozen=True)
class LinkFigures:
    number: int
    url: str
    label: str
    people: int
    untracked: int  # clicks, not people
    machines: int
    unknown: int


@dataclass(frozen=True)
class Group:
    """One country's or constituency's part."""

    code: str
    accepted: int
    tracked: int
    clicked: int
    replied: int
    unsubscribed: int
    bounced: int
    audience: int

    @property
    def is_total_only(self) -> bool:
        """Nobody of it is tracked one by one."""
        return self.accepted > 0 and self.tracked == 0


@dataclass(frozen=True)
class Course:
    """Human clicks and replies, step by step."""

    step: timedelta
    times: list[datetime] = field(default_factory=list)
    clicks: list[int] = field(default_factory=list)
    replies: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Deeds:
    """What people did, what came back, and how many replies wait."""

    people: People
    responses: Responses
    to_answer: int


def deeds(mailing_id: int) -> Deeds:
    row = [int(value) for value in _one(_PEOPLE, [mailing_id, mailing_id, mailing_id])]
    return Deeds(People(*row[:7]), Responses(*row[7:10]), row[10])


def copies(mailing: Mailing) -> int:
    """Visible copies in the audience, whatever became of them."""
    if mailing.copies_to_id is None:
        return 0
    return int(_one("SELECT count(*) FROM delivery WHERE mailing_id = %s AND copy_of IS NOT NULL", [mailing.pk])[0])


def since(mailing: Mailing) -> datetime:
    """No hit is older: lets PostgreSQL leave earlier months alone."""
    return (mailing.started_at or mailing.frozen_at or mailing.created_at) - timedelta(days=1)


def links(mailing: Mailing) -> list[LinkFigures]:
    """Every link of the mailing, the most followed first; the hidden one is left out, its visitors count as machines."""
    return [LinkFigures(*row) for row in _all(_LINKS, [mailing.pk, since(mailing), mailing.pk])]


def groups(mailing_id: int) -> tuple[list[Group], list[Group]]:
    """By constituency and by country, each with the largest first."""
    constituencies, countries = [], []
    for constituency, country, *figures in _all(_BY, [mailing_id, mailing_id]):
        if country is None:  # what a grouping set does not group by is NULL; the columns themselves never are
            constituencies.append(Group(constituency, *figures))
        else:
            countries.append(Group(country, *figures))
    return _largest_first(constituencies), _largest_first(countries)


def _largest_first(found: list[Group]) -> list[Group]:
    return sorted(found, key=lambda group: (-group.accepted, -group.audience, group.code))


def reasons(mailing_id: int) -> list[tuple[str, str, int]]:
    """(failed | hard_bounce | soft_bounce | skipped, what the server or the freeze said, how many), most frequent first."""
    return _all(_REASONS, [mailing_id] * 2)


def course(mailing: Mailing) -> Course | None:
    """Clicks and replies from the start to the last of them, in steps that make a readable number of bars."""
    start = mailing.started_at or mailing.frozen_at
    last = _one(_LAST, [mailing.pk, since(mailing), mailing.pk])[0]
    if start is None or last is None:
        return None
    span = max(last - start, timedelta(0))
    step = next((step for step in STEPS if span / step < MOST_BARS), STEPS[-1])
    origin = _floor(start, step)
    clicks: Counter[datetime] = Counter()
    replies: Counter[datetime] = Counter()
    for at, n_clicks, n_replies in _all(
        _OVER_TIME, [step, origin, mailing.pk, since(mailing), step, origin, mailing.pk]
    ):
        clicks[at] += n_clicks
        replies[at] += n_replies
    bars = max(int((last - origin) / step) + 1, OFTEN)
    times = [origin + step * n for n in range(bars)]
    return Course(step, times, [clicks[at] for at in times], [replies[at] for at in times])


def _floor(at: datetime, step: timedelta) -> datetime:
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    return day if step >= timedelta(days=1) else day + step * int((at - day) / step)


@dataclass(frozen=True)
class Line:
    """One mailing in the list of reports."""

    mailing: Mailing
    counts: dict[str, int]
    people: People
    responses: Responses

    @property
    def accepted(self) -> int:
        return self.counts.get("accepted", 0)


_MANY_COUNTS = """
SELECT k.mailing_id, c.key, sum(c.value::bigint)::bigint FROM campaigns_deliverychunk k, jsonb_each_text(k.counts) c
 WHERE k.mailing_id = ANY (%s) GROUP BY 1, 2
"""
_MANY_PEOPLE = """
SELECT mailing_id, count(first_click_at), 0, 0, count(replied_at), count(unsubscribed_at), 0, 0
  FROM campaigns_deliveryengagement WHERE mailing_id = ANY (%s) GROUP BY 1
"""
_MANY_FEEDBACK = f"SELECT mailing_id, {_FEEDBACK_PARTS} WHERE mailing_id = ANY (%s) GROUP BY 1"


_MANY_KEPT = """
SELECT mailing_id, figures -> 'people', figures -> 'responses' FROM campaigns_kepttotals
 WHERE mailing_id = ANY (%s) AND deliveries_removed_at IS NOT NULL
"""


def sent_lately(user: User) -> QuerySet[Mailing]:
    """The mailings that were finished in the last 30 days, the newest first."""
    since = timezone.now() - LATELY
    done = Mailing.objects.visible_to(user).filter(state=State.FINISHED, finished_at__gte=since)
    return done.order_by("-finished_at", "-pk")


def lines(mailings: Iterable[Mailing]) -> list[Line]:
    """Key figures of a page of mailings, by four queries however many they are."""
    rows = list(mailings)
    ids = [row.pk for row in rows]
    counts: dict[int, dict[str, int]] = {}
    for mailing_id, outcome, number in _all(_MANY_COUNTS, [ids]):
        counts.setdefault(mailing_id, {})[outcome] = number
    people_of = {row[0]: People(*row[1:]) for row in _all(_MANY_PEOPLE, [ids])}
    responses_of = {row[0]: Responses(*row[1:]) for row in _all(_MANY_FEEDBACK, [ids])}
    for mailing_id, people, responses in _all(_MANY_KEPT, [ids]):
        people_of[mailing_id], responses_of[mailing_id] = (
            People(**json.loads(people)),
            Responses(**json.loads(responses)),
        )
    return [
        Line(row, counts.get(row.pk, {}), people_of.get(row.pk, People()), responses_of.get(row.pk, Responses()))
        for row in rows
    ]


def _all(sql: str, params: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        return cursor.fetchall()


def _one(sql: str, params: list[Any]) -> Any:
    return _all(sql, params)[0]
