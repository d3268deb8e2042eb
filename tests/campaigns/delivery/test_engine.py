import pytest

from campaigns.delivery.queries import counts
from campaigns.delivery.tasks import deliver
from tests.campaigns.delivery.building import subscriber, to_sending, use

pytestmark = pytest.mark.django_db(transaction=True)


def test_deliver_sends_each_pending_delivery_once_and_finishes(mailing, sink):
    for number in range(1, 26):
        subscriber(mailing.topic, number)
    use(mailing, sink)
    to_sending(mailing)

    deliver(mailing.pk)
    deliver(mailing.pk)

    assert sink.recipients == sorted(f"p{number}@people.test" for number in range(1, 26))
    assert counts(mailing.pk)["accepted"] == 25
    mailing.refresh_from_db()
    assert mailing.state == "finished"
