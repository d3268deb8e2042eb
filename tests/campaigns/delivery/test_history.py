import pytest
from django.urls import reverse

from campaigns.delivery.tasks import deliver
from contacts.directory.timeline import page_of
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.factories import GrantFactory, MembershipFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_delivery_stands_on_the_pages_of_the_person_and_the_institution(mailing, sink, planner):
    seat = MembershipFactory(person=subscriber(mailing.topic, 1))
    PersonFactory()
    use(mailing, sink)
    deliver(to_sending(mailing).pk)

    for subject in (seat.person, seat.organization):
        (entry,) = page_of(subject, planner, kinds=["delivery"]).entries
        assert entry.title == f"“{mailing.name}” was sent to p1@people.test"
        assert entry.url == reverse("mailing_detail", args=[mailing.uid])
    elsewhere = UserFactory()
    GrantFactory(user=elsewhere, role="viewer", is_everywhere=False, countries=["SN"])
    assert page_of(seat.person, elsewhere, kinds=["delivery"]).entries == []
