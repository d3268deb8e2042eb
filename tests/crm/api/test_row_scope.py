"""Every operation of the API, for rows out of a grant's scope: they do not exist, whether the path names them or the body does.

Which rows a collection has, and what hides them, is said in `REACH`: a new collection fails until it is, and its operations are
walked from then on. The same for pages is tests/crm/accounts/test_row_scope.py.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import LazySettings
from django.db import transaction

from campaigns.planning.models import Drive
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.accounts.rules import TABLE, Action, Role
from tests.crm.accounts.places import HIDDEN, Reach
from tests.crm.api import bodies
from tests.crm.api.client import BASE, Api
from tests.crm.api.test_matrix import NOWHERE, VIEWS
from tests.crm.api.world import World, make_world
from tests.factories import ApiTokenFactory, GrantFactory, UserFactory

READER = "viewer"
LIMITED = [role for role in Role.values if role != "admin"]  # an administrator is one everywhere, by constraint
COUNTRY, DRIVE, CAMPAIGN, OWNER, ALL = Reach.COUNTRY, Reach.DRIVE, Reach.CAMPAIGN, Reach.OWNER, Reach.ALL
REACH = {
    "absences": ALL, "activities": DRIVE, "actuals": DRIVE, "asks": DRIVE, "calendar-feeds": OWNER, "call-lines": COUNTRY,
    "call-rounds": COUNTRY, "campaign-events": DRIVE, "campaigns": CAMPAIGN, "change-wishes": COUNTRY, "commitment-offers": DRIVE,
    "commitment-updates": DRIVE, "commitments": DRIVE, "contact-guards": COUNTRY, "contact-points": COUNTRY, "drives": DRIVE,
    "dropped-mail": OWNER, "event-compositions": DRIVE, "event-delegate-steps": DRIVE, "event-delegations": DRIVE,
    "event-invitations": DRIVE, "event-nominations": DRIVE, "event-nominators": DRIVE, "event-registrations": DRIVE,
    "event-sign-ups": DRIVE, "forms": CAMPAIGN, "guard-overrides": COUNTRY, "import-mappings": OWNER, "imports": OWNER, "interaction-files": COUNTRY,
    "interactions": COUNTRY, "jobs": OWNER, "letter-documents": COUNTRY, "letters": COUNTRY, "lists": ALL, "mailings": DRIVE,
    "meeting-briefs": COUNTRY, "memberships": COUNTRY, "mission-reports": COUNTRY, "network-applications": DRIVE,
    "network-members": DRIVE, "network-representatives": DRIVE, "networks": CAMPAIGN, "objectives": DRIVE, "organizations": COUNTRY,
    "people": COUNTRY, "policy-windows": COUNTRY, "position-steps": DRIVE, "positions": DRIVE, "posts": COUNTRY, "powers": DRIVE,
    "public-pages": DRIVE, "quiet-dates": COUNTRY, "report-snapshots": DRIVE, "result-indicators": DRIVE, "results": DRIVE,
    "segments": ALL, "submissions": DRIVE, "tasks": COUNTRY, "team-members": DRIVE, "topics": ALL,
    # what bodies point to besides
    "archived-segments": ALL, "answers": COUNTRY, "attachments": DRIVE, "held-lines": COUNTRY, "milestones": DRIVE, "open-nominations": DRIVE,
    "periods": DRIVE, "pillars": CAMPAIGN,
    "reports": DRIVE, "senders": ALL, "transports": ALL, "users": ALL, "free-posts": COUNTRY, "free-events": DRIVE,
}  # fmt: skip
# lists whose rows have no address of their own
ROWLESS = {
    "constituencies", "countries", "deliveries", "drive-templates", "engagement", "events", "feedback", "me", "outreach-queue",
    "personal-messages", "segment-fields", "senders", "suppressions", "tags", "transports", "weekly-digest",
}  # fmt: skip
# in a drive that one sees, what is the whole drive's: seen by whoever sees the drive
OF_THE_DRIVE = {
    "activities", "asks", "campaigns", "drives", "objectives", "report-snapshots", "reports", "mailings", "team-members", "results",
    "result-indicators", "actuals", "attachments", "periods", "pillars", "free-events",
}  # fmt: skip
# a row that is out of scope changes nothing here, and is not refused either
TAKEN = {
    "POST /lists/{uid}/members remove.*": "who is not on it, as far as one sees, is not taken off",
    "POST /campaign-events/{uid}/check-in notes.*.seat": "each note has an answer of its own: unknown",
    "POST /mailings/{uid}/test member": "the message would leave by SMTP, which does not answer here",
}
EVERYWHERE = ("GET /events", 403)  # for whoever exports in all countries and campaigns
NEEDS = {(method, path): set(needed) for method, path, needed in VIEWS}
OPERATIONS = dict(bodies.operations())


def needs(label: str) -> set[Action]:
    method, path = label.split(" ")
    path = path.replace("{uid}", NOWHERE).replace("{attachment}", NOWHERE).replace("{language}", "XX")
    return NEEDS[method, f"{BASE}{path}"]


def collection(label: str) -> str:
    """Of which collection the row in the path is."""
    return bodies.ROWS.get(label) or label.split("/")[1]


def may(role: str, label: str) -> bool:
    return bool(needs(label) & TABLE[Role(role)])


def first(label: str) -> str:
    """The first role with limits that may do it; "" when only administrators may."""
    return next((role for role in LIMITED if may(role, label)), "")


@pytest.fixture
def owner(db: None, folder: object, settings: LazySettings) -> User:
    settings.API_RATE_PER_MINUTE = 1_000_000
    user: User = UserFactory()
    GrantFactory(user=user, role="admin")
    return user


@pytest.fixture
def worlds(owner: User) -> tuple[World, World]:
    return make_world(owner, country="ZM"), make_world(owner, country="TD")


@pytest.fixture
def in_one_drive(owner: User) -> tuple[World, World]:
    """Two countries in one drive, with one event, form, network and public page."""
    home = make_world(owner, country="ZM")
    Drive.objects.get(uid=home.uids["drives"]).countries.add(Country.objects.get_or_create(code="TD")[0])
    return home, make_world(owner, country="TD", within=home)


def limited(home: World, role: str, limit: str = "country") -> Api:
    user = UserFactory()
    scope = {"countries": ["ZM"]} if limit == "country" else {"campaigns": [home.uids["campaigns"]]}
    GrantFactory(user=user, role=role, is_everywhere=False, **scope)
    return Api(ApiTokenFactory(user=user))


def ask(api: Api, label: str, world: World, body: Any = None) -> tuple[int, str]:
    """(status, what was answered) of an operation on the world's row; whatever it did is taken back."""
    operation = OPERATIONS[label]
    method, address = bodies.address_of(label, world)
    body = bodies.body_of(label, operation, world) if body is None else body
    with transaction.atomic():
        if method == "POST" and bodies.content_of(operation)[0] == "multipart/form-data":
            answer = api.client.post(f"{BASE}{address}", body)
        else:
            answer = api(method, address, body)
        content = b"".join(answer.streaming_content) if answer.streaming else answer.content
        transaction.set_rollback(True)
    return answer.status_code, content.decode(errors="replace")


def test_every_collection_says_what_hides_its_rows() -> None:
    named = {label.split("/")[1] for label in OPERATIONS}
    with_rows = {label.split("/")[1] for label in OPERATIONS if "{uid}" in label}

    assert with_rows - set(REACH) == set(), "say in REACH who sees them"
    assert named - set(REACH) == ROWLESS - set(REACH)
    assert {bodies.collection_of(path) for _label, path in references()} - set(REACH) == {""}


@pytest.mark.parametrize("limit", HIDDEN)
def test_rows_out_of_scope_do_not_exist(worlds: tuple[World, World], limit: str) -> None:
    """Every operation by the first role that may, and what a viewer reads by a viewer too."""
    home, away = worlds
    wrong = []
    for role in LIMITED:
        api = limited(home, role, limit)
        for label in OPERATIONS:
            is_hidden = "{uid}" in label and REACH[collection(label)] in HIDDEN[limit]
            if is_hidden and role in {first(label), READER} and may(role, label):
                status, _text = ask(api, label, away)
                if status != 404:
                    wrong.append(f"{role} {label}: {status}")

    assert wrong == []


@pytest.mark.parametrize("limit", HIDDEN)
def test_lists_have_ones_own_rows_alone(worlds: tuple[World, World], limit: str) -> None:
    home, away = worlds
    hidden = {name: uid for name, uid in away.uids.items() if REACH.get(name) in HIDDEN[limit]}
    wrong = []
    for role in ("planner", READER):
        api = limited(home, role, limit)
        for label in OPERATIONS:
            if not label.startswith("GET") or "{uid}" in label or not may(role, label):
                continue
            status, text = ask(api, label, home)
            status = 200 if (label, status) == EVERYWHERE else status
            found = [name for name, uid in hidden.items() if uid in text]
            own = home.uids.get(collection(label))
            if status != 200 or found or own and REACH[collection(label)] is not OWNER and own not in text:
                wrong.append(f"{role} {label}: {status}, shows {found}")

    assert wrong == []


def test_rows_in_scope_are_there(worlds: tuple[World, World], owner: User) -> None:
    """Else the 404 of the others would say nothing. Each operation once, with the first role that may."""
    home, _away = worlds
    tokens = {role: limited(home, role) for role in LIMITED} | {"": Api(ApiTokenFactory(user=owner))}
    wrong = []
    for label in OPERATIONS:
        mine = REACH.get(collection(label)) is OWNER or collection(label) in {"held-lines", "events"}
        status, text = ask(tokens["" if mine else first(label)], label, home)
        if status not in {200, 201, 202, 204} and label not in bodies.REFUSED:
            wrong.append(f"{label}: {status} {text[:300]}")

    assert wrong == []


def references() -> Iterator[tuple[str, tuple[str, ...]]]:
    """(operation, place in its body) of every id that a body may have."""
    for label, operation in OPERATIONS.items():
        content = bodies.content_of(operation)[1]
        for path in sorted(set(bodies.references(content["schema"]) if content else ())):
            yield label, path


@pytest.mark.parametrize("limit", HIDDEN)
def test_rows_out_of_scope_cannot_be_pointed_to(worlds: tuple[World, World], limit: str) -> None:
    """A body that is taken with rows of one's own is refused with one of somebody else's in it."""
    home, away = worlds
    tokens = {role: limited(home, role, limit) for role in LIMITED}
    wrong = []
    for label, path in references():
        name = bodies.collection_of(path)
        place = f"{label} {'.'.join(path)}"
        if not first(label) or not name or REACH[name] not in HIDDEN[limit] or place in TAKEN:
            continue
        status, text = with_reference(tokens[first(label)], label, home, path, away.uids[name])
        if status not in {403, 404, 409, 422}:
            wrong.append(f"{place}: {status} {text[:200]}")

    assert wrong == []


@pytest.mark.parametrize("limit", HIDDEN)
def test_rows_out_of_scope_cannot_be_asked_about(worlds: tuple[World, World], limit: str) -> None:
    """Nor does a row that a query names exist for who may not see it."""
    home, away = worlds
    wrong, asked = [], []
    for label, query in bodies.QUERIES.items():
        hidden = [name for name in bodies.NAMED.findall(query) if REACH[name] in HIDDEN[limit]]
        for name in hidden:
            asked.append(label)
            mixed = World({**home.uids, name: away.uids[name]}, home.country)
            status, text = ask(limited(home, first(label), limit), label, mixed)
            if status not in {400, 404}:
                wrong.append(f"{label} {name}: {status} {text[:200]}")

    assert wrong == [] and (limit != "country" or asked)


def with_reference(api: Api, label: str, home: World, path: tuple[str, ...], uid: str) -> tuple[int, str]:
    body = bodies.body_of(label, OPERATIONS[label], home)
    return ask(api, label, home, bodies.put(body, path, uid))


def test_what_is_another_countrys_in_a_shared_drive_does_not_exist(in_one_drive: tuple[World, World]) -> None:
    """Whoever sees a drive sees what is the drive's, and of what is its institutions' and people's only that of their own countries."""
    home, away = in_one_drive
    own = {
        name: uid
        for name, uid in away.uids.items()
        if REACH.get(name) in HIDDEN["country"] and name not in OF_THE_DRIVE and uid != home.uids[name]
    }
    wrong = []
    for role in ("planner", READER):
        api = limited(home, role)
        for label in OPERATIONS:
            if not may(role, label):
                continue
            if label.startswith("GET") and (role == READER or not may(READER, label)):
                text = ask(api, label, home)[1]
                found = [name for name, uid in own.items() if uid in text]
                if found:
                    wrong.append(f"{role} {label} shows {found}")
            if "{uid}" in label and collection(label) in own and role == first(label):
                status, text = ask(api, label, away)
                if status != 404:
                    wrong.append(f"{role} {label}: {status} {text[:200]}")

    assert wrong == []
