"""A domain that defers one message after the other is left alone, longer each time; mail to others goes on."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.models import Delivery, DeliveryChunk, DeliveryRetry
from campaigns.delivery.operating import sending_now
from campaigns.delivery.queries import counts
from campaigns.delivery.retrying import FULL
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import send_some
from campaigns.limits.models import DomainRest
from campaigns.limits.queries import rests_of
from tests.campaigns.delivery.building import to_sending, use
from tests.campaigns.delivery.conftest import mailing, no_wake_ups  # noqa: F401 fixtures
from tests.campaigns.delivery.sinks import running_sink
from tests.campaigns.delivery.test_pacing import people

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def to_two(mailing):  # noqa: F811
    """Forty to a domain that defers, ten to one that does not, by one connection: the order is that of the list."""
    people(mailing, 40, "busy.test")
    people(mailing, 10, "fine.test", start=100)
    mailing.transport.max_connections = 1
    mailing.transport.save()
    return mailing


def send(row, **behaviour):  # type: ignore[no-untyped-def]
    with running_sink(**behaviour) as sink:
        use(row, sink)
        if row.state == "draft":
            to_sending(row)
        send_some(row.pk, seconds=8)
        return sink


def tried(row) -> int:  # type: ignore[no-untyped-def]
    return Delivery.objects.filter(mailing_id=row.pk, address_key__endswith="@busy.test", attempts__gt=0).count()


def test_domain_that_defers_five_in_a_row_is_left_alone_and_others_are_not(to_two) -> None:
    sink = send(to_two, defer="busy.test", defer_times=99)

    assert len([address for address in sink.recipients if address.endswith("@fine.test")]) == 10
    assert 5 <= tried(to_two) <= 7  # one more may be on its way when the fifth answer comes
    rest = DomainRest.objects.get()
    assert (rest.domain, rest.level, rest.transport_id) == ("busy.test", 1, to_two.transport_id)
    assert rest.reply_text == "4.2.1 Try again later"
    chunk = DeliveryChunk.objects.get()
    assert (chunk.token, chunk.is_done) == (None, False)
    assert chunk.due_at > timezone.now() + timedelta(seconds=30)
    found = counts(to_two.pk)
    assert (found["accepted"], found["in_flight"], sum(found.values())) == (10, 0, 50)
    # what rests is not tried by the next run either
    before = tried(to_two)
    DeliveryChunk.objects.update(due_at=timezone.now())
    send(to_two, defer="busy.test", defer_times=99)
    assert tried(to_two) == before


def test_it_rests_longer_each_time_and_one_deferral_is_enough(to_two) -> None:
    send(to_two, defer="busy.test", defer_times=99)
    first = DomainRest.objects.get()
    DomainRest.objects.update(until=timezone.now() - timedelta(seconds=1))
    DeliveryChunk.objects.update(due_at=timezone.now())
    before = tried(to_two)

    send(to_two, defer="busy.test", defer_times=99)

    second = DomainRest.objects.get()
    assert (second.level, second.since) == (2, first.since)
    assert second.until - timezone.now() > timedelta(seconds=80)
    assert 1 <= tried(to_two) - before <= 3


def test_first_message_that_it_takes_ends_it(to_two) -> None:
    send(to_two, defer="busy.test", defer_times=99)
    DomainRest.objects.update(until=timezone.now() - timedelta(seconds=1))
    DeliveryChunk.objects.update(due_at=timezone.now())
    DeliveryRetry.objects.update(due_at=timezone.now())

    send(to_two)

    assert not DomainRest.objects.exists()
    assert counts(to_two.pk)["accepted"] == 50


def test_retries_of_a_domain_that_rests_wait_for_its_end(to_two) -> None:
    send(to_two, defer="busy.test", defer_times=99)
    until = timezone.now() + timedelta(minutes=20)
    DomainRest.objects.update(until=until)
    DeliveryRetry.objects.update(due_at=timezone.now())
    before = tried(to_two)

    send(to_two, defer="busy.test", defer_times=99)

    assert tried(to_two) == before
    retries = DeliveryRetry.objects.all()
    assert retries and all(retry.due_at > until - timedelta(seconds=5) for retry in retries)
    assert all(retry.token is None for retry in retries)


def test_what_was_long_ago_is_forgotten(to_two) -> None:
    old = timezone.now() - timedelta(hours=7)
    DomainRest.objects.create(
        transport_id=to_two.transport_id, domain="busy.test", level=9, since=old, until=old, reply_text=""
    )
    assert rests_of(to_two.transport_id) == {}

    send(to_two, defer="busy.test", defer_times=99)
    assert DomainRest.objects.get().level == 1

    DomainRest.objects.update(until=timezone.now() - timedelta(days=2))
    sweep()
    assert not DomainRest.objects.exists()


def test_operators_see_who_is_left_alone(planner, admin, sign_in) -> None:
    now = timezone.now()
    DomainRest.objects.create(
        transport_id=1, domain="busy.test", level=3, since=now, until=now + timedelta(minutes=4), reply_text="too many"
    )
    assert [rest.domain for rest in sending_now(planner).rests] == ["busy.test"]
    for who, name in ((planner, "sending"), (admin, "recipient_limits")):
        page = sign_in(who).get(reverse(name)).content.decode()
        assert "busy.test" in page.replace("<wbr>", "") and "3 times in a row" in page and "too many" in page


def test_reply_of_what_is_given_up_is_kept_in_full(mailing, settings) -> None:  # noqa: F811
    settings.DELIVERY_TRIES = 1
    people(mailing, 1, "busy.test")
    long = "5.7.1 " + "policy " * 100
    with running_sink(reject="busy.test", refusal=long) as sink:
        use(mailing, sink)
        to_sending(mailing)
        send_some(mailing.pk)

    row = Delivery.objects.get(mailing_id=mailing.pk)
    assert (row.state, row.reply_text.strip()) == ("failed", long.strip())
    assert 300 < len(row.reply_text) <= FULL
