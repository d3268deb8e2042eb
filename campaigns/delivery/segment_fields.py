"""What segments may ask about mailings: received, clicked, replied. Registered with the fields of contacts.

A click counts when it was *human*. People who are not tracked (members of workers' organizations) may have clicked or
not: for them *clicked* is unknown, so they are left out of it and of its opposite, and counted.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.models import Mailing
from contacts.segments.date_fields import day
from contacts.segments.evidence import read
from contacts.segments.models import Segment
from contacts.segments.registry import (
    BOTH,
    HAPPENED,
    PEOPLE,
    Choice,
    Context,
    Evidence,
    Field,
    Operator,
    Split,
    register,
)
from contacts.segments.sentence import times
from contacts.segments.tree import uids
from contacts.segments.usage import Use, register_use
from crm.accounts.models import User

MAILINGS = _("Mailings")
OPERATORS = (
    Operator("any_of", _("in one of"), "choices"),
    Operator("none_of", _("in none of"), "choices"),
    Operator("ever", _("in any mailing"), "nothing"),
    Operator("never", _("in no mailing"), "nothing"),
    *HAPPENED,
)
IN_TIME = frozenset(operator.code for operator in HAPPENED)
YES = frozenset({"any_of", "ever", "within", "between", "at_least_times"})


class MailingChoices:
    """Mailings by uid, the latest first."""

    is_short = False

    def _rows(self) -> QuerySet[Mailing]:
        return Mailing.objects.filter(is_personal=False).order_by("-created_at", "-id")

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
    if operator not in ("any_of", "none_of"):
        return ""
    return f" AND {column} = ANY ({ctx.param(ctx.keys())}::bigint[])"


def _answer(found: str, operator: str) -> str:
    return found if operator in YES else f"NOT {found}"


def _in_time(ctx: Context, rows: str, subject: str, on: str, often: str, operator: str, value: Any) -> str:
    """EXISTS over `rows` (FROM … WHERE …) of the subject in the time asked about; for counts, over sums made once per subject.

    rows: whose column `subject` is the person or organization; on: the day; often: what adds up to how many times.
    """
    if operator in ("at_least_times", "fewer_times"):
        times, days = value
        sums = (
            f"SELECT {subject} AS id {rows} AND {day(on, 'within', days, ctx)} GROUP BY {subject}"
            f" HAVING {often} >= {ctx.param(times)}::int"
        )
        return f"EXISTS (SELECT 1 FROM ({sums}) often WHERE often.id = {ctx.id})"
    return f"EXISTS (SELECT 1 {rows} AND {subject} = {ctx.id} AND {day(on, operator, value, ctx)})"


def _bucket(ctx: Context, column: str, operator: str, value: Any) -> str:
    """People: by their daily buckets, which are there for this."""
    rows = f"FROM campaigns_engagementday b WHERE b.{column} > 0"
    return _in_time(ctx, rows, "b.person_id", "b.day", f"sum(b.{column})", operator, value)


def received(ctx: Context, operator: str, value: Any) -> str:
    if operator in IN_TIME and ctx.selects == PEOPLE:
        return _answer(_bucket(ctx, "mailed", operator, value), operator)
    if operator in IN_TIME:
        rows, on = "FROM delivery d WHERE d.state = 'accepted'", "(d.settled_at AT TIME ZONE 'UTC')::date"
        return _answer(_in_time(ctx, rows, "d.organization_id", on, "count(*)", operator, value), operator)
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    of = _of(ctx, "d.mailing_id", operator)
    return _answer(
        f"EXISTS (SELECT 1 FROM delivery d WHERE d.{owner} = {ctx.id} AND d.state = 'accepted'{of})", operator
    )


def _untracked(ctx: Context, operator: str, value: Any) -> str:
    """Whether mail went to the person whose clicks nobody can know. A click comes at any time after its mail, so of a period
    only the end counts."""
    of = _of(ctx, "u.mailing_id", operator)
    if operator in ("between", "not_between"):
        of = f" AND u.settled_at < ({ctx.param(value[1])}::date + 1)::timestamptz"
    return f"EXISTS (SELECT 1 FROM delivery u WHERE u.person_id = {ctx.id} AND u.state = 'accepted' AND NOT u.is_tracked{of})"


def clicked(ctx: Context, operator: str, value: Any) -> Split:
    if operator in IN_TIME:
        did = _bucket(ctx, "human_clicks", operator, value)
    else:
        of = _of(ctx, "e.mailing_id", operator)
        did = (
            "EXISTS (SELECT 1 FROM campaigns_deliveryengagement e"
            f" WHERE e.person_id = {ctx.id} AND e.first_click_at IS NOT NULL{of})"
        )
    untracked = _untracked(ctx, operator, value)
    if operator in YES:
        return Split(yes=did, unknown=untracked)
    return Split(yes=f"(NOT {did} AND NOT {untracked})", unknown=f"(NOT {did} AND {untracked})")


def replied(ctx: Context, operator: str, value: Any) -> str:
    owner = "person_id" if ctx.selects == PEOPLE else "organization_id"
    if operator in IN_TIME and ctx.selects == PEOPLE:
        return _answer(_bucket(ctx, "replies", operator, value), operator)
    rows = "FROM campaigns_interaction i WHERE i.kind = 'reply' AND i.mailing_id IS NOT NULL"
    if operator in IN_TIME:
        on = "(i.at AT TIME ZONE 'UTC')::date"
        return _answer(_in_time(ctx, rows, "i.organization_id", on, "count(*)", operator, value), operator)
    of = _of(ctx, "i.mailing_id", operator)
    return _answer(f"EXISTS (SELECT 1 {rows} AND i.{owner} = {ctx.id}{of})", operator)


# --- why: how often, and when last ----------------------------------------------------------------------------------
def _tally(bucket: str, rows: str, of_whom: str, mailing: str, at: str) -> Evidence:
    """[how often, the last day] of what the rule asks about: from the buckets for a time, else from `rows`."""

    def evidence(ctx: Context, operator: str, value: Any) -> str:
        if operator in IN_TIME and ctx.selects == PEOPLE:
            often, on, source = f"sum(b.{bucket})", "b.day", f"FROM campaigns_engagementday b WHERE b.{bucket} > 0"
            whose = f"b.person_id = {ctx.id}"
        else:
            often, on, source = "count(*)", f"({at} AT TIME ZONE 'UTC')::date", rows
            whose = f"{of_whom}.{'person_id' if ctx.selects == PEOPLE else 'organization_id'} = {ctx.id}"
            source += _of(ctx, mailing, operator)
        if operator in ("at_least_times", "fewer_times"):
            whose += f" AND {day(on, 'within', value[1], ctx)}"
        elif operator in IN_TIME:
            whose += f" AND {day(on, operator, value, ctx)}"
        return f"(SELECT jsonb_build_array(coalesce({often}, 0), max({on})) {source} AND {whose})"

    return evidence


def _clicks(ctx: Context, operator: str, value: Any) -> str:
    rows = "FROM campaigns_deliveryengagement e WHERE e.first_click_at IS NOT NULL"
    tally = _tally("human_clicks", rows, "e", "e.mailing_id", "e.first_click_at")(ctx, operator, value)
    return f"({tally} || to_jsonb({_untracked(ctx, operator, value)}))"


def read_tally(found: list[Any]) -> str:
    """*twice, last on 3 March 2026*; for clicks also that some mail was not tracked."""
    often, last, *hidden = found
    said = _t("%(times)s, last on %(day)s") % {"times": times(int(often)), "day": read(date.fromisoformat(last))} if often else _t("not once")  # fmt: skip
    if hidden and hidden[0]:
        return _t("%(said)s that we know of; some of their mail is not tracked") % {"said": said}
    return said


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
            "within": _("who **received a mailing in the last {value} days**"),
            "not_within": _("who **received no mailing in the last {value} days**"),
            "between": _("who **received a mailing between {low} and {high}**"),
            "not_between": _("who **received no mailing between {low} and {high}**"),
            "at_least_times": _("who **received mail at least {times} in {days} days**"),
            "fewer_times": _("who **received mail fewer than {times} in {days} days**"),
        },
        selects=BOTH,
        choices=CHOICES,
        order=60,
        evidence=_tally("mailed", "FROM delivery d WHERE d.state = 'accepted'", "d", "d.mailing_id", "d.settled_at"),
        reads=read_tally,
    ),
    Field(
        "clicked",
        _("Clicked"),
        MAILINGS,
        OPERATORS,
        clicked,
        {
            "any_of": _("who clicked in {values}"),
            "none_of": _("who did not click in {values}"),
            "ever": _("who **clicked in a mailing**"),
            "never": _("who **never clicked in a mailing**"),
            "within": _("who **clicked in the last {value} days**"),
            "not_within": _("who **did not click in the last {value} days**"),
            "between": _("who **clicked between {low} and {high}**"),
            "not_between": _("who **did not click between {low} and {high}**"),
            "at_least_times": _("who **clicked at least {times} in {days} days**"),
            "fewer_times": _("who **clicked fewer than {times} in {days} days**"),
        },
        selects=frozenset({PEOPLE}),
        choices=CHOICES,
        unknown=_("their clicks are not tracked per person"),
        order=62,
        evidence=_clicks,
        reads=read_tally,
        help=_("Human clicks. Members of workers’ organizations are not tracked: they are left out and counted."),
    ),
    Field(
        "replied",
        _("Replied"),
        MAILINGS,
        OPERATORS,
        replied,
        {
            "any_of": _("who replied to {values}"),
            "none_of": _("who did not reply to {values}"),
            "ever": _("who **replied to a mailing**"),
            "never": _("who **never replied to a mailing**"),
            "within": _("who **replied in the last {value} days**"),
            "not_within": _("who **did not reply in the last {value} days**"),
            "between": _("who **replied between {low} and {high}**"),
            "not_between": _("who **did not reply between {low} and {high}**"),
            "at_least_times": _("who **replied at least {times} in {days} days**"),
            "fewer_times": _("who **replied fewer than {times} in {days} days**"),
        },
        selects=BOTH,
        choices=CHOICES,
        order=64,
        evidence=_tally(
            "replies",
            "FROM campaigns_interaction i WHERE i.kind = 'reply' AND i.mailing_id IS NOT NULL",
            "i",
            "i.mailing_id",
            "i.at",
        ),
        reads=read_tally,
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
