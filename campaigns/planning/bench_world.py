"""What stands behind the pages that `manage.py bench pages` measures: a campaign that has run for a while.

Beside the directory: a drive with positions, promises, talks and tasks, segments and a list, a mailing to a fifth of the people (100,000
at most) that was delivered, opened, followed, answered and refused two weeks ago, smaller ones, and drafts. Rows by SQL, or through the
statements that workers use; a million people take some two minutes more than their directory alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import connection
from django.utils import timezone

from campaigns.delivery.audience import audience_summary
from campaigns.delivery.benches import quiet
from campaigns.demo.past import send_in_the_past
from campaigns.mailings.approval import hash_of, snapshot
from campaigns.mailings.models import Approval, Mailing, Sender, Transport, Variant
from campaigns.mailings.states import State
from campaigns.planning.drives_bench import fill
from campaigns.planning.models import Campaign, Drive
from campaigns.positions.models import Ask
from contacts.consent.models import Topic
from contacts.directory.models import Constituency, Country, Organization, Person
from contacts.segments.lists import add_to_list, create_list
from contacts.segments.models import ContactList, Segment, SegmentVersion
from contacts.segments.sizes import record_sizes
from crm.accounts.models import Grant, User
from crm.accounts.rules import Role

SCOPE = ["ZM", "TD", "NE", "KE", "UG"]
MOST_READERS = 100_000
MAILINGS = 300  # in the list: the large one, the smaller ones, and drafts
SMALLER = 30  # more than a page of reports
SEGMENTS = 30
SENT = timedelta(days=14)
TAGS = 5  # of make_people: each on a twenty-fifth of the people
_BODY = (
    "<p>{{ country.name | default('Your country') }} can put a floor into law.</p>"
    '<p><a href="https://campaign.test/costs">What it costs</a>, <a href="https://campaign.test/guide">how others did it</a>, and '
    '<a href="https://campaign.test/convention">what the convention asks</a>.</p>'
)


@dataclass(frozen=True)
class World:
    everything: User
    limited: User  # to the countries of SCOPE
    drive: Drive
    sent: Mailing
    draft: Mailing  # to the same people
    segment: Segment
    contact_list: ContactList
    person: Person  # of SCOPE, as are the next two; one who was written to
    organization: Organization
    country: str


def make_world(topic: Topic, *, smaller: int = SMALLER, mailings: int = MAILINGS) -> World:
    """Everything but the directory, which `make_people` made before, with `topic`.

    smaller: mailings that were sent besides the large one; mailings: how many the list has in all. ValueError when there are too few
    people for it.
    """
    everything, limited = _user(None), _user(SCOPE)
    drive, ask = _drive(everything)
    fill({"drive": drive.pk, "campaign": drive.campaign_id, "ask": ask.pk, "user": everything.pk})
    _share_work(limited)
    segments = _segments(everything)
    parts = _parts(drive, topic, everything)
    contact_list = create_list(name="Friends of the campaign", actor=everything)
    add_to_list(
        contact_list=contact_list, rows=Person.objects.filter(tags__name=f"volume {TAGS - 1}"), actor=everything
    )
    with quiet():
        sent = _send(_mailing("To a fifth of all", segments[0], parts), seed=1, days=0)
        for number, segment in enumerate(segments[1:][:smaller]):
            _send(_mailing(f"Letter {number}", segment, parts), seed=number, days=number + 1)
    drafts = [_mailing(f"News {n}", segments[n % len(segments)], parts) for n in range(mailings - smaller - 1)]
    reader = _reader(sent)
    return World(
        everything=everything, limited=limited, drive=drive, sent=sent, draft=drafts[0], segment=segments[0], contact_list=contact_list,
        person=reader, organization=_institution(), country=reader.country_id or SCOPE[0],
    )  # fmt: skip


def _user(countries: list[str] | None) -> User:
    user = User.objects.create_user(f"bench{len(countries or [])}@bench.test", name="Bench")
    Grant.objects.create(user=user, role=Role.PLANNER, is_everywhere=countries is None, countries=countries or [])
    return user


def _drive(owner: User) -> tuple[Drive, Ask]:
    today = timezone.localdate()
    drive = Drive.objects.create(
        campaign=Campaign.objects.create(name="Bench"), name="Bench drive", status="active", owner=owner,
        starts_on=today - timedelta(days=200), ends_on=today + timedelta(days=100),
    )  # fmt: skip
    drive.countries.set(Country.objects.filter(code__in=SCOPE))
    drive.constituencies.set(Constituency.objects.filter(is_fixed=True))
    return drive, Ask.objects.create(drive=drive, name="Adopt a national action plan")


def _share_work(user: User) -> None:
    """What is to do in his countries is his."""
    with connection.cursor() as cursor:
        for statement in (
            "UPDATE campaigns_task t SET assignee_id = %s FROM contacts_organization o WHERE o.id = t.organization_id AND o.country_id = ANY (%s)",
            "UPDATE campaigns_contactguard g SET owner_id = %s FROM contacts_organization o WHERE o.id = g.organization_id AND o.country_id = ANY (%s)",
            "UPDATE campaigns_commitment c SET owner_id = %s FROM contacts_organization o WHERE o.id = c.organization_id AND o.country_id = ANY (%s)",
        ):
            cursor.execute(statement, [user.pk, SCOPE])


def _segments(owner: User) -> list[Segment]:
    """A fifth of the people first, then parts of it; each was counted in the night."""
    tags = [f"volume {number}" for number in range(TAGS)]
    tagged = Person.objects.filter(tags__name="volume 0").count()
    rules = [[("tags", tags[: max(1, min(TAGS, MOST_READERS // max(tagged, 1)))])]]
    for number in range(SEGMENTS):
        rules.append([("country", [SCOPE[number % len(SCOPE)]]), ("tags", tags[: number // len(SCOPE) % TAGS + 1])])
    made = []
    for number, rule in enumerate(rules):
        tree = {"version": 1, "op": "all", "rules": [{"field": f, "operator": "any_of", "value": v} for f, v in rule]}
        name = f"Readers {number}" if number else "A fifth of all"
        segment = Segment.objects.create(name=name, tree=tree, owner=owner)
        SegmentVersion.objects.create(segment=segment, version=1, tree=tree, saved_by=owner)
        made.append(segment)
    record_sizes()
    return made


def _parts(drive: Drive, topic: Topic, writer: User) -> dict[str, Any]:
    """What all mailings have in common."""
    return {
        "drive": drive,
        "topic": topic,
        "written_by": writer,
        "sender": Sender.objects.create(name="Campaign", email="us@campaign.test"),
        "transport": Transport.objects.create(name="Bench", kind=Transport.Kind.LOCAL),
        "fallback_languages": ["en"],
        "contact_guard_days": 0,
    }


def _mailing(name: str, segment: Segment, parts: dict[str, Any]) -> Mailing:
    mailing = Mailing.objects.create(name=name, segment=segment, **parts)
    for language in ("en", "fr"):
        Variant.objects.create(mailing=mailing, language=language, subject=f"{name} {language}", body_html=_BODY)
    return mailing


def _send(mailing: Mailing, *, seed: int, days: int) -> Mailing:
    """As it would be two weeks and `days` after it left; of what came back, the clicks by the drain, the rest by SQL."""
    snap, readers = snapshot(mailing), audience_summary(mailing).will_get
    mailing.approval = Approval.objects.create(
        mailing=mailing, content_hash=hash_of(snap), snapshot=snap, audience_count=readers
    )
    at = timezone.now().replace(microsecond=0) - SENT - timedelta(days=days)
    mailing.state, mailing.send_at = State.SCHEDULED, at
    mailing.save()
    send_in_the_past(mailing, at=at, seed=seed)
    with connection.cursor() as cursor:
        for statement in _CAME_BACK:
            cursor.execute(statement, {"mailing": mailing.pk})
    return Mailing.objects.get(pk=mailing.pk)


# One in a hundred bounced later, one in two thousand complained. One in two hundred answered; every twentieth answer still waits.
_CAME_BACK = [
    """INSERT INTO campaigns_feedback (mailing_id, seq, kind, status, reason, at)
       SELECT mailing_id, seq, CASE WHEN seq %% 2000 = 0 THEN 'complaint' ELSE 'hard_bounce' END, '', '550 No such user', settled_at + interval '1 hour'
         FROM delivery WHERE mailing_id = %(mailing)s AND state = 'accepted' AND (seq %% 100 = 1 OR seq %% 2000 = 0)""",
    """WITH answer AS (
         INSERT INTO campaigns_interaction (uid, kind, person_id, organization_id, mailing_id, seq, subject, text, at, is_two_way, mentions, logged_at, answered_at)
         SELECT gen_random_uuid(), 'reply', person_id, organization_id, mailing_id, seq, 'Re: your letter', 'Thank you, we would like to know more.',
                settled_at + interval '1 day', true, '[]', settled_at + interval '1 day', CASE WHEN seq %% 4000 <> 3 THEN settled_at + interval '2 days' END
           FROM delivery WHERE mailing_id = %(mailing)s AND state = 'accepted' AND is_tracked AND seq %% 200 = 3
         RETURNING id, person_id, organization_id, at, mailing_id, seq),
       party AS (
         INSERT INTO campaigns_party (interaction_id, person_id, organization_id, at, is_two_way, is_mention)
         SELECT id, person_id, NULL, at, true, false FROM answer WHERE person_id IS NOT NULL
         UNION ALL SELECT id, NULL, organization_id, at, true, false FROM answer WHERE organization_id IS NOT NULL),
       replied AS (
         INSERT INTO campaigns_deliveryengagement AS e (mailing_id, seq, person_id, human_clicks, machine_clicks, unknown_clicks, human_opens,
                machine_opens, unknown_opens, replied_at)
         SELECT mailing_id, seq, person_id, 0, 0, 0, 0, 0, 0, at FROM answer
         ON CONFLICT (mailing_id, seq) DO UPDATE SET replied_at = excluded.replied_at)
       INSERT INTO campaigns_engagementday AS d (person_id, day, mailed, human_clicks, replies)
       SELECT person_id, (at AT TIME ZONE 'UTC')::date, 0, 0, count(*) FROM answer WHERE person_id IS NOT NULL GROUP BY 1, 2
       ON CONFLICT (person_id, day) DO UPDATE SET replies = d.replies + excluded.replies""",
]


def _reader(sent: Mailing) -> Person:
    """Of SCOPE; one of those who did most with what was sent."""
    with connection.cursor() as cursor:
        cursor.execute(
            """SELECT d.person_id FROM delivery d LEFT JOIN campaigns_deliveryengagement e USING (mailing_id, seq)
                WHERE d.mailing_id = %s AND d.country_code = ANY (%s) AND d.person_id IS NOT NULL AND d.state = 'accepted'
                ORDER BY coalesce(e.human_clicks + e.human_opens, 0) DESC, d.seq LIMIT 1""",
            [sent.pk, SCOPE],
        )
        found = cursor.fetchone()
    if found is None:
        raise ValueError("the bench of pages needs at least a few thousand people")
    return Person.objects.get(pk=found[0])


def _institution() -> Organization:
    """Of SCOPE; one that has a position, a promise, talks and a task, where there is one."""
    rows = Organization.objects.filter(country_id__in=SCOPE).order_by("pk")
    return min(rows, key=lambda row: (-sum(row.pk % n == 0 for n in (5, 10, 50, 100, 3)), row.pk))
