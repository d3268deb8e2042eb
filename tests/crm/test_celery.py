"""Celery knows what beat asks for; a task may not run for longer than the broker waits for its acknowledgement."""

from django.conf import settings

from crm.celery import app


def test_beat_asks_only_for_tasks_that_exist() -> None:
    app.loader.import_default_modules()

    wanted = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}

    assert wanted - set(app.tasks) == set()


def test_late_acknowledgement_never_meets_a_running_task() -> None:
    assert settings.CELERY_TASK_ACKS_LATE
    assert settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"] > settings.CELERY_TASK_TIME_LIMIT
