"""Start, claim, advance, cancel and finish jobs. PostgreSQL has the truth; Celery only wakes somebody up.

A feature registers what its kind of job does, as a function in steps:

    @job_kind("import.apply")
    def apply_import(run: Run) -> None:
        run.total(1000)
        for chunk in chunks:
            ...                      # commit a chunk's work
            run.advance(len(chunk))  # raises JobCancelled when a person has stopped it

Long work is cut into tasks of under a minute: a function that returns `run.again()` is called in a new task, with
`run.state` (a dict kept on the row) telling it where it was. So a worker's death loses at most one step, and the next claim goes on.

What cannot be cut, because it is one transaction, is registered with `is_long=True`: its task may take half an hour, is acknowledged
before it begins, and tells that it lives from a thread of its own (`with run.beating():`). See docs/decisions/0035.
"""

from __future__ import annotations

import datetime as dt
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID, uuid4

from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext as _

from crm.accounts.models import User
from crm.audit.services import record
from crm.errors import DomainError, WrongState
from crm.jobs.models import Job

logger = logging.getLogger(__name__)

LEASE = dt.timedelta(seconds=90)  # a task lives 60 s at most, so a run that is silent for longer is dead
WAKE_AFTER = dt.timedelta(seconds=10)  # a queued job nobody took for so long has lost its wake-up
MAX_STARTS = 5  # a step that dies each time ends the job instead of running for ever
AGAIN = object()

Work = Callable[["Run"], Any]
KINDS: dict[str, Work] = {}
LONG_KINDS: set[str] = set()
BEAT_SECONDS = 15.0


class JobCancelled(Exception):
    """A person stopped the job. What was committed before stays."""


class LeaseLost(Exception):
    """Another run holds the job now; this one must stop without a word."""


def job_kind(name: str, *, is_long: bool = False) -> Callable[[Work], Work]:
    """Register the function that does jobs of this kind; is_long: a step may take longer than a minute."""

    def register(work: Work) -> Work:
        KINDS[name] = work
        if is_long:
            LONG_KINDS.add(name)
        return work

    return register


def start_job(
    *,
    kind: str,
    title: str,
    owner: User | None = None,
    params: dict[str, Any] | None = None,
    object_uid: UUID | None = None,
    total: int | None = None,
) -> Job:
    """Queue a job and wake a worker when the caller's transaction commits."""
    if kind not in KINDS:
        raise ValueError(f"no job_kind {kind!r} is registered")
    job = Job.objects.create(
        kind=kind,
        title=title[:200],
        owner=owner,
        params=params or {},
        object_uid=object_uid,
        total_count=total,
    )
    transaction.on_commit(lambda: _wake(job.pk))
    return job


def request_cancel(*, job: Job, actor: User) -> Job:
    """Stop a job: at once if nobody has begun it, else at its next step. Stopping what is over changes nothing."""
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=job.pk)
        if not job.is_open:
            return job
        if job.state == Job.State.QUEUED:
            _close(job, Job.State.CANCELLED)
        else:
            job.is_cancel_requested = True
            job.save(update_fields=["is_cancel_requested", "updated_at"])
        record(verb="job.cancelled", target=job, actor=actor, summary=job.title)
    return job


class Run:
    """One worker's hold on a job. Every write checks that the hold is still ours."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.token = job.claimed_by

    @property
    def params(self) -> dict[str, Any]:
        return self.job.params

    @property
    def state(self) -> dict[str, Any]:
        """Where the work is, kept on the row by `save_state`. A fresh job has an empty one."""
        return self.job.result.setdefault("_state", {})

    def save_state(self, **values: Any) -> None:
        self.state.update(values)
        self._update(result=self.job.result)

    def total(self, count: int | None) -> None:
        """Say how much there is to do; None while it is not known."""
        self._update(total_count=count)

    def phase(self, words: str) -> None:
        """Say what is being done now, in plain words."""
        self._update(phase=words[:120])

    def advance(self, count: int = 1) -> None:
        """`count` more are done and committed. Raises JobCancelled when a person has stopped the job."""
        self._update(done_count=F("done_count") + count)
        self.job.done_count += count
        self.check()

    def check(self) -> None:
        """Raise JobCancelled when a person has stopped the job."""
        if Job.objects.filter(pk=self.job.pk, is_cancel_requested=True).exists():
            raise JobCancelled

    def hold(self) -> None:
        """Keep the hold until the end of the transaction, for another process that works for this one. Raises LeaseLost."""
        held = Job.objects.select_for_update(no_key=True).filter(
            pk=self.job.pk, claimed_by=self.token, state=Job.State.RUNNING
        )
        if not held.values_list("pk").first():
            raise LeaseLost

    def result(self, *, url: str = "", **values: Any) -> None:
        """What came out of it: counts for people to read, and where to look at it."""
        self.job.result.update(values)
        self._update(result=self.job.result, **({"result_url": url} if url else {}))

    def again(self) -> object:
        """Return this to be called once more in a task of its own."""
        return AGAIN

    @contextmanager
    def beating(self) -> Iterator[None]:
        """Keep the hold while one long statement runs: a thread with a connection of its own says that the work lives."""
        over = threading.Event()

        def beat() -> None:
            try:
                while not over.wait(BEAT_SECONDS):
                    self._update()
            except LeaseLost:
                logger.warning("Job %s was taken over by another run", self.job.pk)
            finally:
                connection.close()

        thread = threading.Thread(target=beat, name=f"job-{self.job.pk}", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _update(self, **fields: Any) -> None:
        now = timezone.now()
        held = Job.objects.filter(pk=self.job.pk, claimed_by=self.token, state=Job.State.RUNNING)
        if not held.update(heartbeat_at=now, updated_at=now, **fields):
            raise LeaseLost


def claim(job_id: int, *, now: dt.datetime | None = None) -> Run | None:
    """Take a job that is queued, or whose worker has been silent for longer than a task can live. None if it is held or over."""
    now = now or timezone.now()
    free = Q(state=Job.State.QUEUED) | Q(state=Job.State.RUNNING, heartbeat_at__lt=now - LEASE)
    with transaction.atomic():
        job = Job.objects.select_for_update(skip_locked=True).filter(free, pk=job_id).first()
        if job is None:
            return None
        if job.is_cancel_requested:
            _close(job, Job.State.CANCELLED)
            return None
        job.state = Job.State.RUNNING
        job.claimed_by = uuid4()
        job.heartbeat_at = now
        job.started_at = job.started_at or now
        job.result["_starts"] = job.result.get("_starts", 0) + 1
        job.save()
    return Run(job)


def run_job(job_id: int) -> None:
    """Claim and do one step of a job. Running it twice, anywhere, does nothing twice: only one run can hold the row."""
    run = claim(job_id)
    if run is None:
        return
    try:
        if run.job.result["_starts"] > MAX_STARTS:
            raise DomainError(_("This was tried many times and did not get on. What was done so far is kept."))
        outcome = KINDS[run.job.kind](run)
    except JobCancelled:
        _finish(run, Job.State.CANCELLED)
    except LeaseLost:
        logger.warning("Job %s was taken over by another run", job_id)
    except DomainError as error:
        _finish(run, Job.State.FAILED, error=error.message)
    except Exception:  # whatever a feature's code raises must end as a sentence on the row, not as a job that hangs
        logger.exception("Job %s (%s) failed", job_id, run.job.kind)
        _finish(run, Job.State.FAILED, error=_unexpected())
    else:
        if outcome is AGAIN:
            _requeue(run)
        else:
            _finish(run, Job.State.DONE)


def sweep(*, now: dt.datetime | None = None) -> int:
    """Wake jobs whose wake-up or worker was lost; returns how many."""
    now = now or timezone.now()
    lost = Q(state=Job.State.QUEUED, updated_at__lt=now - WAKE_AFTER) | Q(
        state=Job.State.RUNNING, heartbeat_at__lt=now - LEASE
    )
    ids = list(Job.objects.filter(lost).values_list("pk", flat=True)[:100])
    for job_id in ids:
        _wake(job_id)
    return len(ids)


def must_be_open(job: Job) -> None:
    """Refuse to act on a job that is over."""
    if not job.is_open:
        raise WrongState(_("“%(title)s” is over already.") % {"title": job.title})


def _unexpected() -> str:
    return _(
        "Something unexpected stopped this. What was finished before is kept, the rest was not begun. "
        "The details are in the server's log; please tell an administrator, then start it again."
    )


def _wake(job_id: int) -> None:
    from crm.jobs.tasks import run, run_long  # tasks import services

    is_long = LONG_KINDS and Job.objects.filter(pk=job_id, kind__in=LONG_KINDS).exists()
    try:
        (run_long if is_long else run).delay(job_id)
    except Exception:  # a broker that is down loses only the wake-up: the sweeper finds the row
        logger.warning("Job %s could not be announced; the sweeper will find it", job_id)


def _requeue(run: Run) -> None:
    now = timezone.now()
    held = Job.objects.filter(pk=run.job.pk, claimed_by=run.token, state=Job.State.RUNNING)
    run.job.result["_starts"] = 0  # it got through a step: only deaths count
    if held.update(state=Job.State.QUEUED, claimed_by=None, heartbeat_at=now, updated_at=now, result=run.job.result):
        transaction.on_commit(lambda: _wake(run.job.pk))


def _finish(run: Run, state: Job.State, *, error: str = "") -> None:
    with transaction.atomic():
        job = Job.objects.select_for_update().get(pk=run.job.pk)
        if job.claimed_by != run.token or not job.is_open:
            return
        job.result = {key: value for key, value in run.job.result.items() if not key.startswith("_")}
        _close(job, state, error=error)


def _close(job: Job, state: Job.State, *, error: str = "") -> None:
    job.state = state
    job.error = error
    job.phase = ""
    job.finished_at = timezone.now()
    job.save()
