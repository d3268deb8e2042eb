"""Jobs whose one step is longer than a task may be."""

import datetime as dt
import time

import pytest
from django.utils import timezone

from crm.jobs import services, tasks
from crm.jobs.models import Job


@pytest.fixture
def kinds(monkeypatch):
    monkeypatch.setattr(services, "KINDS", {"short": lambda run: None, "long": lambda run: None})
    monkeypatch.setattr(services, "LONG_KINDS", {"long"})


@pytest.mark.django_db
def test_a_long_kind_goes_to_the_task_that_may_take_its_time(kinds, monkeypatch):
    sent = []
    monkeypatch.setattr(tasks.run, "delay", lambda job_id: sent.append(("run", job_id)))
    monkeypatch.setattr(tasks.run_long, "delay", lambda job_id: sent.append(("run_long", job_id)))
    short, long = (Job.objects.create(kind=kind, title=kind) for kind in ("short", "long"))

    services._wake(short.pk)
    services._wake(long.pk)

    assert sent == [("run", short.pk), ("run_long", long.pk)]
    assert tasks.run_long.acks_late is False and tasks.run_long.time_limit == 1800


@pytest.mark.django_db(transaction=True)
def test_the_hold_is_kept_while_one_statement_runs(kinds, monkeypatch):
    monkeypatch.setattr(services, "BEAT_SECONDS", 0.01)
    run = services.claim(Job.objects.create(kind="long", title="x").pk)
    assert run is not None
    Job.objects.filter(pk=run.job.pk).update(heartbeat_at=timezone.now() - dt.timedelta(hours=1))

    with run.beating():
        deadline = time.monotonic() + 20
        while services.sweep() and time.monotonic() < deadline:
            pass
        assert services.claim(run.job.pk) is None
    run.phase("still mine")

    assert Job.objects.get(pk=run.job.pk).phase == "still mine"
