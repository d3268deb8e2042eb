"""Token buckets in a real Valkey, the day's budget in PostgreSQL, and what happens when Valkey is away."""

import asyncio
import time
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace
from uuid import uuid4

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery import pacing, tasks
from campaigns.delivery.engine import Engine
from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry
from campaigns.delivery.operating import sending_now
from campaigns.delivery.pacefindings import pace_findings
from campaigns.delivery.pacing import Bucket, Budget, Pace, Tokens
from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import deliver, send_some
from campaigns.domains import services, warmup
from campaigns.domains.models import SendingDomain, WarmupDay
from campaigns.limits.models import RecipientLimit
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.factories import MailingFactory


def key() -> str:
    return f"test:{uuid4()}"


def take(*buckets: Bucket, n: int = 1) -> float:
    async def work() -> float:
        tokens = Tokens()
        try:
            return await tokens.take(buckets, n)
        finally:
            await tokens.close()

    return asyncio.run(work())


def test_bucket_gives_what_it_holds_then_says_how_long_to_wait() -> None:
    bucket = Bucket(key(), per_second=0.1, at_once=50.0)

    assert [take(bucket) for _number in range(5)] == [0.0] * 5
    assert 0 < take(bucket) <= 10
    assert 0 < take(bucket, n=4) <= 40


def test_all_buckets_or_none() -> None:
    wide, narrow = Bucket(key(), per_second=0.1, at_once=100.0), Bucket(key(), per_second=0.01, at_once=100.0)

    assert take(wide, narrow) == 0
    for _number in range(50):
        assert take(wide, narrow) > 0
    # the wide one lost nothing to those that were refused
    assert take(wide, n=9) == 0
    assert take(wide) > 0


def test_clock_that_is_set_back_stops_nobody_until_its_hour_comes_again(settings) -> None:
    import redis

    bucket = Bucket(key(), per_second=10)
    assert take(bucket) == 0
    valkey = redis.Redis.from_url(settings.REDIS_URL)
    name = f"{settings.CACHES['default'].get('KEY_PREFIX', 'gs')}:pace:{bucket.key}"
    assert valkey.exists(name)
    seconds, _micro = valkey.time()
    valkey.set(name, (seconds + 3600) * 1_000_000)  # as an hour from now wrote it
    valkey.close()

    assert 0 < take(bucket) <= 0.1


def test_two_workers_share_a_bucket() -> None:
    bucket = Bucket(key(), per_second=0.05, at_once=100.0)

    async def work() -> list[float]:
        workers = [Tokens(), Tokens(), Tokens()]
        try:
            return list(await asyncio.gather(*(worker.take([bucket], 1) for worker in workers for _n in range(4))))
        finally:
            await asyncio.gather(*(worker.close() for worker in workers))

    assert sum(wait == 0 for wait in asyncio.run(work())) == 5


def test_without_valkey_a_worker_keeps_to_its_share_of_all_limits_together(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    settings.DELIVERY_TASKS = 4
    road, domain = Bucket("road", per_second=40), Bucket("domain", per_second=20)

    async def work() -> list[float]:
        tokens = Tokens()
        return [await tokens.take([road], 1), await tokens.take([road, domain], 1), await tokens.take([domain], 1)]

    free, road_is_used, domain_is_free = asyncio.run(work())
    assert free == 0
    assert 0 < road_is_used <= 0.1  # a quarter of 40 a second, used by another pace of this run
    assert domain_is_free == 0


def test_without_valkey_the_share_is_that_of_all_runs_and_others_hear_of_one_first(settings, monkeypatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    settings.DELIVERY_TASKS = 2
    clock, counted = [1000.0], [8, 20, 1]
    monkeypatch.setattr(pacing, "time", SimpleNamespace(monotonic=lambda: clock[0]))
    road = Bucket("road", per_second=10)

    async def runs() -> int:
        return counted.pop(0)

    async def work() -> list[float]:
        tokens, waits = Tokens(runs), []
        for step in (0.0, 1.0, 0.0, 2.0, 0.0, 2.0, 0.0):
            clock[0] += step
            waits.append(round(await tokens.take([road], 1), 3))
        return waits

    # nothing in the first second; then one in 20 / 10 s, and with nobody else there never more than DELIVERY_TASKS would have
    assert asyncio.run(work()) == [1.0, 0.0, 2.0, 0.0, 0.2, 0.0, 0.2]
    assert counted == []


def test_runs_that_cannot_be_counted_are_as_many_as_before(settings) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"

    async def away() -> int:
        raise OSError("PostgreSQL is away")

    async def work() -> int:
        tokens = Tokens(away)
        await tokens.take([Bucket("road", per_second=10)], 1)
        return tokens.runs

    assert asyncio.run(work()) == settings.DELIVERY_TASKS


def test_pace_takes_handfuls_and_none_without_a_limit(monkeypatch) -> None:
    asked = []

    async def spied(self, buckets, n):  # type: ignore[no-untyped-def]
        asked.append(n)
        return 0.0

    monkeypatch.setattr(Tokens, "take", spied)

    async def work(pace: Pace, messages: int) -> None:
        for _number in range(messages):
            assert pace.is_free or await pace.wait(asyncio.Event())

    asyncio.run(work(Pace(Tokens(), []), 1000))
    assert asked == []
    asyncio.run(work(Pace(Tokens(), [Bucket("road", 500.0)]), 1000))
    assert asked == [50] * 20


def test_budget_ends_and_gives_back_what_it_did_not_use() -> None:
    day = {"left": 7, "back": 0}

    async def take_some(n: int) -> int:
        given = min(n, day["left"])
        day["left"] -= given
        return given

    async def give_back(n: int) -> None:
        day["back"] += n

    async def work() -> int:
        budget = Budget(take_some, give_back, most=100)  # handfuls of five
        pace = Pace(Tokens(), [], budget)
        sent = 0
        while sent < 3 and await pace.wait(asyncio.Event()):
            sent += 1
        await budget.close()
        assert (day["left"], day["back"]) == (2, 2)
        while await pace.wait(asyncio.Event()):
            sent += 1
        assert pace.is_spent
        return sent

    assert asyncio.run(work()) == 5


# --- by the engine, over SMTP -------------------------------------------------------------------------------------------
pytestmark_db = pytest.mark.django_db(transaction=True)


def people(mailing, n: int, domain: str, *, start: int = 1) -> None:
    for number in range(start, start + n):
        person = subscriber(mailing.topic, number)
        address = f"p{number}@{domain}"
        person.contact_points.update(value=address, address_key=address)


@pytestmark_db
def test_limit_of_a_sender_holds_together_with_the_transports(mailing, sink) -> None:
    people(mailing, 30, "people.test")
    mailing.sender.per_second = 20
    mailing.sender.save()
    use(mailing, sink)
    to_sending(mailing)

    began = time.monotonic()
    deliver(mailing.pk)

    assert counts(mailing.pk)["accepted"] == 30
    assert time.monotonic() - began > 1.2  # 28 tokens at 20 a second, behind a handful of two


@pytestmark_db
def test_without_valkey_runs_of_other_mailings_count_too(mailing, sink, settings, monkeypatch) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1"
    settings.DELIVERY_TASKS = 2
    people(mailing, 3, "people.test")
    mailing.transport.per_second = 100
    use(mailing, sink)
    to_sending(mailing)
    lapses = timezone.now() + timedelta(minutes=1)
    for number, (token, until) in enumerate([(uuid4(), lapses), (uuid4(), lapses), (uuid4(), timezone.now())]):
        DeliveryChunk.objects.create(
            mailing_id=mailing.pk + 7, first_seq=number * 500 + 1, last_seq=number * 500 + 500, due_at=timezone.now(),
            counts={"pending": 500}, token=token, lease_until=until,
        )  # fmt: skip
    DeliveryRetry.objects.create(
        mailing_id=mailing.pk + 8, seq=1, due_at=timezone.now(), token=uuid4(), lease_until=lapses
    )
    engines = []
    monkeypatch.setattr(
        tasks, "Engine", lambda *args, **options: engines.append(Engine(*args, **options)) or engines[-1]
    )

    send_some(mailing.pk)

    assert counts(mailing.pk)["accepted"] == 3
    assert engines[0].tokens.runs == 4  # two chunks, a retry, and this one; a lease that is over is nobody's


@pytestmark_db
def test_limited_domain_waits_and_others_go_on(mailing, sink) -> None:
    people(mailing, 20, "slow.test")
    people(mailing, 40, "fast.test", start=100)
    RecipientLimit.objects.create(domain="slow.test", per_minute=12)
    use(mailing, sink)
    to_sending(mailing)

    outcomes = send_some(mailing.pk, seconds=5)

    fast = [address for address in sink.recipients if address.endswith("@fast.test")]
    slow = [address for address in sink.recipients if address.endswith("@slow.test")]
    assert len(fast) == 40
    assert len(slow) <= 4  # three that the bucket holds, and what a moment adds
    assert outcomes is not None and not outcomes.is_stopped
    chunk = DeliveryChunk.objects.get()
    assert (chunk.token, chunk.is_done, chunk.counts["accepted"]) == (None, False, 40 + len(slow))
    assert chunk.due_at > timezone.now() + timedelta(seconds=20)  # it is not claimed over and over
    assert counts(mailing.pk)["in_flight"] == 0


@pytestmark_db
def test_limited_domain_is_sent_to_its_end_at_its_rate(mailing, sink) -> None:
    people(mailing, 12, "steady.test")
    RecipientLimit.objects.create(domain="steady.test", per_minute=600)
    use(mailing, sink)
    to_sending(mailing)

    deliver(mailing.pk)

    assert sorted(sink.recipients) == sorted(f"p{n}@steady.test" for n in range(1, 13))
    mailing.refresh_from_db()
    assert mailing.state == "finished"


@pytestmark_db
def test_warm_up_stops_at_the_days_most_and_goes_on_the_next_day(mailing, sink) -> None:
    people(mailing, 30, "people.test")
    name = services.domain_of(mailing.sender.email)
    row = SendingDomain.objects.create(name=name, warmup_from=timezone.now().date(), warmup_steps=[12, 100])
    use(mailing, sink)
    to_sending(mailing)

    deliver(mailing.pk)
    assert len(sink.recipients) == 12
    assert counts(mailing.pk)["pending"] == 18
    assert warmup.is_spent(warmup.today_of(row))
    assert send_some(mailing.pk) is None  # nothing is claimed any more

    SendingDomain.objects.update(warmup_from=timezone.now().date() - timedelta(days=1))
    WarmupDay.objects.all().delete()
    deliver(mailing.pk)

    assert sorted(sink.recipients) == sorted(f"p{n}@people.test" for n in range(1, 31))
    assert WarmupDay.objects.get().taken == 18  # what was not used of the last handful went back
    mailing.refresh_from_db()
    assert mailing.state == "finished"


@pytestmark_db
def test_two_runs_share_a_days_budget(mailing, sink) -> None:
    people(mailing, 30, "people.test")
    name = services.domain_of(mailing.sender.email)
    SendingDomain.objects.create(name=name, warmup_from=timezone.now().date(), warmup_steps=[10])
    use(mailing, sink)
    to_sending(mailing)

    send_some(mailing.pk)
    send_some(mailing.pk)

    assert len(sink.recipients) == 10
    assert Delivery.objects.filter(mailing_id=mailing.pk, state="pending", attempts=0).count() == 20


# --- schedules ----------------------------------------------------------------------------------------------------------
NOON = datetime(2026, 11, 26, 12, tzinfo=UTC)


@pytest.fixture
def domain(db):
    return SendingDomain.objects.create(
        name="coalition.eu", warmup_from=date(2026, 11, 25), warmup_steps=[50, 100, 200]
    )


@pytest.mark.parametrize(
    ("days_later", "number", "most"), [(-2, None, None), (-1, 1, 50), (0, 2, 100), (1, 3, 200), (2, None, None)]
)
def test_day_of_a_schedule(domain, days_later, number, most) -> None:
    today = warmup.today_of(domain, now=NOON + timedelta(days=days_later))

    assert (today and today.number, today and today.most) == (number, most)


@pytest.mark.parametrize(
    ("taken", "messages", "days"),
    [(0, 100, 1), (0, 101, 2), (0, 300, 2), (0, 301, 3), (100, 1, 2), (0, 0, 0), (0, 10**6, 3)],
)
def test_days_that_a_mailing_takes(domain, taken, messages, days) -> None:
    WarmupDay.objects.create(domain=domain, day=NOON.date(), taken=taken)

    assert warmup.days_for(domain, messages, now=NOON) == days


def test_preflight_says_how_long_it_takes(db) -> None:
    mailing = MailingFactory(sender__email="news@coalition.eu")
    assert list(pace_findings(mailing, 5000)) == []

    mailing.transport.per_second, mailing.sender.per_second = 100, 2
    (found,) = pace_findings(mailing, 7200)
    assert found.title == "At this pace it takes about 1 h"
    today = timezone.now().date()
    SendingDomain.objects.create(name="coalition.eu", warmup_from=today, warmup_steps=[100, 200, 400])
    (found,) = pace_findings(mailing, 500)
    assert found.title == "At this pace it takes 3 days"
    assert "today is day 1 of 3, with 100 messages at most" in found.why


def test_sending_page_says_that_a_warm_up_waits(db, planner, sign_in) -> None:
    mailing = MailingFactory(state="sending", sender__email="news@coalition.eu")
    row = SendingDomain.objects.create(name="coalition.eu", warmup_from=timezone.now().date(), warmup_steps=[10, 20])
    WarmupDay.objects.create(domain=row, day=timezone.now().date(), taken=10)

    assert sending_now(planner).going[0].warmup.is_spent
    page = sign_in(planner).get(reverse("sending")).content.decode()
    assert "coalition.eu is being warmed up: today’s 10 have left" in page
    progress = sign_in(planner).get(reverse("mailing_progress", args=[mailing.uid])).content.decode()
    assert "today’s 10 have left" in progress


def test_warm_up_is_set_on_the_domains_page(admin, sign_in, db) -> None:
    mailing = MailingFactory(sender__email="news@coalition.eu")
    client, url = sign_in(admin), reverse("sender_domain_warmup", args=[mailing.sender.uid])
    for steps in ("50, x", "", "0"):
        assert client.post(url, {"warmup_from": "2026-11-26", "warmup_steps": steps}).status_code == 422
    today = timezone.now().date()

    client.post(url, {"warmup_from": today.isoformat(), "warmup_steps": "50, 100 200\n400"})

    row = SendingDomain.objects.get()
    assert (row.warmup_from, row.warmup_steps) == (today, [50, 100, 200, 400])
    page = client.get(reverse("sender_domain", args=[mailing.sender.uid])).content.decode()
    assert "Day 1 of 4" in page and "0 of 50 today" in page


def test_valkey_that_answers_late_is_no_reason_to_stop(monkeypatch) -> None:
    async def late(self, buckets, n):  # type: ignore[no-untyped-def]
        raise TimeoutError

    monkeypatch.setattr(Tokens, "_ask", late)
    assert take(Bucket(key(), 100.0)) == 0
    assert pacing.AT_ONCE < 1
