"""The invented directory: every country, all seven sides, nobody real, nothing but .test."""

import random
from collections import Counter
from datetime import date

import pytest

from campaigns.demo.directory import make_directory
from campaigns.demo.names import make_name
from contacts.directory.models import ContactPoint, Country, Membership, Organization, Person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("made")]


@pytest.fixture(scope="module")
def made(django_db_setup, django_db_blocker):  # type: ignore[no-untyped-def]
    """The directory, made once for this module and rolled back."""
    from django.db import transaction

    with django_db_blocker.unblock():
        atomic = transaction.atomic()
        atomic.__enter__()
        said: list[str] = []
        yield make_directory(drive_countries={"TD", "SO"}, seed=7, today=date(2026, 11, 23), tell=said.append), said
        transaction.set_rollback(True)
        atomic.__exit__(None, None, None)


def test_every_country_has_all_its_sides() -> None:
    rows = Organization.objects.values_list("country_id", "constituency__code")
    sides = Counter(row for row in rows if row[1] not in {"DON", "IGO"})

    expected = {"GOV": 1, "EMP": 1, "WRK": 2, "SSI": 1, "CSO": 2}
    assert sides == {
        (code, side): count
        for code in Country.objects.values_list("code", flat=True)
        for side, count in expected.items()
    }


def test_all_addresses_are_reserved_and_all_rows_marked_as_invented() -> None:
    assert ContactPoint.objects.exists()
    assert not ContactPoint.objects.exclude(value__endswith=".test").exists()
    assert not Organization.objects.filter(is_invented=False).exists()
    assert not Person.objects.filter(is_invented=False).exists()


def test_posts_have_present_and_past_holders() -> None:
    heads = Organization.objects.filter(posts__is_head=True).count()

    assert Membership.objects.filter(post__is_head=True, ended_on__isnull=True).count() == heads
    assert Membership.objects.filter(post__is_head=True, ended_on__isnull=False).count() > heads * 0.6


def test_only_mailboxes_of_the_drive_misbehave() -> None:
    odd = ContactPoint.objects.filter(value__contains="+").exclude(person__country_id__in=["TD", "SO"])

    assert not odd.exists()


def test_names_stand_in_the_scripts_of_their_countries() -> None:
    rng = random.Random(3)

    def scripts(country: str) -> set[str]:
        names = "".join(make_name(country, "en", rng).full for _ in range(20))
        return {
            "latin" if "a" <= c.lower() <= "z" else hex(ord(c) >> 8) for c in names if c.isalpha() and ord(c) != 0x27
        }

    assert "0x6" in scripts("EG")
    assert "0x4" in scripts("RU")
    assert "latin" not in scripts("JP")
    assert "latin" in scripts("SN")


def test_progress_is_told(made) -> None:  # type: ignore[no-untyped-def]
    assert [line.split()[0] for line in made[1]] == ["inventing"] + ["writing"] * 5
