"""What segments may ask about positions. Whoever's position on an ask is not known is in no rule about it, either way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from campaigns.positions.ladder import CODES, Stance, word_of
from campaigns.positions.models import Ask
from contacts.segments.registry import ORGANIZATIONS, Choice, Context, Field, Operator, Split, register
from contacts.segments.tree import uids
from crm.accounts.models import User

ASKS = _("Asks and commitments")
RUNGS = 10  # a key is ask × 10 + rung


def institution(ctx: Context) -> str:
    """The column with the institution: its own, or that of a person's current primary membership."""
    return "o.id" if ctx.selects == ORGANIZATIONS else f"{ctx.join('m')}.organization_id"


class AskChoices:
    """Asks by uid, those of the latest drive first."""

    is_short = False

    def _rows(self) -> QuerySet[Ask]:
        return Ask.objects.select_related("drive").order_by("-drive__starts_on", "place", "pk")

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        rows = self._rows().filter(uid__in=uids(list(values)))
        return {str(row.uid): Choice(str(row.uid), row.label, row.pk, note=row.drive.label) for row in rows}

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        rows = self._rows().filter(archived_at=None).search(text)  # type: ignore[attr-defined]
        rows = rows.visible_to(user) if user is not None else rows
        return [Choice(str(row.uid), row.label, row.pk, note=row.drive.label) for row in rows[:limit]]


class PositionChoices:
    """An ask and a rung: "<uid>:supportive"."""

    is_short = False

    def _choice(self, ask: Ask, stance: Stance) -> Choice:
        words = f"{ask.label}: {word_of(stance)}"
        key = ask.pk * RUNGS + stance.value
        return Choice(f"{ask.uid}:{stance.code}", words, key, stance.colour, note=ask.drive.label)

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        wanted = {value: value.partition(":") for value in values}
        asks = AskChoices().get([uid for uid, _colon, _code in wanted.values()], selects)
        rows = {str(row.uid): row for row in Ask.objects.filter(uid__in=asks).select_related("drive")}
        return {
            value: self._choice(rows[uid], CODES[code])
            for value, (uid, _colon, code) in wanted.items()
            if uid in rows and code in CODES
        }

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        """Words of the ask, of the rung, or of both."""
        words = text.casefold().split()
        rungs = {stance: [w for w in words if word_of(stance).casefold().startswith(w)] for stance in Stance}
        found = []
        for stance, named in rungs.items():
            if words and not named and any(rungs.values()):
                continue
            rest = " ".join(word for word in words if word not in named)
            rows = AskChoices()._rows().filter(archived_at=None).search(rest)  # type: ignore[attr-defined]
            rows = rows.visible_to(user) if user is not None else rows
            found += [(ask.pk, stance, self._choice(ask, stance)) for ask in rows[: max(1, limit // 7 + 1)]]
        return [choice for _pk, _stance, choice in sorted(found, key=lambda f: (-f[0], -f[1]))][:limit]


def position(ctx: Context, operator: str, value: Any) -> Split:
    """*is at least* looks at each chosen ask by itself: one that is high enough will do."""
    keys, place = ctx.keys(), institution(ctx)
    of = f"SELECT 1 FROM campaigns_position cp WHERE cp.organization_id = {place}"  # noqa: S608 values apart
    asks = ctx.param(sorted({key // RUNGS for key in keys}))
    known = f"EXISTS ({of} AND cp.stance IS NOT NULL AND cp.ask_id = ANY ({asks}::bigint[]))"
    if operator in ("at_least", "at_most"):
        compare = ">=" if operator == "at_least" else "<="
        rule = " OR ".join(
            f"(cp.ask_id = {ctx.param(key // RUNGS)}::bigint AND cp.stance {compare} {ctx.param(key % RUNGS)}::int)"
            for key in keys
        )
        found = f"EXISTS ({of} AND ({rule or 'FALSE'}))"
    else:
        found = f"EXISTS ({of} AND cp.ask_id * {RUNGS} + cp.stance = ANY ({ctx.param(keys)}::bigint[]))"
    if operator == "none_of":
        return Split(yes=f"({known} AND NOT {found})", unknown=f"NOT {known}")
    return Split(yes=found, unknown=f"NOT {known}")


def known_on(ctx: Context, operator: str, value: Any) -> str:
    found = (
        f"EXISTS (SELECT 1 FROM campaigns_position cp WHERE cp.organization_id = {institution(ctx)}"  # noqa: S608 values apart
        f" AND cp.stance IS NOT NULL AND cp.ask_id = ANY ({ctx.param(ctx.keys())}::bigint[]))"
    )
    return found if operator == "any_of" else f"NOT {found}"


def positions_are(ctx: Context, operator: str, value: Any) -> str:
    """The present positions on the asks that the rule names, as [ask, rung] pairs."""
    keys = ctx.keys()
    asks = keys if operator in ("any_of", "none_of") and value and ":" not in str(value[0]) else {k // RUNGS for k in keys}  # fmt: skip
    return (
        "(SELECT jsonb_agg(jsonb_build_array(ca.name, cp.stance) ORDER BY ca.id) FROM campaigns_position cp"  # noqa: S608
        " JOIN campaigns_ask ca ON ca.id = cp.ask_id"
        f" WHERE cp.organization_id = {institution(ctx)} AND cp.stance IS NOT NULL"
        f" AND cp.ask_id = ANY ({ctx.param(sorted(asks))}::bigint[]))"
    )


def read_positions(found: list[Any] | None) -> str:
    return ", ".join(f"{name}: {word_of(stance)}" for name, stance in found or []) or word_of(None)


FIELDS = [
    Field(
        "position",
        _("Position on an ask"),
        ASKS,
        (
            Operator("any_of", _("is one of"), "choices"),
            Operator("none_of", _("is known, and none of"), "choices"),
            Operator("at_least", _("is at least"), "choices"),
            Operator("at_most", _("is at most"), "choices"),
        ),
        position,
        {
            "any_of": _("whose institution’s position is {values}"),
            "none_of": _("whose institution’s position is not {values}"),
            "at_least": _("whose institution’s position is at least {values}"),
            "at_most": _("whose institution’s position is at most {values}"),
        },
        {
            "any_of": _("whose position is {values}"),
            "none_of": _("whose position is not {values}"),
            "at_least": _("whose position is at least {values}"),
            "at_most": _("whose position is at most {values}"),
        },
        choices=PositionChoices(),
        unknown=_("nobody knows where their institution stands on it"),
        order=70,
        help=_("Of the institution that somebody stands for. The ladder: opposed, sceptical, unaware, neutral, interested, supportive, champion."),
        evidence=positions_are,
        reads=read_positions,
    ),
    Field(
        "position_known",
        _("Position is known"),
        ASKS,
        (Operator("any_of", _("on one of"), "choices"), Operator("none_of", _("on none of"), "choices")),
        known_on,
        {
            "any_of": _("whose institution’s position is known on {values}"),
            "none_of": _("whose institution’s position is not known on {values}"),
        },
        {"any_of": _("whose position is known on {values}"), "none_of": _("whose position is not known on {values}")},
        choices=AskChoices(),
        order=72,
        evidence=positions_are,
        reads=read_positions,
    ),
]  # fmt: skip


def register_fields() -> None:
    for item in FIELDS:
        register(item)
