"""Two-step sign-in: the app, recovery codes, who must have it, and the way back for whoever lost the phone."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.core import mail
from django.core.cache import cache
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from crm.accounts import two_step
from crm.accounts.models import Grant, Installation, User
from crm.accounts.two_step_services import set_policy
from crm.audit.models import AuditEntry
from tests.factories import GrantFactory, UserFactory


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> Iterator[None]:
    cache.clear()
    yield


def confirm(client: Client) -> Client:
    """Say the password again, as a sensitive page asks for."""
    assert client.post("/accounts/reauthenticate/", {"password": "password"}).status_code == 302
    return client


def code_of(secret: str) -> str:
    """What an authenticator app shows now."""
    return format_hotp_value(hotp_value(secret, next(iter(yield_hotp_counters_from_time()))))


def set_up(client: Client) -> tuple[str, list[str]]:
    """Turn two-step on by the pages; returns the secret and the recovery codes."""
    secret = re.search(r'id="totp-secret">(\w+)<', client.get("/accounts/2fa/totp/activate/").content.decode())[1]  # type: ignore[index]
    answer = client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})
    assert answer.headers["Location"] == "/accounts/2fa/recovery-codes/"
    codes = re.findall(r"<li>(\d{8})</li>", client.get("/accounts/2fa/recovery-codes/").content.decode())
    assert len(codes) == 10
    cache.clear()  # a code works once; the test uses the same one again within its 30 seconds
    return secret, codes


def sign_in_with_password(user: User) -> Client:
    client = Client()
    client.post("/accounts/login/", {"login": user.email, "password": "password"})
    return client


@pytest.fixture
def member(viewer: User) -> User:
    viewer.set_password("password")
    viewer.save()
    return viewer


def is_in(client: Client) -> bool:
    return client.get("/profile/").status_code == 200


def test_sign_in_asks_for_the_code_once_an_app_is_set_up(db: None, member: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    secret, _ = set_up(confirm(sign_in(member)))

    client = sign_in_with_password(member)
    assert not is_in(client)
    wrong = client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    assert "That is not the code" in wrong.content.decode()
    assert not is_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})

    assert is_in(client)


def test_code_works_once(db: None, member: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    secret, _ = set_up(confirm(sign_in(member)))
    code = code_of(secret)
    first, second = sign_in_with_password(member), sign_in_with_password(member)

    first.post("/accounts/2fa/authenticate/", {"code": code})
    second.post("/accounts/2fa/authenticate/", {"code": code})

    assert (is_in(first), is_in(second)) == (True, False)


def test_recovery_code_gets_in_once_and_is_shown_once(db: None, member: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    owner = confirm(sign_in(member))
    _, codes = set_up(owner)
    first, second = sign_in_with_password(member), sign_in_with_password(member)

    first.post("/accounts/2fa/authenticate/", {"code": codes[3]})
    second.post("/accounts/2fa/authenticate/", {"code": codes[3]})

    assert (is_in(first), is_in(second)) == (True, False)
    again = owner.get("/accounts/2fa/recovery-codes/").content.decode()
    assert not any(code in again for code in codes)
    assert "<b>9</b> codes are left" in again
    assert "<b>9</b> codes are left" in owner.get("/accounts/2fa/").content.decode()


def test_new_recovery_codes_end_the_old_ones(db: None, member: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    owner = confirm(sign_in(member))
    _, old = set_up(owner)

    owner.post("/accounts/2fa/recovery-codes/generate/")
    new = re.findall(r"<li>(\d{8})</li>", owner.get("/accounts/2fa/recovery-codes/").content.decode())

    client = sign_in_with_password(member)
    client.post("/accounts/2fa/authenticate/", {"code": old[0]})
    assert not is_in(client)
    client.post("/accounts/2fa/authenticate/", {"code": new[0]})
    assert is_in(client)


def test_codes_can_be_downloaded_without_another_request(db: None, member: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = confirm(sign_in(member))
    secret = re.search(r'id="totp-secret">(\w+)<', client.get("/accounts/2fa/totp/activate/").content.decode())[1]  # type: ignore[index]
    client.post("/accounts/2fa/totp/activate/", {"code": code_of(secret)})

    page = client.get("/accounts/2fa/recovery-codes/").content.decode()

    codes = re.findall(r"<li>(\d{8})</li>", page)
    assert f"%0A{'%0A'.join(codes)}%0A" in page
    assert 'download="groundswell-recovery-codes.txt"' in page


@pytest.mark.parametrize(
    "path",
    [
        "/accounts/2fa/totp/activate/",
        "/accounts/2fa/recovery-codes/generate/",
        "/accounts/2fa/webauthn/add/",
        "/accounts/2fa/webauthn/keys/1/remove/",
        "/accounts/2fa/webauthn/keys/1/edit/",
    ],
)
def test_sensitive_pages_ask_who_it_is(db: None, member: User, sign_in, path: str) -> None:  # type: ignore[no-untyped-def]
    response = sign_in(member).get(path)

    assert response.headers["Location"].startswith("/accounts/reauthenticate/?next=")


def test_secret_is_not_stored_in_the_clear(db: None, member: User, sign_in, settings) -> None:  # type: ignore[no-untyped-def]
    secret, codes = set_up(confirm(sign_in(member)))
    stored = "".join(str(row.data) for row in Authenticator.objects.all())

    assert secret not in stored
    assert not any(code in stored for code in codes)


def test_new_data_key_takes_the_secrets_over(db: None, member: User, sign_in, settings) -> None:  # type: ignore[no-untyped-def]
    secret, codes = set_up(confirm(sign_in(member)))
    new = {"n1": b"n" * 32}

    settings.DATA_KEYS = {**new, **settings.DATA_KEYS}
    call_command("reencrypt")
    settings.DATA_KEYS = new

    app, recovery = sign_in_with_password(member), sign_in_with_password(member)
    app.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})
    recovery.post("/accounts/2fa/authenticate/", {"code": codes[0]})
    assert is_in(app) and is_in(recovery)


def test_missing_data_key_lets_nobody_in_and_says_which(db: None, member: User, sign_in, settings) -> None:  # type: ignore[no-untyped-def]
    secret, _ = set_up(confirm(sign_in(member)))
    client = sign_in_with_password(member)
    settings.DATA_KEYS = {"n1": b"n" * 32}

    response = client.post("/accounts/2fa/authenticate/", {"code": code_of(secret)})

    assert response.status_code == 503
    assert "not among DATA_KEYS" in response.content.decode()
    assert not is_in(client)


# --- roles that must have it -----------------------------------------------------------------------------------------
def test_days_of_grace_then_the_set_up_comes_first(db: None, admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    set_policy(roles=["admin"], grace_days=7, actor=admin)
    client = sign_in(admin)

    page = client.get("/").content.decode()
    assert "Set up two-step sign-in" in page
    Installation.objects.update(two_step_since=timezone.now() - timedelta(days=8))
    Grant.objects.update(created_at=timezone.now() - timedelta(days=8))

    assert client.get("/").headers["Location"] == "/accounts/2fa/"
    assert client.get("/settings/", headers={"HX-Request": "true"}).headers["HX-Redirect"] == "/accounts/2fa/"
    assert "Your role needs two-step sign-in" in client.get("/accounts/2fa/").content.decode()
    set_up(confirm(client))
    assert client.get("/settings/").status_code == 200


def test_rule_is_for_its_roles_and_its_days_begin_with_the_grant(db: None, admin: User, planner: User) -> None:
    long_ago = timezone.now() - timedelta(days=100)
    set_policy(roles=["admin"], grace_days=7, actor=admin)
    Installation.objects.update(two_step_since=long_ago)

    assert two_step.deadline(planner) is None
    late = two_step.deadline(User.objects.get(pk=admin.pk))
    assert late is not None and late > timezone.now() + timedelta(days=6)


def test_shortening_the_rule_does_not_begin_the_days_anew(db: None, admin: User) -> None:
    set_policy(roles=["admin", "planner"], grace_days=7, actor=admin)
    since = Installation.objects.get().two_step_since

    set_policy(roles=["admin"], grace_days=3, actor=admin)
    assert Installation.objects.get().two_step_since == since
    set_policy(roles=[], grace_days=3, actor=admin)
    assert Installation.objects.get().two_step_since is None
    assert AuditEntry.objects.filter(verb="sign_in.rule_changed").count() == 3


def test_last_means_of_a_role_that_must_have_one_stays(db: None, admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    admin.set_password("password")
    admin.save()
    client = confirm(sign_in(admin))
    set_up(client)
    set_policy(roles=["admin"], grace_days=7, actor=admin)

    response = client.post("/accounts/2fa/totp/deactivate/")
    assert "this is your last means" in response.content.decode()
    set_policy(roles=[], grace_days=7, actor=admin)
    client.post("/accounts/2fa/totp/deactivate/")

    assert not Authenticator.objects.filter(user=admin).exists()


@pytest.mark.parametrize(
    "values",
    [{"two_step_roles": ["admin"]}, {"two_step_since": "2026-01-01T00:00Z"}, {"two_step_grace_days": 91}],
)
def test_database_refuses_half_a_rule(db: None, values: dict[str, object]) -> None:
    Installation.current()

    with pytest.raises(IntegrityError, match="installation_two_step"), transaction.atomic():
        Installation.objects.update(**values)


def test_policy_page_says_who_has_it(db: None, admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(admin)

    response = client.post("/settings/sign-in/", {"roles": ["admin", "planner"], "grace_days": "5"})
    wrong = client.post("/settings/sign-in/", {"roles": ["king"], "grace_days": "500"})

    assert response.status_code == 302
    assert wrong.status_code == 422
    assert Installation.objects.get().two_step_roles == ["admin", "planner"]
    assert "must, by" in client.get("/settings/sign-in/").content.decode()


def test_pages_pay_no_query_for_it(db: None, admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(admin)
    client.get("/profile/")

    with CaptureQueriesContext(connection) as asked:
        client.get("/profile/")

    assert [query["sql"][:80] for query in asked if "mfa_authenticator" in query["sql"]] == [asked[1]["sql"][:80]]
    assert not [query for query in asked if "browsersession" in query["sql"]]


@pytest.mark.parametrize("path", ["/settings/sign-in/", "/settings/users/"])
def test_lists_of_people_ask_the_same_for_one_and_three(db: None, admin: User, sign_in, path: str) -> None:  # type: ignore[no-untyped-def]
    client = sign_in(admin)
    set_policy(roles=["viewer"], grace_days=5, actor=admin)
    client.get(path)
    with CaptureQueriesContext(connection) as alone:
        client.get(path)
    for _ in range(3):
        GrantFactory(role="viewer")
    with CaptureQueriesContext(connection) as together:
        client.get(path)

    assert len(together) == len(alone)


# --- the way back -----------------------------------------------------------------------------------------------------
def test_administrator_resets_what_was_lost(db: None, admin: User, member: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    admin.set_password("password")
    admin.save()
    lost = confirm(sign_in(member))
    set_up(lost)
    mail.outbox.clear()

    asked = sign_in(admin).post(f"/settings/users/{member.uid}/reset-two-step/")
    assert asked.headers["Location"].startswith("/accounts/reauthenticate/")
    confirm(sign_in(admin)).post(f"/settings/users/{member.uid}/reset-two-step/")

    assert not Authenticator.objects.filter(user=member).exists()
    assert not is_in(lost)
    assert is_in(sign_in_with_password(member))
    entry = AuditEntry.objects.get(verb="two_step.reset")
    assert (entry.actor, entry.object_uid) == (admin, member.uid)
    assert [message.to for message in mail.outbox] == [[member.email]]


def test_nobody_resets_their_own(db: None, admin: User, sign_in) -> None:  # type: ignore[no-untyped-def]
    admin.set_password("password")
    admin.save()
    client = confirm(sign_in(admin))
    set_up(client)

    response = client.post(f"/settings/users/{admin.uid}/reset-two-step/")

    assert response.status_code == 409
    assert two_step.means_of(admin).exists()


def test_command_resets_the_only_administrator(db: None, admin: User, sign_in, capsys) -> None:  # type: ignore[no-untyped-def]
    admin.set_password("password")
    admin.save()
    set_up(confirm(sign_in(admin)))

    call_command("reset_two_step", admin.email)

    assert not Authenticator.objects.exists()
    assert AuditEntry.objects.get(verb="two_step.reset").door == "command"


# --- the audit trail ---------------------------------------------------------------------------------------------------
def test_sign_in_events_are_in_the_trail(transactional_db: None, sign_in) -> None:  # type: ignore[no-untyped-def]
    member = UserFactory(email="member@example.org")
    _, codes = set_up(confirm(sign_in(member)))
    client = Client(headers={"user-agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"})
    client.post("/accounts/login/", {"login": member.email, "password": "wrong"})
    client.post("/accounts/login/", {"login": member.email, "password": "password"})
    client.post("/accounts/2fa/authenticate/", {"code": "000000"})
    client.post("/accounts/2fa/authenticate/", {"code": codes[0]})

    verbs = list(AuditEntry.objects.filter(object_uid=member.uid).order_by("id").values_list("verb", flat=True))

    assert verbs == [
        "two_step.added",
        "recovery_codes.made",
        "sign_in.failed",
        "two_step.failed",
        "recovery_code.used",
        "sign_in.done",
    ]
    done = AuditEntry.objects.get(verb="sign_in.done")
    assert done.summary == "password + recovery code · 127.0.0.1 · Firefox, Linux"
    page = client.get("/accounts/2fa/").content.decode()
    assert "Wrong password" in page and "Recovery code used" in page


def test_unknown_address_leaves_no_trace(db: None) -> None:
    UserFactory()
    Client().post("/accounts/login/", {"login": "nobody@example.org", "password": "x"})

    assert not AuditEntry.objects.exists()
