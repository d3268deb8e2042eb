"""Every link of every mail and public page is followed with GET: no row changes. And every public page is weighed."""

import gzip
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from django.core import mail
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from campaigns.commitments.linking import make_link, url_of
from campaigns.delegations import deciding as delegates
from campaigns.delegations import letters as delegation_letters
from campaigns.delegations.models import DelegationMail
from campaigns.events import answering, signing_up
from campaigns.events import letters as event_letters
from campaigns.events import links as event_links
from campaigns.events import mailings as event_mailings
from campaigns.events.models import EventLetter
from campaigns.forms.links import draft_url
from campaigns.forms.models import FormDraft
from campaigns.networks import joining, letters, links, renewing, representatives, voting
from campaigns.networks.models import NetworkLetter
from campaigns.offers import letters as offer_letters
from campaigns.offers import services as offers
from campaigns.partners import accounts
from contacts.consent.links import preference_url
from contacts.consent.services import ask_permission
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_sending
from tests.campaigns.events.test_mailings import message_to, ready
from tests.factories import (
    ApplicationFactory,
    CommitmentFactory,
    ContactPointFactory,
    DriveFactory,
    EventFactory,
    FormFactory,
    InvitationFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    NominationFactory,
    NominatorFactory,
    OrganizationFactory,
    PublicPageFactory,
    RegistrationFactory,
    RepresentativeFactory,
    SegmentFactory,
    SignUpFactory,
    TopicFactory,
)

pytestmark = pytest.mark.django_db
LINK = re.compile(r"https?://[^\s<>\"')]+")
HREF = re.compile(r"(?:href|src|action)=\"([^\"]+)\"")
MOST_PAGES = 400
QUESTION = {"key": "diet", "kind": "text", "labels": {"en": "What do you eat?"}}
HEAVIEST = 100 * 1024
# staff's pages; the API's reference; and making a passkey, whose question the session keeps until it is answered
LEFT_OUT = ("/static/", "/api/", "/accounts/login/?", "/accounts/password/", "/partner/passkey/")
FONT = next(Path(settings.BASE_DIR, "static/assets").glob("inter-latin-wght*.woff2"))


def checksums():
    """table → (rows, hash over all of them), of every table there is."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT quote_ident(table_name) FROM information_schema.tables WHERE table_schema = 'public' AND table_type = 'BASE TABLE'")  # fmt: skip
        names = [name for (name,) in cursor.fetchall()]
        parts = [
            f"SELECT '{name}', count(*), coalesce(sum(hashtextextended(t::text, 0)::numeric), 0) FROM {name} t"  # noqa: S608 names of tables
            for name in names
        ]
        cursor.execute(" UNION ALL ".join(parts))
        return {name: (count, total) for name, count, total in cursor.fetchall()}


@pytest.fixture
def world(planner):
    """Somebody of each kind to whom we wrote each kind of letter, with pages open to the public."""
    cache.clear()
    drive = DriveFactory()
    network = NetworkFactory(
        slug="all", campaign=drive.campaign, rule="members", votes_needed=1, renews=True, topic=TopicFactory(),
        charters={"en": "Be kind."}, form=FormFactory(purpose="joining"),
    )  # fmt: skip
    PublicPageFactory(drive=drive, slug="ten")
    person = ContactPointFactory(value="grace@people.test", person__name="Grace").person
    organization = MembershipFactory(person=person).organization
    member = MemberFactory(network=network, organization=organization, contact=person, decides=True, is_listed=True)
    RepresentativeFactory(member=member, person=person, is_admin=True)
    joining.apply(
        network=network, email="hery@people.test", language="ar", kind="individual", name="Hery", country=person.country
    )
    voting.ask_members(ApplicationFactory(network=network))
    representatives.name_representative(member=member, name="Jo", email="jo@people.test", actor=planner)
    member.joined_at = timezone.now() - timedelta(days=340)
    member.save()
    renewing.ask_due()
    letters.mail_due()
    # an event: one comes and sends nobody, one waits, one was sent, one signs up; and a form, with answers that somebody keeps
    meeting = EventFactory(
        drive=drive,
        slug="dialogue",
        capacity=2,
        sign_ups="open",
        form=FormFactory(purpose="registration", questions=[QUESTION]),
    )
    guest, other, third = (InvitationFactory(event=meeting, person=ContactPointFactory(value=f"{n}@people.test").person, email=f"{n}@people.test") for n in ("guest", "waits", "sends"))  # fmt: skip
    answering.answer(invitation=third, says="other", road="link", delegate=answering.Human("Dele", "dele@people.test"))
    for invitation in (guest, other):
        answering.answer(invitation=invitation, says="yes", road="link")
    signing_up.sign_up(event=meeting, email="wish@people.test", language="fr", name="Wish", answers={"diet": "Rice"})
    event_letters.mail_due()
    # a delegation: its mission is asked, one whom it named is accepted, and another waits
    mission = NominatorFactory(email="mission@people.test")
    for name in ("accepted", "named"):
        named = NominationFactory(delegation=mission.delegation, named_by=mission, email=f"{name}@people.test")
        if name == "accepted":
            delegates.accept(nomination=named, actor=planner)
    delegation_letters.ask([mission], actor=planner)
    delegation_letters.mail_due()
    asked_form = FormFactory(slug="needs")
    draft = FormDraft.objects.create(form=asked_form, answers={"name": "Grace"}, language="en")
    promise = CommitmentFactory(organization=organization, drive=drive, is_public=True)
    asked = ask_permission(subject=ContactPointFactory().person, topic=TopicFactory(), source="test", actor=planner)
    extra = [
        url_of(make_link(commitment=promise, actor=planner)),
        preference_url(person.uid),
        preference_url(organization.uid, "organization"),
        links.member_url(member),
        event_links.invitation_url(other),
        draft_url(draft.uid),
    ]
    send_every_other_letter(meeting, member, mission, planner)
    extra += links_of_an_invitation(drive, planner)
    return {"person": person, "extra": extra, "asked": asked}


def send_every_other_letter(meeting, member, mission, planner):
    """One of each kind of letter to partners that the story above did not write."""
    of_sign_ups = {EventLetter.About.CONFIRM, EventLetter.About.DECLINED}
    for about in set(EventLetter.About) - written(EventLetter):
        if about in of_sign_ups:
            event_letters.queue_sign_up(SignUpFactory(event=meeting, email=f"{about}@people.test"), about)
        else:
            event_letters.queue(RegistrationFactory(event=meeting, email=f"{about}@people.test"), about)
    event_letters.mail_due()
    network, own = NetworkLetter.About, NetworkFactory(campaign=member.network.campaign, slug="own")
    for about in (network.WELCOME, network.DECLINED):
        letters.queue(ApplicationFactory(network=own, email=f"{about}@people.test", state="confirmed"), about)
    gone = MemberFactory(network=own, contact=member.contact, organization=OrganizationFactory())
    letters.queue_year(gone, network.LAPSED, timezone.localdate())
    letters.queue_named(RepresentativeFactory(member=gone, email="represents@people.test"))
    letters.mail_due()
    delegation_letters.queue_of(NominationFactory(delegation=mission.delegation, named_by=mission, email="back@people.test", state="returned", reason="Why", decided_at=timezone.now()), DelegationMail.About.RETURNED)  # fmt: skip
    DelegationMail.objects.create(about=DelegationMail.About.REMIND, nominator=mission, due_at=timezone.now())
    delegation_letters.mail_due()
    row = offers.offer(
        organization=member.organization, campaign=member.network.campaign, person=member.contact, text="Register 200", due_on=timezone.localdate(),
    )  # fmt: skip
    offers.decline_offer(offer=row, actor=planner, reason="Not ours")
    assert offer_letters.mail_due(now=timezone.now() + timedelta(minutes=6)) == 1
    for model in (EventLetter, NetworkLetter, DelegationMail):
        assert written(model) == set(model.About.values), model


def written(model):
    return set(model.objects.filter(sent_at__isnull=False).values_list("about", flat=True))


def links_of_an_invitation(drive, planner):
    """What stands in an invitation by the mailing engine: the answer, the preferences, and what Django serves of its footer."""
    topic, event = TopicFactory(), EventFactory(drive=drive, slug="written-to")
    guest = subscriber(topic, 1, name="Written To", language="en")
    mailing = event_mailings.begin_mailing(
        event=event, actor=planner, purpose="invitation", segment=SegmentFactory(tree=EVERYBODY), topic=topic
    )
    _row, text, html = message_to(to_sending(ready(mailing, planner)), guest)
    found = LINK.findall(text) + [link.replace("&amp;", "&") for link in HREF.findall(html) if link.startswith("http")]
    assert any("/answer/" in link for link in found)
    return found


def starts(world):
    found = [*world["extra"], *(link for sent in mail.outbox for link in LINK.findall(sent.body))]
    public = [
        "/join/all/",
        "/join/all/members/",
        "/about/ten/",
        "/about/ten/?lang=ar",
        "/meet/dialogue/",
        "/meet/dialogue/sign-up/",
        "/answer/needs/",
        "/answer/needs/frame/",
        "/sitemap.xml",
        "/robots.txt",
        "/accounts/login/code/",
    ]
    return [*public, *("/" + link.rstrip(".,").split("/", 3)[3] for link in found)]


def crawl(client, paths):
    """path → answer of every page of ours that can be reached by links, with GET."""
    seen, todo = {}, list(dict.fromkeys(paths))
    while todo and len(seen) < MOST_PAGES:
        path = todo.pop(0)
        if (
            path in seen or path.startswith(LEFT_OUT) or "lang=fr" in path or "lang=es" in path
        ):  # one that reads left to right, one from the right
            continue
        answer = client.get(path)
        seen[path] = answer
        if (
            not answer.headers.get("Content-Type", "").startswith(("text/html", "application/xml"))
            or answer.status_code != 200
        ):
            continue
        for link in [*HREF.findall(answer.content.decode()), *LINK.findall(answer.content.decode())]:
            parts = urlsplit(link.replace("&amp;", "&"))
            if parts.path.startswith("/") and f"{parts.scheme}://{parts.netloc}" in (
                "://",
                settings.BASE_URL,
                "http://testserver",
            ):
                todo.append(parts.path + (f"?{parts.query}" if parts.query else ""))
    return seen


def weight(answer):
    """Bytes over the wire: the page as a server with compression sends it, and what its first view fetches, the font included."""
    total = len(gzip.compress(answer.content)) + FONT.stat().st_size
    for path in set(re.findall(r"(?:src|href)=\"(/static/[^\"#]+)", answer.content.decode())):
        file = Path(settings.BASE_DIR, path.split("?")[0].lstrip("/"))
        total += len(gzip.compress(file.read_bytes()))
    return total


def test_following_every_link_of_mails_and_public_pages_changes_no_row_and_each_page_is_light(world):
    assert {sent.to[0].split("@")[0] for sent in mail.outbox} >= {
        "grace",
        "hery",
        "jo",
        "guest",
        "waits",
        "dele",
        "wish",
        "mission",
        "accepted",
        "welcome",
        "represents",
        "cancelled",
    }
    partner = Client()
    partner.force_login(accounts.open_for("grace@people.test"))
    before = checksums()

    seen = crawl(Client(), starts(world))
    inside = crawl(partner, ["/partner/"])

    after = checksums()
    assert {name for name in before if before[name] != after[name]} == set()
    pages = seen | inside
    assert {path: page.status_code for path, page in pages.items() if page.status_code >= 500} == {}
    assert len(seen) >= 40 and len(inside) >= 12
    for begin in (
        "/nominate/",
        "/delegate/",
        "/meet/confirm/",
        "/seat/",
        "/answer/go-on/",
        "/answer/needs/frame/",
        "/meet/dialogue/sign-up/",
    ):
        assert any(path.startswith(begin) and page.status_code == 200 for path, page in seen.items()), begin
    assert any(path.startswith("/join/vote/") for path in seen) and any(
        path.startswith("/join/confirm/") for path in seen
    )
    papers = [page for path, page in seen.items() if "/letters/" in path]
    assert len(papers) == 4 and {page.headers["Content-Type"] for page in papers} == {"application/pdf"}
    html = {path: page for path, page in pages.items() if page.headers.get("Content-Type", "").startswith("text/html")}
    assert {path: size for path, page in html.items() if (size := weight(page)) > HEAVIEST} == {}
    assert "noto" not in Path(settings.BASE_DIR, "static/public.css").read_text()
