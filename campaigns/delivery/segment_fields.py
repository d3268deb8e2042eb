"""What segments may ask about mailings: received, clicked, replied. Registered with the fields of contacts.

A click counts when it was *human*. People who are not tracked (members of workers' organizations) may have clicked or
not: for them *clicked* is unknown, so they are left out of it and of its opposite, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.models import Mailing
from contacts.segments.models import Segment
from contacts.segments.registry import BOTH, PEOPLE, Choice, Context, Field, Operator, Split, register
from contacts.segments.tree import uids
from contacts.segments.usage import Use, register_use
from crm.accounts.models import User

MAILINGS = _("Mailings")
OPERATORS = (
    Operator("any_of", _("one of"), "choices"),
    Operator("none_of", _("none of"), "choices"),
    Operator("ever", _("any mailing"), "nothing"),
    Operator("never", _("no mailing"), "nothing"),
)


class MailingChoices:
    """Mailings by uid, the latest first."""

    is_short = False

    def _rows(self) -> QuerySet[Mailing]:
        return Mailing.objects.order_by("-created_at", "-id")

    def _choice(self, row: Mailing) -> Choice:
        return Choice(str(row.uid), row.name, row.pk, note=str(row.get_state_display()))

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        return {str(row.uid): self._choice(row) for row in self._rows().filter(uid__in=uids(list(values)))}

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        rows = self._rows().search(text)  # type: ignore[attr-defined]
        if user is not None:
            rows = rows.visible_to(user)
        return [self._choice(row) for row in rows[:limit]]


def _of(ctx: Context, column: str, operator: str) -> str:
    """A condition that narrows to the chosen mailings; nothing when any will do."""
    if operator in ("ever", "never"):
        return ""
    return f" AND {column} = ANY ({ctx.param(ctx.keys())}::bigint[])"


def _answer(found: str, operator: str) -> str:
    return found if operator in ("any_of", "ever") else f"NOT {found}"


def received(ctx: Context, operator: str, value: Any) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    of = _of(ctx, "d.mailing_id", operator)
    return _answer(
        f"EXISTS (SELECT 1 FROM delivery d WHERE d.{owner} = {ctx.id} AND d.state = 'accepted'{of})", operator
    )


def clicked(ctx: Context, operator: str, value: Any) -> Split:
    of = _of(ctx, "e.mailing_id", operator)
    did = (
        "EXISTS (SELECT 1 FROM campaigns_deliveryengagement e"
        f" WHERE e.person_id = {ctx.id} AND e.first_click_at IS NOT NULL{of})"
    )
    of = _of(ctx, "u.mailing_id", operator)
    untracked = f"EXISTS (SELECT 1 FROM delivery u WHERE u.person_id = {ctx.id} AND u.state = 'accepted' AND NOT u.is_tracked{of})"
    if operator in ("any_of", "ever"):
        return Split(yes=did, unknown=untracked)
    return Split(yes=f"(NOT {did} AND NOT {untracked})", unknown=f"(NOT {did} AND {untracked})")


def replied(ctx: Context, operator: str, value: Any) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    of = _of(ctx, "i.mailing_id", operator)
    found = (
        f"EXISTS (SELECT 1 FROM campaigns_interaction i WHERE i.{owner} = {ctx.id} AND i.kind = 'reply'"
        f" AND i.mailing_id IS NOT NULL{of})"
    )
    return _answer(found, operator)


CHOICES = MailingChoices()
FIELDS = [
    Field(
        "received",
        _("Received"),
        MAILINGS,
        OPERATORS,
        received,
        {
            "any_of": _("who received {values}"),
            "none_of": _("who did not receive {values}"),
            "ever": _("who **received a mailing**"),
            "never": _("who **never received a mailing**"),
        },
        selects=BOTH,
        choices=CHOICES,
        order=60,
    ),
    Field(
        "clicked",
        _("Clicked in"),
        MAILINGS,
        OPERATORS,
        clicked,
        {
            "any_of": _("who clicked in {values}"),
            "none_of": _("who did not click in {values}"),
            "ever": _("who **clicked in a mailing**"),
            "never": _("who **never clicked in a mailing**"),
        },
        selects=frozenset({PEOPLE}),
        choices=CHOICES,
        unknown=_("their clicks are not tracked per person"),
        order=62,
        help=_("Human clicks. Members of workers’ organizations are not tracked: they are left out and counted."),
    ),
    Field(
        "replied",
        _("Replied to"),
        MAILINGS,
        OPERATORS,
        replied,
        {
            "any_of": _("who replied to {values}"),
            "none_of": _("who did not reply to {values}"),
            "ever": _("who **replied to a mailing**"),
            "never": _("who **never replied to a mailing**"),
        },
        selects=BOTH,
        choices=CHOICES,
        order=64,
    ),
]


def mailings_of(segment: Segment, user: User) -> list[Use]:
    """The mailings that are written to a segment, as far as the user sees them."""
    rows = Mailing.objects.visible_to(user).filter(segment=segment).order_by("-created_at", "-id")[:20]
    return [Use(_("mailing"), row.name, reverse("mailing_detail", args=[row.uid]), "mail") for row in rows]


def register_fields() -> None:
    for item in FIELDS:
        register(item)
    register_use(mailings_of)
