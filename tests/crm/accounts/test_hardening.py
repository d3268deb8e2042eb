"""What the browser is told, what a host may be called, and that nobody saws off the branch they sit on."""

from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from django.utils import timezone

from crm.accounts import services
from crm.accounts.models import Grant, User
from crm.accounts.rules import Role
from crm.accounts.session_models import BrowserSession
from crm.accounts.tasks import clear_sessions
from crm.errors import Conflict
from tests.factories import GrantFactory, UserFactory


def test_pages_of_somebody_signed_in_are_private(db: None, viewer: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    page, public = sign_in(viewer).get("/profile/"), Client().get("/accounts/login/")

    assert page.headers["Cache-Control"] == "private, no-cache"
    assert "camera=()" in page.headers["Permissions-Policy"]
    assert "camera=()" in public.headers["Permissions-Policy"]
    assert page.headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert page.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize(
    "path", ["/accounts/login/", "/accounts/password/reset/", "/accounts/2fa/", "/profile/sessions/"]
)
def test_policy_allows_no_inline_script_and_pages_have_none(db: None, viewer: User, sign_in, path: str) -> None:  # type: ignore[no-untyped-def]
    response = (Client() if "2fa" not in path and "profile" not in path else sign_in(viewer)).get(path)
    words = response.content.decode()

    assert response.status_code == 200
    assert "script-src 'self';" in response.headers["Content-Security-Policy"] + ";"
    assert "<script>" not in words and " onclick=" not in words and " style=" not in words


def test_cookies_are_out_of_reach_of_scripts(db: None) -> None:
    UserFactory(email="ana@example.org")
    client = Client()
    client.get("/accounts/login/")
    client.post("/accounts/login/", {"login": "ana@example.org", "password": "password"})

    for name in ["gs_session", "gs_csrf"]:
        assert client.cookies[name]["httponly"], name
        assert client.cookies[name]["samesite"] == "Lax", name


def test_unknown_host_is_refused(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    settings.ALLOWED_HOSTS = ["groundswell.example.org"]

    assert Client(headers={"host": "evil.example.org"}).get("/accounts/login/").status_code == 400


def test_sign_in_leads_nowhere_else(db: None) -> None:
    UserFactory(email="ana@example.org")
    form = {"login": "ana@example.org", "password": "password", "next": "https://evil.example.org/"}

    assert Client().post("/accounts/login/", form).headers["Location"] == "/"


def test_nobody_changes_their_address_behind_the_administrators_back(db: None, viewer: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    response = sign_in(viewer).post("/accounts/email/", {"email": "other@example.org", "action_add": ""})

    viewer.refresh_from_db()
    assert response.headers["Location"] == "/profile/"
    assert viewer.email == "viewer@example.org"


def test_administrator_does_not_lock_themselves_out(db: None, admin: User) -> None:
    GrantFactory(role=Role.ADMIN)  # another one, so that somebody would remain

    with pytest.raises(Conflict, match="your own account"):
        services.set_active(user=admin, is_active=False, actor=admin)
    with pytest.raises(Conflict, match="your own administration"):
        services.remove_grant(grant=Grant.objects.get(user=admin), actor=admin)

    admin.refresh_from_db()
    assert admin.is_active and admin.grants.filter(role=Role.ADMIN).exists()


def test_another_administrator_may(db: None, admin: User) -> None:
    other = GrantFactory(role=Role.ADMIN)

    services.remove_grant(grant=other, actor=admin)

    assert not Grant.objects.filter(user=other.user).exists()


def test_sessions_of_a_closed_account_do_not_come_back_with_it(db: None, admin: User, viewer: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(viewer)

    services.set_active(user=viewer, is_active=False, actor=admin)
    services.set_active(user=viewer, is_active=True, actor=admin)

    assert client.get("/profile/").status_code == 302


def test_old_sessions_and_their_addresses_go(db: None, viewer: User, admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    old, new = sign_in(viewer), sign_in(admin)
    Session.objects.filter(session_key=old.session.session_key).update(
        expire_date=timezone.now() - timedelta(seconds=1)
    )

    assert (clear_sessions(), clear_sessions()) == (1, 0)
    assert [row.session_key for row in BrowserSession.objects.all()] == [new.session.session_key]
