"""Jobs that are over go in time; what they did, and who stopped them, stays."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from crm.audit.models import AuditEntry
from crm.exports.models import ExportFile
from crm.jobs import holdings, services
from crm.jobs.models import Job
from crm.retention.services import start_run, tick

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kind(monkeypatch):
    monkeypatch.setitem(services.KINDS, "test", lambda run: None)
    monkeypatch.setattr(services, "_wake", lambda job_id: None)


def over(owner, days, state=Job.State.DONE):
    """A job that ended so many days ago."""
    job = services.start_job(kind="test", title=f"{days} days ago", owner=owner)
    then = timezone.now() - timedelta(days=days)
    Job.objects.filter(pk=job.pk).update(state=state, finished_at=then, created_at=then, error="It broke.")
    return job


def test_a_job_that_is_over_goes_after_a_year_and_an_open_one_stays(planner, django_capture_on_commit_callbacks):
    over(planner, 366), over(planner, 400, Job.State.FAILED)
    fresh = over(planner, 364)
    waiting = services.start_job(kind="test", title="Waiting", owner=planner)
    Job.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - timedelta(days=900))
    assert holdings.count_old(timezone.now() - timedelta(days=365), None, 10) == 2

    start_run()
    with django_capture_on_commit_callbacks(execute=True):
        tick(now=timezone.now())

    assert set(Job.objects.all()) == {fresh, waiting}


def test_what_a_job_made_outlives_it(planner):
    job = over(planner, 366)
    export = ExportFile.objects.create(
        owner=planner,
        source="people",
        title="People",
        format="csv",
        job=job,
        expires_at=timezone.now() + timedelta(days=1),
    )

    holdings.remove_old(timezone.now(), None)

    export.refresh_from_db()
    assert export.job is None


def test_many_go_batch_by_batch(planner, monkeypatch):
    monkeypatch.setattr(holdings, "SIZE", 2)
    for days in (400, 401, 402):
        over(planner, days)

    first, second = (holdings.remove_old(timezone.now(), None) for _batch in range(2))

    assert (first.rows, first.more, second.rows, second.more) == (2, True, 1, False)
    assert not Job.objects.exists()


def test_the_trail_of_a_stopped_job_stays_without_a_link_to_nowhere(sign_in, admin):
    job = services.start_job(kind="test", title="Export of everybody", owner=admin)
    services.request_cancel(job=job, actor=admin)
    holdings.remove_old(timezone.now() + timedelta(days=1), None)

    entry = AuditEntry.objects.get(verb="job.cancelled")
    page = sign_in(admin).get(reverse("activity_entry", args=[entry.uid]))

    assert page.status_code == 200
    assert "Export of everybody" in page.text
    assert reverse("job_detail", args=[job.uid]) not in page.text
