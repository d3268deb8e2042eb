"""The tests' own ground: what one test commits, the next one does not see."""

import os
from pathlib import Path

import pytest
from django.conf import settings
from django.core.cache import cache

from contacts.directory.models import Country
from crm.accounts.models import User
from tests import migrated
from tests.factories import UserFactory


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("turn", [1, 2])
def test_commits_are_undone_and_loaded_rows_kept(turn: int) -> None:
    assert not User.objects.exists()
    assert Country.objects.filter(code="SN").exists()

    UserFactory()
    Country.objects.filter(code="SN").delete()


def test_each_worker_has_its_own_folder_and_valkey_database() -> None:
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    number = 0 if worker == "main" else int(worker.removeprefix("gw")) + 1
    cache.set("ground", "mine", 5)

    assert cache.get("ground") == "mine"
    assert Path(settings.LOCAL_DIR).parts[-2:] == ("workers", worker)
    assert Path(settings.MEDIA_ROOT).is_relative_to(settings.LOCAL_DIR)
    assert settings.REDIS_URL.endswith(f"?db={number}")


def test_private_services_lose_nothing_when_killed(private_services) -> None:  # type: ignore[no-untyped-def]
    import psycopg

    with psycopg.connect(private_services.database_url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 1 AS row")

    private_services.pg.kill9()
    private_services.pg.start()

    with psycopg.connect(private_services.database_url) as connection:
        assert connection.execute("SELECT row FROM kept").fetchall() == [(1,)]
        assert connection.execute("SHOW fsync").fetchone() == ("on",)


@pytest.mark.xdist_group("together")
def test_a_group_reaches_the_scheduler_of_the_workers(request: pytest.FixtureRequest) -> None:
    """The browser tests share one product, and the fault tests one ground: where groups are lost, each worker starts its own."""
    is_spread = "PYTEST_XDIST_WORKER" in os.environ and request.config.getoption("loadgroup", default=False)

    assert request.node.nodeid.endswith("@together") == bool(is_spread)


@pytest.mark.parametrize("content", [b"\x00", b"\x01", "made anew " * 10])
def test_bytes_and_long_texts_do_not_name_tests(request: pytest.FixtureRequest, content: bytes | str) -> None:
    """Workers that collect different names run nothing at all."""
    assert "[content" in request.node.nodeid
    assert "x0" not in request.node.nodeid
    assert "made" not in request.node.nodeid


def test_a_migrated_database_is_named_by_all_that_makes_it() -> None:
    sources = {path.relative_to(migrated.ROOT).as_posix() for path in migrated._sources()}

    assert {
        "crm/migrations/0001_initial.py",
        "campaigns/migrations/0002_ledger.py",
        "contacts/directory/reference.py",
        "contacts/directory/geography.py",
        "contacts/directory/data/social_protection_coverage.csv",
    } <= sources
    assert "campaigns/delivery/engine.py" not in sources
