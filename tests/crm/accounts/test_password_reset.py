"""A forgotten password: one link, once, the same answer for every address, and no error page when mail is down."""

import re
from collections.abc import Iterator

import pytest
from django.core import mail
from django.core.cache import cache
from django.test import Client

from crm.audit.models import AuditEntry
from tests.factories import UserFactory

NEW = "another long sentence"


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> Iterator[None]:
    cache.clear()
    yield


def ask(email: str, client: Client | None = None) -> tuple[int, str]:
    """The status and the words of the answer, without what is different in every answer."""
    response = (client or Client()).post("/accounts/password/reset/", {"email": email}, follow=True)
    words = re.sub(r"<[^>]+>|\s+", " ", response.content.decode())
    return response.status_code, words


def link() -> str:
    return re.search(r"http://\S+/accounts/password/reset/key/\S+", mail.outbox[-1].body)[0]  # type: ignore[index]


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def choose(path: str, password: str = NEW) -> Client:
    client = Client()
    form = client.get(path, follow=True)
    assert form.status_code == 200
    client.post(form.request["PATH_INFO"], {"password1": password, "password2": password})
    return client


def test_link_gives_a_new_password_once(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    user = UserFactory(email="ana@example.org")
    ask("Ana@example.org")
    url = link()

    choose(path_of(url))
    choose(path_of(url), "a third long sentence")

    user.refresh_from_db()
    assert url.startswith(settings.BASE_URL)
    assert user.check_password(NEW)
    assert "does not work any more" in Client().get(path_of(url), follow=True).content.decode()


def test_link_does_not_follow_a_forged_host(db: None, settings) -> None:  # type: ignore[no-untyped-def]
    settings.ALLOWED_HOSTS = ["testserver", "other.example.org"]
    UserFactory(email="ana@example.org")

    Client(headers={"host": "other.example.org"}).post("/accounts/password/reset/", {"email": "ana@example.org"})

    assert link().startswith(settings.BASE_URL)


def test_answer_is_the_same_for_known_unknown_and_closed_accounts(db: None) -> None:
    UserFactory(email="known@example.org")
    UserFactory(email="closed@example.org", is_active=False)

    answers = {ask(email) for email in ["known@example.org", "unknown@example.org", "closed@example.org"]}

    assert len(answers) == 1
    assert next(iter(answers))[0] == 200
    assert ["/key/" in message.body for message in mail.outbox] == [True, False, False]


@pytest.fixture
def mail_is_down(settings) -> None:  # type: ignore[no-untyped-def]
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1


def test_mail_down_says_so_and_reveals_nothing(db: None, mail_is_down: None) -> None:
    UserFactory(email="known@example.org")

    answers = {ask(email) for email in ["known@example.org", "unknown@example.org"]}

    assert len(answers) == 1
    status, words = next(iter(answers))
    assert status == 503
    assert "The mail could not be sent" in words
    assert "your password is as it was" in words
    assert "on its way. It works once" not in words


def test_changing_a_password_while_mail_is_down_changes_it_all_the_same(db: None, mail_is_down: None) -> None:
    user = UserFactory(email="ana@example.org")
    client = Client()
    client.force_login(user)

    response = client.post(
        "/accounts/password/change/", {"oldpassword": "password", "password1": NEW, "password2": NEW}
    )

    user.refresh_from_db()
    assert response.status_code == 302
    assert user.check_password(NEW)


def test_owner_hears_of_a_changed_password(db: None) -> None:
    user = UserFactory(email="ana@example.org", name="Ana")
    client = Client()
    client.force_login(user)

    client.post("/accounts/password/change/", {"oldpassword": "password", "password1": NEW, "password2": NEW})

    assert mail.outbox[0].to == ["ana@example.org"]
    assert mail.outbox[0].subject == "Your Groundswell password was changed"
    assert "Dear Ana," in mail.outbox[0].body
    assert "tell an administrator" in mail.outbox[0].body


def test_administrator_hands_over_a_link_when_mail_is_down(admin: object, sign_in, mail_is_down: None) -> None:  # type: ignore[no-untyped-def]
    user = UserFactory(email="ana@example.org")

    admin.set_password("password")  # type: ignore[attr-defined]
    admin.save()  # type: ignore[attr-defined]
    client = sign_in(admin)
    assert client.post(f"/settings/users/{user.uid}/password-link/").status_code == 302  # asks who it is
    client.post("/accounts/reauthenticate/", {"password": "password"})

    page = client.post(f"/settings/users/{user.uid}/password-link/").content.decode()
    url = re.search(r"http://[^<\s]+/accounts/password/reset/key/[^<\s]+", page)[0]  # type: ignore[index]
    choose(path_of(url))

    user.refresh_from_db()
    assert user.check_password(NEW)
    assert AuditEntry.objects.get(verb="password.link_made").object_uid == user.uid
