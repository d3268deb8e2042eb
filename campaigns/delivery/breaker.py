"""The circuit breaker of a transport. A road that is closed pauses its mailings with the reason, and opens them again.

*Closed* (it works) → *open* (no try before `open_until`, which moves further away each time) → *half open*: the sweeper tries a
connection, and one of the mailings goes on, as a trial: one connection, one message. When that is accepted the breaker is closed and every
mailing that it had paused goes on; a connection that can be made is not enough, because a server may greet us and refuse our sender, and a
service may answer and take nothing. What a person paused stays paused.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import models, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery import lateness
from campaigns.delivery.composing import server_of
from campaigns.delivery.models import BreakerPause
from campaigns.delivery.smtp import REFUSED_TOKEN, probe
from campaigns.delivery.waking import waits_for_workers, wake
from campaigns.esp.handing import unreachable
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.services import move, pause
from campaigns.mailings.states import State
from campaigns.oauth.tokens import forget_token, token_for
from campaigns.safety.models import PauseNotice, SafetyLimits
from campaigns.safety.notices import announce
from crm.errors import Unavailable, WrongState

logger = logging.getLogger(__name__)
# A trial that ended without a word on the road (its worker died, nothing of it was due) is made again after this.
TRIAL = timedelta(seconds=60)


def trip(*, mailing_id: int, transport_id: int, reason: str, now: datetime | None = None) -> None:
    """Open the breaker and pause the mailing with the reason. A second worker that saw the same changes nothing."""
    moment = now or timezone.now()
    with transaction.atomic():
        transport = Transport.objects.select_for_update().get(pk=transport_id)
        is_trial = BreakerPause.objects.filter(mailing_id=mailing_id, is_trial=True).exists()
        if transport.open_until is None or transport.open_until <= moment or is_trial:
            _push(transport, moment, reason)
    _pause(mailing_id, transport, reason, moment)


def _push(transport: Transport, moment: datetime, reason: str) -> None:
    first, longest = timedelta(seconds=settings.DELIVERY_BREAKER_SECONDS), SafetyLimits.current().longest_wait
    transport.failures = min(transport.failures + 1, 1000)
    transport.open_until = moment + min(longest, first * 2 ** min(transport.failures - 1, 16))
    transport.last_error = reason[:300]
    transport.save(update_fields=["failures", "open_until", "last_error", "updated_at"])


def _pause(mailing_id: int, transport: Transport, reason: str, moment: datetime) -> None:
    text = _("“%(transport)s” does not take mail: %(reason)s. It goes on by itself when it does.") % {
        "transport": transport.name,
        "reason": reason[:180],
    }
    with transaction.atomic():
        row = Mailing.objects.select_for_update().get(pk=mailing_id)
        if row.state != State.SENDING:
            return
        since = _since(mailing_id) or moment
        pause(mailing=row, reason=text)
        BreakerPause.objects.create(mailing_id=mailing_id, transport_id=transport.pk, at=since)
        announce(mailing_id=mailing_id, kind=PauseNotice.Kind.TRANSPORT, reason=text)
    logger.warning("Mailing %s is paused: transport %s does not take mail.", mailing_id, transport.pk)


def _since(mailing_id: int) -> datetime | None:
    """Since when the breaker has it; what a move of the mailing forgets."""
    return BreakerPause.objects.filter(mailing_id=mailing_id).values_list("at", flat=True).first()


def is_open(transport: Transport, now: datetime) -> bool:
    return transport.open_until is not None and transport.open_until > now


def may_try(mailing_id: int, transport: Transport) -> bool | None:
    """Whether a run may begin: True as a trial of a closed road, False as ever, None not at all. A trial is one run's at a time."""
    if transport.open_until is None:
        return False
    moment = timezone.now()
    free = Q(claimed_until__isnull=True) | Q(claimed_until__lte=moment)
    mine = BreakerPause.objects.filter(free, mailing_id=mailing_id, transport_id=transport.pk, is_trial=True)
    return True if mine.update(claimed_until=moment + TRIAL) else None


def tried(*, mailing_id: int, transport_id: int, has_accepted: bool) -> None:
    """A trial is over, and nothing spoke against the road. Only a message that was accepted closes the breaker."""
    if not has_accepted:
        BreakerPause.objects.filter(mailing_id=mailing_id).update(claimed_until=None)
        return
    with transaction.atomic():
        transport = Transport.objects.select_for_update().get(pk=transport_id)
        _close(transport)
        resumed = _resume_all(transport)
    for one in resumed:
        wake(one)


def _close(transport: Transport) -> None:
    transport.failures, transport.open_until, transport.last_error = 0, None, ""
    transport.save(update_fields=["failures", "open_until", "last_error", "updated_at"])


def try_again(*, now: datetime | None = None) -> list[int]:
    """Half open: try the transports whose wait is over; returns the ids of the mailings that go on, as trials."""
    moment = now or timezone.now()
    lateness.give_up_waiting(now=now)
    resumed: list[int] = []
    for found in _to_try(moment):
        # Before the row is locked: a token that is renewed for it must be kept, and nobody should wait for a server that hangs.
        problem = _problem_of(found)
        with transaction.atomic():
            transport = _to_try(moment).select_for_update(skip_locked=True).filter(pk=found.pk).first()
            if transport is None:
                continue
            if problem:
                _push(transport, timezone.now(), problem)
                continue
            going = _begin_trial(transport)
            if going is None:  # nobody waits for it: whoever comes finds out
                _close(transport)
                continue
            transport.open_until = timezone.now() + TRIAL
            transport.save(update_fields=["open_until", "updated_at"])
            resumed.append(going)
    for mailing_id in resumed:
        wake(mailing_id)
    return resumed


def _to_try(moment: datetime) -> models.QuerySet[Transport]:
    """Whose wait is over; and those that were edited meanwhile, which forgets the wait, while mailings still rest for it."""
    edited = Q(open_until__isnull=True, pk__in=BreakerPause.objects.values("transport_id"))
    return Transport.objects.filter(Q(open_until__lte=moment) | edited).order_by("pk")


def _begin_trial(transport: Transport) -> int | None:
    """The mailing that tries the road: one that goes out and waits for it, else that which was paused first. One that was tried
    already, and had nothing that could leave, comes last."""
    waiting = BreakerPause.objects.filter(transport_id=transport.pk).order_by("at", "pk")
    going = Mailing.objects.filter(transport_id=transport.pk, state=State.SENDING).order_by("pk")
    tried_before = list(
        going.filter(pk__in=waiting.filter(is_trial=True).values("mailing_id")).values_list("pk", flat=True)
    )
    fresh = (pk for pk in going.exclude(pk__in=tried_before).values_list("pk", flat=True) if waits_for_workers(pk))
    if (chosen := next(fresh, None)) is None:
        for mailing_id in waiting.values_list("mailing_id", flat=True):
            if _resume(mailing_id, transport, is_trial=True):
                return mailing_id
        chosen = next(iter(tried_before), None)
    if chosen is not None:
        values = {"transport_id": transport.pk, "is_trial": True, "claimed_until": None}
        BreakerPause.objects.update_or_create(mailing_id=chosen, defaults=values)
    return chosen


def _resume_all(transport: Transport) -> list[int]:
    ids = list(
        BreakerPause.objects.filter(transport_id=transport.pk).order_by("pk").values_list("mailing_id", flat=True)
    )
    resumed = [mailing_id for mailing_id in ids if _resume(mailing_id, transport)]
    BreakerPause.objects.filter(mailing_id__in=ids).delete()
    return resumed


def _resume(mailing_id: int, transport: Transport, *, is_trial: bool = False) -> bool:
    """Let it go on; False when it is not paused any more."""
    since = _since(mailing_id)
    try:
        with transaction.atomic():
            row = Mailing.objects.select_for_update().filter(pk=mailing_id, state=State.PAUSED).first()
            if row is None or since is None:
                return False
            move(mailing=row, to=State.SENDING)
    except WrongState:  # cancelled this very moment
        return False
    if is_trial:
        BreakerPause.objects.create(mailing_id=mailing_id, transport_id=transport.pk, at=since, is_trial=True)
    return True


def _problem_of(transport: Transport) -> str:
    """Empty when a connection can be made."""
    if transport.kind == Transport.Kind.SERVICE:
        return unreachable(transport)
    token, problem = token_of(transport)
    if problem:
        return problem
    found = asyncio.run(probe(server_of(transport, token), settings.RETURN_DOMAIN or "localhost"))
    return why_refused(transport, found)


def token_of(transport: Transport) -> tuple[str, str]:
    """(the token that its server wants, empty where it wants none; why there is none)."""
    try:
        return (token_for(transport) if transport.by_token else ""), ""
    except Unavailable as error:
        return "", error.message


def why_refused(transport: Transport, problem: str) -> str:
    """What a server said, or what is behind it: a token that it refused is worth nothing any more, and whoever gives them knows why."""
    if not transport.by_token or REFUSED_TOKEN not in problem:
        return problem
    forget_token(transport)
    return token_of(transport)[1] or problem
