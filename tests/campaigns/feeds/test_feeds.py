"""Feeds: every row once in the order of commits, changed rows again, nothing skipped however late it was committed."""

import threading
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from campaigns.delivery.models import Delivery, DeliveryChunk, Feedback
from campaigns.engagement.drain import take_in_hits
from campaigns.engagement.spool import Hit
from campaigns.feeds.models import DeliveryPlace
from campaigns.feeds.queries import deliveries_after
from campaigns.feeds.services import CLOSE_AFTER, number_feeds
from crm.audit.models import OutboxEvent
from crm.audit.services import publish_outbox, record
from tests.campaigns.ledger import delivery, feedback, sent_mailing
from tests.factories import ApiTokenFactory, GrantFactory, PersonFactory, UserFactory


def frozen(size: int = 3, *, chunk: int = 2, **values):  # type: ignore[no-untyped-def]
    """A mailing with `size` deliveries in chunks."""
    mailing = sent_mailing(frozen_at=timezone.now(), audience_count=size, **values)
    for _number in range(size):
        delivery(mailing, country_code="ZM")
    for first in range(1, size + 1, chunk):
        DeliveryChunk.objects.create(
            mailing_id=mailing.pk, first_seq=first, last_seq=min(first + chunk - 1, size), due_at=timezone.now(),
            counts={"pending": chunk},
        )  # fmt: skip
    return mailing


def walk(client, path: str, cursor: str | None = None, *, limit: int = 2):  # type: ignore[no-untyped-def]
    """All rows from the cursor on, and the cursor to come back with."""
    rows = []
    while True:
        join = "&" if "?" in path else "?"
        body = client.get(f"{path}{join}limit={limit}" + (f"&after={cursor}" if cursor else "")).json()
        rows += body["data"]
        cursor = body["next_cursor"]
        if body["next"] is None:
            return rows, cursor


def test_every_delivery_comes_once_and_what_changed_comes_again(api, viewer) -> None:  # type: ignore[no-untyped-def]
    mailing = frozen(5)
    number_feeds()
    client = api(viewer)

    rows, cursor = walk(client, "/deliveries")
    nothing, same = walk(client, "/deliveries", cursor)
    Delivery.objects.filter(mailing_id=mailing.pk, seq=4).update(state="failed")
    DeliveryChunk.objects.filter(mailing_id=mailing.pk, first_seq=3).update(counts={"accepted": 1, "failed": 1})
    number_feeds()
    changed, _cursor = walk(client, "/deliveries", cursor)

    assert [row["id"] for row in rows] == [f"{mailing.uid}:{seq}" for seq in (1, 2, 3, 4, 5)]
    assert (nothing, same) == ([], cursor)
    assert [(row["seq"], row["state"]) for row in changed] == [(3, "accepted"), (4, "failed")]


def test_mailing_frozen_later_with_a_lower_id_is_not_skipped(api, viewer) -> None:  # type: ignore[no-untyped-def]
    early, late = sent_mailing(), sent_mailing()
    client = api(viewer)
    for mailing in (late, early):
        delivery(mailing, country_code="ZM")
        DeliveryChunk.objects.create(mailing_id=mailing.pk, first_seq=1, last_seq=1, due_at=timezone.now(), counts={"accepted": 1})  # fmt: skip
    early.frozen_at = None
    type(early).objects.filter(pk=early.pk).update(state="freezing", frozen_at=None)
    number_feeds()
    rows, cursor = walk(client, "/deliveries")

    type(early).objects.filter(pk=early.pk).update(state="finished", frozen_at=timezone.now(), audience_count=1)
    number_feeds()
    further, _cursor = walk(client, "/deliveries", cursor)

    assert [row["mailing"] for row in rows] == [str(late.uid)]
    assert [row["mailing"] for row in further] == [str(early.uid)]


def test_chunk_that_moves_while_it_is_being_read_is_read_to_its_end(db: None) -> None:
    mailing = frozen(4, chunk=4)
    number_feeds()
    first = deliveries_after(None, limit=2, narrow=Q())
    DeliveryChunk.objects.update(counts={"accepted": 4})
    number_feeds()

    rest = deliveries_after(first.last, limit=10, narrow=Q())  # type: ignore[arg-type]

    assert [row.seq for row in first.rows] == [1, 2]
    assert [row.seq for row in rest.rows] == [1, 2, 3, 4]
    assert mailing.pk


def test_finished_mailing_is_closed_and_looked_at_no_more(db: None) -> None:
    mailing = frozen(2)
    type(mailing).objects.update(finished_at=timezone.now() - CLOSE_AFTER - timedelta(minutes=1))

    assert number_feeds() == 1
    number_feeds()
    assert DeliveryPlace.objects.get().is_closed
    assert number_feeds() == 0


def test_page_of_deliveries_costs_the_same_for_one_and_three(api, viewer) -> None:  # type: ignore[no-untyped-def]
    client, counts = api(viewer), []
    from django.test.utils import CaptureQueriesContext

    for more in (1, 2):
        for _number in range(more):
            frozen(1, chunk=1)
        number_feeds()
        client.get("/deliveries")
        with CaptureQueriesContext(connection) as captured:
            client.get("/deliveries")
        counts.append(len(captured))

    assert counts[0] == counts[1] <= 10


def test_filters_of_the_feed(api, viewer) -> None:  # type: ignore[no-untyped-def]
    one, two = frozen(2), frozen(2)
    Delivery.objects.filter(mailing_id=one.pk, seq=1).update(state="failed")
    number_feeds()
    client = api(viewer)

    assert {row["mailing"] for row in walk(client, f"/deliveries?mailing={two.uid}")[0]} == {str(two.uid)}
    assert [row["seq"] for row in walk(client, "/deliveries?state=failed")[0]] == [1]
    client.get(f"/deliveries?mailing={uuid4()}", status=400)
    client.get("/deliveries?count=exact", status=400)


def test_bounces_and_complaints(api, viewer) -> None:  # type: ignore[no-untyped-def]
    mailing = frozen(3)
    rows = list(Delivery.objects.filter(mailing_id=mailing.pk).order_by("seq"))
    feedback(rows[0])
    number_feeds()
    client = api(viewer)

    found, cursor = walk(client, "/feedback")
    feedback(rows[2], kind="complaint")
    number_feeds()
    further, _cursor = walk(client, "/feedback", cursor)

    assert [(row["kind"], row["delivery"]) for row in found] == [("hard_bounce", f"{mailing.uid}:1")]
    assert [(row["kind"], row["delivery"]) for row in further] == [("complaint", f"{mailing.uid}:3")]


def hit(mailing, seq: int | None, *, at: datetime | None = None, kind: str = "click", number: int = 1) -> Hit:  # type: ignore[no-untyped-def]
    agent = "Mozilla/5.0 (X11; Linux x86_64) Firefox/130.0"
    return Hit(uuid4(), at or timezone.now(), kind, mailing.pk, seq, number, "192.0.2.1", "GET", agent, "", False, True)


def test_engagement_taken_in_late_is_not_skipped(api, viewer) -> None:  # type: ignore[no-untyped-def]
    mailing = frozen(3)
    old = datetime.now(UTC) - timedelta(hours=3)
    client = api(viewer)
    first = hit(mailing, 1)
    take_in_hits([first])

    rows, cursor = walk(client, "/engagement")
    late = hit(mailing, 2, at=old)  # a spool file that was drained hours later
    take_in_hits([late])
    further, _cursor = walk(client, "/engagement", cursor)

    assert [row["id"] for row in rows] == [str(first.id)]
    assert [row["id"] for row in further] == [str(late.id)]
    assert rows[0]["delivery"] == f"{mailing.uid}:1"


def test_hits_without_a_person_are_nobodys(api, viewer) -> None:  # type: ignore[no-untyped-def]
    mailing = frozen(1)
    take_in_hits([hit(mailing, None)])

    [row] = walk(api(viewer), "/engagement")[0]

    assert (row["delivery"], row["person"]) == (None, None)


def test_events_follow_the_order_of_numbers(api, admin, viewer) -> None:  # type: ignore[no-untyped-def]
    person, client = PersonFactory(), api(admin)
    record(verb="person.edited", target=person, event={"fields": ["name"]})
    assert walk(client, "/events")[0] == []
    publish_outbox()

    rows, cursor = walk(client, "/events")
    record(verb="person.archived", target=person, event={})
    publish_outbox()
    further, _cursor = walk(client, "/events", cursor)

    assert [(row["type"], row["object"]) for row in rows] == [("person.edited", str(person.uid))]
    assert [row["type"] for row in further] == ["person.archived"]
    api(viewer).get("/events", status=403)


def test_events_of_all_countries_are_refused_to_whoever_exports_some(api) -> None:  # type: ignore[no-untyped-def]
    """An empty feed would be taken for one in which nothing happens."""
    here = GrantFactory(role="planner", is_everywhere=False, countries=["ZM"]).user
    everywhere = GrantFactory(role="planner").user

    refused = api(here).get("/events", status=403).json()

    assert refused["code"] == "some_countries_only"
    assert api(everywhere).get("/events").json()["data"] == []


@pytest.mark.django_db(transaction=True)
def test_event_of_a_slow_transaction_is_not_skipped(api) -> None:  # type: ignore[no-untyped-def]
    user = UserFactory()
    GrantFactory(user=user, role="admin")
    from tests.crm.api.client import Api

    client, person = Api(ApiTokenFactory(user=user)), PersonFactory()
    begun, may_commit = threading.Event(), threading.Event()

    def slow() -> None:
        try:
            with transaction.atomic():
                record(verb="person.slow", target=person, event={})
                begun.set()
                may_commit.wait(20)
        finally:
            connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    begun.wait(20)
    record(verb="person.fast", target=person, event={})
    publish_outbox()
    rows, cursor = walk(client, "/events")
    may_commit.set()
    thread.join()
    publish_outbox()
    further, _cursor = walk(client, "/events", cursor)

    assert [row["type"] for row in rows] == ["person.fast"]
    assert [row["type"] for row in further] == ["person.slow"]
    assert OutboxEvent.objects.get(type="person.slow").pk < OutboxEvent.objects.get(type="person.fast").pk
    assert Feedback.objects.count() == 0
