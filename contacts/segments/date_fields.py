"""Moments and days: when a row was created or changed, when a membership began or ended."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _

from contacts.segments.registry import DATED, PEOPLE, Context, Field, Operator

PERSON = _("Person")
RECORD = _("The record itself")
ONLY_PEOPLE = frozenset({PEOPLE})
TODAY = "(now() AT TIME ZONE 'UTC')::date"
KNOWN = (Operator("known", _("is known"), "nothing"), Operator("not_known", _("is not known"), "nothing"))
EVER = (Operator("ever", _("at some time"), "nothing"), Operator("never", _("never"), "nothing"))
POSITIVE = frozenset({"within", "since", "between", "ever", "known"})


def moment(column: str, operator: str, value: Any, ctx: Context) -> str:
    """`column` is when it last happened, or NULL for never, which is known: no unknowns here."""
    if operator in ("never", "ever"):
        return f"{column} IS {'NOT ' if operator == 'ever' else ''}NULL"
    if operator in ("between", "not_between"):
        first, last = ctx.param(value[0]), ctx.param(value[1])
        inside = f"{column} >= {first}::date::timestamptz AND {column} < ({last}::date + 1)::timestamptz"
        return (
            f"({column} IS NOT NULL AND {inside})" if operator == "between" else f"({column} IS NULL OR NOT ({inside}))"
        )
    if operator in ("within", "not_within"):
        start = f"now() - make_interval(days => {ctx.param(value)}::int)"
    else:
        start = f"{ctx.param(value)}::date::timestamptz"
    if operator in ("within", "since"):
        return f"({column} IS NOT NULL AND {column} >= {start})"
    return f"({column} IS NULL OR {column} < {start})"


def day(column: str, operator: str, value: Any, ctx: Context) -> str:
    """Whether a day lies in the time that `operator` names (without its *not*); NULL for a day that is not known.

    *Within 90 days* ends today: what is planned has not happened.
    """
    if operator in ("within", "not_within"):
        return f"{column} BETWEEN {TODAY} - {ctx.param(value)}::int AND {TODAY}"
    if operator in ("between", "not_between"):
        return f"{column} BETWEEN {ctx.param(value[0])}::date AND {ctx.param(value[1])}::date"
    return f"{column} >= {ctx.param(value)}::date"


# --- the record -----------------------------------------------------------------------------------------------------
def created(ctx: Context, operator: str, value: Any) -> str:
    return moment(f"{ctx.id.split('.')[0]}.created_at", operator, value, ctx)


def updated(ctx: Context, operator: str, value: Any) -> str:
    return moment(f"{ctx.id.split('.')[0]}.updated_at", operator, value, ctx)


# --- memberships ----------------------------------------------------------------------------------------------------
def membership_started(ctx: Context, operator: str, value: Any) -> str:
    """Of the current primary membership. Who has none is in no such rule, either way; a start that nobody wrote down is unknown."""
    m = ctx.join("m")
    started = f"{m}.started_on"
    if operator in ("known", "not_known"):
        return f"({m}.id IS NOT NULL AND {started} IS {'NOT ' if operator == 'known' else ''}NULL)"
    inside = day(started, operator, value, ctx)
    return f"({m}.id IS NOT NULL AND {inside if operator in POSITIVE else f'NOT ({inside})'})"


def membership_ended(ctx: Context, operator: str, value: Any) -> str:
    """Whether some membership of the person ended then; the day that one ended is always known."""
    inside = "" if operator in ("ever", "never") else f" AND {day('em.ended_on', operator, value, ctx)}"
    found = (
        f"EXISTS (SELECT 1 FROM contacts_membership em WHERE em.person_id = p.id AND em.ended_on IS NOT NULL{inside})"  # noqa: S608 values apart
    )
    return found if operator in POSITIVE else f"NOT {found}"


def _last_end(ctx: Context, operator: str, value: Any) -> str:
    return "(SELECT max(em.ended_on) FROM contacts_membership em WHERE em.person_id = p.id AND em.ended_on IS NOT NULL)"


DATE_FIELDS = [
    Field(
        "membership_started", _("Current membership › began"), PERSON, (*DATED, *KNOWN), membership_started,
        {
            "within": _("who **took up their post in the last {value} days**"),
            "not_within": _("who **have been in their post for more than {value} days**"),
            "since": _("who **took up their post on {value} or later**"),
            "not_since": _("who **took up their post before {value}**"),
            "between": _("who **took up their post between {low} and {high}**"),
            "not_between": _("who **did not take up their post between {low} and {high}**"),
            "known": _("of whose membership **the start is known**"),
            "not_known": _("of whose membership **the start is not known**"),
        },
        selects=ONLY_PEOPLE, unknown=_("the start of their membership is not known"), order=35,
        help=_("Of the membership that they stand for. Who belongs to no institution is left out, either way."),
        evidence=lambda ctx, operator, value: f"{ctx.join('m')}.started_on",
    ),
    Field(
        "membership_ended", _("A membership › ended"), PERSON, (*DATED, *EVER), membership_ended,
        {
            "within": _("who **left an institution in the last {value} days**"),
            "not_within": _("who **left no institution in the last {value} days**"),
            "since": _("who **left an institution on {value} or later**"),
            "not_since": _("who **left no institution on {value} or later**"),
            "between": _("who **left an institution between {low} and {high}**"),
            "not_between": _("who **left no institution between {low} and {high}**"),
            "ever": _("who **left an institution at some time**"),
            "never": _("who **never left an institution**"),
        },
        selects=ONLY_PEOPLE, order=35, evidence=_last_end,
    ),
    Field(
        "created", _("Added here"), RECORD, DATED, created,
        {
            "within": _("**added here in the last {value} days**"),
            "not_within": _("**added here more than {value} days ago**"),
            "since": _("**added here on {value} or later**"),
            "not_since": _("**added here before {value}**"),
            "between": _("**added here between {low} and {high}**"),
            "not_between": _("**not added here between {low} and {high}**"),
        },
        order=80, evidence=lambda ctx, operator, value: f"{ctx.id.split('.')[0]}.created_at",
    ),
    Field(
        "updated", _("Last changed here"), RECORD, DATED, updated,
        {
            "within": _("**changed here in the last {value} days**"),
            "not_within": _("**not changed here in the last {value} days**"),
            "since": _("**changed here on {value} or later**"),
            "not_since": _("**last changed here before {value}**"),
            "between": _("**last changed here between {low} and {high}**"),
            "not_between": _("**not last changed here between {low} and {high}**"),
        },
        order=81, evidence=lambda ctx, operator, value: f"{ctx.id.split('.')[0]}.updated_at",
    ),
]  # fmt: skip
