"""Rounds begun and closed; lines claimed, called, held, skipped. Two officers never hold the same line."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.interactions.services import Logged, log_interaction
from campaigns.interactions.words import notes, one_line
from campaigns.rounds.models import CallLine, CallRound
from contacts.directory.services.editing import find_locked, invalid, plain
from contacts.segments.compiler import compile_segment
from contacts.segments.models import Segment, Selects
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.models import AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid, NotAllowed
from crm.ids import new_uid

MOST = 5000  # calls: more is no round but a call centre
LEASE = timedelta(minutes=30)  # a long call with its notes
AGAIN = timedelta(hours=4)  # after no answer
Outcome, State = CallLine.Outcome, CallLine.State
ENDS = frozenset({Outcome.REACHED, Outcome.REFUSED, Outcome.WRONG})
TALKED = frozenset({Outcome.REACHED, Outcome.CALL_BACK, Outcome.REFUSED})


# --- rounds -------------------------------------------------------------------------------------------------------------------
def start_round(*, name: str, segment: Segment, actor: User, script: str = "", most_tries: int = 3) -> CallRound:
    """Make a sheet of everybody whom the segment has now, within the actor's scope. Raises Invalid for nobody, or for too many."""
    if not actor.may(Action.LOG):
        raise NotAllowed(_("Your role does not handle outreach. Nothing was saved."))
    row = CallRound(
        name=one_line(name, most=200), script=notes(script), segment=segment, owner=actor, most_tries=most_tries
    )
    try:
        row.full_clean(exclude=["owner", "segment"])
    except ValidationError as error:
        raise invalid(error) from error
    codes = actor.scope(Action.LOG).countries
    compiled = compile_segment(segment, scope_countries=None if codes is None else sorted(codes))
    with transaction.atomic():
        row.save()
        count = _fill(row, compiled)
        if not count:
            raise Invalid(_("This segment has nobody whom you may call. Nothing was saved."), code="segment")
        if count > MOST:
            raise Invalid(
                _("This segment has more than %(most)s; choose a smaller one.") % {"most": MOST}, code="segment"
            )
        changes = [("name", None, row.name), ("segment", None, plain(segment)), ("rows", None, count)]
        record(verb="callround.started", target=row, actor=actor, changes=changes, event={"lines": count})
    return row


def _fill(row: CallRound, compiled: Any) -> int:
    """The lines in one statement. People come with the institution that they stand for."""
    if compiled.selects == Selects.PEOPLE:
        shape = "m.person_id, m.organization_id"
        source = (
            "SELECT c.id AS person_id, k.organization_id FROM (SELECT id FROM chosen ORDER BY id LIMIT %s) c"
            " JOIN contacts_person p ON p.id = c.id AND p.erased_at IS NULL AND p.archived_at IS NULL"
            " LEFT JOIN contacts_membership k ON k.person_id = c.id AND k.is_primary AND k.ended_on IS NULL"
        )
    else:
        shape = "NULL::bigint, m.organization_id"
        source = "SELECT c.id AS organization_id FROM (SELECT id FROM chosen ORDER BY id LIMIT %s) c"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_callline (uid, round_id, person_id, organization_id, state, outcome, tries, note)"  # noqa: S608
            f" WITH chosen AS ({compiled.sql}), m AS ({source})"
            f" SELECT gen_random_uuid(), %s, {shape}, 'open', '', 0, '' FROM m",
            [*compiled.params, MOST + 1, row.pk],
        )
        return int(cursor.rowcount)


def close_round(*, round_: CallRound, actor: User) -> AuditEntry | None:
    """No more calls; claims end. None when it was closed already."""
    with transaction.atomic():
        row: CallRound = find_locked(CallRound, round_.uid)
        _may_lead(row, actor)
        if row.closed_at:
            return None
        row.closed_at = timezone.now()
        row.save(update_fields=["closed_at", "updated_at"])
        row.lines.filter(token__isnull=False).update(token=None, lease_until=None, claimed_by=None)
        changes = [("closed_at", None, plain(row.closed_at))]
        return record(verb="callround.closed", target=row, actor=actor, changes=changes, event={})


def _may_lead(row: CallRound, actor: User) -> None:
    if row.owner_id != actor.pk and not actor.may(Action.DRIVES):
        raise NotAllowed(_("Who began the round, or a planner, closes it."))


def restore_round(*, uid: UUID, values: Mapping[str, Any], expected: Mapping[str, Any], actor: User) -> None:
    """Of beginning: it is closed. Of closing: it goes on."""
    row: CallRound = find_locked(CallRound, uid)
    _may_lead(row, actor)
    row.closed_at = None if "closed_at" in values else (row.closed_at or timezone.now())
    row.save(update_fields=["closed_at", "updated_at"])


# --- lines --------------------------------------------------------------------------------------------------------------------
def claim_next(*, round_: CallRound, actor: User, now: datetime | None = None) -> CallLine | None:
    """The next one to call, for the actor alone while the lease runs; the one that they hold already, if they do. None: nobody is
    left now. Rows that another claims at this moment are passed over, not waited for."""
    moment = now or timezone.now()
    with transaction.atomic():
        row = CallRound.objects.running().filter(pk=round_.pk).first()
        if row is None:
            raise Conflict(_("This round is closed: nobody is called any more."), code="closed")
        mine = CallLine.objects.filter(round=row).visible_to(actor, Action.LOG)
        held = mine.held_by(actor, moment).order_by("pk").first()
        line = held or mine.free(moment).select_for_update(skip_locked=True, of=("self",)).first()
        if line is None:
            return None
        if line != held:
            line.token = new_uid()
        line.claimed_by, line.lease_until = actor, moment + LEASE
        line.save(update_fields=["token", "claimed_by", "lease_until"])
    return line


def _claimed(line: CallLine, actor: User, token: UUID) -> CallLine:
    """The locked line, if this claim still holds it. A lease that ended is still good while nobody else took the line."""
    row: CallLine = find_locked(CallLine, line.uid)
    if row.state != State.OPEN or row.token != token or row.claimed_by_id != actor.pk:
        who = row.claimed_by.name if row.claimed_by and row.claimed_by_id != actor.pk else ""
        raise Conflict(
            _(
                "%(who)s took this call meanwhile: your time for it had run out. Nothing was saved; log it from their page."
            )
            % {"who": who}
            if who
            else _("This call is over already; nothing was saved twice."),
            code="claim_lost",
        )
    return row


def record_outcome(
    *,
    line: CallLine,
    actor: User,
    token: UUID,
    outcome: str,
    text: str = "",
    call_back_on: date | None = None,
    next_step: str = "",
    next_on: date | None = None,
    override_reason: str = "",
) -> Logged | None:
    """What came of a call: logged as a call (but for a wrong number), and the line is done, or to be called again.

    token: of the claim; it also names the log's entry, so that a form sent twice logs once. Raises Conflict when another took the
    line, Guarded where a guard stands against it and no reason is given.
    """
    if outcome not in Outcome.values or not outcome:
        raise Invalid(_("Say what came of it."), code="outcome")
    if outcome == Outcome.CALL_BACK and call_back_on is None:
        raise Invalid(_("Say on which day to call again."), code="call_back_on")
    with transaction.atomic():
        row = _claimed(line, actor, token)
        logged = None
        if outcome != Outcome.WRONG:
            logged = log_interaction(
                actor=actor,
                kind="call",
                people=[row.person] if row.person else [],
                organizations=[row.organization] if row.organization else [],
                is_two_way=outcome in TALKED,
                subject=f"{row.round.name}: {Outcome(outcome).label}",
                text=text,
                form_key=token,
                next_step=next_step,
                next_on=next_on,
                override_reason=override_reason,
            )
        row.outcome, row.tries, row.note = outcome, row.tries + 1, ""
        is_over = outcome in ENDS or row.tries >= row.round.most_tries
        row.not_before = None if is_over else _again(outcome, call_back_on)
        _free(row, is_over=is_over, actor=actor)
        record(
            verb="callround.called", target=row.round, actor=actor, changes=[("outcome", None, outcome)],
            summary=row.round.name, event={"outcome": outcome, "line": str(row.uid)},
        )  # fmt: skip
    return logged


def _again(outcome: str, on: date | None) -> datetime:
    if outcome == Outcome.CALL_BACK and on is not None:
        return timezone.make_aware(datetime.combine(on, datetime.min.time()))
    return timezone.now() + AGAIN


def _free(row: CallLine, *, is_over: bool, actor: User) -> None:
    row.token, row.lease_until, row.claimed_by = None, None, None
    if is_over:
        row.state = row.state if row.state == State.SKIPPED else State.DONE
        row.done_at, row.done_by = timezone.now(), actor
    row.save()


def hold_line(*, line: CallLine, actor: User, token: UUID, until: date, why: str = "") -> None:
    """Not now: it is free again on that day."""
    with transaction.atomic():
        row = _claimed(line, actor, token)
        row.not_before = timezone.make_aware(datetime.combine(until, datetime.min.time()))
        row.note = one_line(why)
        _free(row, is_over=False, actor=actor)


def skip_line(*, line: CallLine, actor: User, token: UUID, why: str) -> None:
    """Not in this round. Raises Invalid without a reason."""
    if not one_line(why):
        raise Invalid(_("Say why: the reason is kept."), code="why")
    with transaction.atomic():
        row = _claimed(line, actor, token)
        row.state, row.note = State.SKIPPED, one_line(why)
        _free(row, is_over=True, actor=actor)
        record(
            verb="callround.skipped", target=row.round, actor=actor, changes=[("why", None, row.note)],
            summary=row.round.name, event={"line": str(row.uid)},
        )  # fmt: skip


def give_back(*, line: CallLine, actor: User, token: UUID) -> None:
    """Somebody else may take it at once."""
    with transaction.atomic():
        _free(_claimed(line, actor, token), is_over=False, actor=actor)
