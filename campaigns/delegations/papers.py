"""The letters as PDF that an accepted delegate takes with them. Each has a number and a day, given once, when they are accepted."""

from __future__ import annotations

from django.utils import timezone

from campaigns.correspondence.models import NumberCount
from campaigns.delegations.models import DelegateLetter, Nomination, Paper
from campaigns.events.models import Event

WAY = "del"  # the count of these letters, beside those of the register


def papers_of(event: Event) -> list[Paper]:
    """Nobody asks for a visa for a meeting that is held online only."""
    return [Paper.INVITATION, Paper.VISA] if event.place or event.country_id else [Paper.INVITATION]


def number_papers(row: Nomination) -> list[DelegateLetter]:
    """Those that they do not have yet. In the caller's transaction, under the event's lock."""
    known = set(row.papers.values_list("kind", flat=True))
    today = row.delegation.event.local(timezone.now()).date()
    return [
        DelegateLetter.objects.create(nomination=row, kind=kind, on=today, reference=_next_reference(today.year))
        for kind in papers_of(row.delegation.event)
        if kind not in known
    ]


def _next_reference(year: int) -> str:
    """The count is held to the end of the transaction: without gaps, never twice."""
    NumberCount.objects.get_or_create(way=WAY, year=year)
    count = NumberCount.objects.select_for_update().get(way=WAY, year=year)
    count.last += 1
    count.save(update_fields=["last"])
    return f"DEL/{year}/{count.last:04d}"
