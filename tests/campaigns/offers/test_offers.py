"""An institution offers a commitment by its own link or in an account; staff take it on, and it says by link how it stands."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.commitments.linking import url_of
from campaigns.commitments.models import Commitment, CommitmentUpdate
from campaigns.networks import links
from campaigns.offers.holdings import count_old, remove_old
from campaigns.offers.letters import mail_due, reader_of
from campaigns.offers.models import CommitmentOffer, OfferLetter
from campaigns.offers.services import MOST_WAITING, accept_offer, decline_offer, offer
from campaigns.partners import accounts
from contacts.consent.erasure.registry import HOLDINGS, PersonalData
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid
from crm.ids import new_uid
from tests.factories import (
    ContactPointFactory,
    DriveFactory,
    MemberFactory,
    NetworkFactory,
    PersonFactory,
    RepresentativeFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def member():
    cache.clear()
    person = ContactPointFactory(value="grace@people.test", person=PersonFactory(name="Grace Phiri")).person
    member = MemberFactory(network=NetworkFactory(campaign=DriveFactory().campaign), contact=person)
    RepresentativeFactory(member=member, person=person)
    return member


def said(**values):
    due = (timezone.localdate() + timedelta(days=60)).isoformat()
    return {"do": "offer", "text": "Register 200 market women", "due_on": due, "form_key": str(new_uid())} | values


def path(url):
    return "/" + url.split("/", 3)[3]


def test_offer_by_link_is_taken_on_and_its_link_stands_on_their_page(member, planner, sign_in):
    page, words = path(links.member_url(member)), said(is_public="on")
    for _twice in range(2):
        assert "We look at it" in Client().post(page, words).content.decode()
    row = CommitmentOffer.objects.get()
    assert (row.organization, row.offered_by, row.is_public) == (member.organization, member.contact, True)
    assert not Commitment.objects.exists() and "Waits for us" in Client().get(page).content.decode()
    client, drive = sign_in(planner), member.network.campaign.drives.get()
    assert "Register 200 market women" in client.get(reverse("offer_list")).content.decode()
    assert "offers a commitment" in client.get("/").content.decode()

    client.post(reverse("offer_decide", args=[row.uid, "accept"]), {"drive": str(drive.uid)})

    promise = Commitment.objects.get()
    assert (promise.drive, promise.text, promise.promised_by, promise.is_public) == (
        drive,
        row.text,
        member.contact,
        True,
    )
    update = path(url_of(promise.links.get()))
    assert update in Client().get(page).content.decode()
    Client().post(update, {"progress": "on_track", "text": "150 so far"})
    assert CommitmentUpdate.objects.get().text == "150 so far"
    with pytest.raises(Conflict):
        accept_offer(offer=row, drive=drive, actor=planner)


def test_offer_in_an_account_and_what_is_wrong_with_one(member):
    client = Client()
    client.force_login(accounts.open_for("grace@people.test"))
    page = f"/partner/networks/{member.uid}/"

    wrong = client.post(page, said(text=" ", due_on="2020-01-01"))
    past = client.post(page, said(due_on="2020-01-01"))
    fine = client.post(page, said())

    assert [answer.status_code for answer in (wrong, past, fine)] == [422, 422, 200]
    assert "Choose a day that lies ahead" in past.content.decode()
    assert "Register 200 market women" in past.content.decode()  # what was written is kept
    assert CommitmentOffer.objects.get().offered_by == member.contact


def test_many_at_once_an_anothers_form_and_another_campaigns_drive_are_refused(member, planner):
    due = timezone.localdate()
    values = {"organization": member.organization, "campaign": member.network.campaign, "person": None, "due_on": due}
    first = offer(text="One", **values)
    with pytest.raises(Conflict):
        offer(**values | {"text": "x", "organization": MemberFactory().organization, "form_key": first.form_key})
    for number in range(MOST_WAITING - 1):
        offer(text=f"{number}", **values)
    with pytest.raises(Conflict):
        offer(text="One too many", **values)
    with pytest.raises(Invalid):
        accept_offer(offer=first, drive=DriveFactory(), actor=planner)
    first.refresh_from_db()
    assert first.state == "waiting" and not Commitment.objects.exists()


def test_erasing_takes_the_name_and_leaves_the_offer(member):
    offer(
        organization=member.organization, campaign=member.network.campaign, person=member.contact,
        text="Grace Phiri will do it", due_on=timezone.localdate(),
    )  # fmt: skip
    data, holding = PersonalData.of(member.contact.uid), HOLDINGS["commitment_offers"]
    assert holding.count(data) == 1 and holding.export(data)[0]["text"] == "Grace Phiri will do it"

    holding.erase(data)

    row = CommitmentOffer.objects.get()
    assert row.offered_by is None and "Grace" not in row.text


def test_offers_are_limited_by_day_and_none_is_taken_on_into_what_is_archived(member, planner):
    page = path(links.member_url(member))
    answers = [Client().post(page, said()).status_code for _number in range(11)]
    assert answers[0] == 200 and answers[-2:] == [409, 429]
    row, drive = CommitmentOffer.objects.first(), member.network.campaign.drives.get()
    type(drive).objects.update(archived_at=timezone.now())
    with pytest.raises(Conflict, match="archived"):
        accept_offer(offer=row, drive=drive, actor=planner)
    assert not Commitment.objects.exists()


def test_list_says_what_it_leaves_out_and_what_waits_too_long_goes(member, planner, sign_in):
    day, old = timezone.localdate(), timezone.now() - timedelta(days=500)
    CommitmentOffer.objects.bulk_create(
        CommitmentOffer(organization=member.organization, campaign=member.network.campaign, text="x", due_on=day)
        for _number in range(101)
    )
    client = sign_in(planner)
    assert "The first 50 of 101" in client.get(reverse("offer_list")).content.decode()
    assert "101 commitments are offered" in client.get("/").content.decode()

    before = timezone.now() - timedelta(days=365)
    assert count_old(before, None, 10) == 0
    CommitmentOffer.objects.filter(pk=CommitmentOffer.objects.first().pk).update(created_at=old, due_on=old.date())
    assert count_old(before, None, 10) == 1
    type(member.organization).objects.filter(pk=member.organization_id).update(archived_at=old)
    assert remove_old(before, None).rows == 101


def test_a_no_is_told_by_mail_with_its_reason_and_undo_takes_it_back_until_the_letter_left(
    member, planner, sign_in, mailoutbox, settings
):
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    member.contact.language = "fr"
    member.contact.save()
    values = {"organization": member.organization, "campaign": member.network.campaign, "due_on": timezone.localdate()}
    row = offer(text="Build a tower", person=member.contact, **values)
    client, now = sign_in(planner), timezone.now()
    decide = reverse("offer_decide", args=[row.uid, "decline"])

    answer = client.post(decide, {"reason": "A tower is not what workers need."}, follow=True)

    assert "The letter leaves in five minutes" in answer.content.decode()
    assert mail_due(now=now) == 0
    undo(entry=AuditEntry.objects.get(verb="commitmentoffer.declined"), actor=planner)
    row.refresh_from_db()
    assert (row.state, row.reason, row.decided_at) == ("waiting", "", None) and not OfferLetter.objects.exists()

    entry = decline_offer(offer=row, actor=planner, reason="A tower is not what workers need.")
    own = Client().get(path(links.member_url(member))).content.decode()
    assert "Build a tower" not in own  # nothing is told before the letter
    assert [mail_due(now=now + timedelta(minutes=6)) for _twice in range(2)] == [1, 0]
    letter = mailoutbox[0]
    assert (letter.to, letter.subject) == (["grace@people.test"], "Ce que vous avez proposé de faire")
    assert "A tower is not what workers need." in letter.body and "Build a tower" in letter.body
    page = next(line for line in letter.body.splitlines() if "/membership" in line or "://" in line)
    assert "A tower is not what workers need." in Client().get(path(page.strip())).content.decode()
    with pytest.raises(Conflict, match="letter has left"):
        undo(entry=entry, actor=planner)

    # whoever offered is not known any more: the institution itself
    ContactPointFactory(person=None, organization=member.organization, value="office@people.test")
    late = offer(text="Build two", person=None, **values)
    decline_offer(offer=late, actor=planner)
    assert reader_of(late).address == "office@people.test" and not reader_of(late).own_page
