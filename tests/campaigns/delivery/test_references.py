"""A reference is frozen with the mailing, stands in each message, and leads back to its letter."""

from email import message_from_bytes, policy

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.freezing import freeze
from campaigns.delivery.models import Delivery
from campaigns.delivery.referencing import find_letters
from campaigns.mailings.letterheads import save_letterhead
from campaigns.mailings.models import Mailing
from contacts.directory.models import Person
from tests.campaigns.delivery.building import subscriber, to_freezing, to_sending
from tests.factories import GrantFactory, MailingFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def letter(mailing) -> Mailing:
    mailing.layout, mailing.reference_pattern = "letter", "GC/{mailing:04}/{seq:03}"
    mailing.save()
    subscriber(mailing.topic, 1, family_name="Banda")
    subscriber(mailing.topic, 2, family_name="Phiri")
    return to_sending(mailing)


def text_of(mailing: Mailing, seq: int) -> str:
    row = Delivery.objects.get(mailing_id=mailing.pk, seq=seq)
    item = Item(seq, row.address, row.address_key, row.variant_id, row.fields, row.is_tracked, None, 0, "pending", None)
    message = message_from_bytes(plan_of(mailing.pk).message(item, timezone.now()), policy=policy.default)
    return message.get_body(("plain",)).get_content()


def test_each_message_carries_its_own_number(letter):
    assert letter.reference_stem == f"GC/{letter.pk:04d}/"
    assert f"Our reference: GC/{letter.pk:04d}/001\r\n" in text_of(letter, 1)
    assert f"Our reference: GC/{letter.pk:04d}/002\r\n" in text_of(letter, 2)


def test_what_was_frozen_stays_when_the_pattern_changes(letter, admin):
    save_letterhead(
        sender=letter.sender, actor=admin, signatures={}, places={}, reference_pattern="NEW/{mailing}/{seq}"
    )
    Mailing.objects.filter(pk=letter.pk).update(reference_pattern="")

    assert f"Our reference: GC/{letter.pk:04d}/001\r\n" in text_of(letter, 1)


def test_a_letter_is_found_by_its_number_and_mailings_by_its_beginning(letter, admin):
    [hit] = find_letters(admin, f" gc/{letter.pk:04d}/2", 6)
    person = Delivery.objects.get(mailing_id=letter.pk, seq=2).person_id

    assert hit.title == f"GC/{letter.pk:04d}/002"
    assert hit.url == reverse("person_detail", args=[Person.objects.get(pk=person).uid])
    assert [h.title for h in find_letters(admin, "GC/", 6)] == [f"GC/{letter.pk:04d}/…"]
    assert list(find_letters(admin, f"GC/{letter.pk:04d}/999", 6)) == []
    assert list(find_letters(admin, "%", 6)) == []


def test_somebody_of_another_country_does_not_find_it(letter):
    stranger = UserFactory()
    GrantFactory(user=stranger, role="viewer", is_everywhere=False, countries=["SN"])

    assert list(find_letters(stranger, f"GC/{letter.pk:04d}/002", 6)) == []


def test_the_number_stands_on_the_persons_timeline_and_in_the_report(letter, sign_in, admin):
    Delivery.objects.filter(mailing_id=letter.pk).update(state="accepted", settled_at=timezone.now())
    client = sign_in(admin)
    row = Delivery.objects.get(mailing_id=letter.pk, seq=1)
    page = client.get(reverse("person_detail", args=[Person.objects.get(pk=row.person_id).uid])).content.decode()
    assert f"Reference GC/{letter.pk:04d}/001" in page
    report = client.get(reverse("mailing_report_people", args=[letter.uid])).content.decode()
    assert f"GC/{letter.pk:04d}/001" in report and f"GC/{letter.pk:04d}/002" in report


def test_a_mailing_whose_numbers_are_taken_is_held_and_writes_no_row(mailing):
    MailingFactory(name="The other", reference_stem=f"GC/{mailing.pk}/")
    mailing.reference_pattern = "GC/{mailing}/{seq}"
    mailing.save()
    subscriber(mailing.topic, 1)

    assert freeze(mailing_id=to_freezing(mailing).pk) is False

    mailing.refresh_from_db()
    assert mailing.state == "held"
    assert "are those of “The other”" in mailing.state_reason
    assert not Delivery.objects.filter(mailing_id=mailing.pk).exists()
