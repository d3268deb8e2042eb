"""The ground for every test: real PostgreSQL and Valkey, started once for the whole run, and a cast of users.

Each xdist worker has a database (`test_groundswell_gwN`), a Valkey database and a folder of its own. Tests that kill or
flush a service ask for `private_services`; tests of the whole product in a browser are in tests/e2e.
"""

import gc
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import environment

environment.prepare()  # before Django reads its settings

from django.conf import settings as django_settings  # noqa: E402
from django.test import Client, TransactionTestCase  # noqa: E402
from django.utils import translation  # noqa: E402

from tests import ground, migrated  # noqa: E402


def pytest_configure(config: pytest.Config) -> None:
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    django_settings.WHITENOISE_AUTOREFRESH = True  # else each test client looks through all static files first: 15 ms
    config.addinivalue_line("markers", "e2e: drives the whole product in a browser")


LONGEST_NAME = 60


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Bytes and long texts name no test: an archive made for one holds its second, a key is another in each process, and workers
    must agree on all names."""
    return argname if isinstance(val, bytes) or (isinstance(val, str) and len(val) > LONGEST_NAME) else None


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_setupnodes() -> None:
    """The workers must not inherit this: pytest-django would read the settings before `prepare` has set their own."""
    os.environ.pop("DJANGO_SETTINGS_MODULE", None)


def pytest_collection_finish(session: pytest.Session) -> None:
    """What is loaded by now stays for the whole run: the collector need not walk it again, nor so often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(25_000, 25, 25)


def pytest_unconfigure(config: pytest.Config) -> None:
    environment.release()


@pytest.fixture(scope="session")
def django_db_modify_db_settings() -> None:
    """This worker's own database, migrated already. pytest-django's own would add the worker's name a second time for private
    databases; keep it simple."""
    name = f"test_groundswell_{os.environ.get('PYTEST_XDIST_WORKER', 'main')}"
    migrated.copy(os.environ["DATABASE_URL"], name)
    django_settings.DATABASES["default"].setdefault("TEST", {})["NAME"] = name


@pytest.fixture(scope="session")
def django_db_keepdb() -> bool:
    """What is there is new; the next run replaces it."""
    return True


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker) -> None:  # type: ignore[no-untyped-def]
    """Keep a copy of what the migrations loaded, and let tests that commit empty the consent ledger afterwards."""
    with django_db_blocker.unblock():
        ground.remember()
        ground.make_room()


def _as_after_migration(self: TransactionTestCase) -> None:
    ground.restore()


TransactionTestCase._fixture_teardown = _as_after_migration  # type: ignore[method-assign]


@pytest.fixture
def private_services(tmp_path: Path) -> Iterator["environment.Private"]:
    """A PostgreSQL and a Valkey that this test may kill, restart and flush. fsync is on."""
    with environment.private(tmp_path / "services") as pair:
        yield pair


@pytest.fixture
def folder() -> Iterator[Path]:
    """LOCAL_DIR (spool, media, mailbox) of this worker, empty at the start of the test."""
    place = Path(django_settings.LOCAL_DIR)
    for item in place.iterdir():
        if item.is_dir():
            shutil.rmtree(item, ignore_errors=True)
    yield place


@pytest.fixture(autouse=True)
def english() -> Iterator[None]:
    """A request leaves its language behind in the thread; the next test must not find it."""
    with translation.override("en"):
        yield


# --- the cast: one user for each role, everywhere; an outsider has an account and no grant ---------------------------
def _member(role: str) -> Callable[..., object]:
    def user(db: None) -> object:
        from tests.factories import GrantFactory, UserFactory

        member = UserFactory(email=f"{role}@example.org", name=role.title())
        if role != "outsider":
            GrantFactory(user=member, role=role)
        return member

    return pytest.fixture(name=role)(user)


admin = _member("admin")
planner = _member("planner")
editor = _member("editor")
approver = _member("approver")
outreach = _member("outreach")
viewer = _member("viewer")
outsider = _member("outsider")


@pytest.fixture
def sign_in() -> Callable[..., Client]:
    """`sign_in(planner)` → a client with that user's session."""

    def signed_in(user, **headers: str) -> Client:  # type: ignore[no-untyped-def]
        client = Client(headers=headers)
        client.force_login(user)
        return client

    return signed_in


@pytest.fixture
def api(db: None) -> Callable[..., Any]:
    """`api(planner)` → a client with a token of that user with every scope; `api(planner, "mailings")` with those only."""
    from django.core.cache import cache

    from tests.crm.api.client import Api
    from tests.factories import ApiTokenFactory

    cache.clear()  # what other tests counted must not limit this one

    def made(user: object, *scopes: str) -> Api:
        return Api(ApiTokenFactory(user=user, **({"scopes": ["read", *scopes]} if scopes else {})))

    return made
