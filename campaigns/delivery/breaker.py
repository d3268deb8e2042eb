"""The circuit breaker of a transport. A road that is closed pauses its mailings with the reason, and opens them again.

*Closed* (it works) → *open* (no try before `open_until`, which moves further away each time) → *half open* (the sweeper tries
a connection) → closed, and every mailing that the breaker had paused goes on. What a person paused stays paused.
"""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.composing import server_of
from campaigns.delivery.models import BreakerPause
from campaigns.delivery.smtp import REFUSED_TOKEN, probe
from campaigns.delivery.waking import wake
from campaigns.esp.handing import unreachable
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.services import move, pause
from campaigns.mailings.states import State
from campaigns.oauth.tokens import forget_token, token_for
from campaigns.safety.models import PauseNotice
from campaigns.safety.notices import announce
from crm.errors import Unavailable, WrongState

logger = logging.getLogger(__name__)
LONGEST = timedelta(minutes=5)


def trip(*, mailing_id: int, transport_id: int, reason: str, now: datetime | None = None) -> None:
    """Open the breaker and pause the mailing with the reason. A second worker that saw the same changes nothing."""
    moment = now or timezone.now()
    with transaction.atomic():
        transport = Transport.objects.select_for_update().get(pk=transport_id)
        if transport.open_until is None or transport.open_until <= moment:
            _push(transport, moment, reason)
    _pause(mailing_id, transport, reason)


def _push(transport: Transport, moment: datetime, reason: str) -> None:
    wait = min(LONGEST, timedelta(seconds=settings.DELIVERY_BREAKER_SECONDS) * 2 ** min(transport.failures, 10))
    transport.failures = min(transport.failures + 1, 1000)
    transport.open_until = moment + wait
    transport.last_error = reason[:300]
    transport.save(update_fields=["failures", "open_until", "last_error", "updated_at"])


def _pause(mailing_id: int, transport: Transport, reason: str) -> None:
    text = _("“%(transport)s” does not take mail: %(reason)s. It goes on by itself when it does.") % {
        "transport": transport.name,
        "reason": reason[:180],
    }
    with transaction.atomic():
        row = Mailing.objects.select_for_update().get(pk=mailing_id)
        if row.state != State.SENDING:
            return
        pause(mailing=row, reason=text)
        BreakerPause.objects.get_or_create(mailing_id=mailing_id, defaults={"transport_id": transport.pk})
        announce(mailing_id=mailing_id, kind=PauseNotice.Kind.TRANSPORT, reason=text)
    logger.warning("Mailing %s is paused: transport %s does not take mail.", mailing_id, transport.pk)


def is_open(transport: Transport, now: datetime) -> bool:
    return transport.open_until is not None and transport.open_until > now


def try_again(*, now: datetime | None = None) -> list[int]:
    """Half open: try the transports whose wait is over; returns the ids of the mailings that go on."""
    moment = now or timezone.now()
    resumed: list[int] = []
    for tried in Transport.objects.filter(open_until__lte=moment).order_by("pk"):
        # Before the row is locked: a token that is renewed for it must be kept, and nobody should wait for a server that hangs.
        problem = _problem_of(tried)
        with transaction.atomic():
            transport = (
                Transport.objects.select_for_update(skip_locked=True)
                .filter(pk=tried.pk, open_until__lte=moment)
                .first()
            )
            if transport is None:
                continue
            if problem:
                _push(transport, timezone.now(), problem)
                continue
            transport.failures, transport.open_until, transport.last_error = 0, None, ""
            transport.save(update_fields=["failures", "open_until", "last_error", "updated_at"])
            resumed += _resume(transport)
    for mailing_id in resumed:
        wake(mailing_id)
    return resumed


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


def _resume(transport: Transport) -> list[int]:
    ids = list(BreakerPause.objects.filter(transport_id=transport.pk).values_list("mailing_id", flat=True))
    resumed = []
    for row in Mailing.objects.filter(pk__in=ids, state=State.PAUSED):
        try:
            move(mailing=row, to=State.SENDING)
        except WrongState:  # cancelled this very moment
            continue
        resumed.append(row.pk)
    BreakerPause.objects.filter(mailing_id__in=ids).delete()
    return resumed
