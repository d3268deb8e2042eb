"""What segments may ask about contact: the last two-way contact, and how often we turned to somebody in a time."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from contacts.segments.date_fields import POSITIVE, day, moment
from contacts.segments.registry import BOTH, HAPPENED, PEOPLE, WHEN, Context, Field, register

CONTACT = _("Contact")
_ON = "(t.at AT TIME ZONE 'UTC')::date"


def _whose(ctx: Context) -> str:
    """Of a person: with themselves; of an institution: with it."""
    return f"t.{'person_id' if ctx.selects == PEOPLE else 'organization_id'}"


def _last(ctx: Context) -> str:
    return f"(SELECT max(t.at) FROM campaigns_party t WHERE {_whose(ctx)} = {ctx.id} AND t.is_two_way AND NOT t.is_mention)"  # noqa: S608 names of our own


def two_way(ctx: Context, operator: str, value: Any) -> str:
    """The index gives the last one without reading the table; whoever has none was never talked with, which is known."""
    return moment(_last(ctx), operator, value, ctx)


def touched(ctx: Context, operator: str, value: Any) -> str:
    rows = "FROM campaigns_party t WHERE NOT t.is_mention"
    if operator in ("at_least_times", "fewer_times"):
        often, days = value
        found = f"(SELECT count(*) {rows} AND {_whose(ctx)} = {ctx.id} AND {day(_ON, 'within', days, ctx)}) >= {ctx.param(often)}::int"
        return found if operator == "at_least_times" else f"NOT ({found})"
    found = f"EXISTS (SELECT 1 {rows} AND {_whose(ctx)} = {ctx.id} AND {day(_ON, operator, value, ctx)})"
    return found if operator in POSITIVE else f"NOT {found}"


def _count(ctx: Context, operator: str, value: Any) -> str:
    days = {"at_least_times": lambda: value[1], "fewer_times": lambda: value[1]}.get(operator)
    when = day(_ON, "within", days(), ctx) if days else day(_ON, operator, value, ctx)
    return f"(SELECT count(*) FROM campaigns_party t WHERE NOT t.is_mention AND {_whose(ctx)} = {ctx.id} AND {when})"  # noqa: S608 names of our own


FIELDS = [
    Field(
        "two_way_contact",
        _("Last two-way contact"),
        CONTACT,
        WHEN,
        two_way,
        {
            "not_within": _("**no two-way contact in the last {value} days**"),
            "within": _("with **a two-way contact in the last {value} days**"),
            "since": _("with **a two-way contact on {value} or later**"),
            "not_since": _("**no two-way contact on {value} or later**"),
            "never": _("who **never talked with us**"),
            "ever": _("who **talked with us at some time**"),
        },
        selects=BOTH,
        order=54,
        help=_("Calls, meetings, letters and messages in which they took part or answered, and replies to mailings."),
        evidence=lambda ctx, operator, value: _last(ctx),
    ),
    Field(
        "contacts_logged",
        _("Contacts logged"),
        CONTACT,
        HAPPENED,
        touched,
        {
            "within": _("with **a contact logged in the last {value} days**"),
            "not_within": _("**no contact logged in the last {value} days**"),
            "between": _("with **a contact between {low} and {high}**"),
            "not_between": _("**no contact between {low} and {high}**"),
            "at_least_times": _("contacted **at least {times} in {days} days**"),
            "fewer_times": _("contacted **fewer than {times} in {days} days**"),
        },
        selects=BOTH,
        order=55,
        help=_("Both ways or one way; mailings are a field of their own."),
        evidence=_count,
    ),
]


def register_fields() -> None:
    for item in FIELDS:
        register(item)
