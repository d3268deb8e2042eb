"""A little of everything, in Zambia and in Chad, for tests that walk the whole API."""

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from campaigns.calendars.services import make_feed
from campaigns.commitments.models import CommitmentUpdate, Milestone
from campaigns.correspondence.services import add_document, register_letter
from campaigns.delegations.models import Composition, DelegateLetter, Step
from campaigns.delivery.models import DeliveryChunk
from campaigns.dropbox.models import Dropbox, DroppedFile, DroppedMail
from campaigns.events.models import Event
from campaigns.face.models import PublicPage
from campaigns.feeds.services import number_feeds
from campaigns.files.storage import store
from campaigns.forms.models import Form
from campaigns.guard.models import ContactGuard, GuardOverride, QuietDates
from campaigns.interactions.services import log_interaction
from campaigns.mailings.models import Attachment
from campaigns.networks.models import Network
from campaigns.offers.models import CommitmentOffer
from campaigns.outreach.models import Interaction
from campaigns.partners.models import ChangeWish
from campaigns.planning.models import Drive, Pillar
from campaigns.positions.models import Position, Power
from campaigns.results.figures import Scope
from campaigns.results.snapshots import freeze
from campaigns.rounds.models import CallLine, CallRound
from campaigns.todo.absences import add_absence
from campaigns.todo.services import add_task
from contacts.consent.services import grant_consent
from contacts.importing.models import ImportMapping
from contacts.importing.remembering import signature
from contacts.importing.services import upload_import
from contacts.segments.lists import add_to_list
from crm.accounts.models import User
from crm.audit.services import publish_outbox, record
from crm.ids import new_uid
from crm.jobs.models import Job
from tests.campaigns.ledger import delivery, feedback, sent_mailing


@dataclass
class World:
    """`uids`: collection of the API → the uid of a row of it."""

    uids: dict[str, str] = field(default_factory=dict)
    country: str = "ZM"


def _officer() -> User:
    from tests import factories as make

    user: User = make.UserFactory()
    make.GrantFactory(user=user, role="outreach")
    return user


def _dropped_file(met: Interaction) -> DroppedFile:
    """What came with a message that was filed as this interaction."""
    now, officer = timezone.now(), _officer()
    box = Dropbox.objects.create(user=officer, made_at=now)
    mail = DroppedMail.objects.create(
        dropbox=box, user=officer, thread=new_uid(), at=now, state="filed", interaction=met, settled_at=now
    )
    return DroppedFile.objects.create(mail=mail, file=store(b"Yes.", media_type="text/plain"), name="a.txt")


def _dropped(owner: User) -> DroppedMail:
    """A message that waits to be filed by its owner."""
    now = timezone.now()
    box = Dropbox.objects.filter(user=owner).first() or Dropbox.objects.create(user=owner, made_at=now)
    return DroppedMail.objects.create(
        dropbox=box, user=owner, thread=new_uid(), at=now, subject="Yes", why="Nobody is known."
    )


def make_world(owner: User, *, country: str = "ZM", constituency: str = "GOV", within: World | None = None) -> World:
    """`within`: another country's, with which this one has its drive, network, form, event and public page in common."""
    from tests import factories as make

    def common(name: str, model: Any) -> Any:
        return model.objects.get(uid=within.uids[name]) if within else None

    organization = make.OrganizationFactory(country__code=country, constituency__code=constituency)
    post = make.PostFactory(organization=organization)
    person = make.PersonFactory(country__code=country)
    membership = make.MembershipFactory(person=person, post=post)
    point = make.ContactPointFactory(person=person)
    topic = make.TopicFactory()
    grant_consent(subject=person, topic=topic, lawful_basis="consent", source="test", actor=owner)
    segment = make.SegmentFactory(owner=owner)
    contact_list = make.ContactListFactory(owner=owner)
    add_to_list(contact_list=contact_list, rows=type(person).objects.filter(pk=person.pk), actor=owner)
    drive = common("drives", Drive) or make.DriveFactory(countries=[country])
    draft = make.MailingFactory(drive=drive, topic=topic, segment=segment)
    sent = sent_mailing(drive=drive, topic=topic, frozen_at=timezone.now(), audience_count=1)
    row = delivery(sent, person=person, country_code=country, address=f"{country}@example.org".lower())
    feedback(row)
    DeliveryChunk.objects.create(
        mailing_id=sent.pk, first_seq=1, last_seq=1, due_at=timezone.now(), is_done=True, counts={"accepted": 1}
    )
    job = Job.objects.create(kind="import.check", title="A job", owner=owner)
    run = upload_import(file=SimpleUploadedFile("people.csv", b"name,email\nA,a@b.example\n"), actor=owner)
    columns = ["name", f"mail of {country}"]
    remembered = ImportMapping.objects.create(
        owner=owner, signature=signature(columns), columns=columns, mapping={"0": "name"}
    )
    record(verb="person.edited", target=person, actor=owner, event={})
    publish_outbox()
    number_feeds()
    step = make.StepFactory(organization=organization, ask__drive=drive)
    commitment = make.CommitmentFactory(organization=organization, drive=drive)
    network = common("networks", Network) or make.NetworkFactory(campaign=drive.campaign)
    member = make.MemberFactory(network=network, organization=organization, contact=person)
    planned = make.ActivityFactory(drive=drive)
    meeting = common("campaign-events", Event) or make.EventFactory(taken=1, drive=drive)
    invitation = make.InvitationFactory(event=meeting, person=person, organization=organization)
    seat = make.RegistrationFactory(event=meeting, invitation=invitation, person=person, organization=organization)
    composition = common("event-compositions", Composition) or make.CompositionFactory(event=meeting)
    delegation = make.DelegationFactory(event=meeting, country=organization.country)
    named = make.NominationFactory(delegation=delegation, state="accepted", decided_at=timezone.now(), person=person)
    DelegateLetter.objects.create(
        nomination=named, kind="invitation", reference=f"DEL/{country}", on=timezone.localdate()
    )
    objective = make.ObjectiveFactory(drive=drive)
    teammate = make.TeamMemberFactory(drive=drive)
    met = log_interaction(actor=_officer(), kind="meeting", people=[person]).interaction
    actual = make.ActualFactory(
        period__indicator__result__campaign=drive.campaign, period__indicator__result__drive=drive
    )
    feed = make_feed(actor=owner)
    round_ = CallRound.objects.create(name="Round", owner=owner)
    rows: dict[str, Any] = {
        "results": actual.period.indicator.result, "result-indicators": actual.period.indicator, "actuals": actual,
        "report-snapshots": freeze(actor=owner, scope=Scope(drive.campaign, drive, drive.starts_on, drive.ends_on, owner), title="Kept"),
        "call-rounds": round_, "call-lines": CallLine.objects.create(round=round_, person=person, organization=organization),
        "calendar-feeds": feed, "dropped-mail": _dropped(owner),
        "forms": (asked := common("forms", Form) or make.FormFactory(campaign=drive.campaign)), "networks": network, "network-applications": make.ApplicationFactory(network=network, country=organization.country), "commitment-offers": CommitmentOffer.objects.create(organization=organization, campaign=drive.campaign, text="A plan", due_on="2027-06-30"), "change-wishes": ChangeWish.objects.create(organization=organization, asked_by=person, values={"acronym": "X"}),
        "public-pages": common("public-pages", PublicPage) or make.PublicPageFactory(drive=drive), "network-members": member, "network-representatives": make.RepresentativeFactory(member=member, person=person), "policy-windows": make.WindowFactory(country=organization.country),
        "campaign-events": meeting, "event-invitations": invitation, "event-registrations": seat, "event-delegations": delegation, "event-nominations": named,
        "event-compositions": composition, "event-nominators": make.NominatorFactory(delegation=delegation, organization=organization),
        "event-delegate-steps": Step.objects.create(nomination=named, titles={"en": "Visa"}, due_on=timezone.localdate()),
        "event-sign-ups": make.SignUpFactory(event=meeting, country=organization.country),
        "letters": (letter := register_letter(actor=_officer(), way="in", organization=organization, on=timezone.localdate(), subject="Yes")),
        "letter-documents": add_document(letter=letter, actor=owner, upload=SimpleUploadedFile("scan.txt", f"Yes, {country}.".encode())),
        "absences": add_absence(actor=owner, user=_officer(), deputy=_officer(), starts_on=timezone.localdate(), ends_on=timezone.localdate()),
        "interaction-files": _dropped_file(met),
        "mission-reports": make.MissionFactory(meetings=[met]),
        "activities": planned, "objectives": objective, "team-members": teammate,
        "submissions": make.SubmissionFactory(form=asked, country=organization.country),
        "people": person, "organizations": organization, "posts": post, "memberships": membership,
        "contact-points": point, "topics": topic, "segments": segment, "lists": contact_list, "imports": run,
        "import-mappings": remembered,
        "interactions": log_interaction(actor=_officer(), kind="call", people=[person]).interaction,
        "tasks": add_task(actor=_officer(), title="Call", due_on=timezone.localdate(), person=person),
        "contact-guards": ContactGuard.objects.create(organization=organization).organization,
        "jobs": job, "campaigns": drive.campaign, "drives": drive, "mailings": draft, "reports": sent,
        "powers": Power.objects.create(organization=organization, campaign=drive.campaign, power=3),
        "guard-overrides": GuardOverride.objects.create(organization=organization, door="log", conflict="Quiet", reason="They called."),
        "quiet-dates": QuietDates.objects.create(organization=organization, starts_on="2027-06-01", ends_on="2027-06-09"),
        "commitment-updates": CommitmentUpdate.objects.create(commitment=commitment, progress="on_track", text="Well.", received_at=timezone.now()),
        "asks": step.ask, "commitments": commitment, "position-steps": step, "positions": Position.objects.get(organization=organization),
    }  # fmt: skip
    return World({**{name: str(row.uid) for name, row in rows.items()}, **_beside(rows, owner, drive)}, country)


def _beside(rows: dict[str, Any], owner: User, drive: Drive) -> dict[str, str]:
    """What bodies point to and what no collection of the API lists by this name, and rows in which a verb can still be done."""
    from tests import factories as make

    organization, promise = rows["organizations"], rows["commitments"]
    today = timezone.localdate()
    beside = {
        "users": owner,
        "deputies": _officer(),
        "senders": rows["mailings"].sender,
        "attachments": Attachment.objects.create(
            mailing=rows["mailings"], file=store(b"Yes.", media_type="text/plain"), name="a.txt"
        ),
        "transports": rows["mailings"].transport,
        "pillars": Pillar.objects.create(campaign=drive.campaign, name=f"Pillar {organization.pk}"),
        "periods": rows["actuals"].period,
        "milestones": Milestone.objects.create(commitment=promise, text="A first draft", due_on=promise.due_on),
        "archived-segments": make.SegmentFactory(owner=owner, archived_at=timezone.now()),
        "free-posts": make.PostFactory(organization=organization),
        "free-events": make.EventFactory(drive=drive),
        "open-nominations": make.NominationFactory(delegation=rows["event-delegations"]),
        "answers": register_letter(actor=_officer(), way="out", organization=organization, on=today, subject="Thanks"),
        "held-lines": (
            held := CallLine.objects.create(
                round=CallRound.objects.create(name="Held", owner=owner), person=rows["people"], token=new_uid(), claimed_by=owner,
                lease_until=timezone.now() + timedelta(hours=1),
            )
        ),
    }  # fmt: skip
    marks = {"token": str(held.token), "seen_at": rows["change-wishes"].updated_at.isoformat()}
    return {name: str(row.uid) for name, row in beside.items()} | marks
