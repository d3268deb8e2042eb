"""Who gets a seat. Everything here runs under the lock of the event's row, so two requests never see the same last seat; the database
would refuse it besides (`event_never_oversold`, `quota_never_oversold`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone

from campaigns.events.letters import queue
from campaigns.events.models import Event, EventLetter, Quota, Registration

State, About = Registration.State, EventLetter.About
_ON_LEAVE: list[Callable[[Registration], None]] = []
_ON_CHANGE: list[Callable[[Event], None]] = []


def on_leave(listener: Callable[[Registration], None]) -> None:
    """Be told of each registration that is given back, in its transaction and under the event's lock."""
    if listener not in _ON_LEAVE:
        _ON_LEAVE.append(listener)


def on_change(listener: Callable[[Event], None]) -> None:
    """Be told of each event that has another time or place, or was called off, in that transaction and under the event's lock."""
    if listener not in _ON_CHANGE:
        _ON_CHANGE.append(listener)


def tell_change(event: Event) -> None:
    for listener in _ON_CHANGE:
        listener(event)


def lock_event(event: Event) -> Event:
    """The event as it is now, held to the end of the transaction. Always the first lock: answers, moves and check-ins queue here."""
    return Event.objects.select_for_update(of=("self",)).select_related("drive__campaign").get(pk=event.pk)


def quota_of(event: Event, constituency: Any, quotas: Mapping[str, Quota] | None = None) -> Quota | None:
    """The seats that are set aside for a constituency, by the child itself or by its root. quotas: as read before, by code."""
    if constituency is None:
        return None
    rows = quotas_by_code(event) if quotas is None else quotas
    return rows.get(constituency.code) or rows.get(constituency.root_code)


def quotas_by_code(event: Event) -> dict[str, Quota]:
    return {row.constituency.code: row for row in event.quotas.select_related("constituency")}


def seat_or_wait(event: Event, row: Registration, *, now: datetime | None = None) -> bool:
    """Give a new registration a seat, else a place at the end of the line; saves it. event: locked."""
    now = now or timezone.now()
    row.asked_at = row.asked_at or now
    has_seat = _take(event, row)
    row.state, row.seated_at = (State.SEAT, now) if has_seat else (State.WAITING, None)
    row.save()
    queue(row, About.SEAT if has_seat else About.WAITING)
    return has_seat


def _take(event: Event, row: Registration, quotas: Mapping[str, Quota] | None = None) -> bool:
    quota = quota_of(event, row.constituency, quotas)
    if event.is_full or (quota is not None and quota.taken >= quota.seats):
        return False
    event.taken += 1
    event.save(update_fields=["taken"])
    if quota is not None:
        quota.taken += 1
        quota.save(update_fields=["taken"])
    return True


def give_back(event: Event, row: Registration, *, now: datetime | None = None, tells: bool = True) -> bool:
    """Somebody does not come any more; their guests do not either. False when that was so already. event: locked."""
    if row.state == State.GONE:
        return False
    for guest in row.guests.active():
        give_back(event, guest, now=now, tells=tells)
    if row.state == State.SEAT and row.role != Registration.Role.WALK_IN:
        quota = quota_of(event, row.constituency)
        event.taken -= 1
        event.save(update_fields=["taken"])
        if quota is not None and quota.taken:
            quota.taken -= 1
            quota.save(update_fields=["taken"])
    had_seat = row.state == State.SEAT
    row.state, row.gone_at = State.GONE, now or timezone.now()
    row.save(update_fields=["state", "gone_at", "updated_at"])
    row.letters.filter(sent_at=None, closed_at=None).delete()
    if had_seat and tells:
        queue(row, About.RELEASED)
    for listener in _ON_LEAVE:
        listener(row)
    return True


def move_up(event: Event, *, now: datetime | None = None) -> list[Registration]:
    """Whoever waits longest and fits gets a free seat, with a letter. A guest follows their host, never goes before. event: locked."""
    moved: list[Registration] = []
    if event.is_full or not event.takes_answers_or_runs(now):
        return moved
    quotas = quotas_by_code(event)
    full = [code for code, quota in quotas.items() if quota.taken >= quota.seats]
    line = event.registrations.waiting().exclude(constituency__code__in=full)
    if full:  # those whose own constituency has seats of its own are not of the root's
        line = line.exclude(Q(constituency__root_code__in=full) & ~Q(constituency__code__in=list(quotas)))
    seated: set[int] = set()
    for row in line.select_related("constituency", "host"):
        if event.is_full:
            break
        if row.host and row.host.state != State.SEAT and row.host.pk not in seated:
            continue
        if not _take(event, row, quotas):
            continue
        seated.add(row.pk)
        row.state, row.seated_at = State.SEAT, now or timezone.now()
        row.save(update_fields=["state", "seated_at", "updated_at"])
        queue(row, About.MOVED_UP)
        moved.append(row)
    return moved
