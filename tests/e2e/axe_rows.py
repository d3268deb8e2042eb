"""What the walk of test_axe.py looks at: the demo, with a row for every place of tests/crm/accounts/places.py."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.utils import timezone

from campaigns.commitments.linking import make_link
from campaigns.commitments.linking import url_of as promise_url
from campaigns.commitments.models import Commitment
from campaigns.delegations import links as delegation_links
from campaigns.delegations.models import Nomination, Nominator
from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.demo import story
from campaigns.digest.mailing import off_url
from campaigns.events import links as event_links
from campaigns.events.models import Event, Invitation, Registration
from campaigns.forms.links import draft_url
from campaigns.forms.models import FormDraft
from campaigns.mailings.models import Mailing, Sender, Transport
from campaigns.mailings.proving import confirmation_url
from campaigns.networks import links
from campaigns.networks.models import Application, Member, Vote
from campaigns.partners import accounts as partner_accounts
from campaigns.planning.models import Drive
from contacts.consent.links import opt_in_url, preference_url
from contacts.consent.services import grant_consent
from contacts.directory.models import Constituency, Membership, Person
from contacts.greetings.models import FormOfAddress
from contacts.segments.models import Segment
from crm.accounts.demo_users import USERS
from crm.accounts.models import User
from crm.accounts.rules import Role
from crm.accounts.services import invite, password_link
from tests.campaigns.delivery.building import EVERYBODY, to_sending
from tests.campaigns.ledger import delivery, feedback, finish
from tests.crm.accounts.places import Placed, place_rows
from tests.factories import (
    CommitmentFactory,
    ContactPointFactory,
    EventFactory,
    FormFactory,
    InvitationFactory,
    MailingFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    NominatorFactory,
    RepresentativeFactory,
    SegmentFactory,
    TagFactory,
    TopicFactory,
    TransportFactory,
    UserFactory,
)

ADMIN = next(email for role, _name, email, _zone in USERS if role == Role.ADMIN)


def rows() -> Placed:
    """The demo's rows where it has some: they are as long, as many and as foreign as real ones."""
    story.load(tell=lambda step: None)
    # else the workers would send hundreds of messages while the pages are looked at
    Mailing.objects.filter(state="scheduled").update(state="draft", stop_until=None)
    owner = User.objects.get(email=ADMIN)
    placed = place_rows(owner, country="TD")
    drive = Drive.objects.get(page__slug="ten-countries")
    member = Membership.objects.filter(organization__country_id="TD", is_primary=True).order_by("id")[0]
    real: dict[str, Any] = {
        "people": member.person,
        "drives": drive,
        "campaigns": drive.campaign,
        "mailings": drive.mailings.get(state="in_review"),
        "segments": Segment.objects.get(name__startswith="Low coverage"),
        "organizations": member.organization,
        "tags": TagFactory(),
        "constituencies": Constituency.objects.filter(parent__isnull=True).first(),
        "forms-of-address": FormOfAddress.objects.first(),
        "senders": Sender.objects.first(),
        "transports": Transport.objects.first(),
        "invitations": invite(email="new@example.org", name="New", role="editor", actor=owner)[0],
        "users": UserFactory(),
    }
    _tell_outcomes(Mailing.objects.get(uid=placed.uids["reports"]))
    return Placed({**placed.uids, **{name: str(row.uid) for name, row in real.items()}})


def _tell_outcomes(mailing: Mailing) -> None:
    """A report with several countries, and with something in most of its figures."""
    people = Person.objects.filter(country__in=["TD", "SN", "ML"], memberships__isnull=False).distinct()[:9]
    for number, person in enumerate(people):
        state = ["accepted", "accepted", "failed"][number % 3]
        row = delivery(mailing, person=person, state=state, country_code=person.country_id)
        if number % 3 == 1:
            feedback(row)
    finish(mailing)


def public_paths(placed: Placed) -> list[str]:
    """Pages for visitors: the doors, and what a link in a mail opens."""
    user = User.objects.get(uid=placed.uids["users"])
    sender = Sender.objects.get(uid=placed.uids["senders"])
    addresses = [
        preference_url(UUID(placed.uids["people"])),
        preference_url(UUID(placed.uids["organizations"]), "organization"),
        opt_in_url(UUID(placed.uids["requests"])),
        promise_url(make_link(commitment=Commitment.objects.get(uid=placed.uids["commitments"]), actor=user)),
        off_url(user),
        links.confirm_url(UUID(placed.uids["applications"])),
        links.member_url(Member.objects.get(uid=placed.uids["network-members"])),
        links.representative_url(UUID(placed.uids["network-representatives"])),
        links.vote_url((vote := _vote(placed)).uid, vote.member.contact or vote.member.person),
        event_links.invitation_url(Invitation.objects.get(uid=placed.uids["event-invitations"])),
        event_links.confirm_url(UUID(placed.uids["event-sign-ups"])),
        delegation_links.nominate_url(Nominator.objects.get(uid=placed.uids["event-nominators"])),
        delegation_links.delegate_url(Nomination.objects.get(uid=placed.uids["event-nominations"])),
        event_links.seat_url(Registration.objects.get(uid=placed.uids["event-registrations"])),
        confirmation_url(sender, expires_at=timezone.now() + timedelta(days=1)),
        invite(email="newer@example.org", name="Newer", role="editor", actor=user)[1],
    ]
    return [
        "/accounts/login/",
        "/api/v1/docs",
        "/accounts/password/reset/",
        "/accounts/password/reset/done/",
        "/accounts/password/reset/key/done/",
        "/accounts/signup/",
        "/accounts/inactive/",
        "/accounts/login/code/",
        "/p/not-ours/",
        "/yes/not-ours/",
        "/promise/not-ours/",
        "/week/off/not-ours/",
        "/sender/not-ours/",
        "/join/social-security-for-all/?country=SN",
        "/join/social-security-for-all/members/",
        "/join/not-ours/",
        "/answer/what-would-help/",
        "/answer/what-would-help/frame/?lang=ar",
        "/answer/not-ours/",
        "/answer/go-on/not-ours/",
        "/about/social-security-for-all/",
        "/about/ten-countries/?lang=ar",
        "/about/not-ours/",
        "/invitation/not-ours/",
        "/nominate/not-ours/",
        "/answer/not-ours/",
        f"/meet/{_open_event(placed).slug}/",
        f"/meet/{_open_event(placed).slug}/sign-up/?lang=ar",
        *("/" + address.split("/", 3)[3] for address in addresses),
    ]


def _open_event(placed: Placed) -> Event:
    """Everybody can sign up for it."""
    Event.objects.filter(uid=placed.uids["campaign-events"]).update(sign_ups="staff", is_public=True)
    return Event.objects.get(uid=placed.uids["campaign-events"])


def _vote(placed: Placed) -> Vote:
    application = Application.objects.get(uid=placed.uids["applications"])
    member = Member.objects.get(uid=placed.uids["network-members"])
    return Vote.objects.get_or_create(application=application, member=member, defaults={"asked_at": timezone.now()})[0]


def partner_rows() -> tuple[User, dict[str, str]]:
    """A partner with an institution, a network to renew and a commitment; the uids of their pages, by the names of the routes."""
    address = f"grace@p{time.time_ns()}.test"  # the mailbox may hold messages of an earlier run
    person = ContactPointFactory(value=address, person__name="Grace Phiri").person
    organization = MembershipFactory(person=person).organization
    member = MemberFactory(organization=organization, contact=person, renew_by=timezone.localdate())
    RepresentativeFactory(member=member, person=person, is_admin=True)
    promise = CommitmentFactory(organization=organization)
    user = partner_accounts.open_for(address)
    assert user is not None
    return user, {
        "partner_mail": str(_sent_to(person).uid),
        "partner_delegation": str(NominatorFactory(organization=organization, asked_at=timezone.now()).uid),
        "partner_institution": str(organization.uid), "partner_network": str(member.uid), "partner_commitment": str(promise.uid),
    }  # fmt: skip


def _sent_to(person: Person) -> Mailing:
    """A mailing that reached them, as the engine leaves it."""
    mailing = MailingFactory(segment=SegmentFactory(tree=EVERYBODY), transport=TransportFactory())
    grant_consent(subject=person, topic=mailing.topic, lawful_basis="consent", source="test")
    now = timezone.now()
    to_sending(mailing)
    Delivery.objects.filter(mailing_id=mailing.pk).update(state="accepted", settled_at=now, first_attempt_at=now)
    DeliveryChunk.objects.filter(mailing_id=mailing.pk).update(is_done=True)
    mailing.state = "finished"
    mailing.save()
    return mailing


def forms_to_send() -> list[tuple[str, str, str]]:
    """(page, what is ticked first, what is pressed): each public form once with mistakes, and once taken where that shows another page."""
    stamp = time.time_ns()
    network = NetworkFactory(slug=f"friends{stamp}", topic=TopicFactory())
    asked = FormFactory(slug=f"needs{stamp}")
    event = EventFactory(slug=f"meeting{stamp}", sign_ups="open", is_public=True)
    invitation = InvitationFactory(event=event)
    member = MemberFactory(network=network, contact=ContactPointFactory(value=f"m{stamp}@people.test").person)
    promise = make_link(commitment=CommitmentFactory(organization=member.organization), actor=UserFactory())
    named_by = delegation_links.nominate_url(NominatorFactory())
    send, plain = "main form button.btn-primary", ""
    paths = [
        (f"/join/{network.slug}/", plain, send),
        (f"/answer/{asked.slug}/", plain, send),
        (f"/answer/{asked.slug}/frame/", plain, send),
        (f"/answer/{asked.slug}/", plain, "main form button[name=save]"),
        (draft_url(FormDraft.objects.create(form=asked, answers={"name": "Grace"}, language="en").uid), plain, send),
        (f"/meet/{event.slug}/sign-up/", plain, send),
        (event_links.invitation_url(invitation), plain, send),
        (event_links.invitation_url(invitation), "input[name=says][value=yes]", send),
        (named_by, plain, "main form button.btn-primary"),
        (links.member_url(member), plain, "main form button.btn"),
        (promise_url(promise), plain, "main form button.btn-primary"),
        (preference_url(member.contact.uid), plain, "main form button.btn-primary"),
    ]
    return [
        (path if path.startswith("/") else "/" + path.split("/", 3)[3], first, button) for path, first, button in paths
    ]


def password_path(placed: Placed) -> str:
    """The page on which somebody chooses a new password."""
    user = User.objects.get(uid=placed.uids["users"])
    return "/" + password_link(user=user, actor=user).split("/", 3)[3]
