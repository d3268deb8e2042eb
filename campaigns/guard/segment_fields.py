"""What segments may ask about guards: who looks after an institution (or after the one that a person stands for)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext_lazy as _

from campaigns.guard.queries import touches_sql
from campaigns.interactions.segment_fields import CONTACT
from contacts.segments.registry import BOTH, CHOICE, HAPPENED, Choice, Context, Field, Operator, register
from contacts.segments.tree import uids
from crm.accounts.models import User


class OwnerChoices:
    """Users by uid, by name."""

    is_short = True

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        rows = User.objects.filter(uid__in=uids(list(values)))
        return {str(row.uid): Choice(str(row.uid), row.name, row.pk) for row in rows}

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        rows = User.objects.staff().filter(is_active=True, name__icontains=text.strip()).order_by("name", "pk")
        return [Choice(str(row.uid), row.name, row.pk) for row in rows[:limit]]


OPERATORS = (*CHOICE, Operator("nobody", _("is nobody"), "nothing"), Operator("somebody", _("is somebody"), "nothing"))


def owner(ctx: Context, operator: str, value: Any) -> str:
    """Who stands for no institution has no owner, which is known."""
    o = ctx.join("o")
    which = "" if operator in ("nobody", "somebody") else f" AND g.owner_id = ANY ({ctx.param(ctx.keys())}::bigint[])"
    found = f"EXISTS (SELECT 1 FROM campaigns_contactguard g WHERE g.organization_id = {o}.id AND g.owner_id IS NOT NULL{which})"  # noqa: S608
    return found if operator in ("any_of", "somebody") else f"NOT {found}"


def _who(ctx: Context, operator: str, value: Any) -> str:
    o = ctx.join("o")
    return f"(SELECT u.name FROM campaigns_contactguard g JOIN crm_user u ON u.id = g.owner_id WHERE g.organization_id = {o}.id)"  # noqa: S608


FIELD = Field(
    "institution_owner",
    _("Institution’s owner"),
    CONTACT,
    OPERATORS,
    owner,
    {
        "any_of": _("whose institution is looked after by {values}"),
        "none_of": _("whose institution is not looked after by {values}"),
        "nobody": _("whose institution **nobody looks after**"),
        "somebody": _("whose institution **somebody looks after**"),
    },
    says_of_organizations={
        "any_of": _("looked after by {values}"),
        "none_of": _("not looked after by {values}"),
        "nobody": _("that **nobody looks after**"),
        "somebody": _("that **somebody looks after**"),
    },
    selects=BOTH,
    choices=OwnerChoices(),
    order=56,
    evidence=_who,
)


def _touches(ctx: Context, days: int) -> str:
    """As a guard counts them, of the institution; who stands for none has none."""
    return (
        "("
        + touches_sql(
            org=f"{ctx.join('o')}.id", since=f"now() - make_interval(days => {ctx.param(days)}::int)", now="now()"
        )
        + ")"
    )


def touches(ctx: Context, operator: str, value: Any) -> str:
    often, days = value
    found = f"{_touches(ctx, days)} >= {ctx.param(often)}::int"
    return found if operator == "at_least_times" else f"NOT ({found})"


TOUCHES = Field(
    "touches",
    _("Touches of the institution"),
    CONTACT,
    tuple(operator for operator in HAPPENED if operator.code in {"at_least_times", "fewer_times"}),
    touches,
    {
        "at_least_times": _("whose institution was touched **at least {times} in {days} days**"),
        "fewer_times": _("whose institution was touched **fewer than {times} in {days} days**"),
    },
    says_of_organizations={
        "at_least_times": _("touched **at least {times} in {days} days**"),
        "fewer_times": _("touched **fewer than {times} in {days} days**"),
    },
    selects=BOTH,
    order=57,
    help=_(
        "As the contact guard counts: contacts that we logged, and days on which a mailing reached somebody there. Replies are none."
    ),
    evidence=lambda ctx, operator, value: _touches(ctx, value[1]),
)


def register_fields() -> None:
    register(FIELD)
    register(TOUCHES)
