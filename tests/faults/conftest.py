"""One private pair of services for all tests of this folder, and the processes of delivery on it."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests import migrated


@pytest.fixture(scope="package")  # the ORM of this process looks at the private database as long as it lasts
def _shared_ground(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Iterator[Any]:
    from campaigns.delivery import waking
    from crm.local.services import private
    from tests.faults.ground import Ground, database

    folder: Path = tmp_path_factory.mktemp("faults")
    before, waking.post = waking.post, lambda *args, **kwargs: None  # this process sends nothing; the scheduler does
    with private(folder / "services") as pair, django_db_blocker.unblock(), database(pair.database_url):
        migrated.pour(os.environ["DATABASE_URL"], pair.database_url)
        ground = Ground(folder, pair)
        try:
            ground.start_worker()
            yield ground
        finally:
            ground.stop()
    waking.post = before


@pytest.fixture
def ground(_shared_ground: Any, django_db_blocker: Any) -> Iterator[Any]:
    """Worker, one scheduler and an obedient sink, whatever the test before did."""
    from django.db import connection

    from tests.faults.ground import database

    with django_db_blocker.unblock(), database(_shared_ground.pair.database_url):
        _shared_ground.be_whole()
        yield _shared_ground
        _shared_ground.kill9("scheduler2")
        connection.close()


@pytest.fixture
def sink_with(ground: Any) -> Iterator[Callable[..., None]]:
    """Start the sink anew with these options; the next test has an obedient one again."""

    def start(*options: str) -> None:
        ground.kill9("sink")
        ground.start_sink(*options)

    yield start
    ground.kill9("sink")
    ground.start_sink()
