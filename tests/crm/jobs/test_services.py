"""Jobs: one holder at a time, stopped when asked, found again when forgotten, and honest about what happened."""

import datetime as dt

import pytest
from django.utils import timezone

from crm.audit.models import AuditEntry
from crm.errors import Invalid
from crm.jobs import services
from crm.jobs.models import Job
from crm.jobs.queries import pace_of


@pytest.fixture
def kind(monkeypatch):
    """Register the work of a kind `test`; gives the list of its runs' steps."""

    def register(work):
        monkeypatch.setitem(services.KINDS, "test", work)

    return register


@pytest.fixture
def woken(monkeypatch):
    found = []
    monkeypatch.setattr(services, "_wake", found.append)
    return found


def test_job_is_announced_only_when_its_transaction_commits(planner, kind, woken, django_capture_on_commit_callbacks):
    kind(lambda run: None)

    with django_capture_on_commit_callbacks(execute=True):
        job = services.start_job(kind="test", title="Import", owner=planner)
        assert woken == []

    assert woken == [job.pk]


def test_unknown_kind_is_refused_before_anything_is_written(planner):
    with pytest.raises(ValueError, match="nonsense"):
        services.start_job(kind="nonsense", title="Import", owner=planner)

    assert not Job.objects.exists()


def test_run_counts_finishes_and_keeps_its_result(planner, kind, woken):
    def work(run):
        run.total(3)
        run.phase("matching people")
        run.advance(2)
        run.advance()
        run.result(url="/directory/imports/", created=3)

    kind(work)
    job = services.start_job(kind="test", title="Import", owner=planner)

    services.run_job(job.pk)
    services.run_job(job.pk)  # a second delivery of the same task does nothing

    job.refresh_from_db()
    assert (job.state, job.done_count, job.total_count, job.phase) == ("done", 3, 3, "")
    assert (job.result, job.result_url) == ({"created": 3}, "/directory/imports/")
    assert job.finished_at is not None


def test_job_in_steps_goes_on_where_it_was(planner, kind, woken, django_capture_on_commit_callbacks):
    seen = []

    def work(run):
        at = run.state.get("at", 0)
        seen.append(at)
        run.advance()
        run.save_state(at=at + 1)
        return run.again() if at < 2 else None

    kind(work)
    job = services.start_job(kind="test", title="Import", owner=planner)

    for _ in range(3):
        with django_capture_on_commit_callbacks(execute=True):
            services.run_job(job.pk)

    job.refresh_from_db()
    assert seen == [0, 1, 2]
    assert (job.state, job.done_count, job.result) == ("done", 3, {})
    assert woken.count(job.pk) == 2


def test_only_one_run_can_hold_a_job(planner, kind, woken):
    kind(lambda run: None)
    job = services.start_job(kind="test", title="Import", owner=planner)

    first = services.claim(job.pk)

    assert first is not None
    assert services.claim(job.pk) is None


def test_silent_run_is_replaced_and_its_late_writes_are_refused(planner, kind, woken):
    kind(lambda run: None)
    job = services.start_job(kind="test", title="Import", owner=planner)
    dead = services.claim(job.pk)
    later = timezone.now() + services.LEASE + dt.timedelta(seconds=1)

    alive = services.claim(job.pk, now=later)

    assert alive is not None
    with pytest.raises(services.LeaseLost):
        dead.advance()
    job.refresh_from_db()
    assert job.done_count == 0
    assert job.claimed_by == alive.token


def test_step_that_kills_its_worker_each_time_ends_the_job(planner, kind, woken):
    kind(lambda run: None)
    job = services.start_job(kind="test", title="Import", owner=planner)
    now = timezone.now()
    for attempt in range(services.MAX_STARTS):
        assert services.claim(job.pk, now=now + attempt * 2 * services.LEASE) is not None
    Job.objects.update(heartbeat_at=now - 2 * services.LEASE)

    services.run_job(job.pk)

    job.refresh_from_db()
    assert job.state == "failed"
    assert "kept" in job.error


def test_cancel_before_the_start_ends_it_and_is_audited(planner, kind, woken):
    kind(lambda run: pytest.fail("a cancelled job was run"))
    job = services.start_job(kind="test", title="Import", owner=planner)

    services.request_cancel(job=job, actor=planner)
    services.run_job(job.pk)
    services.request_cancel(job=job, actor=planner)

    job.refresh_from_db()
    assert job.state == "cancelled"
    assert AuditEntry.objects.get().verb == "job.cancelled"


def test_cancel_while_running_stops_at_the_next_step_and_keeps_the_rest(planner, kind, woken):
    def work(run):
        run.advance()
        services.request_cancel(job=run.job, actor=planner)
        run.advance()
        pytest.fail("it went on")

    kind(work)
    job = services.start_job(kind="test", title="Import", owner=planner)

    services.run_job(job.pk)

    job.refresh_from_db()
    assert (job.state, job.done_count) == ("cancelled", 2)


def test_refusal_of_a_service_is_the_jobs_error_in_its_own_words(planner, kind, woken):
    def work(run):
        raise Invalid("Line 413 has 9 columns. Nothing was applied.")

    kind(work)
    job = services.start_job(kind="test", title="Import", owner=planner)

    services.run_job(job.pk)

    job.refresh_from_db()
    assert (job.state, job.error) == ("failed", "Line 413 has 9 columns. Nothing was applied.")


def test_mistake_in_the_code_ends_as_a_sentence_without_its_details(planner, kind, woken, caplog):
    def work(run):
        raise KeyError("secret@example.org")

    kind(work)
    job = services.start_job(kind="test", title="Import", owner=planner)

    services.run_job(job.pk)

    job.refresh_from_db()
    assert job.state == "failed"
    assert "secret" not in job.error
    assert "kept" in job.error


def test_sweeper_wakes_forgotten_jobs_only(planner, kind, woken):
    kind(lambda run: None)
    now = timezone.now()
    fresh, lost, held, dead = (services.start_job(kind="test", title=n, owner=planner) for n in "abcd")
    Job.objects.filter(pk=lost.pk).update(updated_at=now - dt.timedelta(minutes=1))
    Job.objects.filter(pk=held.pk).update(state="running", heartbeat_at=now)
    Job.objects.filter(pk=dead.pk).update(state="running", heartbeat_at=now - 2 * services.LEASE)

    assert services.sweep(now=now) == 2

    assert sorted(woken) == sorted([lost.pk, dead.pk])
    assert fresh.pk not in woken


def test_pace_knows_only_what_can_be_known():
    began = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
    now = began + dt.timedelta(seconds=60)

    running = pace_of(Job(state="running", done_count=600, total_count=1000, started_at=began), now=now)
    unknown = pace_of(Job(state="running", done_count=0, started_at=began), now=now)

    assert (running.percent, running.per_minute, running.seconds_left) == (60.0, 600, 40.0)
    assert (unknown.percent, unknown.per_minute, unknown.seconds_left) == (None, None, None)
