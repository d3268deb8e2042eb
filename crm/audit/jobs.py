"""Undo of what changed many objects, as a job when they are more than a person would wait for."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from crm.accounts.models import User
from crm.audit import services
from crm.audit.models import AuditEntry
from crm.jobs.models import Job
from crm.jobs.services import Run, job_kind, start_job
from crm.ui.formats import number

KIND = "audit.undo"
AT_ONCE = 500


def start_undo(*, entry: AuditEntry, actor: User) -> Job:
    """Queue it; asked twice it is the same job, while that is open."""
    open_one = Job.objects.filter(kind=KIND, object_uid=entry.uid, state__in=[Job.State.QUEUED, Job.State.RUNNING])
    return open_one.first() or start_job(
        kind=KIND,
        title=_("Undo: %(what)s") % {"what": entry.summary or entry.verb},
        owner=actor,
        params={"entry": str(entry.uid), "actor": str(actor.uid)},
        object_uid=entry.uid,
    )


@job_kind(KIND, is_long=True)
def undo_entry(run: Run) -> None:
    """One transaction: it is undone whole, or (cancelled before, failed) not at all."""
    entry = AuditEntry.objects.get(uid=UUID(run.params["entry"]))
    actor = User.objects.get(uid=UUID(run.params["actor"]))
    count = entry.changes.count()
    run.total(count)
    run.phase(_("Putting values back"))
    run.check()
    with run.beating():
        made = AuditEntry.objects.filter(undoes=entry).first() or services.undo(entry=entry, actor=actor)
    run.advance(count)
    run.result(url=reverse("activity_entry", args=[made.uid]), outcome=outcome_of(made))


def outcome_of(made: AuditEntry) -> str:
    """What an undo did, in words: what is as before, and what was kept because it was edited since."""
    if not made.kept:
        return _("Undone: it is as it was before.")
    return ngettext(
        "Undone, but for %(n)s that was edited since: it is kept as it is.",
        "Undone, but for %(n)s that were edited since: they are kept as they are.",
        made.kept,
    ) % {"n": number(made.kept)}
