"""Where one is signed in: device, address, last seen; end one, end all others."""

import time

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from crm.accounts.browser_sessions import SEEN
from crm.accounts.models import User
from crm.accounts.session_models import BrowserSession, device
from crm.audit.models import AuditEntry
from tests.factories import UserFactory

FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
SAFARI = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"


@pytest.fixture
def ana(db: None) -> User:
    cache.clear()
    return UserFactory(email="ana@example.org")


def enter(agent: str = FIREFOX, **headers: str) -> Client:
    client = Client(headers={"user-agent": agent, **headers})
    assert client.post("/accounts/login/", {"login": "ana@example.org", "password": "password"}).status_code == 302
    return client


def is_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox, Windows"),
        (SAFARI, "Safari, iPhone"),
        (FIREFOX.replace("Firefox", "Unheard"), "Windows"),
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0 Safari/537.36 Edg/140.0",
            "Edge, Linux",
        ),
        ("strange", "strange"),
        ("", "?"),
    ],
)
def test_device_in_words(agent: str, words: str) -> None:
    assert device(agent) == words


def test_list_shows_each_browser_with_its_address(ana: User, settings) -> None:  # type: ignore[no-untyped-def]
    settings.TRUSTED_HOPS = 1
    here = enter(**{"x-forwarded-for": "1.1.1.1, 198.51.100.7"})
    enter(SAFARI, **{"x-forwarded-for": "2001:db8::9"})

    page = here.get("/profile/sessions/").content.decode()

    assert "Firefox, Windows" in page and "Safari, iPhone" in page
    assert "198.51.100.7" in page and "2001:db8::9" in page
    assert "1.1.1.1" not in page
    assert page.count("this one") == 1


def test_ending_one_signs_that_browser_out_at_once_and_no_other(ana: User) -> None:
    here, there, third = enter(), enter(SAFARI), enter()
    row = BrowserSession.objects.get(agent=SAFARI)

    for _ in range(2):  # the second click finds it gone, as wished
        assert here.post(f"/profile/sessions/{row.uid}/end/").status_code == 302

    assert (is_in(here), is_in(there), is_in(third)) == (True, False, True)
    assert AuditEntry.objects.get(verb="session.ended").summary == "Signed out: Safari, iPhone"


def test_ending_all_others_leaves_this_one(ana: User) -> None:
    here, there, third = enter(), enter(SAFARI), enter()

    here.post("/profile/sessions/end-others/")

    assert (is_in(here), is_in(there), is_in(third)) == (True, False, False)
    assert BrowserSession.objects.count() == 1


def test_nobody_ends_anothers_session(ana: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    theirs = enter()
    row = BrowserSession.objects.get(user=ana)

    sign_in(UserFactory()).post(f"/profile/sessions/{row.uid}/end/")

    assert is_in(theirs)


def test_new_password_signs_all_other_browsers_out(ana: User) -> None:
    here, there = enter(), enter(SAFARI)
    new = "a long sentence to remember"

    here.post("/accounts/password/change/", {"oldpassword": "password", "password1": new, "password2": new})

    assert (is_in(here), is_in(there)) == (True, False)
    assert "this one" in here.get("/profile/sessions/").content.decode()
    assert BrowserSession.objects.count() == 1


def test_sign_in_and_new_password_change_the_session_key(ana: User) -> None:
    """Whoever planted or saw a key before has nothing after."""
    client = Client()
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"login": "ana@example.org", "password": "password"})
    first = client.cookies["gs_session"].value
    new = "a long sentence to remember"
    client.post("/accounts/password/change/", {"oldpassword": "password", "password1": new, "password2": new})

    assert client.cookies["gs_session"].value != first
    stale = Client()
    stale.cookies["gs_session"] = first
    assert not is_in(stale)


def test_signed_out_browser_is_not_listed(ana: User) -> None:
    here, there = enter(), enter(SAFARI)

    there.post("/accounts/logout/")

    assert "Safari" not in here.get("/profile/sessions/").content.decode()


def test_last_seen_is_noted_every_five_minutes_only(ana: User) -> None:
    client = enter()
    client.get("/profile/")
    with CaptureQueriesContext(connection) as soon:
        client.get("/profile/")
    session = client.session
    session[SEEN] = [session.session_key, int(time.time()) - 301]
    session.save()
    BrowserSession.objects.update(address="192.0.2.1", last_seen_at="2026-01-01T00:00Z")

    client.get("/profile/")

    assert not [query for query in soon if "browsersession" in query["sql"]]
    row = BrowserSession.objects.get()
    assert row.address == "127.0.0.1"
    assert row.last_seen_at.year == 2026 and row.last_seen_at.month != 1


def test_list_asks_the_same_for_one_and_three(ana: User) -> None:
    here = enter()
    here.get("/profile/sessions/")
    with CaptureQueriesContext(connection) as alone:
        here.get("/profile/sessions/")
    for _ in range(3):
        enter(SAFARI)
    with CaptureQueriesContext(connection) as together:
        here.get("/profile/sessions/")

    assert len(together) == len(alone)


def test_profile_keeps_the_language(ana: User) -> None:
    client = enter()

    client.post("/profile/", {"name": "Ana B.", "time_zone": "Africa/Dakar", "language": "fr"})

    ana.refresh_from_db()
    assert (ana.name, ana.time_zone, ana.language) == ("Ana B.", "Africa/Dakar", "fr")
