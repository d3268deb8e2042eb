"""Celery knows what beat asks for; a task may not run for longer than the broker waits for its acknowledgement."""

import gc

import pytest
from celery.signals import worker_process_init
from django.conf import settings

from crm.celery import app


@pytest.fixture
def heap():
    """The collector with nothing settled in it, whoever used this process before, and afterwards as it was."""
    before = gc.get_threshold()
    gc.unfreeze()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_beat_asks_only_for_tasks_that_exist() -> None:
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert wanted - set(app.tasks) == set()


def test_late_acknowledgement_never_meets_a_running_task() -> None:
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT


def test_a_worker_process_takes_what_it_has_loaded_for_permanent(heap):
    worker_process_init.send(sender=None)

    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] > 10_000
