"""Erasing a person: previewed, then done in steps, each in a transaction of its own; whatever stops it, it goes on where it was.

The order matters: first the line in the erasure log, then the suppression and `erased_at` (nothing is sent any more), then
what features hold, and the directory's own row last, because everything before finds the person by it.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from contacts.consent.addresses import address_hash
from contacts.consent.erasure import log
from contacts.consent.erasure.registry import Holding, PersonalData, holdings
from contacts.consent.models import Erasure, Suppression
from contacts.consent.services.suppressions import suppress_addresses
from contacts.directory.models import Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import Door
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed
from crm.jobs.services import Run, job_kind, start_job

JOB = "consent.erase"
STEP_SECONDS = 15.0
STOPPED = "stopped"  # name of the first step in `counts`


@dataclass(frozen=True)
class Reached:
    """One line of the preview."""

    holding: Holding
    count: int


def preview(person: Person) -> list[Reached]:
    """What would go, and how much of each."""
    data = PersonalData.of(person.uid)
    return [Reached(holding, holding.count(data)) for holding in holdings()]


def request_erasure(*, person: Person, reason: str, actor: User) -> Erasure:
    """Begin to erase a person, as a job. Asking twice gives the same erasure. It cannot be undone, and cannot be stopped."""
    if not Person.objects.visible_to(actor, Action.ADMINISTER).filter(pk=person.pk).exists():
        raise NotAllowed(_("Only an administrator erases people."))
    if reason not in Erasure.Reason.values:
        raise Invalid(_("Say why this person is erased."), code="reason_missing")
    with transaction.atomic():
        person = Person.objects.select_for_update().get(pk=person.pk)
        erasure = _erasure_of(person.uid, reason=reason, actor=actor)
        if erasure.finished_at is None and (erasure.job is None or not erasure.job.is_open):
            # also when an earlier job failed: what it did is noted, and the rest is done now
            erasure.job = start_job(
                kind=JOB, title=_("Erase a person"), owner=actor, params={"erasure": str(erasure.uid)}, object_uid=erasure.uid
            )  # fmt: skip
            erasure.save(update_fields=["job", "updated_at"])
    return erasure


def _erasure_of(person_uid: UUID, *, reason: str, actor: User | None, line: log.Line | None = None) -> Erasure:
    data = PersonalData.of(person_uid, line.uids if line else ())
    hashes = dict(line.hashes) if line else {}
    for key_id in settings.ADDRESS_KEYS:
        own = [address_hash(key, key_id=key_id).hex() for key in data.own_keys]
        hashes[key_id] = sorted({*hashes.get(key_id, []), *own})
    values: dict[str, Any] = {
        "uids": list(data.uids), "reason": reason, "address_hashes": hashes, "requested_by": actor,
    }  # fmt: skip
    if line:
        values.update(uid=line.erasure, is_replayed=True, logged_at=line.at)
    return Erasure.objects.get_or_create(person_uid=person_uid, defaults=values)[0]


# --- the steps ----------------------------------------------------------------------------------------------------------
@job_kind(JOB)
def erase_in_steps(job: Run) -> Any:
    """As many steps as fit into a task; the next task goes on."""
    erasure = Erasure.objects.get(uid=job.params["erasure"])
    job.total(len(holdings()) + 1)
    started = time.monotonic()
    while (name := next_step(erasure)) is not None:
        do_step(erasure, name)
        # not advance(): whoever asks to stop half an erasure gets a whole one
        job.job.done_count += 1
        job._update(done_count=job.job.done_count)
        if time.monotonic() - started > STEP_SECONDS:
            return job.again()
    finish(erasure)
    job.result(url=reverse("erasure_detail", args=[erasure.person_uid]))
    return None


def erase_now(erasure: Erasure) -> Erasure:
    """Every step that is left, here and now."""
    while (name := next_step(erasure)) is not None:
        do_step(erasure, name)
    return finish(erasure)


def next_step(erasure: Erasure) -> str | None:
    return next((name for name in [STOPPED, *(h.name for h in holdings())] if name not in erasure.counts), None)


def do_step(erasure: Erasure, name: str) -> None:
    """One step in one transaction with the note that it was done; twice at once, the second finds it done."""
    if name == STOPPED:
        _write_line(erasure)
    with transaction.atomic():
        locked = Erasure.objects.select_for_update().get(pk=erasure.pk)
        if name not in locked.counts:
            data = PersonalData.of(locked.person_uid, locked.uids)
            found = next((holding for holding in holdings() if holding.name == name), None)
            count = found.erase(data) if found else _stop(locked, data)
            locked.counts = {**locked.counts, name: count}
            locked.save(update_fields=["counts", "updated_at"])
    erasure.refresh_from_db()


def _write_line(erasure: Erasure) -> None:
    """Before anything is touched: should the database be restored from now on, the log knows."""
    if erasure.logged_at is not None:
        return
    line = log.Line(
        erasure=erasure.uid,
        person=erasure.person_uid,
        uids=tuple(erasure.uids),
        hashes=erasure.address_hashes,
        reason=erasure.reason,
        at=timezone.now(),
    )
    log.append(line)
    Erasure.objects.filter(pk=erasure.pk).update(logged_at=line.at)
    erasure.logged_at = line.at


def _stop(erasure: Erasure, data: PersonalData) -> int:
    """Nothing is written to them from this commit on: their addresses are suppressed, and audiences leave them out."""
    now = timezone.now()
    if data.own_keys:
        suppress_addresses(address_keys=data.own_keys, reason=Suppression.Reason.ERASED, source="erasure")
    _suppress_hashes(erasure, now)
    return Person.objects.filter(pk__in=data.person_ids, erased_at__isnull=True).update(erased_at=now, updated_at=now)


def _suppress_hashes(erasure: Erasure, now: datetime) -> None:
    """What the log knows and this database does not: a backup may be older than the address."""
    hashes = [bytes.fromhex(hash) for hashes in erasure.address_hashes.values() for hash in hashes]
    Suppression.objects.bulk_create(
        [
            Suppression(
                address_hash=bytes.fromhex(hash), key_id=key_id, reason=Suppression.Reason.ERASED, source="erasure", at=now
            )
            for key_id, group in erasure.address_hashes.items()
            for hash in group
        ],
        ignore_conflicts=True,
    )  # fmt: skip
    # another reason stands; but its source may quote a bounce, and so the address
    Suppression.objects.filter(address_hash__in=hashes).exclude(source="erasure").update(source="erasure")


def finish(erasure: Erasure) -> Erasure:
    """The last word: one audit entry, and the event for whoever keeps copies. Twice changes nothing."""
    with transaction.atomic():
        locked = Erasure.objects.select_for_update(of=("self",)).select_related("requested_by").get(pk=erasure.pk)
        if locked.finished_at is None:
            locked.finished_at = timezone.now()
            locked.save(update_fields=["finished_at", "updated_at"])
            record(
                verb="person.erased",
                object_type="person",
                object_uid=locked.person_uid,
                actor=locked.requested_by,
                door=Door.COMMAND if locked.is_replayed else None,
                summary=str(locked.get_reason_display()),
                event={"reason": locked.reason},
            )
    return locked


# --- after a restore ----------------------------------------------------------------------------------------------------
def replay_erasures() -> list[Erasure]:
    """Erase again whom the log names and this database does not know as erased; returns those erasures.

    Run it after a restore, before anything is sent. Doing it twice does nothing twice.
    """
    done = []
    for line in log.read():
        known = Erasure.objects.filter(person_uid=line.person).first()
        alive = Person.objects.filter(uid__in=line.uids, erased_at__isnull=True).exists()
        if known is not None and known.finished_at is not None and not alive:
            continue
        if known is not None and alive and known.finished_at is not None:
            # a row came back beside an erasure that is known: every step is done anew
            known.counts, known.finished_at = {}, None
            known.uids = sorted({*known.uids, *line.uids})
            known.save()
        erasure = known or _erasure_of(line.person, reason=_reason(line.reason), actor=None, line=line)
        done.append(erase_now(erasure))
    return done


def after_restore(made_at: datetime) -> str:
    """Replay, and say in a line what was done: a step of each restore."""
    done = replay_erasures()
    return ngettext("%(n)s erasure replayed.", "%(n)s erasures replayed.", len(done)) % {"n": len(done)}


def _reason(text: str) -> str:
    return text if text in Erasure.Reason.values else Erasure.Reason.REQUEST.value
