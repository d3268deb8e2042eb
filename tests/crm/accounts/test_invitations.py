"""The way in: by invitation, once, for one address."""

import re
from datetime import timedelta

import pytest
from django.core import mail
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.accounts import services
from crm.accounts.models import Grant, Invitation, User
from crm.accounts.rules import Role
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid
from tests.factories import GrantFactory, UserFactory

PASSWORD = "a long sentence to remember"


def invite_by_screen(client: Client, **data: object) -> str:
    form = {"email": "amina@example.org", "name": "Amina Warsame", "role": "outreach", **data}
    response = client.post("/settings/users/invite/", form)
    assert response.status_code == 200
    return re.search(r"/invitation/[\w-]+/", response.content.decode())[0]  # type: ignore[index]


def test_invited_person_joins_with_the_grant_and_is_signed_in(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    link = invite_by_screen(sign_in(admin))
    visitor = Client()

    page = visitor.get(link)
    response = visitor.post(link, {"name": "Amina W.", "time_zone": "Africa/Mogadishu", "password": PASSWORD})

    assert page.status_code == 200
    assert response.headers["Location"] == "/"
    user = User.objects.get(email="amina@example.org")
    assert (user.name, user.time_zone) == ("Amina W.", "Africa/Mogadishu")
    assert [grant.role for grant in user.grant_rows] == ["outreach"]
    assert visitor.get("/profile/").status_code == 200
    assert link in mail.outbox[0].body
    assert list(AuditEntry.objects.values_list("verb", flat=True)) == ["invitation.sent", "user.joined"]


def test_opening_the_link_changes_nothing(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    link = invite_by_screen(sign_in(admin))

    Client().get(link)

    assert not User.objects.filter(email="amina@example.org").exists()
    assert Invitation.objects.get().accepted_at is None


def test_link_works_once(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    link = invite_by_screen(sign_in(admin))
    data = {"name": "Amina", "time_zone": "UTC", "password": PASSWORD}
    Client().post(link, data)

    again = Client().post(link, data)

    assert again.status_code == 410
    assert User.objects.filter(email="amina@example.org").count() == 1


def test_weak_password_is_refused_and_what_was_typed_stays(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    link = invite_by_screen(sign_in(admin))

    response = Client().post(link, {"name": "Amina Typed", "time_zone": "Africa/Mogadishu", "password": "password"})

    assert response.status_code == 422
    assert "Amina Typed" in response.content.decode()
    assert User.objects.count() == 1


@pytest.mark.parametrize("how", ["expired", "revoked"])
def test_old_or_revoked_link_says_what_to_do(admin: User, sign_in, how: str) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(admin)
    link = invite_by_screen(client)
    invitation = Invitation.objects.get()
    if how == "expired":
        Invitation.objects.update(expires_at=timezone.now() - timedelta(minutes=1))
    else:
        client.post(f"/settings/users/invitations/{invitation.uid}/revoke/")

    response = Client().get(link)

    assert response.status_code == 410
    assert "Ask whoever invited you for a new one" in response.content.decode()


def test_second_invitation_to_the_same_address_is_refused(admin: User) -> None:
    services.invite(email="a@example.org", name="A", role=Role.VIEWER, actor=admin)

    with pytest.raises(Invalid, match="open invitation already"):
        services.invite(email="A@example.org", name="A", role=Role.ADMIN, actor=admin)

    assert Invitation.objects.count() == 1


def test_mail_server_down_shows_the_link_instead(admin: User, sign_in, settings) -> None:  # type: ignore[no-untyped-def]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1

    response = sign_in(admin).post("/settings/users/invite/", {"email": "b@example.org", "name": "B", "role": "viewer"})

    text = response.content.decode()
    assert "The mail server does not answer" in text
    assert "/invitation/" in text


def test_sign_up_is_closed(db: None) -> None:
    response = Client().post(
        "/accounts/signup/", {"email": "x@example.org", "password1": PASSWORD, "password2": PASSWORD}
    )

    assert response.status_code in {200, 404}
    assert not User.objects.exists()


def test_last_administrator_stays(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    grant = Grant.objects.get(user=admin)

    with pytest.raises(Conflict, match="Somebody must remain administrator"):
        services.remove_grant(grant=grant, actor=admin)
    with pytest.raises(Conflict, match="Somebody must remain administrator"):
        services.set_active(user=admin, is_active=False, actor=admin)

    admin.refresh_from_db()
    assert admin.is_active
    assert Grant.objects.filter(user=admin).count() == 1


def test_deactivated_person_is_out_at_once(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    member = UserFactory()
    GrantFactory(user=member, role=Role.VIEWER)
    client = sign_in(member)
    assert client.get("/profile/").status_code == 200

    sign_in(admin).post(f"/settings/users/{member.uid}/activate/", {"is_active": "false"})

    assert client.get("/profile/").status_code == 302


def test_sign_in_by_email(db: None) -> None:
    UserFactory(email="ana@example.org")
    client = Client()

    response = client.post("/accounts/login/", {"login": "Ana@Example.org", "password": "password"})

    assert response.headers["Location"] == "/"
    assert client.get("/profile/").status_code == 200


def test_user_list_asks_the_same_number_of_queries_for_more_people(admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(admin)
    client.get("/settings/users/")  # what is cached once is cached

    with CaptureQueriesContext(connection) as alone:
        client.get("/settings/users/")
    for _ in range(3):
        GrantFactory(role=Role.VIEWER)
    with CaptureQueriesContext(connection) as together:
        response = client.get("/settings/users/")

    assert response.content.decode().count("user") > 4
    assert len(together) == len(alone)


def test_first_administrator_comes_in_by_command(db: None, capsys: pytest.CaptureFixture[str]) -> None:
    call_command("invite", "first@example.org")
    path = "/" + capsys.readouterr().out.strip().split("/", 3)[3]

    response = Client().post(path, {"name": "First", "time_zone": "UTC", "password": PASSWORD})

    assert response.headers["Location"] == "/"
    assert Grant.objects.get().role == "admin"
    assert AuditEntry.objects.get(verb="invitation.sent").door == "command"
