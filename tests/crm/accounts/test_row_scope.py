"""Every page route that names an object, for every role: rows out of a grant's scope do not exist, one's own do.

What stands at a route is said in places.py by the beginning of its path, so that a new route there is walked at once; one
that stands nowhere fails. The same for the API is tests/crm/api/test_row_scope.py.
"""

from collections.abc import Iterator

import pytest
from django.db import transaction
from django.test import Client

from campaigns.planning.models import Campaign
from crm.accounts.models import User
from crm.accounts.rules import PARTNER, PUBLIC, SIGNED_IN, TABLE, TOKEN, Action, Role
from tests.crm.accounts.places import ARGUMENT, HIDDEN, NO_ROWS, Place, Placed, Reach, belongings, place_of, place_rows
from tests.crm.accounts.test_routes import patterns, rule_of
from tests.factories import GrantFactory, UserFactory

LIMITED = [role for role in Role.values if role != "admin"]  # an administrator is one everywhere, by constraint
OURS = [
    (path, route)
    for path, route in patterns()
    if ARGUMENT.search(path)
    and rule_of(route)
    not in {PARTNER, PUBLIC, TOKEN}  # those carry a signature, have a matrix of their own, or are the API's
    and not (route.name or "").startswith("mfa_")  # of one's own account; the library's
    and route.name not in NO_ROWS
]


@pytest.fixture
def worlds(db: None, folder: object) -> tuple[Placed, Placed]:
    owner = UserFactory()
    GrantFactory(user=owner, role="admin")
    return place_rows(owner, country="ZM"), place_rows(owner, country="TD")


def test_every_route_with_an_object_is_walked() -> None:
    lost = [path for path, _ in OURS if place_of(path) is None]

    assert lost == [], "say in tests/crm/accounts/places.py what stands there, and who sees it"
    assert len(OURS) > 100


def test_places_for_administrators_are_theirs_alone() -> None:
    """Whoever is everywhere needs no scope; every other route needs one."""
    for path, route in OURS:
        place = place_of(path)
        assert place is not None
        if place.reach is Reach.ADMIN:
            assert rule_of(route) == (Action.ADMINISTER,), path


@pytest.mark.parametrize("limit", HIDDEN)
def test_rows_out_of_scope_do_not_exist(worlds: tuple[Placed, Placed], limit: str) -> None:
    home, away = worlds
    wrong, seen = [], set()
    for role in LIMITED:
        client = _limited(role, limit, home)[1]
        for path, place in _routes_for(role):
            if place.reach in HIDDEN[limit]:
                found = set(_answers(client, away.path(path), is_first=path not in seen))
                seen.add(path)
                if found - {405} != {404}:
                    wrong.append(f"{role} {path}: {found}")

    assert wrong == []


def test_rows_in_scope_are_there(worlds: tuple[Placed, Placed]) -> None:
    """Else the 404 of the others would say nothing. Each route once, with the first role that may: the rest is test_routes.py."""
    home, _away = worlds
    wrong, seen = [], set()
    for role in LIMITED:
        user, client = _limited(role, "country", home)
        own = Placed({**home.uids, **belongings(user)})
        for path, _place in _routes_for(role):
            if path not in seen:
                seen.add(path)
                found = _answers(client, own.path(path), is_first=False)
                if set(found) & {403, 404, 500}:
                    wrong.append(f"{role} {path}: {found}")

    assert wrong == []
    assert len(seen) > 80


def _limited(role: str, limit: str, home: Placed) -> tuple[User, Client]:
    user = UserFactory()
    campaign = Campaign.objects.get(uid=home.uids["campaigns"])
    scope = {"countries": ["ZM"]} if limit == "country" else {"campaigns": [campaign.uid]}
    GrantFactory(user=user, role=role, is_everywhere=False, **scope)
    client = Client()
    client.force_login(user)
    return user, client


def _routes_for(role: str) -> Iterator[tuple[str, Place]]:
    """Those that the role may use with some row."""
    for path, route in OURS:
        rule, place = rule_of(route), place_of(path)
        assert place is not None
        if rule == SIGNED_IN or set(rule) & TABLE[Role(role)]:  # type: ignore[call-overload]
            yield path, place


def _answers(client: Client, path: str, *, is_first: bool) -> list[int]:
    """What reading it and posting to it answer; the second time, one of them. Whatever that did is taken back."""
    found: list[int] = []
    for method in (client.get, client.post):
        with transaction.atomic():
            response = method(path, {"language": "en"})
            if response.streaming:
                b"".join(response.streaming_content)  # closes its file
            transaction.set_rollback(True)
        found.append(response.status_code)
        if not is_first and response.status_code != 405:
            break
    return found
