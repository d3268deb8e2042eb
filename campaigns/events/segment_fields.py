"""What segments may ask about events: invited, how they answered, whether they came. Registered with the fields of contacts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.events.models import Event
from contacts.segments.choices import Rows
from contacts.segments.registry import PEOPLE, Context, Field, Operator, register

EVENTS = Rows(lambda selects: Event.objects.order_by("-starts_at", "id"), "uid", narrow=True)
OPERATORS = (
    Operator("any_of", _("of one of"), "choices"),
    Operator("none_of", _("of none of"), "choices"),
    Operator("ever", _("of any event"), "nothing"),
    Operator("never", _("of no event"), "nothing"),
)
_INVITED = "FROM campaigns_invitation e WHERE "
_COMES = "FROM campaigns_registration e WHERE "
# code → (label, rows and their condition, sentences for people: any_of, none_of, ever, never)
Asked = dict[str, tuple[Any, str, str, tuple[Any, Any, Any, Any]]]
ASKED: Asked = {
    "event_invited": (_("Invited to an event"), _INVITED, "true", (
        _("who were invited to {values}"), _("who were not invited to {values}"), _("who were **ever invited to an event**"), _("who were **never invited to an event**"))),
    "event_unanswered": (_("Invitation not answered"), _INVITED, "e.answer = ''", (
        _("who did not answer the invitation to {values}"), _("who have no open invitation to {values}"), _("who have an **invitation that they did not answer**"), _("who have **no open invitation**"))),
    "event_answered": (_("Answered an invitation"), _INVITED, "e.answer <> ''", (
        _("who answered the invitation to {values}"), _("who did not answer an invitation to {values}"), _("who **answered an invitation to an event**"), _("who **never answered an invitation to an event**"))),
    "event_yes": (_("Answered yes"), _INVITED, "e.answer IN ('yes', 'other')", (
        _("who said yes to {values}"), _("who did not say yes to {values}"), _("who **said yes to an event**"), _("who **said yes to no event**"))),
    "event_no": (_("Answered no"), _INVITED, "e.answer = 'no'", (
        _("who said no to {values}"), _("who did not say no to {values}"), _("who **said no to an event**"), _("who **said no to no event**"))),
    "event_maybe": (_("Answered maybe"), _INVITED, "e.answer = 'maybe'", (
        _("who said maybe to {values}"), _("who did not say maybe to {values}"), _("who **said maybe to an event**"), _("who **said maybe to no event**"))),
    "event_seat": (_("Has a seat"), _COMES, "e.state = 'seat'", (
        _("who have a seat at {values}"), _("who have no seat at {values}"), _("who have a **seat at an event**"), _("who have a **seat at no event**"))),
    "event_waiting": (_("On a waiting list"), _COMES, "e.state = 'waiting'", (
        _("who wait for a seat at {values}"), _("who do not wait for a seat at {values}"), _("who **wait for a seat at an event**"), _("who **wait for no seat**"))),
    "event_came": (_("Attended"), _COMES, "e.came_at IS NOT NULL", (
        _("who came to {values}"), _("who did not come to {values}"), _("who **came to an event**"), _("who **came to no event**"))),
    "event_missed": (_("Had a seat and did not come"), _COMES, "e.state = 'seat' AND e.came_at IS NULL", (
        _("who had a seat at {values} and did not come"), _("who did not miss {values}"), _("who **missed an event**"), _("who **missed no event**"))),
}  # fmt: skip


def _rows(ctx: Context, rows: str, condition: str, operator: str) -> str:
    owner = f"e.person_id = {ctx.id}" if ctx.selects == PEOPLE else f"e.organization_id = {ctx.id}"
    of = f" AND e.event_id = ANY ({ctx.param(ctx.keys())}::bigint[])" if operator in ("any_of", "none_of") else ""
    return f"{rows}{owner} AND {condition}{of}"


def _asking(rows: str, condition: str) -> Callable[[Context, str, Any], str]:
    def asked(ctx: Context, operator: str, value: Any) -> str:
        found = f"EXISTS (SELECT 1 {_rows(ctx, rows, condition, operator)})"
        return found if operator in ("any_of", "ever") else f"NOT {found}"

    return asked


def _evidence(rows: str, condition: str) -> Callable[[Context, str, Any], str]:
    def found(ctx: Context, operator: str, value: Any) -> str:
        joined = rows.replace(" e WHERE", " e JOIN campaigns_event v ON v.id = e.event_id WHERE")
        return f"ARRAY(SELECT DISTINCT v.name {_rows(ctx, joined, condition, 'ever')})"

    return found


def register_fields() -> None:
    register_asked(ASKED, _("Events"), order=72)


def register_asked(asked: Asked, group: Any, order: int) -> None:
    """Fields whose rows are called e and have person_id, organization_id and event_id."""
    for place, (code, (label, rows, condition, words)) in enumerate(asked.items()):
        sentences = dict(zip(("any_of", "none_of", "ever", "never"), words, strict=True))
        register(
            Field(
                code,
                label,
                group,
                OPERATORS,
                _asking(rows, condition),
                sentences,
                sentences,
                choices=EVENTS,
                order=order + place,
                evidence=_evidence(rows, condition),
            )  # fmt: skip
        )
