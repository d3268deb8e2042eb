"""What segments may ask about commitments, of the institution itself or of the one that somebody stands for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from campaigns.commitments.rule import LIGHTS, QUIET_DAYS, SLACK_DAYS, SOON_DAYS
from campaigns.positions.segment_fields import ASKS, institution
from contacts.segments.registry import Choice, Context, Field, Operator, register
from crm.accounts.models import User

# the rule of `rule.light_sql` once more, for a statement of its own; a test holds the two together
LIGHT = f"""CASE WHEN cc.state <> 'open' THEN cc.state
 WHEN cc.due_on < %(today)s OR EXISTS (SELECT 1 FROM campaigns_milestone cm WHERE cm.commitment_id = cc.id AND cm.done_on IS NULL
      AND cm.due_on < %(today)s - {SLACK_DAYS}) THEN 'red'
 WHEN EXISTS (SELECT 1 FROM campaigns_milestone cm WHERE cm.commitment_id = cc.id AND cm.done_on IS NULL AND cm.due_on < %(today)s)
      OR (cc.due_on <= %(today)s + {SOON_DAYS} AND coalesce(cc.heard_on, cc.made_on) < %(today)s - {SOON_DAYS})
      OR coalesce(cc.heard_on, cc.made_on) < %(today)s - {QUIET_DAYS} THEN 'yellow'
 ELSE 'green' END"""  # noqa: S608 numbers of ours


class LightChoices:
    is_short = True

    def _all(self) -> list[Choice]:
        return [Choice(code, str(label), code, colour) for code, (label, colour) in LIGHTS.items()]

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        wanted = set(values)
        return {choice.value: choice for choice in self._all() if choice.value in wanted}

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        return [choice for choice in self._all() if text.casefold() in choice.label.casefold()][:limit]


def light_in_sql(today: str) -> str:
    return LIGHT % {"today": today}


def state(ctx: Context, operator: str, value: Any) -> str:
    """Whether the institution has a commitment that stands so today."""
    today = f"{ctx.param(timezone.localdate())}::date"
    rows = f"SELECT 1 FROM campaigns_commitment cc WHERE cc.organization_id = {institution(ctx)}"  # noqa: S608 values apart
    if operator in ("ever", "never"):
        return f"{'NOT ' if operator == 'never' else ''}EXISTS ({rows})"
    found = f"EXISTS ({rows} AND {light_in_sql(today)} = ANY ({ctx.param(ctx.keys())}::text[]))"
    return found if operator == "any_of" else f"NOT {found}"


def due(ctx: Context, operator: str, value: Any) -> str:
    """Whether an open commitment is due within days from today (past ones are due too), or between two days."""
    rows = f"SELECT 1 FROM campaigns_commitment cc WHERE cc.state = 'open' AND cc.organization_id = {institution(ctx)}"  # noqa: S608 values apart
    if operator in ("within", "not_within"):
        until = timezone.localdate() + timedelta(days=min(int(value), 36_500))
        found = f"EXISTS ({rows} AND cc.due_on <= {ctx.param(until)}::date)"
    else:
        low, high = ctx.param(value[0]), ctx.param(value[1])
        found = f"EXISTS ({rows} AND cc.due_on BETWEEN {low}::date AND {high}::date)"
    return f"NOT {found}" if operator.startswith("not_") else found


def promises(ctx: Context, operator: str, value: Any) -> str:
    today = f"{ctx.param(timezone.localdate())}::date"
    return (
        f"(SELECT jsonb_agg(jsonb_build_array(left(cc.text, 80), {light_in_sql(today)}, cc.due_on) ORDER BY cc.due_on, cc.id)"  # noqa: S608
        f" FROM campaigns_commitment cc WHERE cc.organization_id = {institution(ctx)})"
    )


def read_promises(found: list[Any] | None) -> str:
    said = [f"{text} ({LIGHTS[light][0]}, {on})" for text, light, on in found or []]
    return "; ".join(said) or str(_("no commitment"))


FIELDS = [
    Field(
        "commitment",
        _("Commitment"),
        ASKS,
        (
            Operator("any_of", _("stands at one of"), "choices"),
            Operator("none_of", _("stands at none of"), "choices"),
            Operator("ever", _("was made"), "nothing"),
            Operator("never", _("was never made"), "nothing"),
        ),
        state,
        {
            "any_of": _("whose institution has a commitment that is {values}"),
            "none_of": _("whose institution has no commitment that is {values}"),
            "ever": _("whose institution **made a commitment**"),
            "never": _("whose institution **never made a commitment**"),
        },
        {
            "any_of": _("that have a commitment that is {values}"),
            "none_of": _("that have no commitment that is {values}"),
            "ever": _("that **made a commitment**"),
            "never": _("that **never made a commitment**"),
        },
        choices=LightChoices(),
        order=74,
        evidence=promises,
        reads=read_promises,
    ),
    Field(
        "commitment_due",
        _("Open commitment due"),
        ASKS,
        (
            Operator("within", _("within, or past"), "days"),
            Operator("not_within", _("not within, nor past"), "days"),
            Operator("between", _("between"), "period"),
            Operator("not_between", _("not between"), "period"),
        ),
        due,
        {
            "within": _("whose institution has an open commitment **due within {value} days**, or past"),
            "not_within": _("whose institution has no open commitment **due within {value} days**, nor past"),
            "between": _("whose institution has an open commitment **due between {low} and {high}**"),
            "not_between": _("whose institution has no open commitment **due between {low} and {high}**"),
        },
        {
            "within": _("that have an open commitment **due within {value} days**, or past"),
            "not_within": _("that have no open commitment **due within {value} days**, nor past"),
            "between": _("that have an open commitment **due between {low} and {high}**"),
            "not_between": _("that have no open commitment **due between {low} and {high}**"),
        },
        order=76,
        evidence=promises,
        reads=read_promises,
    ),
]


def register_fields() -> None:
    for item in FIELDS:
        register(item)
