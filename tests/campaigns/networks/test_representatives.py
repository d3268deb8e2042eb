"""Institutions name who acts for them; members vote; members say once a year whether they stay."""

import datetime as dt
import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from campaigns.networks import joining, letters, links, renewing, representatives, services, voting
from campaigns.networks.models import Application, Member, NetworkLetter, Representative, Vote
from contacts.consent.erasure.registry import HOLDINGS, PersonalData
from contacts.directory.models import Organization, Person
from crm.audit.models import AuditEntry
from crm.errors import Conflict, NotAllowed
from tests.factories import (
    ApplicationFactory,
    ConstituencyFactory,
    ContactPointFactory,
    MemberFactory,
    NetworkFactory,
    OrganizationFactory,
    PersonFactory,
    RepresentativeFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def unlimited():
    cache.clear()


def path(url):
    return "/" + url.split("/", 3)[3]


def institution(*, is_admin=False, **values):
    """A member whose contact acts for it, and that contact's own page."""
    person = PersonFactory(name="Rakoto Hery")
    member = MemberFactory(contact=person, **values)
    me = RepresentativeFactory(member=member, person=person, is_admin=is_admin)
    return member, me, path(links.representative_url(me.uid))


# --- representatives --------------------------------------------------------------------------------------------------
def test_named_by_link_waits_for_staff_who_let_them_in_and_write(planner, sign_in):
    member, me, page = institution()
    said = {"do": "name", "name": "Grace Phiri", "email": "grace@people.test", "post": "Deputy"}

    answer = Client().post(page, said)
    Client().post(page, said)

    row = Representative.objects.get(name="Grace Phiri")
    assert answer.status_code == 200 and "We look at it" in answer.content.decode()
    assert (row.state, row.named_by, row.person) == ("proposed", me, None)
    assert not mail.outbox and not NetworkLetter.objects.exists()
    staff = sign_in(planner)
    waiting = staff.get(f"/networks/{member.network.uid}/?tab=waiting").content.decode()
    assert "Grace Phiri" in waiting and "named by Rakoto Hery" in waiting
    assert staff.post(f"/networks/representatives/{row.uid}/accept/").status_code == 302
    row.refresh_from_db()
    assert row.state == "current" and row.decided_by == planner
    assert row.person.memberships.get().organization == member.organization
    assert letters.mail_due() == 1 and letters.mail_due() == 0
    assert mail.outbox[0].to == ["grace@people.test"]
    own = path(re.search(r"http\S+/membership/\S+/", mail.outbox[0].body)[0])
    assert "Grace Phiri" in Client().get(own).content.decode()
    assert "grace@people.test" not in Client().get(own).content.decode()


def test_administrator_of_the_institution_names_and_ends_without_staff():
    member, me, page = institution(is_admin=True)
    known = ContactPointFactory(value="grace@people.test", person__name="Grace Mwale Phiri").person

    shown = Client().post(page, {"do": "name", "name": "G. Phiri", "email": "grace@people.test"}).content.decode()

    row = Representative.objects.get(person=known)
    assert row.state == "current" and row.decided_by is None
    assert "Mwale" not in shown  # whether we knew them is not told
    assert Client().post(page, {"do": "admin", "who": str(row.uid)}).status_code == 200
    Client().post(page, {"do": "end", "who": str(me.uid)})
    me.refresh_from_db(), row.refresh_from_db(), member.refresh_from_db()
    assert (me.state, row.is_admin, member.contact) == ("ended", True, known)
    assert Client().get(page).status_code == 410  # their link ends with them
    verbs = set(AuditEntry.objects.filter(object_type="representative").values_list("verb", flat=True))
    assert verbs == {f"representative.{v}" for v in ("proposed", "accepted", "trusted", "ended")}


def test_others_ask_for_an_end_and_staff_decide(planner):
    member, me, page = institution()
    other = RepresentativeFactory(member=member)

    assert Client().post(page, {"do": "admin", "who": str(other.uid)}).status_code == 403
    assert "we decide soon" in Client().post(page, {"do": "end", "who": str(other.uid)}).content.decode()

    other.refresh_from_db()
    assert other.state == "current" and other.end_asked_at and not other.is_admin
    assert list(Representative.objects.to_decide()) == [other]
    representatives.keep_representative(representative=other, actor=planner)
    other.refresh_from_db()
    assert other.end_asked_at is None
    representatives.end_representative(representative=other, actor=planner)
    assert representatives.end_representative(representative=other, actor=planner) is None


def test_nobody_reaches_into_another_institution():
    _member, me, page = institution(is_admin=True)
    other, _their, _page = institution()
    theirs = other.representatives.get()

    assert Client().post(page, {"do": "end", "who": str(theirs.uid)}).status_code == 409
    with pytest.raises(NotAllowed):
        representatives.end_representative(representative=theirs, by=me)
    with pytest.raises(NotAllowed):
        representatives.set_admin(representative=theirs, is_admin=True, by=me)
    theirs.refresh_from_db()
    assert theirs.state == "current"
    for bad in ("nonsense", links.representative_url(PersonFactory().uid).split("/")[-2]):
        assert Client().post(f"/membership/{bad}/", {"do": "leave"}).status_code in {404, 410}


def test_bad_names_are_refused_and_kept_in_the_form():
    member, _me, page = institution()

    answer = Client().post(page, {"do": "name", "name": "Grace", "email": "grace@"})

    assert answer.status_code == 422 and 'value="Grace"' in answer.content.decode()
    for number in range(representatives.MOST - 1):
        RepresentativeFactory(member=member, email=f"r{number}@people.test")
    with pytest.raises(Conflict, match="20 people act"):
        representatives.name_representative(member=member, name="One more", email="more@people.test")


def test_database_holds_what_representatives_are():
    member = MemberFactory()
    for wrong in (
        {"state": "current", "person": None},
        {"state": "proposed", "is_admin": True, "person": None},
        {"state": "proposed", "end_asked_at": timezone.now()},
        {"state": "ended", "ended_at": None},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            RepresentativeFactory(member=member, **wrong)


def test_who_joined_for_an_institution_is_its_first_representative(planner):
    application = ApplicationFactory(kind="institution", organization_name="Alliance")

    member = services.accept(application=application, actor=planner, constituency=ConstituencyFactory(code="CSO"))

    assert member.representatives.get().person == member.contact


def test_erasing_a_person_takes_their_representing(planner):
    member, me, _page = institution()
    RepresentativeFactory(member=member, state="proposed", person=None, email="typed@people.test")
    data, holding = PersonalData.of(me.person.uid), HOLDINGS["network_representatives"]

    assert [row["institution"] for row in holding.export(data)] == [member.label]
    assert holding.erase(data) == 1
    assert Representative.objects.get().name == "Somebody"


def test_links_of_a_former_contact_never_act_as_the_next_one(planner):
    application = ApplicationFactory(kind="institution", organization_name="Alliance des travailleurs")
    member = services.accept(application=application, actor=planner, constituency=ConstituencyFactory())
    letters.mail_due()
    own = path(re.search(r"http\S+/membership/\S+", mail.outbox[0].body)[0])
    stays, confirmed = path(links.member_url(member)), path(links.confirm_url(application.uid))
    assert [Client().get(page).status_code for page in (own, stays)] == [200, 200]
    assert own in Client().get(confirmed).content.decode()
    first = member.representatives.get()
    named = representatives.name_representative(member=member, name="Jo", email="jo@people.test", actor=planner)
    representatives.set_admin(representative=named, is_admin=True, actor=planner)

    representatives.end_representative(representative=first, actor=planner)

    member.refresh_from_db()
    assert member.contact == named.person
    assert [Client().post(page, {"do": "leave"}).status_code for page in (own, stays)] == [410, 410]
    assert "Your membership" not in Client().get(confirmed).content.decode()
    assert Client().get(path(links.member_url(member))).status_code == 200
    member.refresh_from_db()
    assert member.left_at is None


# --- votes ------------------------------------------------------------------------------------------------------------
def voting_network(**values):
    network = NetworkFactory(rule="members", votes_needed=2, **values)
    for number in range(3):
        person = ContactPointFactory(value=f"voter{number}@people.test", person__name=f"Voter {number}").person
        MemberFactory(network=network, contact=person, decides=True)
    MemberFactory(network=network)  # is not asked
    return network


def test_members_who_decide_are_asked_and_two_of_them_let_somebody_in():
    network = voting_network()
    application = ApplicationFactory(network=network, state="asked", confirmed_at=None, name="Lucía Gómez")
    joining.confirm(uid=application.uid, agent="")
    assert letters.mail_due() == 3
    pages = [path(re.search(r"http\S+/join/vote/\S+/", sent.body)[0]) for sent in mail.outbox]

    for page in pages:
        assert "Lucía Gómez" in Client().get(page).content.decode()
    assert not Vote.objects.exclude(is_yes=None).exists()  # looking is no answer
    Client().post(pages[0], {"says": "yes"}), Client().post(pages[0], {"says": "yes"})
    application.refresh_from_db()
    assert application.state == "confirmed"
    Client().post(pages[1], {"says": "no"}), Client().post(pages[1], {"says": "yes"})

    application.refresh_from_db()
    assert (application.state, application.decided_by) == ("accepted", None)
    assert "decided" in Client().post(pages[2], {"says": "no"}).content.decode()
    assert application.votes.filter(is_yes=True).count() == 2
    assert Client().post("/join/vote/forged/", {"says": "yes"}).status_code == 404


def test_vote_link_ends_when_its_holder_speaks_for_the_member_no_longer(planner):
    application = ApplicationFactory(network=voting_network())
    voting.ask_members(application)
    vote = application.votes.select_related("member__contact").first()
    member, former = vote.member, vote.member.contact
    link = path(links.vote_url(vote.uid, former))
    jo = representatives.name_representative(member=member, name="Jo", email="jo@people.test", actor=planner)
    of_jo = path(links.vote_url(vote.uid, jo.person))
    assert Client().get(link).status_code == 200 == Client().get(of_jo).status_code
    member.contact = ContactPointFactory(value="next@people.test").person
    member.save()
    representatives.end_representative(representative=jo, actor=planner)

    for page in (link, of_jo, path(links.vote_url(vote.uid, None))):
        assert Client().get(page).status_code == 410
        assert Client().post(page, {"says": "yes"}).status_code == 410
    assert not Vote.objects.exclude(is_yes=None).exists()
    assert Client().get(path(links.vote_url(vote.uid, member.contact))).status_code == 200


def test_votes_do_not_decide_which_institution_it_is():
    network = voting_network()
    like = OrganizationFactory(name="Alliance des travailleurs")
    application = ApplicationFactory(
        network=network, kind="institution", organization_name="Alliance des travailleurs", country=like.country,
        constituency=like.constituency,
    )  # fmt: skip
    twin = OrganizationFactory(name="Alliance des travailleurs", country=like.country)
    voting.ask_members(application)
    for vote in application.votes.all()[:2]:
        voting.say(vote=vote, is_yes=True)
    application.refresh_from_db()
    assert application.state == "confirmed" and Member.objects.filter(organization__in=[like, twin]).count() == 0

    twin.delete()
    yes = application.votes.filter(is_yes=True).first()
    for email, own in [("me@gmail.com", "union@gmail.com"), ("me@union.test", "office@union.test")]:
        application.refresh_from_db()
        assert application.state == "confirmed"  # its name is known, and the address is anybody's
        Application.objects.filter(pk=application.pk).update(email=email)
        ContactPointFactory(person=None, organization=like, value=own)
        for is_yes in (False, True):
            voting.say(vote=yes, is_yes=is_yes)
    application.refresh_from_db()
    assert application.state == "accepted" and application.member.organization == like
    assert Organization.objects.filter(name="Alliance des travailleurs").count() == 1


# --- renewal ----------------------------------------------------------------------------------------------------------
TODAY = dt.date(2027, 6, 1)


def joined(days, **values):
    person = ContactPointFactory(value=f"year{days}@people.test").person
    at = timezone.make_aware(dt.datetime(2027, 6, 1)) - timedelta(days=days)
    return MemberFactory(contact=person, joined_at=at, network__renews=True, **values)


def test_member_is_asked_once_a_year_answers_by_one_post_and_is_asked_again_next_year():
    member = joined(340)
    joined(300), joined(340, network=NetworkFactory())  # too young; a network that does not ask
    assert renewing.ask_due(today=TODAY) == 1 and renewing.ask_due(today=TODAY) == 0
    assert letters.mail_due() == 1
    page = path(re.search(r"http\S+/membership/\S+/", mail.outbox[0].body)[0])

    assert "Do you stay?" in Client().get(page).content.decode()
    member.refresh_from_db()
    assert member.renewed_at is None
    for _turn in range(2):
        assert Client().post(page, {"do": "renew"}).status_code == 200

    member.refresh_from_db()
    assert member.renewed_at and member.renew_by is None
    assert AuditEntry.objects.filter(verb="member.renewed").count() == 1
    assert renewing.ask_due(today=TODAY) == 0
    renewing.ask_due(today=timezone.localdate(member.renewed_at) + timedelta(days=335))
    member.refresh_from_db()
    assert member.renew_by == timezone.localdate(member.renewed_at) + renewing.YEAR


def test_who_does_not_answer_is_asked_again_then_lapses_once_and_can_join_again():
    member = joined(500)
    renewing.ask_due(today=TODAY)
    letters.mail_due()
    member.refresh_from_db()
    assert member.renew_by == TODAY + renewing.AHEAD  # a month to answer, however late we began
    NetworkLetter.objects.update(sent_at=timezone.now() - timedelta(days=25))
    near = member.renew_by - timedelta(days=3)
    assert renewing.ask_due(today=near) == 1 and renewing.ask_due(today=near) == 0
    assert letters.mail_due() == 1
    late = member.renew_by + renewing.GRACE + timedelta(days=1)
    assert renewing.lapse_due(today=late - timedelta(days=1)) == 0

    assert renewing.lapse_due(today=late) == 1 and renewing.lapse_due(today=late) == 0

    member.refresh_from_db()
    assert member.has_lapsed and member.left_at
    letters.mail_due()
    assert "has ended" in mail.outbox[-1].subject
    assert renewing.renew(member=member) is None
    MemberFactory(network=member.network, organization=member.organization)


def test_whom_no_letter_reached_does_not_lapse():
    member = joined(500)
    member.contact.contact_points.all().delete()
    renewing.ask_due(today=TODAY)
    letters.mail_due()

    assert renewing.lapse_due(today=TODAY + timedelta(days=200)) == 0
    assert "no address" in NetworkLetter.objects.get().problem


def test_applications_are_untouched_by_a_crawl_of_vote_pages():
    application = ApplicationFactory(network=voting_network())
    voting.ask_members(application)
    before = list(Vote.objects.order_by("pk").values_list("is_yes", "answered_at"))

    for vote in Vote.objects.all():
        Client().get(path(links.vote_url(vote.uid, vote.member.contact)))

    assert list(Vote.objects.order_by("pk").values_list("is_yes", "answered_at")) == before
    assert Application.objects.get().state == "confirmed" and Person.objects.filter(name=application.name).count() == 0
