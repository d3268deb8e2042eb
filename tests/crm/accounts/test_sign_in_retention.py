"""The audit trail says from where somebody signed in for some months, and for ever that they did."""

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone

from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.retention import services
from crm.retention.registry import KINDS, Batch
from tests.factories import UserFactory

KIND = KINDS["sign_in_places"]
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"


@pytest.fixture
def ana(db: None) -> User:
    cache.clear()
    return UserFactory(email="ana@example.org")


def sign_in(password: str, address: str) -> None:
    Client(headers={"user-agent": FIREFOX}, REMOTE_ADDR=address).post(
        "/accounts/login/", {"login": "ana@example.org", "password": password}
    )


def told() -> list[tuple[str, str]]:
    return list(AuditEntry.objects.order_by("pk").values_list("verb", "summary"))


def test_address_and_browser_go_after_their_time_and_the_sign_in_stays(ana: User) -> None:
    sign_in("password", "192.0.2.7")
    sign_in("wrong", "2001:db8::9")
    AuditEntry.objects.update(at=timezone.now() - timedelta(days=91))
    sign_in("password", "192.0.2.8")
    assert told()[:2] == [
        ("sign_in.done", "password · 192.0.2.7 · Firefox, Windows"),
        ("sign_in.failed", "2001:db8::9 · Firefox, Windows"),
    ]
    assert services.preview()["sign_in_places"] == 2

    services.tick(now=timezone.now().replace(hour=3))

    assert told()[:3] == [
        ("sign_in.done", "password"),
        ("sign_in.failed", ""),
        ("sign_in.done", "password · 192.0.2.8 · Firefox, Windows"),
    ]
    assert AuditEntry.objects.filter(actor=ana, verb="sign_in.done").count() == 2
    assert services.preview()["sign_in_places"] == 0


@pytest.mark.parametrize(
    ("said", "rest"),
    [
        ("passkey “a · b” · 192.0.2.7 · x · y", "passkey “a · b”"),
        ("9 left · ::1 · ?", "9 left"),
        ("passkey “Phone: 2.0”", "passkey “Phone: 2.0”"),
        ("Signed out: Firefox, Windows; Safari, iPhone", "Signed out: Firefox, Windows; Safari, iPhone"),
        ("", ""),
    ],
)
def test_only_the_place_is_cut_and_twice_cuts_nothing_more(ana: User, said: str, rest: str) -> None:
    record(verb="two_step.failed", target=ana, summary=said)
    record(verb="person.edited", target=ana, summary="192.0.2.7 · not about a sign-in")
    later = timezone.now() + timedelta(seconds=1)

    assert KIND.work(later, None) == Batch(int(said != rest), more=False)
    assert KIND.work(later, None) == Batch(0, more=False)

    assert told() == [("two_step.failed", rest), ("person.edited", "192.0.2.7 · not about a sign-in")]


def test_what_an_earlier_night_dealt_with_is_not_looked_at_again(ana: User) -> None:
    record(verb="sign_in.done", target=ana, summary="code · 192.0.2.7 · Firefox")

    now = timezone.now()
    assert KIND.count(now + timedelta(days=1), now + timedelta(hours=1), 10) == 0
    assert KIND.count(now + timedelta(days=1), now - timedelta(hours=1), 10) == 1
