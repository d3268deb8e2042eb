"""The three long tasks of an import."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from celery.exceptions import SoftTimeLimitExceeded
from django.db import connection, transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from contacts.importing import services, undoing
from contacts.importing.models import ImportRun
from contacts.importing.reading import BadFile
from contacts.importing.staging import STEP_SECONDS, stage
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.errors import Unavailable
from crm.jobs.services import Run, job_kind


@job_kind(services.CHECK)
def check_import(job: Run) -> Any:
    """Stage the rows, then decide what each would do. The directory is only read."""
    run = ImportRun.objects.select_related("owner").get(uid=job.params["run"])
    if run.state != ImportRun.State.CHECKING:
        return None
    job.phase(_("Reading the rows"))
    if "line" not in job.state:
        services.drop_staged(run)
    try:
        if not stage(run=run, job=job):
            return job.again()
    except BadFile as error:
        services.refuse(run=run, error=error)
        raise
    job.phase(_("Comparing with the directory"))
    job.check()
    run = services.finish_check(run=run, scope=run.owner.scope(Action.BULK).countries if run.owner else frozenset())
    job.result(url=reverse("import_detail", args=[run.uid]), **_readable(run))
    return None


@job_kind(services.APPLY, is_long=True)
def apply_import(job: Run) -> None:
    """Write it, in one transaction. Its progress is told from outside of that, or nobody would see it before the end."""
    run = ImportRun.objects.get(uid=job.params["run"])
    actor = User.objects.filter(uid=job.params["actor"]).first()
    if run.state not in {ImportRun.State.APPLYING, ImportRun.State.APPLIED}:
        return
    with job.beating(), ThreadPoolExecutor(max_workers=1) as outside:

        def tell(words: str) -> None:
            outside.submit(_in_own_connection, _told, job, words).result()

        try:
            run = services.apply_import(run=run, actor=actor, on_phase=tell)
        except SoftTimeLimitExceeded:
            raise Unavailable(
                _(
                    "Writing took longer than half an hour and was stopped; nothing was kept. Try again when the machine has less to do, or split the file and import the parts."
                )
            ) from None
    job.result(url=reverse("import_detail", args=[run.uid]), **_readable(run))


@job_kind(services.UNDO)
def undo_import(job: Run) -> Any:
    """Take an import back chunk by chunk. A chunk and the place behind it are committed together, so a death repeats none."""
    run = ImportRun.objects.get(uid=job.params["run"])
    actor = User.objects.filter(uid=job.params["actor"]).first()
    if run.state != ImportRun.State.UNDOING:
        return None
    started = time.monotonic()
    job.phase(_("Taking back what nobody built on since"))
    phase, first = job.state.get("phase", 0), job.state.get("first", 1)
    while phase < len(undoing.PHASES):
        with transaction.atomic():
            phase, first, done = undoing.next_step(run=run, actor=actor, phase=phase, first=first)
            job.save_state(phase=phase, first=first)
            job.advance(done)
        if time.monotonic() - started > STEP_SECONDS:
            return job.again()
    run = undoing.finish(run=run, actor=actor)
    job.result(url=reverse("import_detail", args=[run.uid]), **run.counts["undo"])
    return None


def _told(job: Run, words: str) -> None:
    job.phase(words)
    job.check()


def _in_own_connection(call: Callable[..., None], *args: Any) -> None:
    try:
        call(*args)
    finally:
        connection.close()


def _readable(run: ImportRun) -> dict[str, Any]:
    return {name: run.counts.get(name, 0) for name in ("created", "updated", "unchanged", "rejected")}
