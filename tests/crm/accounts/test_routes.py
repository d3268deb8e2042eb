"""Every route, for every role: a view without a rule fails, and so does one whose rule is not kept."""

import json
import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import pytest
from django.http import HttpResponse
from django.test import Client
from django.urls import ResolverMatch, URLPattern, URLResolver, get_resolver

from crm.accounts import middleware
from crm.accounts.models import User
from crm.accounts.rules import LIBRARY_RULES, PARTNER, PARTNER_ROUTES, PUBLIC, SIGNED_IN, TABLE, TOKEN, Role
from tests.factories import GrantFactory, UserFactory

# a uid that no row has, and the same one in every worker: the tests are named by their paths
VALUES = {"uuid": "01890000-0000-7000-8000-000000000000", "int": "1", "slug": "x", "str": "XX", "path": "x"}


def patterns(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[tuple[str, URLPattern]]:
    """(path with its arguments as they are written, pattern) of every route there is."""
    for entry in (resolver or get_resolver()).url_patterns:
        path = prefix + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, path)
        elif not path.startswith("/static/"):
            yield path, entry


def sample(path: str) -> str:
    """The path with values for its arguments, of rows that there are not."""
    path = re.sub(r"<(?:(\w+):)?\w+>", lambda m: VALUES[m[1] or "str"], path)
    return re.sub(r"\(\?P<\w+>[^)]*\)", "x", path).replace("\\Z", "").replace("^", "").replace("$", "")


ROUTES = [(sample(path), route) for path, route in patterns()]


def rule_of(route: URLPattern) -> object:
    library = next((rule for prefix, rule in LIBRARY_RULES.items() if (route.name or "").startswith(prefix)), None)
    return library or getattr(route.callback, "access", None)


GUARDED = [(path, route) for path, route in ROUTES if isinstance(rule_of(route), tuple)]


@pytest.mark.parametrize("route", [route for _, route in ROUTES], ids=[path for path, _ in ROUTES])
def test_route_says_who_may_use_it(route: URLPattern) -> None:
    assert rule_of(route) is not None, f"{route.name}: decorate its view with @requires(…), @signed_in or @public"


def test_routes_are_walked_at_all() -> None:
    names = {route.name for _, route in ROUTES}
    assert {"today", "person_list", "mailing_list", "user_list", "preferences", "account_login"} <= names


@pytest.mark.parametrize("role", Role.values)
def test_role_reaches_exactly_what_the_table_gives_it(db: None, role: str) -> None:
    user = UserFactory()
    GrantFactory(user=user, role=role)
    client = Client(raise_request_exception=True)
    client.force_login(user)

    wrong = []
    for path, route in GUARDED:
        allowed = bool(set(rule_of(route)) & TABLE[Role(role)])  # type: ignore[call-overload]
        status = client.get(path).status_code
        if allowed == (status == 403) or status >= 500:
            wrong.append(f"{path} answered {status}, allowed={allowed}")

    assert wrong == []


def test_account_without_a_grant_reaches_nothing_guarded(db: None, outsider: object, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(outsider)

    statuses = {path: client.get(path).status_code for path, _ in GUARDED}

    assert {path: status for path, status in statuses.items() if status != 403} == {}


def test_visitor_is_sent_to_sign_in_everywhere_but_on_public_pages(db: None) -> None:
    client = Client()
    for path, route in ROUTES:
        rule = rule_of(route)
        if rule in {PUBLIC, TOKEN}:  # the API answers 401: tests/crm/api/test_matrix.py
            continue
        response = client.get(path)
        assert response.status_code == 302, path
        door = "/accounts/login/code/?" if rule == PARTNER else "/accounts/login/?"
        assert response.headers["Location"].startswith(door), path
        assert rule in {SIGNED_IN, PARTNER} or isinstance(rule, tuple)


def test_partner_is_refused_everywhere_but_on_partners_and_public_pages(monkeypatch, rf) -> None:  # type: ignore[no-untyped-def]
    """By what each route is, not by what its view asks: a view that forgets to ask is refused all the same."""
    refused = HttpResponse(status=403)
    monkeypatch.setattr(middleware, "render", lambda *args, **kwargs: refused)
    guard = middleware.PartnerMiddleware(lambda request: HttpResponse())
    wrong = []
    for path, route in ROUTES:
        request = rf.get(path)
        request.user = User(is_partner=True)
        request.resolver_match = ResolverMatch(route.callback, (), {}, url_name=route.name)
        library = any((route.name or "").startswith(prefix) for prefix in LIBRARY_RULES)
        may = route.name in PARTNER_ROUTES if library else rule_of(route) in {PUBLIC, PARTNER}
        if (guard.process_view(request, route.callback, (), {}) is None) != may:
            wrong.append(path)

    assert wrong == []


def test_partner_who_asks_for_staffs_pages_gets_403_and_nothing_else(db: None) -> None:
    client = Client()
    client.force_login(UserFactory(is_partner=True))

    for path in [
        "/",
        "/directory/people/",
        "/settings/users/",
        "/profile/",
        "/networks/",
        "/accounts/2fa/",
        "/accounts/password/change/",
    ]:
        assert client.get(path).status_code == 403, path
        assert client.post(path).status_code == 403, path
    assert client.get("/api/v1/people").status_code in {401, 403}


def test_staff_are_refused_on_partners_pages(db: None) -> None:
    client = Client()
    user = UserFactory()
    GrantFactory(user=user, role="admin")
    client.force_login(user)

    pages = [path for path, route in ROUTES if rule_of(route) == PARTNER]

    assert len(pages) >= 8 and {client.get(path).status_code for path in pages} == {403}


def test_visitor_with_htmx_is_told_to_leave_the_page(db: None) -> None:
    response = Client().get("/settings/users/", headers={"HX-Request": "true", "HX-Current-URL": "/settings/"})

    assert response.status_code == 204
    assert response.headers["HX-Redirect"] == "/accounts/login/?next=/settings/"


# --- a session that ended while somebody worked -----------------------------------------------------------------------
def test_form_of_an_ended_session_leads_back_to_its_page_and_says_so(db: None) -> None:
    client = Client()
    page = "/directory/people/?country=ZM"

    answer = client.post("/directory/bulk/person/", headers={"Referer": f"http://testserver{page}"})

    assert answer.status_code == 302
    place = urlsplit(answer.headers["Location"])
    assert place.path == "/accounts/login/"
    assert parse_qs(place.query) == {"next": [f"{page}#typed"], "ended": ["1"]}
    shown = client.get(answer.headers["Location"]).content.decode()
    assert "Your session had ended, so nothing was saved." in shown and f'value="{page}#typed"' in shown
    UserFactory(email="ana@example.org")
    back = client.post(
        "/accounts/login/", {"login": "ana@example.org", "password": "password", "next": f"{page}#typed"}
    )
    assert back.headers["Location"] == f"{page}#typed"


@pytest.mark.parametrize(
    "referer", ["", "https://evil.example/directory/people/", "javascript:alert(1)", "//evil.example"]
)
def test_form_from_elsewhere_leads_to_today(referer: str, db: None) -> None:
    answer = Client().post("/directory/bulk/person/", headers={"Referer": referer} if referer else {})

    assert parse_qs(urlsplit(answer.headers["Location"]).query)["next"] == ["/#typed"]


def test_form_sent_by_htmx_stays_and_says_what_to_do(db: None) -> None:
    answer = Client().post("/directory/people/new/", {"given_name": "Ada"}, headers={"HX-Request": "true"})

    assert (answer.status_code, answer.content, "HX-Redirect" in answer.headers) == (401, b"", False)
    told = json.loads(answer.headers["HX-Trigger"])
    assert "session-ended" in told and told["toast"][0]["link"] == "/accounts/login/?next=/"
    assert "What you typed is still here" in told["toast"][0]["text"]


def test_token_is_given_to_who_is_signed_in_and_to_nobody_else(db: None) -> None:
    client = Client(enforce_csrf_checks=True)
    assert (client.get("/profile/token/").status_code, client.get("/profile/token/").content) == (204, b"")
    client.force_login(UserFactory())

    answer = client.get("/profile/token/")

    assert "no-store" in answer.headers["Cache-Control"]
    token = answer.json()["token"]
    data = {"name": "Ana", "time_zone": "Africa/Lusaka", "language": "en"}
    assert client.post("/profile/", data).status_code == 403
    assert client.post("/profile/", {**data, "csrfmiddlewaretoken": token}).status_code == 302


def test_page_that_only_takes_forms_says_so_in_words(db: None) -> None:
    client = Client()
    client.force_login(admin := UserFactory())
    GrantFactory(user=admin, role="admin")

    answer = client.get("/directory/bulk/person/", headers={"Accept": "text/html,*/*"})

    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert "Go back to the page with the form" in answer.content.decode()
    assert client.get("/directory/bulk/person/", headers={"Accept": "application/json"}).content == b""
