"""Signing in with a code, what an account is and never is, and a partner's own pages."""

import json
import re
from datetime import timedelta
from email.message import EmailMessage

import pytest
from allauth.mfa.models import Authenticator
from django.core import mail
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.commitments.models import CommitmentUpdate
from campaigns.commitments.services import note_word
from campaigns.delegations.models import Nomination
from campaigns.events.links import invitation_url
from campaigns.events.models import Event
from campaigns.networks.models import Member, Representative
from campaigns.networks.representatives import end_representative, name_representative
from campaigns.partners import accounts, services
from campaigns.partners import mail as partner_mail
from campaigns.partners.models import ChangeWish, PartnerAccount
from contacts.consent.erasure.registry import HOLDINGS, PersonalData
from contacts.consent.services import suppress_address
from crm.accounts.models import Grant, User
from crm.accounts.rules import PARTNER
from crm.accounts.services import add_grant, invite
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Invalid
from crm.ids import new_uid
from tests.campaigns.ledger import delivery, sent_mailing
from tests.crm.accounts.test_routes import ROUTES, rule_of
from tests.factories import (
    CommitmentFactory,
    ContactPointFactory,
    InvitationFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    NominatorFactory,
    OrganizationFactory,
    PersonFactory,
    RegistrationFactory,
    RepresentativeFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
ADDRESS = "grace@people.test"


@pytest.fixture(autouse=True)
def unlimited():
    cache.clear()


def somebody(email=ADDRESS, **values):
    """A person of the directory with an address, a member institution that they act for, and a commitment of it."""
    person = ContactPointFactory(value=email, person=PersonFactory(**values)).person
    organization = OrganizationFactory()
    MembershipFactory(person=person, organization=organization)
    member = MemberFactory(organization=organization, contact=person)
    RepresentativeFactory(member=member, person=person, email=email)
    return person, organization, member, CommitmentFactory(organization=organization)


def signed_in(email=ADDRESS):
    client = Client()
    client.force_login(accounts.open_for(email))
    return client


# --- the way in -------------------------------------------------------------------------------------------------------
def ask(email, client=None):
    return (client or Client()).post("/accounts/login/code/", {"email": email})


def test_partner_comes_in_with_a_code_from_the_mail_and_leaves():
    person, organization, _member, promise = somebody(language="fr")
    client = Client()
    assert client.get("/partner/").headers["Location"].startswith("/accounts/login/code/")

    assert ask(ADDRESS, client).status_code == 302

    assert mail.outbox[0].to == [ADDRESS]
    code = re.search(r"^\d{8}$", mail.outbox[0].body, re.M)[0]
    assert client.post("/accounts/login/code/confirm/", {"code": "00000000"}).status_code == 200
    done = client.post("/accounts/login/code/confirm/", {"code": code})
    assert done.status_code == 302 and done.headers["Location"] == "/partner/"
    home = client.get("/partner/").content.decode()
    assert '<html lang="fr"' in home and organization.label in home and promise.text in home
    user = User.objects.get(email=ADDRESS)
    assert user.is_partner and user.partner_account.person == person and not user.has_usable_password()
    assert client.post("/accounts/logout/").headers["Location"] == "/accounts/login/code/"
    assert client.get("/partner/").status_code == 302


def test_strangers_staff_and_the_suppressed_get_the_same_answer_and_no_code():
    somebody()
    UserFactory(email="ana@example.org")
    suppress_address(address="never@people.test", reason="manual", source="test")
    ContactPointFactory(value="never@people.test")
    pages = set()
    for email in (ADDRESS, "ana@example.org", "nobody@people.test", "never@people.test"):
        client = Client()
        answer = ask(email, client)
        shown = client.get("/accounts/login/code/confirm/").content.decode()
        shown = re.sub(r'name="csrfmiddlewaretoken" value="\w+"', "", shown.replace(email, "x"))
        pages.add((answer.status_code, answer.headers["Location"], shown))

    assert len(pages) == 1
    assert [sent.to[0] for sent in mail.outbox if re.search(r"^\d{8}$", sent.body, re.M)] == [ADDRESS]
    assert "never@people.test" not in [to for sent in mail.outbox for to in sent.to]
    assert PartnerAccount.objects.count() == 1


def test_looking_at_the_door_makes_no_account():
    somebody()
    Client().get("/accounts/login/code/"), Client().get("/accounts/login/code/confirm/")
    assert not PartnerAccount.objects.exists()


def test_account_goes_with_the_address_and_opens_for_its_new_owner_only():
    person, *_rest = somebody()
    old = accounts.open_for(ADDRESS)
    assert accounts.open_for(ADDRESS.upper()).pk == old.pk and PartnerAccount.objects.count() == 1
    person.contact_points.all().delete()
    assert accounts.open_for(ADDRESS) is None
    successor = ContactPointFactory(value=ADDRESS).person

    user = accounts.open_for(ADDRESS)

    assert user.partner_account.person == successor
    assert not User.objects.filter(pk=old.pk).exists()


def test_account_of_somebody_archived_or_erased_lets_nobody_in():
    person, *_rest = somebody()
    client = signed_in()
    person.archived_at = timezone.now()
    person.save()
    assert client.get("/partner/").status_code == 302
    assert "_auth_user_id" not in client.session


def test_accounts_nobody_came_into_are_forgotten_once():
    somebody()
    somebody("used@people.test")
    accounts.open_for(ADDRESS)
    signed_in("used@people.test")
    PartnerAccount.objects.update(created_at=timezone.now() - timedelta(days=30))

    assert accounts.forget_unused() == 1 and accounts.forget_unused() == 0
    assert PartnerAccount.objects.get().user.email == "used@people.test"


# --- never staff ------------------------------------------------------------------------------------------------------
def test_partner_never_gets_a_role_and_staff_never_become_partners(admin):
    somebody()
    user = accounts.open_for(ADDRESS)

    with pytest.raises(Invalid, match="never gets a role"):
        add_grant(user=user, role="viewer", actor=admin)
    with pytest.raises(IntegrityError), transaction.atomic():
        Grant.objects.create(user=user, role="viewer")
    with pytest.raises(IntegrityError), transaction.atomic():
        User.objects.filter(pk=admin.pk).update(is_partner=True)
    with pytest.raises(Invalid, match="partner"):
        invite(email=ADDRESS, name="Grace", role="viewer", actor=admin)
    assert user not in User.objects.staff() and admin in User.objects.staff()


def test_partner_gets_no_password():
    somebody()
    accounts.open_for(ADDRESS)
    Client().post("/accounts/password/reset/", {"email": ADDRESS})
    assert not [sent for sent in mail.outbox if "/accounts/password/reset/key/" in sent.body]


def test_a_passkey_is_a_way_in_and_no_second_step():
    somebody()
    client = signed_in()
    user = User.objects.get(email=ADDRESS)
    assert client.get("/partner/passkey/").status_code == 200
    key = Authenticator.objects.create(user=user, type="webauthn", data={"name": "Phone", "credential": {}})
    other = Authenticator.objects.create(user=UserFactory(), type="webauthn", data={"name": "Theirs", "credential": {}})
    fresh = Client()
    ask(ADDRESS, fresh)
    code = re.search(r"^\d{8}$", mail.outbox[-1].body, re.M)[0]
    assert fresh.post("/accounts/login/code/confirm/", {"code": code}).headers["Location"] == "/partner/"
    assert "Phone" in fresh.get("/partner/data/").content.decode()
    fresh.post("/partner/data/", {"do": "passkey", "key": str(other.pk)})
    fresh.post("/partner/data/", {"do": "passkey", "key": str(key.pk)})
    assert list(Authenticator.objects.all()) == [other]


# --- only what is theirs ----------------------------------------------------------------------------------------------
# every route for partners → who may open it with what: pages of their own, and pages about a row
PLAIN = ("partner_home", "partner_events", "partner_commitments", "partner_mailings", "partner_data", "partner_passkey")
ABOUT_A_ROW = (
    "partner_institution", "partner_network", "partner_commitment", "partner_mail", "partner_mail_frame", "partner_mail_file",
    "partner_delegation",
)  # fmt: skip


def test_matrix_names_every_route_for_partners():
    """A new route is in the matrix below, or this fails."""
    routes = {route.name for _path, route in ROUTES if rule_of(route) == PARTNER}

    assert routes == {*PLAIN, *ABOUT_A_ROW}


def test_matrix_every_page_with_ones_own_and_with_anothers(django_assert_max_num_queries, monkeypatch):
    _person, organization, member, promise = somebody()
    other, their_organization, their_member, their_promise = somebody("other@people.test", name="Somebody Else")
    gone = MemberFactory(contact=_person, joined_at=timezone.now() - timedelta(days=9), left_at=timezone.now())
    withdrawn = CommitmentFactory(organization=organization, state="withdrawn", settled_at=timezone.now(), outcome="x")
    left = MembershipFactory(person=_person, ended_on=timezone.localdate(), is_primary=False).organization
    mine, theirs_only, failed = (sent_mailing() for _n in range(3))
    for mailing, whom, state in (
        (mine, _person, "accepted"),
        (theirs_only, other, "accepted"),
        (failed, _person, "failed"),
    ):
        language = mailing.variants.create(language="xx", subject=f"Words {mailing.pk}")
        delivery(mailing, person=whom, address=f"m{mailing.pk}@people.test", state=state, variant_id=language.pk)
    message = EmailMessage()
    message["Subject"] = "Words"
    message.set_content("plain")
    message.add_alternative("<p>rich</p>", subtype="html")
    message.add_attachment(b"%PDF", maintype="application", subtype="pdf", filename="a.pdf")
    monkeypatch.setattr(partner_mail, "_made", lambda row: message)
    client = signed_in()
    rows = {
        "partner_institution": (organization, [their_organization, left]),
        "partner_network": (member, [their_member, gone]),
        "partner_commitment": (promise, [their_promise, withdrawn]),
        "partner_mail": (mine, [theirs_only, failed]),
        "partner_mail_frame": (mine, [theirs_only, failed]),
        "partner_mail_file": (mine, [theirs_only, failed]),
        "partner_delegation": (
            NominatorFactory(organization=organization, asked_at=timezone.now()),
            [
                NominatorFactory(organization=their_organization, asked_at=timezone.now()),
                NominatorFactory(organization=organization),
            ],
        ),
    }
    assert tuple(rows) == ABOUT_A_ROW
    kept = (Member, Representative, CommitmentUpdate, ChangeWish, Nomination)
    before = [model.objects.count() for model in kept]
    posts = [{"do": "leave"}, {"do": "renew"}, {"name": "Taken", "email": "x@people.test", "do": "name"}, {"progress": "done", "text": "x", "key": str(new_uid())}]  # fmt: skip
    for name, (own, theirs) in rows.items():
        more = [0] if name == "partner_mail_file" else []
        with django_assert_max_num_queries(25):
            assert client.get(reverse(name, args=[own.uid, *more])).status_code == 200, name
        for row in [*theirs, None]:
            path = reverse(name, args=[row.uid if row else new_uid(), *more])
            assert client.get(path).status_code == 404, path
            for said in posts:
                assert client.post(path, said).status_code == 404, path
    assert client.get(reverse("partner_mail_file", args=[mine.uid, 1])).status_code == 404
    assert before == [model.objects.count() for model in kept]
    assert not Member.objects.filter(pk=their_member.pk, left_at__isnull=False).exists()
    for name in PLAIN:
        with django_assert_max_num_queries(25):
            shown = client.get(reverse(name)).content.decode()
        for secret in (
            their_organization.label,
            their_promise.text,
            "Somebody Else",
            "other@people.test",
            f"Words {theirs_only.pk}",
            f"Words {failed.pk}",
        ):
            assert secret not in shown, name


def test_account_does_what_the_link_does_and_is_named_in_the_trail():
    person, _organization, member, _promise = somebody()
    client = signed_in()
    page = f"/partner/networks/{member.uid}/"

    assert client.post(page, {"do": "name", "name": "Jo", "email": "jo@people.test"}).status_code == 200

    row = Representative.objects.get(name="Jo")
    assert (row.state, row.named_by.person) == ("proposed", person)
    entry = AuditEntry.objects.get(verb="representative.proposed")
    assert (entry.door, entry.actor) == ("partner", User.objects.get(email=ADDRESS))
    assert client.post(page, {"do": "leave"}).headers["Location"] == "/partner/"
    member.refresh_from_db()
    assert member.left_at and client.get(page).status_code == 404


def test_administrator_of_the_institution_manages_its_people_in_the_account():
    person, _organization, member, _promise = somebody()
    member.representatives.update(is_admin=True)
    client = signed_in()
    client.post(f"/partner/networks/{member.uid}/", {"do": "name", "name": "Jo", "email": "jo@people.test"})
    jo = Representative.objects.get(name="Jo")
    assert jo.state == "current"
    client.post(f"/partner/networks/{member.uid}/", {"do": "end", "who": str(jo.uid)})
    jo.refresh_from_db()
    assert jo.state == "ended" and person.label


def test_administrator_names_delegates_in_the_account_and_others_read():
    person, organization, member, _promise = somebody()
    nominator = NominatorFactory(organization=organization, asked_at=timezone.now())
    page, client = f"/partner/delegations/{nominator.uid}/", signed_in()
    assert "2 seats without a name" in client.get("/partner/").content.decode()
    said = {"do": "name", "seat": "GOV delegate", "name": "Jo Phiri", "email": "jo@people.test", "key": str(new_uid())}
    assert (
        client.post(page, said).status_code == 403
        and '<form method="post" action="/partner/del' not in client.get(page).content.decode()
    )
    member.representatives.update(is_admin=True)
    assert client.post(page, said).status_code == 200
    row = Nomination.objects.get()
    assert (row.name, row.named_by, row.state) == ("Jo Phiri", nominator, "proposed")
    assert AuditEntry.objects.get(verb="nomination.proposed").door == "partner"
    Nomination.objects.update(state="accepted", decided_at=timezone.now(), person=person)
    home = client.get("/partner/").content.decode()
    assert "/delegate/" in home and "1 seat without a name" in home


def test_ended_representative_sees_the_institution_no_more_and_subjects_are_as_delivered(planner):
    _person, organization, member, promise = somebody()
    jo = name_representative(member=member, name="Jo", email="jo@people.test", actor=planner)
    mailing = sent_mailing(name="Slow ones, second try")
    variant = mailing.variants.create(language="xx", subject="{{ person.family_name }}: your promise")
    fields = {"person.family_name": "Phiri"}
    delivery(mailing, person=jo.person, address="jo@work.test", variant_id=variant.pk, fields=fields)
    client = signed_in("jo@people.test")
    assert promise.text in client.get("/partner/commitments/").content.decode()
    for path in ("/partner/", "/partner/mailings/"):
        shown = client.get(path).content.decode()
        assert "Phiri: your promise" in shown and "second try" not in shown

    end_representative(representative=jo, actor=planner)

    assert jo.person.memberships.filter(organization=organization, ended_on=None).exists()
    assert promise.text not in client.get("/partner/commitments/").content.decode()
    assert client.get(f"/partner/institutions/{organization.uid}/").status_code == 404
    assert signed_in().get(f"/partner/institutions/{organization.uid}/").status_code == 200


def test_csrf_is_asked_for():
    _person, _organization, member, _promise = somebody()
    client = Client(enforce_csrf_checks=True)
    client.force_login(accounts.open_for(ADDRESS))
    assert client.post(f"/partner/networks/{member.uid}/", {"do": "leave"}).status_code == 403
    assert client.post("/partner/data/", {"do": "close"}).status_code == 403
    # browsers that are told to say nothing of where they come from post from "null", and that is refused
    assert client.get("/partner/").headers["Referrer-Policy"] == "same-origin"


def test_update_of_a_commitment_waits_for_staff_and_is_kept_once(planner, sign_in):
    _person, _organization, _member, promise = somebody()
    client, key = signed_in(), str(new_uid())
    page = f"/partner/commitments/{promise.uid}/"
    assert client.post(page, {"progress": "done", "text": "", "key": key}).status_code == 422
    for _turn in range(2):
        assert client.post(page, {"progress": "done", "text": "The act is passed.", "key": key}).status_code == 200

    row = CommitmentUpdate.objects.get()
    promise.refresh_from_db()
    assert (row.state, row.came_by, promise.state) == ("waiting", None, "open")
    note_word(commitment=promise, actor=planner, progress="late", text="The minister is stalling.")
    assert "stalling" not in client.get(page).content.decode()
    assert row.written_by and "The act is passed." in client.get(page).content.decode()
    assert "The act is passed." in sign_in(planner).get(f"/commitments/{promise.uid}/").content.decode()


def test_profile_changes_when_staff_say_so(planner, sign_in):
    _person, organization, _member, _promise = somebody()
    client, page = signed_in(), f"/partner/institutions/{organization.uid}/"
    said = {
        "name": "Union of Everybody",
        "website": "https://union.example",
        "acronym": "",
        "language": "",
        "note": "We moved.",
    }
    assert client.post(page, said | {"website": "no address"}).status_code == 422
    client.post(page, said)
    assert "Union of Everybody" in client.post(page, said).content.decode()
    wish = ChangeWish.objects.get()
    old = organization.name
    organization.refresh_from_db()
    assert organization.name == old
    staff = sign_in(planner)
    assert (
        "We moved." in staff.get("/networks/wishes/").content.decode() and old in staff.get("/").content.decode() + old
    )
    read = re.search(r'name="seen_at" value="([^"]+)"', staff.get("/networks/wishes/").content.decode())[1]
    accept = f"/networks/wishes/{wish.uid}/accept/"
    client.post(page, said | {"note": "We moved twice."})
    assert staff.post(accept).status_code == 422
    stale = staff.post(accept, {"seen_at": read})
    wish.refresh_from_db()
    assert stale.status_code == 409 and wish.state == "waiting"
    read = re.search(r'name="seen_at" value="([^"]+)"', staff.get("/networks/wishes/").content.decode())[1]
    assert staff.post(accept, {"seen_at": read}).status_code == 302
    organization.refresh_from_db()
    assert (organization.name, organization.website) == ("Union of Everybody", "https://union.example")
    assert services.decline_wish(wish=wish, actor=planner) is None


def test_viewer_does_not_decide(viewer, sign_in):
    person, organization, *_rest = somebody()
    wish = services.wish_change(organization=organization, person=person, values={"name": "Other"})
    assert sign_in(viewer).post(f"/networks/wishes/{wish.uid}/accept/").status_code == 403
    wish.refresh_from_db()
    assert wish.state == "waiting"


# --- their data -------------------------------------------------------------------------------------------------------
def test_own_data_is_downloaded_erasure_asked_for_and_the_account_closed(admin, sign_in):
    person, *_rest = somebody(name="Grace Phiri")
    client = signed_in()
    file = client.post("/partner/data/", {"do": "file"})
    data = json.loads(file.content)
    assert data["uid"] == str(person.uid) and data["data"]["partner_account"][0]["email"] == ADDRESS
    assert AuditEntry.objects.get(verb="person.export_downloaded").door == "partner"
    assert client.post("/partner/data/", {"do": "erase"}).status_code == 422
    for _turn in range(2):
        client.post("/partner/data/", {"do": "erase", "is_sure": "on"})
    assert AuditEntry.objects.filter(verb="partneraccount.erasure_asked").count() == 1
    assert "Grace Phiri asks to be erased" in sign_in(admin).get("/").content.decode()

    client.post("/partner/data/", {"do": "language", "language": "ar"})
    assert 'dir="rtl"' in client.get("/partner/").content.decode()
    assert client.post("/partner/data/", {"do": "close"}).status_code == 302
    assert not User.objects.filter(email=ADDRESS).exists() and client.get("/partner/").status_code == 302


def test_erasing_the_person_takes_the_account_and_what_they_wrote():
    person, organization, *_rest = somebody()
    accounts.open_for(ADDRESS)
    services.wish_change(organization=organization, person=person, values={"name": "Other"}, note="I moved")
    for name in ("partner_account", "change_wishes"):
        data = PersonalData.of(person.uid)
        assert HOLDINGS[name].count(data) == 1 and HOLDINGS[name].export(data)
        HOLDINGS[name].erase(data)
        assert HOLDINGS[name].count(PersonalData.of(person.uid)) == 0
    assert not User.objects.filter(is_partner=True).exists()
    assert ChangeWish.objects.get().note == ""


def told() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.filter(object_type="user").order_by("pk").values_list("verb", "summary"))


@pytest.mark.parametrize("how", ["close", "forget", "moved"])
def test_what_the_trail_says_of_sign_ins_goes_with_the_account(how):
    person, *_rest = somebody()
    user = accounts.open_for(ADDRESS)
    record(verb="sign_in.failed", target=user, summary="203.0.113.9 · Firefox")
    renamed = record(verb="two_step.renamed", target=user, changes=[("name", "Key", "Grace’s key")])

    if how == "close":
        accounts.close(account=user.partner_account)
    elif how == "forget":
        PartnerAccount.objects.update(created_at=timezone.now() - timedelta(days=30))
        assert accounts.forget_unused() == 1
    else:
        person.contact_points.all().delete()
        ContactPointFactory(value=ADDRESS)
        accounts.open_for(ADDRESS)

    assert told() == [("sign_in.failed", ""), ("two_step.renamed", "")]
    assert renamed.changes.values_list("before", "after").get() == (None, None)


def test_own_network_of_an_individual():
    person = ContactPointFactory(value=ADDRESS).person
    member = MemberFactory(organization=None, person=person, network=NetworkFactory(name="Friends", renews=True))
    member.renew_by = timezone.localdate()
    member.save()
    client = signed_in()
    assert "Friends" in client.get("/partner/").content.decode()
    client.post(f"/partner/networks/{member.uid}/", {"do": "renew"})
    member.refresh_from_db()
    assert member.renewed_at and AuditEntry.objects.get(verb="member.renewed").door == "partner"


def test_events_are_those_one_is_invited_to_and_no_others():
    person, organization, *_rest = somebody()
    own = InvitationFactory(person=person, event__name="Ours")
    InvitationFactory(person=None, organization=organization, event__name="For the institution")
    seat = RegistrationFactory(person=person, event__name="Sent there", state="waiting", seated_at=None)
    InvitationFactory(event__name="Not ours")
    InvitationFactory(person=None, organization=OrganizationFactory(), event__name="Of others")
    RegistrationFactory(person=PersonFactory(), event__name="Their seat")
    client = signed_in()

    for path in ("/partner/", "/partner/events/"):
        page = client.get(path).content.decode()
        assert all(
            name in page
            for name in ("Ours", "For the institution", "Sent there", "waiting list", "no answer from you yet")
        )
        assert not any(name in page for name in ("Not ours", "Of others", "Their seat"))
    assert Client().get("/" + invitation_url(own).split("/", 3)[3]).status_code == 200

    Event.objects.update(starts_at=timezone.now() - timedelta(days=2), ends_at=timezone.now() - timedelta(days=1))
    past = client.get("/partner/events/").content.decode()
    assert (
        "you did not answer" in past and "you were on the waiting list" in past and "no answer from you yet" not in past
    )
    seat.state, seat.seated_at, seat.came_at = "seat", timezone.now(), timezone.now()
    seat.save()
    assert "you came" in client.get("/partner/events/").content.decode()
