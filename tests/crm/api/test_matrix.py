"""Role × route: what each role may do over the API. Rows out of a grant's scope are test_row_scope.py."""

import json
from typing import Any

import pytest

from contacts.importing.models import ImportRun
from crm.accounts.rules import TABLE, TOKEN, Action, Role
from crm.api.docs import build
from crm.api.registry import sections
from crm.api.scopes import SCOPES, actions_of
from tests.crm.accounts.test_routes import ROUTES, rule_of
from tests.crm.api.bodies import filled
from tests.crm.api.client import Api
from tests.crm.api.world import World, make_world
from tests.factories import ApiTokenFactory, CampaignFactory, GrantFactory, UserFactory

NOWHERE = "01890000-0000-7000-8000-000000000000"
# who needs what, beyond reading; whatever is not here needs SEE
ACTIONS = {f"{method.upper()} {path}": op for path, ops in build()["paths"].items() for method, op in ops.items()}


def needed(operation: dict[str, Any]) -> set[Action]:
    """The actions that the schema says are needed (`x-scopes` are those of the view's rule)."""
    return {action for scope in operation["x-scopes"] for action in SCOPES[scope].actions}


def views() -> list[tuple[str, str, tuple[Action, ...]]]:
    """(method, path, needed) of every operation, from the views themselves."""
    found = []
    for path, route in ROUTES:
        if rule_of(route) != TOKEN or not path.startswith("/api/v1/") or route.name == "api_nothing":
            continue
        view = route.callback.cls  # type: ignore[union-attr]
        for method, action in route.callback.actions.items():  # type: ignore[union-attr]
            found.append((method.upper(), path, view.needs.get(action, (Action.SEE,))))
    return found


VIEWS = views()


def test_every_served_operation_is_in_the_schema_and_the_other_way_round() -> None:
    def plain(path: str) -> str:
        path = path.replace("/variants/XX", "/variants/{language}").replace(
            f"/attachments/{NOWHERE}", "/attachments/{attachment}"
        )
        return path.replace(NOWHERE, "{uid}")

    assert sorted((method, plain(path)) for method, path, _needed in VIEWS if method != "HEAD") == sorted(
        tuple(label.split(" ")) for label in ACTIONS
    )


@pytest.mark.parametrize("role", Role.values)
def test_role_reaches_exactly_what_the_table_gives_it(db: None, role: str) -> None:
    user = UserFactory()
    GrantFactory(user=user, role=role)
    api = Api(ApiTokenFactory(user=user))

    wrong = []
    for method, path, wanted in VIEWS:
        if method == "HEAD":
            continue
        allowed = bool(set(wanted) & TABLE[Role(role)])
        status = api(method, path, None if method in {"GET", "DELETE"} else {}).status_code
        if allowed == (status == 403) or status >= 500:
            wrong.append(f"{method} {path} answered {status}, allowed={allowed}")

    assert wrong == []


def test_scopes_take_away_what_the_role_would_allow(db: None) -> None:
    user = UserFactory()
    GrantFactory(user=user, role="admin")
    api = Api(ApiTokenFactory(user=user, scopes=["read"]))

    wrong = []
    for method, path, wanted in VIEWS:
        if method == "HEAD":
            continue
        response = api(method, path, None if method in {"GET", "DELETE"} else {})
        allowed = bool(set(wanted) & actions_of(["read"]))
        if allowed == (response.status_code == 403):
            wrong.append(f"{method} {path} answered {response.status_code}")
        if response.status_code == 403:
            assert response.json()["code"] == "scope_missing"
            assert response.json()["needed_scopes"]

    assert wrong == []


def test_without_a_token_and_without_a_grant_there_is_nothing(db: None, outsider) -> None:  # type: ignore[no-untyped-def]
    from django.test import Client

    api = Api(ApiTokenFactory(user=outsider))

    for method, path, _wanted in VIEWS:
        if method == "HEAD":
            continue
        nobody = getattr(Client(), method.lower())(path)
        assert (nobody.status_code, nobody.headers["Content-Type"]) == (401, "application/problem+json"), path
        assert nobody.headers["WWW-Authenticate"].startswith("Bearer")
        assert api(method, path).status_code == 403, path


@pytest.fixture
def worlds(db: None, folder) -> tuple[World, World]:  # type: ignore[no-untyped-def]
    owner = UserFactory()
    GrantFactory(user=owner, role="admin")
    return make_world(owner, country="ZM"), make_world(owner, country="TD")


def test_streams_have_rows_of_ones_own_countries(worlds: tuple[World, World]) -> None:
    """Their rows have no address; whose they are is said in them."""
    home, away = worlds
    user = UserFactory()
    GrantFactory(user=user, role="viewer", is_everywhere=False, countries=["ZM"])
    api = Api(ApiTokenFactory(user=user))

    for path in ("/deliveries", "/feedback", "/engagement"):
        text = api.get(path).content.decode()
        assert away.uids["reports"] not in text
        assert away.uids["people"] not in text
    assert [row["person"] for row in api.get("/deliveries").json()["data"]] == [home.uids["people"]]


# what a request needs before its row is looked at
BODIES = {"PATCH /api/v1/imports/{uid}": {"mapping": {"0": "name"}}}


def test_what_says_if_match_changes_nothing_that_changed_since(worlds: tuple[World, World]) -> None:
    """A client that read something else is told so by every operation that promises it, and nothing is done."""
    home, _away = worlds
    api = Api(ApiTokenFactory(user=ImportRun.objects.get(uid=home.uids["imports"]).owner))
    promised = [
        label for label, op in ACTIONS.items() if any(p["name"] == "If-Match" for p in op.get("parameters", []))
    ]

    wrong = []
    for label in promised:
        method, path = label.split(" ")
        kind = path.split("/")[3]
        url = filled(path.removeprefix("/api/v1"), home.uids[kind], home)
        body = None if method == "DELETE" else BODIES.get(label, {})
        answer = api(method, url, body, If_Match='"another"')
        if answer.status_code == 404 and kind in {
            "imports",
            "absences",
            "calendar-feeds",
        }:  # they belong to who made them
            continue
        if answer.status_code != 412:
            wrong.append(f"{label} answered {answer.status_code}")

    assert wrong == [] and len(promised) > 35


@pytest.mark.parametrize(
    "path", ["/people", "/people?segment={segment}", "/segments/{segment}/members", "/lists/{list}/members"]
)
def test_members_are_narrowed_to_the_countries(worlds: tuple[World, World], path: str) -> None:
    home, away = worlds
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    api = Api(ApiTokenFactory(user=user))

    for world in worlds:
        found = api.get(path.format(segment=world.uids["segments"], list=world.uids["lists"])).json()["data"]
        assert away.uids["people"] not in [row["uid"] for row in found]


def test_grant_for_one_campaign_reaches_its_mailings_only(worlds: tuple[World, World]) -> None:
    from campaigns.planning.models import Campaign

    home, away = worlds
    user = UserFactory()
    campaign = Campaign.objects.get(uid=home.uids["campaigns"])
    GrantFactory(user=user, role="editor", is_everywhere=False, campaigns=[campaign.uid])
    api = Api(ApiTokenFactory(user=user))

    assert [row["uid"] for row in api.get("/campaigns").json()["data"]] == [home.uids["campaigns"]]
    assert away.uids["mailings"] not in json.dumps(api.get("/mailings").json())
    api.get(f"/mailings/{away.uids['mailings']}", status=404)
    api("POST", f"/mailings/{away.uids['mailings']}/ask-review", {}, status=404)
    CampaignFactory()
    assert len(api.get("/campaigns").json()["data"]) == 1


def test_sections_are_told_and_hold_everything() -> None:
    tags = {operation["tags"][0] for operation in ACTIONS.values()}

    assert tags == {section.name for section in sections()}
