"""Celery's doors to delivery: ids in, service out. Each may be lost or run twice; the truth is in PostgreSQL."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import replace
from typing import Any

from celery import shared_task
from django.db import connection, transaction

from campaigns.delivery import breaker, freezing, lateness, nightly, sweeping
from campaigns.delivery.composing import connecting, on_trial, plan_of
from campaigns.delivery.engine import Engine, Outcomes
from campaigns.delivery.retrying import ACCEPTED
from campaigns.delivery.running import note_run
from campaigns.delivery.waking import post, wake
from campaigns.domains import warmup
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.services import locked, pause
from campaigns.mailings.states import State
from campaigns.safety import services as safety
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import announce
from crm import heartbeat
from crm.errors import Unavailable

logger = logging.getLogger(__name__)


# A run lasts half a minute, and longer only while a server owes it answers (engine.LIFE_SECONDS, and then ten minutes for those to whole
# messages). It is not acknowledged late: the sweeper asks again.
@shared_task(
    name="campaigns.delivery.deliver", ignore_result=True, acks_late=False, time_limit=960, soft_time_limit=940
)
def deliver(mailing_id: int) -> None:
    """Claim and send for a part of a minute, then make room for others; wakes the next one when there is more."""
    outcomes = send_some(mailing_id)
    if outcomes is None or outcomes.is_stopped or outcomes.is_spent or outcomes.down:
        return
    if not sweeping.finish_if_done(mailing_id):
        wake(mailing_id)


def send_some(mailing_id: int, *, seconds: float | None = None) -> Outcomes | None:
    """One run of the engine; None when the mailing is not there to send or its transport rests."""
    try:
        plan = plan_of(mailing_id)
    except Unavailable as error:  # a file that it carries is gone, or another version froze it: a person must see to it
        _pause_for_content(mailing_id, error.message)
        return None
    if plan is None:
        return None
    transport = Transport.objects.get(pk=plan.transport_id)
    if lateness.is_late(mailing_id):
        return None
    if plan.warmup is not None and warmup.is_spent(plan.warmup):
        note_run(mailing_id)
        return None  # the sweeper asks again, and tomorrow there is a new day's
    is_trial = breaker.may_try(mailing_id, transport)
    if is_trial is None:
        return None
    if is_trial:
        plan = on_trial(plan)
    else:
        note_run(mailing_id)
    if transport.by_token:  # before the run: it lasts longer than one
        token, problem = breaker.token_of(transport)
        if problem:
            breaker.trip(mailing_id=mailing_id, transport_id=transport.pk, reason=problem)
            return None
        plan = replace(plan, connect=connecting(transport, token))
    dsn = dict(connection.get_connection_params())
    for name in ("cursor_factory", "context", "prepare_threshold"):
        dsn.pop(name, None)
    connection.close()  # this run has a connection of its own; a pooled one would only grow stale
    engine = Engine(plan, dsn, **({} if seconds is None else {"seconds": seconds}))
    outcomes = _run(engine)
    has_accepted = outcomes.counts[ACCEPTED] > 0
    if outcomes.is_closed and not outcomes.is_stopped:
        reason = breaker.why_refused(transport, outcomes.down)
        breaker.trip(mailing_id=mailing_id, transport_id=plan.transport_id, reason=reason)
    else:
        outcomes.down = ""
        if is_trial:
            breaker.tried(mailing_id=mailing_id, transport_id=transport.pk, has_accepted=has_accepted)
    if outcomes.is_unusual:
        safety.check(mailing_id=mailing_id)
    logger.info("Mailing %s: %s", mailing_id, dict(outcomes.counts))
    if is_trial and has_accepted:
        return send_some(mailing_id, seconds=seconds)  # the road is open: on, with all connections
    return outcomes


def _pause_for_content(mailing_id: int, reason: str) -> None:
    with transaction.atomic():
        row = locked(Mailing(pk=mailing_id))
        if row.state == State.SENDING:
            pause(mailing=row, reason=reason)
            announce(mailing_id=mailing_id, kind=PauseNotice.Kind.CONTENT, reason=reason)


def _run(engine: Engine) -> Outcomes:
    try:
        import uvloop  # not on every platform
    except ImportError:
        return asyncio.run(engine.run())
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(engine.run())


# An audience of a million takes longer than a minute on a small machine. It is not acknowledged late: the sweeper asks again.
@shared_task(name="campaigns.delivery.freeze", ignore_result=True, acks_late=False, time_limit=900, soft_time_limit=880)
def freeze_mailing(mailing_id: int) -> None:
    """Freeze the audience; once, however often this is asked."""
    try:
        freezing.freeze(mailing_id=mailing_id)
    except Unavailable as error:
        logger.warning("Mailing %s waits to be frozen: %s", mailing_id, error.message)


@shared_task(name="campaigns.delivery.wind_up", ignore_result=True)
def wind_up_mailing(mailing_id: int) -> None:
    """End what a cancelled mailing still has waiting."""
    sweeping.wind_up(mailing_id)


# One mailing of many millions may take minutes. It is not acknowledged late: the row's lease says who is at it.
@shared_task(name="campaigns.delivery.audit_night", ignore_result=True, acks_late=False, time_limit=900)
def audit_night() -> None:
    """Do what the night's audit of all mailings is due, for part of a minute; posts itself again when there is more."""
    if nightly.work_on_night():
        post(audit_night)


@shared_task(name="campaigns.delivery.sweep", ignore_result=True)
def sweep(*args: Any) -> None:
    """Every ten seconds: whatever is due, stuck or abandoned."""
    sweeping.sweep()
    heartbeat.beat("sweep")
