"""What stands at each route that names an object: by the beginning of its path, so that a new route below one joins by itself."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from campaigns.calendars.models import CalendarFeed
from campaigns.commitments.models import Commitment, CommitmentUpdate, Milestone
from campaigns.correspondence.models import Letter
from campaigns.correspondence.services import add_document
from campaigns.dropbox.models import Dropbox, DroppedFile, DroppedMail, OwnAddress
from campaigns.files.storage import store
from campaigns.guard.models import QuietDates
from campaigns.interactions.models import Party
from campaigns.interactions.services import log_interaction
from campaigns.limits.models import RecipientLimit
from campaigns.networks.models import Network
from campaigns.offers.models import CommitmentOffer
from campaigns.outreach.models import Inbox, Interaction
from campaigns.partners.models import ChangeWish
from campaigns.planning.models import Drive
from campaigns.results.figures import Scope
from campaigns.results.snapshots import freeze
from campaigns.rounds.models import CallLine, CallRound
from campaigns.todo.absences import add_absence
from campaigns.todo.models import Absence
from campaigns.todo.services import add_task
from contacts.consent.erasure.exporting import request_export as request_data
from contacts.consent.models import Erasure, SubscriptionRun, Topic
from contacts.consent.services import ask_permission
from contacts.directory.models import Person
from contacts.importing.services import upload_import
from contacts.segments.models import Segment, SegmentVersion
from crm.accounts.models import User
from crm.audit.services import record
from crm.exports.services import request_export
from crm.ids import new_uid
from crm.jobs.models import Job
from crm.saved_views.services import save_view
from tests import factories as make
from tests.crm.api.world import make_world

ARGUMENT = re.compile(r"<(?:\w+:)?(\w+)>")


class Reach(Enum):
    """What takes a row out of somebody's sight."""

    COUNTRY = "another country"
    DRIVE = "another country, or another campaign"
    CAMPAIGN = "another campaign"
    OWNER = "belongs to a colleague"
    ALL = "all staff see it; what it leads to is narrowed"
    ADMIN = "for administrators, who are that everywhere"


HIDDEN = {"country": {Reach.COUNTRY, Reach.DRIVE, Reach.OWNER}, "campaign": {Reach.DRIVE, Reach.CAMPAIGN, Reach.OWNER}}


@dataclass(frozen=True)
class Place:
    """rows: name in `Placed.uids` of what `uid` is. more: the path's other arguments."""

    rows: str
    reach: Reach
    more: dict[str, str] = field(default_factory=dict)


# the longest beginning that fits counts
PLACES: dict[str, Place] = {
    "/directory/people/<uuid:uid>/": Place("people", Reach.COUNTRY, {"name": "language"}),
    "/directory/people/<uuid:uid>/erased/": Place("erased", Reach.COUNTRY),
    "/directory/organizations/<uuid:uid>/": Place("organizations", Reach.COUNTRY, {"name": "language"}),
    "/directory/posts/<uuid:uid>/": Place("posts", Reach.COUNTRY),
    "/directory/memberships/<uuid:uid>/": Place("memberships", Reach.COUNTRY),
    "/directory/addresses/<uuid:uid>/": Place("contact-points", Reach.COUNTRY),
    "/directory/countries/<slug:code>/": Place("people", Reach.ALL, {"code": "ZM"}),
    "/directory/timeline/<slug:kind>/<uuid:uid>/": Place("people", Reach.COUNTRY, {"kind": "person"}),
    "/directory/permissions/<slug:kind>/<uuid:uid>/": Place("people", Reach.COUNTRY, {"kind": "person"}),
    "/directory/permission-requests/<uuid:uid>/": Place("requests", Reach.COUNTRY),
    "/directory/data/<uuid:uid>/": Place("data-exports", Reach.COUNTRY, {"kind": "json"}),
    "/directory/subscriptions/<uuid:uid>/": Place("subscriptions", Reach.OWNER),
    "/directory/imports/<uuid:uid>/": Place("imports", Reach.OWNER, {"outcome": "created"}),
    "/directory/lists/<uuid:uid>/": Place("lists", Reach.ALL),
    "/directory/bulk/<slug:kind>/": Place("people", Reach.ALL, {"kind": "person"}),
    "/segments/<uuid:uid>/": Place("segments", Reach.ALL, {"version": "1"}),
    "/drives/<uuid:uid>/": Place("drives", Reach.DRIVE, {"figure": "institutions", "kind": "xlsx"}),
    "/drives/activities/<uuid:uid>/": Place("activities", Reach.DRIVE),
    "/drives/objectives/<uuid:uid>/": Place("objectives", Reach.DRIVE),
    "/drives/team/<uuid:uid>/": Place("team-members", Reach.DRIVE),
    "/drives/campaigns/<uuid:uid>/": Place("campaigns", Reach.CAMPAIGN, {"figure": "institutions", "kind": "xlsx"}),
    "/drives/windows/<uuid:uid>/": Place("policy-windows", Reach.COUNTRY),
    "/drives/results/<uuid:uid>/": Place("results", Reach.DRIVE),
    "/drives/indicators/<uuid:uid>/": Place("indicators", Reach.DRIVE),
    "/drives/actuals/<uuid:uid>/": Place("actuals", Reach.DRIVE),
    "/drives/snapshots/<uuid:uid>/": Place("snapshots", Reach.DRIVE, {"figure": "institutions", "kind": "xlsx"}),
    "/mailings/<uuid:uid>/": Place("mailings", Reach.DRIVE, {"verb": "ask-review"}),
    "/mailings/<uuid:uid>/late/": Place("mailings", Reach.DRIVE, {"verb": "leave-out"}),
    "/mailings/<uuid:uid>/report/": Place("reports", Reach.DRIVE),
    "/asks/<uuid:uid>/": Place("asks", Reach.DRIVE),
    "/commitments/<uuid:uid>/": Place("commitments", Reach.DRIVE),
    "/commitments/milestones/<uuid:uid>/": Place("milestones", Reach.DRIVE),
    "/commitments/offers/<uuid:uid>/": Place("commitment-offers", Reach.DRIVE, {"do": "accept"}),
    "/commitments/updates/<uuid:uid>/": Place("updates", Reach.DRIVE),
    "/positions/<uuid:uid>/": Place("position-steps", Reach.DRIVE),
    "/outreach/replies/<uuid:uid>/": Place("replies", Reach.COUNTRY),
    "/outreach/contacts/<uuid:uid>/": Place("interactions", Reach.COUNTRY),
    "/outreach/tasks/<uuid:uid>/": Place("tasks", Reach.COUNTRY),
    "/outreach/rounds/<uuid:uid>/": Place("rounds", Reach.COUNTRY),
    "/outreach/calls/<uuid:uid>/": Place("calls", Reach.COUNTRY),
    "/outreach/missions/<uuid:uid>/": Place("mission-reports", Reach.COUNTRY),
    "/outreach/letters/<uuid:uid>/": Place("letters", Reach.COUNTRY),
    "/outreach/letter-documents/<uuid:uid>/": Place("letter-documents", Reach.COUNTRY),
    "/outreach/dropbox/<uuid:uid>/": Place("dropped-mail", Reach.OWNER),
    "/outreach/dropbox/files/<uuid:uid>/": Place("dropped-files", Reach.OWNER),
    "/outreach/dropbox/addresses/<uuid:uid>/": Place("own-addresses", Reach.OWNER),
    "/profile/calendars/<uuid:uid>/": Place("calendar-feeds", Reach.OWNER),
    "/outreach/quiet/<uuid:uid>/": Place("quiet-dates", Reach.COUNTRY),
    "/outreach/away/<uuid:uid>/": Place("absences", Reach.ALL),
    "/pages/<uuid:uid>/": Place("public-pages", Reach.DRIVE),
    "/forms/<uuid:uid>/": Place("forms", Reach.CAMPAIGN, {"key": "need"}),
    "/forms/answers/<uuid:uid>/": Place("submissions", Reach.DRIVE),
    "/networks/<uuid:uid>/": Place("networks", Reach.CAMPAIGN),
    "/networks/wishes/<uuid:uid>/": Place("change-wishes", Reach.COUNTRY, {"do": "accept"}),
    "/networks/applications/<uuid:uid>/": Place("applications", Reach.DRIVE),
    "/networks/members/<uuid:uid>/": Place("network-members", Reach.DRIVE),
    "/networks/representatives/<uuid:uid>/": Place("network-representatives", Reach.DRIVE, {"do": "accept"}),
    "/events/<uuid:uid>/": Place(
        "campaign-events", Reach.DRIVE, {"purpose": "reminder", "what": "remind", "kind": "invitation"}
    ),
    "/events/delegations/<uuid:uid>/": Place("event-delegations", Reach.DRIVE),
    "/events/nominations/<uuid:uid>/": Place(
        "event-nominations", Reach.DRIVE, {"do": "withdraw", "kind": "invitation"}
    ),
    "/events/nominators/<uuid:uid>/": Place("event-nominators", Reach.DRIVE, {"do": "revoke"}),
    "/events/steps/<uuid:uid>/": Place("event-delegate-steps", Reach.DRIVE),
    "/events/invitations/<uuid:uid>/": Place("event-invitations", Reach.DRIVE),
    "/events/sign-ups/<uuid:uid>/": Place("event-sign-ups", Reach.DRIVE),
    "/events/people/<uuid:uid>/": Place("event-registrations", Reach.DRIVE),
    "/activity/entries/<uuid:uid>/": Place("entries", Reach.COUNTRY),
    "/activity/users/<uuid:uid>/": Place("users", Reach.ALL),
    "/activity/<slug:kind>/<uuid:uid>/": Place("people", Reach.COUNTRY, {"kind": "person"}),
    "/undo/<uuid:uid>/": Place("own-entries", Reach.OWNER),
    "/jobs/<uuid:uid>/": Place("jobs", Reach.OWNER),
    "/exports/<uuid:uid>/": Place("exports", Reach.OWNER),
    "/views/<uuid:uid>/": Place("views", Reach.OWNER),
    "/tokens/<uuid:uid>/": Place("tokens", Reach.OWNER),
    "/settings/users/<uuid:uid>/": Place("users", Reach.ADMIN, {"grant_id": "1"}),
    "/settings/users/invitations/<uuid:uid>/": Place("invitations", Reach.ADMIN),
    "/settings/constituencies/<uuid:uid>/": Place("constituencies", Reach.ADMIN),
    "/settings/tags/<uuid:uid>/": Place("tags", Reach.ADMIN),
    "/settings/topics/<uuid:uid>/": Place("topics", Reach.ADMIN),
    "/settings/forms-of-address/<uuid:uid>/": Place("forms-of-address", Reach.ADMIN),
    "/settings/senders/<uuid:uid>/": Place("senders", Reach.ADMIN),
    "/settings/transports/<uuid:uid>/": Place("transports", Reach.ADMIN),
    "/settings/returned-mail/inboxes/<uuid:uid>/": Place("inboxes", Reach.ADMIN),
    "/settings/sign-in/<slug:kind>/<uuid:uid>/": Place("inboxes", Reach.ADMIN, {"kind": "inbox"}),
    "/settings/recipient-limits/<uuid:uid>/": Place("recipient-limits", Reach.ADMIN),
    "/settings/services/<uuid:uid>/": Place("services", Reach.ADMIN),
    "/settings/services/new/<slug:code>/": Place("services", Reach.ADMIN, {"code": "postmark"}),
    "/services/<uuid:uid>/": Place("services", Reach.ADMIN),
}
# routes with arguments that name no row of ours
NO_ROWS = {
    "components_toast": "a level of messages, on the page of components",
    "session_end": "ends one's own only, and a session that is gone is as wished: tests/crm/accounts/test_sessions.py",
}


def place_of(path: str) -> Place | None:
    """`path` as in the resolver, with its arguments."""
    fits = [beginning for beginning in PLACES if path.startswith(beginning)]
    return PLACES[max(fits, key=len)] if fits else None


_BY_TOKEN = {
    "sign_in": "token", "token_service": "other", "token_url": "https://login.example.org/token", "client_id": "us",
    "consent_url": "https://login.example.org/authorize",
}  # fmt: skip


@dataclass
class Placed:
    """Rows for every place: `uids`, by the names in `PLACES`."""

    uids: dict[str, str]

    def path(self, path: str) -> str:
        """The resolver's path with this world's row in it."""
        place = place_of(path)
        assert place is not None, f"{path}: say in PLACES what stands there"
        given = {"uid": self.uids[place.rows], "attachment": self.uids["attachments"], **place.more}
        return ARGUMENT.sub(lambda found: given[found[1]], path)


def place_rows(owner: User, *, country: str) -> Placed:
    """A world of one country and one campaign, with everything that `owner` could have made in it."""
    uids = dict(make_world(owner, country=country).uids)
    person, topic = Person.objects.get(uid=uids["people"]), Topic.objects.get(uid=uids["topics"])
    to_ask = make.ContactPointFactory(person=make.PersonFactory(country__code=country)).person
    gone = make.PersonFactory(country__code=country)
    rows: dict[str, Any] = {
        "requests": ask_permission(subject=to_ask, topic=topic, source="a test", actor=owner),
        "data-exports": request_data(person=person, actor=_anybody()),
        "inboxes": Inbox.objects.create(
            name=f"Bounces {country}", host="127.0.0.1", port=9, user="bounces", **_BY_TOKEN
        ),
        "replies": _with_party(
            Interaction.objects.create(kind="reply", person=person, at=timezone.now(), subject="Yes")
        ),
        "interactions": log_interaction(actor=_anybody(), kind="call", people=[person]).interaction,
        "tasks": add_task(actor=_anybody(), title="Call", due_on=timezone.localdate(), person=person),
        "absences": _absence(),
        "rounds": (call := _call(person)).round,
        "calls": call,
        "applications": make.ApplicationFactory(
            network=Network.objects.get(uid=uids["networks"]), country__code=country
        ),
        "commitment-offers": _offer(uids),
        "change-wishes": ChangeWish.objects.create(
            organization=make.OrganizationFactory(country__code=country), values={"acronym": "U"}
        ),
        "quiet-dates": QuietDates.objects.create(
            organization=make.OrganizationFactory(country__code=country), starts_on="2027-03-01", ends_on="2027-03-02"
        ),
        "services": make.TransportFactory(kind="service", service="postmark", service_settings='{"server_token": "t"}'),
        "users": owner,
        "recipient-limits": RecipientLimit.objects.create(domain=f"{country.lower()}.ministry.eu", per_minute=5),
        "entries": record(verb="person.edited", target=person, actor=owner),
    }
    letter = Letter.objects.get(uid=uids["letters"])
    scan = SimpleUploadedFile("scan-of-place.txt", b"Dear all\n", "text/plain")
    rows["letter-documents"] = add_document(letter=letter, actor=_anybody(), upload=scan)
    promise = Commitment.objects.get(uid=uids["commitments"])
    rows["milestones"] = Milestone.objects.create(commitment=promise, text="Another draft", due_on=promise.due_on)
    rows["updates"] = CommitmentUpdate.objects.create(
        commitment=promise, progress="on_track", received_at=timezone.now()
    )
    rows |= _results(Drive.objects.get(uid=uids["drives"]))
    Erasure.objects.create(person_uid=gone.uid, uids=[gone.uid], reason="request")
    return Placed(
        {
            **uids,
            "erased": str(gone.uid),
            **{n: str(r.uid) for n, r in rows.items()},
            **belongings(owner, country=country),
        }
    )


def _results(drive: Drive) -> dict[str, Any]:
    """What the drive is to change, what was measured, and its report as it stood."""
    actual = make.ActualFactory(
        period__indicator__result__drive=drive, period__indicator__result__campaign=drive.campaign
    )
    scope = Scope(drive.campaign, drive, drive.starts_on, drive.ends_on, _anybody())
    return {
        "results": actual.period.indicator.result,
        "indicators": actual.period.indicator,
        "actuals": actual,
        "snapshots": freeze(actor=_anybody(), scope=scope, title="Half a year"),
    }


def belongings(owner: User, *, country: str = "ZM") -> dict[str, str]:
    """What only its owner (and whoever may see all) is shown."""
    run = SubscriptionRun.objects.create(
        topic=make.TopicFactory(), subject_kind="person", way="record", lawful_basis="consent",
        source="a test", evidence="minutes", label="3 people", owner=owner,
    )  # fmt: skip
    rows: dict[str, Any] = {
        "imports": upload_import(file=SimpleUploadedFile("people.csv", b"name\nA\n"), actor=owner),
        "subscriptions": run,
        "jobs": Job.objects.create(kind="import.check", title="A job", owner=owner),
        "views": save_view(actor=owner, source="people", name=f"View {country}"),
        "exports": request_export(actor=_anybody(), source="people"),
        "tokens": make.ApiTokenFactory(user=owner),
        "own-entries": record(verb="segment.edited", target=make.SegmentFactory(owner=owner), actor=owner),
        "segments": _segment(owner),
        "lists": make.ContactListFactory(owner=owner),
        "calendar-feeds": CalendarFeed.objects.create(user=owner, drive=make.DriveFactory(), made_at=timezone.now()),
        "dropped-mail": (mail := _dropped(owner)),
        "dropped-files": DroppedFile.objects.create(
            mail=mail, file=store(b"Yes.", media_type="text/plain"), name="a.txt"
        ),
        "own-addresses": OwnAddress.objects.create(
            user=owner, address=f"o{country}@post.net", address_key=f"o{country}@post.net", asked_at=timezone.now()
        ),
    }
    type(rows["exports"]).objects.filter(pk=rows["exports"].pk).update(owner=owner)
    return {name: str(row.uid) for name, row in rows.items()}


def _segment(owner: User) -> Segment:
    segment: Segment = make.SegmentFactory(owner=owner)
    SegmentVersion.objects.create(segment=segment, version=1, tree=segment.tree, saved_by=owner)
    return segment


def _dropped(owner: User) -> DroppedMail:
    now = timezone.now()
    box = Dropbox.objects.create(user=owner, made_at=now, revoked_at=now)
    return DroppedMail.objects.create(
        dropbox=box, user=owner, thread=new_uid(), at=now, subject="Yes", why="Nobody is known."
    )


def _with_party(reply: Interaction) -> Interaction:
    Party.objects.create(interaction=reply, person=reply.person, at=reply.at, is_two_way=True)
    return reply


def _offer(uids: dict[str, str]) -> CommitmentOffer:
    promise = Commitment.objects.get(uid=uids["commitments"])
    return CommitmentOffer.objects.create(
        organization=promise.organization, campaign=promise.drive.campaign, text="A plan", due_on=promise.due_on
    )


def _call(person: Person) -> CallLine:
    return CallLine.objects.create(round=CallRound.objects.create(name="Round", owner=_anybody()), person=person)


def _absence() -> Absence:
    today = timezone.localdate()
    return add_absence(actor=_anybody(), user=_anybody(), deputy=_anybody(), starts_on=today, ends_on=today)


def _anybody() -> User:
    """Somebody who may do all, for what `owner`'s role could not make."""
    user: User = make.UserFactory()
    make.GrantFactory(user=user, role="admin")
    return user
