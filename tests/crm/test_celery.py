"""Celery knows what beat asks for; a task may not run for longer than the broker waits for its acknowledgement."""

from celery.contrib.testing.worker import start_worker
from django.conf import settings

from crm import broker
from crm.celery import app


def test_beat_asks_only_for_tasks_that_exist() -> None:
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert wanted - set(app.tasks) == set()


def test_late_acknowledgement_never_meets_a_running_task() -> None:
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT


def test_a_worker_says_that_it_listens_and_signs_off_when_it_ends() -> None:
    with start_worker(app, queues=["nobody-asks"], perform_ping_check=False, pool="solo", loglevel="ERROR") as worker:
        assert broker.workers()[worker.hostname] <= 5

    assert worker.hostname not in broker.workers()
