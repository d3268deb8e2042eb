"""`manage.py bench drives`: a drive of 195 countries × 10 constituencies, its worklist, Today and the outreach queue, with a large
directory behind them and a year of talking: positions, promises, contacts, guards and tasks."""

from __future__ import annotations

import statistics
from datetime import timedelta
from typing import Any

from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.planning.models import Campaign, Drive
from campaigns.positions.models import Ask
from contacts.directory.models import Constituency, Country, Organization
from contacts.directory.volume import make_people
from contacts.reach.services import refresh
from crm.accounts.models import Grant, User
from crm.accounts.rules import Role
from crm.bench import Bar, Result
from crm.request_timing import make_ready, measure

COUNTRIES, CONSTITUENCIES = 195, 10
BARS = {"grid": 300.0, "worklist": 300.0, "today": 150.0, "queue": 150.0}
QUERIES = 25
ROUNDS = 15


def run(size: int) -> Result:
    """Each page many times. Bars are for the middle of them; the slowest of twenty is reported beside it."""
    make_people(size)
    user = make_world(size)
    refresh(seconds=600)  # as beat does within half a minute of any import
    make_ready()
    return measured(user)


def measured(user: User) -> Result:
    drive = Drive.objects.order_by("pk")[0]
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    pages = {
        "grid": reverse("drive_detail", args=[drive.uid]),
        "worklist": reverse("drive_next", args=[drive.uid]),
        "today": "/",
        "queue": reverse("outreach_queue"),
    }
    result = Result()
    result.figures["cells"] = drive.countries.count() * drive.constituencies.count()
    result.figures["institutions"] = Organization.objects.count()
    for name, url in pages.items():
        times, busy, queries = measure(client, [url], rounds=ROUNDS)
        result.figures[name] = {
            "p50_ms": round(statistics.median(times), 1),
            "p95_ms": round(statistics.quantiles(times, n=20)[-1], 1),
            "python_p50_ms": round(statistics.median(busy), 1),
            "queries": queries,
        }
        result.bars.append(Bar(f"{name} p50 ms", statistics.median(times), BARS[name]))
        result.bars.append(Bar(f"queries of {name}", queries, QUERIES))
    return result


def make_world(size: int) -> User:
    """The drive, and what happened in it. Rows by SQL; the same size gives about the same world."""
    user = User.objects.create_user("officer@bench.test", name="Officer")
    Grant.objects.create(user=user, role=Role.PLANNER, is_everywhere=True)
    today = timezone.localdate()
    drive = Drive.objects.create(
        campaign=Campaign.objects.create(name="Bench"), name="The whole world", status="active", owner=user,
        starts_on=today - timedelta(days=200), ends_on=today + timedelta(days=100),
    )  # fmt: skip
    codes = Organization.objects.filter(country__isnull=False).order_by("country").values_list("country", flat=True)
    drive.countries.set(Country.objects.filter(code__in=list(codes.distinct()[:COUNTRIES])))
    sides = list(Constituency.objects.of_institutions().order_by("parent_id", "position", "pk"))
    while len(sides) < CONSTITUENCIES:
        parent = next(side for side in sides if side.code == "CSO")
        number = len(sides)
        sides.append(
            Constituency.objects.create(code=f"CSO{number}", name=f"Branch {number}", parent=parent, root_code="CSO")
        )
    drive.constituencies.set(sides[:CONSTITUENCIES])
    ask = Ask.objects.create(drive=drive, name="Adopt a national action plan")
    fill({"drive": drive.pk, "campaign": drive.campaign_id, "ask": ask.pk, "user": user.pk})
    return user


FILL = [
    # two in five took a position, a tenth promised something, two thirds talked with us within two years
    """INSERT INTO campaigns_positionstep (uid, organization_id, ask_id, stance, "on", evidence_kind, evidence, link, confidence, said_by_name,
           recorded_by_id, recorded_at, form_key, withdrawn_why)
       SELECT gen_random_uuid(), id, %(ask)s, 1 + id %% 7, current_date - (id %% 180)::int, 'meeting', 'They said so.', '', 'medium', '',
              %(user)s, now(), gen_random_uuid(), '' FROM contacts_organization WHERE id %% 5 < 2""",
    """INSERT INTO campaigns_power (uid, organization_id, campaign_id, power, why, created_at, updated_at)
       SELECT gen_random_uuid(), id, %(campaign)s, 1 + id %% 5, '', now(), now() FROM contacts_organization WHERE id %% 3 = 0""",
    """INSERT INTO campaigns_commitment (uid, created_at, updated_at, drive_id, ask_id, organization_id, text, made_on, due_on, evidence, link,
           owner_id, is_public, recorded_by_id, form_key, state, outcome, outcome_link)
       SELECT gen_random_uuid(), now(), now(), %(drive)s, %(ask)s, id, 'A draft plan before the council.', current_date - 60,
              current_date + (id %% 200)::int - 20, '', '', %(user)s, false, %(user)s, gen_random_uuid(), 'open', '', ''
         FROM contacts_organization WHERE id %% 10 = 0""",
    """WITH made AS (
         INSERT INTO campaigns_interaction (uid, kind, organization_id, subject, text, at, is_two_way, mentions, logged_by_id, logged_at)
         SELECT gen_random_uuid(), (ARRAY['call', 'meeting', 'letter'])[1 + id %% 3], id, '', 'Friendly, short of time.',
                now() - make_interval(days => (id %% 700)::int), id %% 4 <> 0, '[]', %(user)s, now()
           FROM contacts_organization WHERE id %% 3 < 2 RETURNING id, organization_id, at, is_two_way)
       INSERT INTO campaigns_party (interaction_id, organization_id, at, is_two_way, is_mention)
       SELECT id, organization_id, at, is_two_way, false FROM made""",
    """INSERT INTO campaigns_contactguard (uid, created_at, updated_at, organization_id, owner_id, silent_weeks, protocol)
       SELECT gen_random_uuid(), now(), now(), id, %(user)s, 8, '' FROM contacts_organization WHERE id %% 100 = 0""",
    """INSERT INTO campaigns_task (uid, created_at, updated_at, title, note, due_on, assignee_id, created_by_id, organization_id, source, repeat,
           remind_tries)
       SELECT gen_random_uuid(), now(), now(), 'Send the draft', '', current_date + (id %% 300)::int - 10, %(user)s, %(user)s, id, '', '', 0
         FROM contacts_organization WHERE id %% 50 = 0""",
]


def fill(given: dict[str, Any]) -> None:
    """given: the ids of a drive, its campaign, an ask of it, and the user whose work it is."""
    with connection.cursor() as cursor:
        for statement in FILL:
            cursor.execute(statement, given)
        cursor.execute("ANALYZE")
