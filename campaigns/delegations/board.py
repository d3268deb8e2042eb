"""Countries × constituencies as the table shows them: what each delegation lacks, who waits, and how the share of women stands."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q, QuerySet, Value
from django.db.models.functions import Coalesce, NullIf
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delegations.models import ROLES, Delegation, DelegationSeats, Nomination
from crm.ui import formats


@dataclass(frozen=True)
class Shares:
    """Of those who are accepted. unknown: nobody said, or they prefer not to say; none of the shares counts them."""

    women: int = 0
    men: int = 0
    others: int = 0
    unknown: int = 0

    @property
    def known(self) -> int:
        return self.women + self.men + self.others

    @property
    def all(self) -> int:
        return self.known + self.unknown

    @property
    def percent(self) -> int | None:
        return round(100 * self.women / self.known) if self.known else None

    def words(self) -> str:
        """“2 of 3 women, 1 not said”; what is unknown is never guessed."""
        if not self.all:
            return ""
        if not self.known:
            return _("not said for anybody")
        said = _("%(women)s of %(known)s women") % {
            "women": formats.number(self.women),
            "known": formats.number(self.known),
        }
        return said + (", " + _("%(n)s not said") % {"n": formats.number(self.unknown)} if self.unknown else "")


@dataclass
class Side:
    """One constituency of one delegation. Complete: every delegate's seat is taken; advisers and others may stay empty."""

    constituency: Any
    seats: int = 0
    taken: int = 0
    proposed: int = 0
    others: list[tuple[str, int, int]] = field(default_factory=list)  # role, taken, seats

    @property
    def missing(self) -> int:
        return max(0, self.seats - self.taken)

    @property
    def is_complete(self) -> bool:
        return not self.missing

    @property
    def kind(self) -> str:
        return "ok" if self.is_complete else "warn" if self.proposed else "bad"

    def words(self) -> str:
        if self.is_complete:
            return _("complete") if self.seats else _("no seat of a delegate")
        said = ngettext("%(n)s missing", "%(n)s missing", self.missing) % {"n": self.missing}
        return said + (", " + _("%(n)s to look at") % {"n": self.proposed} if self.proposed else "")


@dataclass
class Line:
    """A delegation with its sides by the code of the constituency."""

    delegation: Delegation
    sides: dict[str, Side] = field(default_factory=dict)
    shares: Shares = field(default_factory=Shares)

    @property
    def missing(self) -> int:
        return sum(side.missing for side in self.sides.values())

    @property
    def proposed(self) -> int:
        return sum(side.proposed for side in self.sides.values())

    @property
    def is_complete(self) -> bool:
        return not self.missing and any(side.seats for side in self.sides.values())


GENDER = Coalesce(NullIf("gender", Value("")), "person__gender", Value(""))


def shares_of(rows: QuerySet[Nomination]) -> Shares:
    """Of nominations. What they said themselves comes before what the directory knows."""
    found = rows.order_by().annotate(is_of=GENDER).aggregate(**_counts("is_of"))
    return Shares(**found)


def _counts(name: str) -> dict[str, Count]:
    return {
        "women": Count("pk", filter=Q(**{name: "female"})), "men": Count("pk", filter=Q(**{name: "male"})),
        "others": Count("pk", filter=Q(**{name: "other"})), "unknown": Count("pk", filter=Q(**{f"{name}__in": ["", "secret"]})),
    }  # fmt: skip


def lines_of(delegations: Iterable[Delegation]) -> list[Line]:
    """Three queries, however many there are."""
    lines = {row.pk: Line(row) for row in delegations}
    seats = DelegationSeats.objects.filter(delegation__in=list(lines), seats__gt=0).select_related("constituency")
    for one in sorted(seats.order_by("constituency__position", "pk"), key=lambda one: ROLES.index(one.role)):
        side = lines[one.delegation_id].sides.setdefault(one.constituency.code, Side(one.constituency))
        if one.role == "delegate":
            side.seats, side.taken = one.seats, one.taken
        else:
            side.others.append((str(one.get_role_display()), one.taken, one.seats))
    named = Nomination.objects.filter(delegation__in=list(lines), state="proposed").order_by()
    for pk, code, n in named.values_list("delegation", "constituency__code").annotate(n=Count("pk")):
        if code in lines[pk].sides:
            lines[pk].sides[code].proposed = n
    accepted = Nomination.objects.accepted().filter(delegation__in=list(lines)).order_by().annotate(is_of=GENDER)
    counted = accepted.values_list("delegation").annotate(**_counts("is_of"))
    for pk, *numbers in counted:
        lines[pk].shares = Shares(*numbers)
    return list(lines.values())
