"""What a campaign or drive did, as numbers computed from the data. Each has a definition in words, and the rows that it counts.

*Within* are institutions of the drives' countries (there, or working there) and constituencies, and people who live in those
countries; of a campaign, of any of its drives. Days are those of the report, first and last included.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from django.db.models import Count, Exists, OuterRef, Q
from django.db.models.functions import TruncMonth
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.commitments.models import Commitment
from campaigns.delegations.models import Nomination
from campaigns.delivery.models import Delivery, Outcome
from campaigns.events.models import Invitation, Registration
from campaigns.interactions.models import Party
from campaigns.networks.models import Member
from campaigns.outreach.models import Interaction
from campaigns.planning.models import Campaign, Drive
from campaigns.positions.models import PositionStep
from contacts.directory.lists import LANGUAGE_NAMES
from contacts.directory.models import Constituency, Organization, Person
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.ui import formats

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Scope:
    """What a report is about, and for whom it is computed."""

    campaign: Campaign
    drive: Drive | None
    first: dt.date
    last: dt.date
    user: User

    @cached_property
    def drives(self) -> list[Drive]:
        rows = Drive.objects.visible_to(self.user).filter(campaign=self.campaign, archived_at=None)
        return [self.drive] if self.drive else list(rows.order_by("starts_on", "pk"))

    @cached_property
    def countries(self) -> list[str]:
        """Of the drives, as far as the user may see them."""
        codes = self.user.scope(Action.SEE).countries
        of_drives = Drive.countries.through.objects.filter(drive__in=self.drives).values_list("country_id", flat=True)
        found = set(of_drives)
        return sorted(found if codes is None else found & codes)

    @property
    def is_partial(self) -> bool:
        """The user may not see all of the drives' countries."""
        if self.user.scope(Action.SEE).countries is None:
            return False
        through = Drive.countries.through.objects.filter(drive__in=self.drives)
        return through.values("country_id").distinct().count() != len(self.countries)

    @cached_property
    def constituencies(self) -> list[tuple[int, str, bool]]:
        """(key, code, whether its branch belongs to it)"""
        through = Drive.constituencies.through.objects.filter(drive__in=self.drives)
        rows = Constituency.objects.filter(pk__in=through.values("constituency_id"))
        return [(pk, code, parent is None) for pk, code, parent in rows.values_list("pk", "code", "parent_id")]

    @cached_property
    def mailings(self) -> list[int]:
        from campaigns.mailings.models import Mailing

        return list(Mailing.objects.filter(drive__in=self.drives).values_list("pk", flat=True))

    @property
    def moments(self) -> tuple[dt.datetime, dt.datetime]:
        """From the first minute of the first day to the last of the last, in the reader's zone."""
        zone = timezone.get_current_timezone()
        first = dt.datetime.combine(self.first, dt.time(), zone)
        return first, dt.datetime.combine(self.last + dt.timedelta(days=1), dt.time(), zone) - dt.timedelta(
            microseconds=1
        )

    # --- rows ---------------------------------------------------------------------------------------------------------
    def institutions(self) -> Any:
        keys = [pk for pk, _code, _root in self.constituencies]
        roots = [code for _pk, code, is_root in self.constituencies if is_root]
        here = Q(country_id__in=self.countries) | Q(countries_of_work__overlap=self.countries)
        of = Q(constituency__in=keys) | Q(constituency__root_code__in=roots)
        return Organization.objects.active().filter(here, of)

    def accepted(self) -> Any:
        rows = Delivery.objects.filter(mailing_id__in=self.mailings, state=Outcome.ACCEPTED)
        return rows.filter(settled_at__range=self.moments)

    def parties(self) -> Any:
        return Party.objects.took_part().filter(at__range=self.moments)

    def reached_institutions(self) -> Any:
        mailed = self.accepted().filter(organization_id__isnull=False).values("organization_id")
        met = self.parties().filter(organization__isnull=False).values("organization_id")
        return self.institutions().filter(Q(pk__in=mailed) | Q(pk__in=met))

    def reached_people(self) -> Any:
        """Those whose address a mailing of the drives reached, and those who took part in a contact within."""
        mailed = self.accepted().filter(person_id__isnull=False).values("person_id")
        met = self.parties().filter(person__isnull=False, interaction__in=self.contacts().values("pk"))
        rows = Person.objects.active().visible_to(self.user)
        return rows.filter(Q(pk__in=mailed) | Q(pk__in=met.values("person_id")))

    def contacts(self) -> Any:
        rows = Interaction.objects.filter(removed_at=None, at__range=self.moments)
        of = Party.objects.took_part().filter(interaction=OuterRef("pk"))
        inside = of.filter(
            Q(organization__in=self.institutions().values("pk")) | Q(person__country_id__in=self.countries)
        )
        return rows.filter(Exists(inside))

    def two_way(self) -> Any:
        return self.contacts().filter(is_two_way=True)

    def _in_countries(self) -> Q:
        return Q(organization__country_id__in=self.countries) | Q(
            organization__countries_of_work__overlap=self.countries
        )

    def moves(self) -> Any:
        rows = PositionStep.objects.visible_to(self.user).filter(self._in_countries(), ask__drive__in=self.drives)
        return rows.between(self.first, self.last).moves()

    def promises(self) -> Any:
        return Commitment.objects.visible_to(self.user).filter(self._in_countries(), drive__in=self.drives)

    def made(self) -> Any:
        return self.promises().filter(made_on__range=(self.first, self.last))

    def attended(self) -> Any:
        """Institutions within, of whom somebody was checked in at an event of the drives."""
        seats = Registration.objects.came().filter(event__drive__in=self.drives, came_at__range=self.moments)
        return self.institutions().filter(pk__in=seats.filter(organization__isnull=False).values("organization_id"))

    def invitations(self) -> Any:
        return Invitation.objects.filter(event__drive__in=self.drives, organization__isnull=False)

    def invited(self) -> Any:
        """Institutions within that were invited to an event of the drives, themselves or somebody of theirs."""
        asked = self.invitations().filter(created_at__range=self.moments)
        return self.institutions().filter(pk__in=asked.values("organization_id"))

    def answered(self) -> Any:
        said = self.invitations().filter(answered_at__range=self.moments)
        return self.institutions().filter(pk__in=said.values("organization_id"))

    def delegates(self) -> Any:
        """People who were accepted for a country's delegation to an event of the drives, and belong to it still."""
        rows = Nomination.objects.accepted().filter(
            decided_at__range=self.moments, delegation__event__drive__in=self.drives, delegation__country__in=self.countries,
            delegation__left_out_at__isnull=True, person__isnull=False,
        )  # fmt: skip
        return Person.objects.active().visible_to(self.user).filter(pk__in=rows.values("person_id"))

    def joined(self) -> Any:
        """Institutions within that joined a network of the campaign and are in it still, or left later."""
        rows = Member.objects.filter(network__campaign=self.campaign, joined_at__range=self.moments)
        return self.institutions().filter(pk__in=rows.filter(organization__isnull=False).values("organization_id"))

    def kept(self) -> Any:
        return self.promises().filter(state="kept", settled_at__range=self.moments)


@dataclass(frozen=True)
class Figure:
    """rows: a queryset with every row once. by: names of its breakdowns, and the field of each."""

    code: str
    label: StrOrPromise
    definition: StrOrPromise
    kind: str  # organizations, people, contacts, moves, commitments
    rows: Callable[[Scope], Any]
    by: Mapping[str, str]


FIGURES: dict[str, Figure] = {
    figure.code: figure
    for figure in (
        Figure(
            "institutions", _("Institutions reached"),
            _("Institutions within that a mailing of the drives was accepted for, or that took part in a call, meeting, letter, message or reply, on these days. Each counts once."),
            "organizations", Scope.reached_institutions, {"constituency": "constituency__root_code", "country": "country_id"},
        ),
        Figure(
            "people", _("People reached"),
            _("People whose own address a mailing of the drives was accepted for, or who took part in a contact with an institution within, on these days. Each counts once; who was erased since counts no more."),
            "people", Scope.reached_people, {"language": "language", "gender": "gender"},
        ),
        Figure(
            "two_way", _("Two-way contacts"),
            _("Calls, meetings, letters, messages and replies on these days in which somebody within talked with us or answered. One contact with three people counts once."),
            "contacts", Scope.two_way, {"kind": "kind", "month": "at__month"},
        ),
        Figure(
            "moved_up", _("Positions moved up"),
            _("Steps of institutions to a higher rung of an ask of the drives, dated on these days, each with its evidence. Steps withdrawn as wrong do not count."),
            "moves", lambda scope: scope.moves().direction(["up"]), {},
        ),
        Figure(
            "moved_down", _("Positions moved down"),
            _("The same to a lower rung."),
            "moves", lambda scope: scope.moves().direction(["down"]), {},
        ),
        Figure(
            "first_known", _("Positions heard for the first time"),
            _("First steps of institutions on an ask of the drives, dated on these days."),
            "moves", lambda scope: scope.moves().direction(["first"]), {},
        ),
        Figure(
            "promised", _("Commitments made"),
            _("Promises of institutions within to the drives, made on these days, whatever became of them."),
            "commitments", Scope.made, {},
        ),
        Figure(
            "kept", _("Commitments kept"),
            _("Promises to the drives that were settled as kept on these days, with what shows it."),
            "commitments", Scope.kept, {},
        ),
        Figure(
            "kept_verified", _("… of these verified by somebody else"),
            _("Of the commitments kept, those that somebody who neither recorded nor settled them looked at and confirmed."),
            "commitments", lambda scope: scope.kept().filter(verified_at__isnull=False), {},
        ),
        Figure(
            "invited", _("Institutions invited to events"),
            _("Institutions within that were invited to an event of the drives on these days, themselves or somebody of theirs. Each counts once."),
            "organizations", Scope.invited, {},
        ),
        Figure(
            "answered", _("Institutions that answered"),
            _("Institutions within that answered an invitation to an event of the drives on these days, whatever they said. Each counts once."),
            "organizations", Scope.answered, {},
        ),
        Figure(
            "attended", _("Institutions that came to events"),
            _("Institutions within, of whom somebody was checked in at an event of the drives on these days. Each counts once."),
            "organizations", Scope.attended, {"constituency": "constituency__root_code", "country": "country_id"},
        ),
        Figure(
            "delegates", _("People in delegations"),
            _("People accepted on these days for a country’s delegation to an event of the drives, in any role, who belong to it still and stand in the directory. Each counts once."),
            "people", Scope.delegates, {"gender": "gender"},
        ),
        Figure(
            "joined", _("Institutions that joined networks"),
            _("Institutions within that became members of a network of the campaign on these days, whether or not they left since. Each counts once."),
            "organizations", Scope.joined, {},
        ),
    )
}  # fmt: skip
GENDERS = {"female": _("women"), "male": _("men"), "other": _("another"), "": _("not known")}
KINDS = dict(Interaction.Kind.choices)


@dataclass(frozen=True)
class Part:
    """One part of a breakdown. key: as it stands in the data."""

    by: str
    key: str
    label: str
    value: int


@dataclass(frozen=True)
class Counted:
    """A figure with its value and the parts of its breakdowns."""

    figure: Figure
    value: int
    parts: Mapping[str, list[Part]]


def count(scope: Scope) -> dict[str, Counted]:
    """All of them. Nine statements: figures with a breakdown are its sum, and steps and promises are read in one each."""
    found: dict[str, Counted] = {}
    for code in ("institutions", "people", "two_way", "attended", "delegates"):
        figure = FIGURES[code]
        parts = breakdowns(figure, scope)
        value = sum(part.value for part in next(iter(parts.values())))
        found[code] = Counted(figure, value, parts)
    ways = {"up": 0, "down": 0, "first": 0, "same": 0}
    for previous, stance in scope.moves().values_list("previous", "stance"):
        ways[
            "first" if previous is None else "up" if previous < stance else "down" if previous > stance else "same"
        ] += 1
    settled = Q(state="kept", settled_at__range=scope.moments)
    promises = scope.promises().aggregate(
        promised=Count("pk", filter=Q(made_on__range=(scope.first, scope.last))),
        kept=Count("pk", filter=settled),
        kept_verified=Count("pk", filter=settled & Q(verified_at__isnull=False)),
    )
    asked = scope.institutions().aggregate(
        invited=Count("pk", filter=Q(pk__in=scope.invited().values("pk"))),
        answered=Count("pk", filter=Q(pk__in=scope.answered().values("pk"))),
        joined=Count("pk", filter=Q(pk__in=scope.joined().values("pk"))),
    )
    values = {**asked, "moved_up": ways["up"], "moved_down": ways["down"], "first_known": ways["first"], **promises}
    found |= {code: Counted(FIGURES[code], value, {}) for code, value in values.items()}
    return {code: found[code] for code in FIGURES}


def breakdowns(figure: Figure, scope: Scope) -> dict[str, list[Part]]:
    """The parts of each breakdown, the largest first; sides and months in their order. One statement for all of them."""
    shown = [by for by in figure.by if by != "country"]
    if not shown:
        return {}
    rows = figure.rows(scope).order_by()
    if "month" in shown:
        rows = rows.annotate(month=TruncMonth("at"))
    fields = ["month" if by == "month" else figure.by[by] for by in shown]
    sums: dict[str, dict[str, int]] = {by: {} for by in shown}
    for *keys, number in rows.values_list(*fields).annotate(n=Count("pk")):
        for by, key in zip(shown, keys, strict=True):
            text = f"{key:%Y-%m}" if by == "month" else str(key or "")
            sums[by][text] = sums[by].get(text, 0) + number
    return {by: _parts(by, found) for by, found in sums.items()}


def _parts(by: str, counts: Mapping[str, int]) -> list[Part]:
    labels = _labels(by)
    found = [Part(by, key, _label(by, labels, key), number) for key, number in counts.items()]
    if by == "month":
        return sorted(found, key=lambda part: part.key)
    if by == "constituency":
        order = list(labels)
        return sorted(found, key=lambda part: order.index(part.key) if part.key in order else len(order))
    return sorted(found, key=lambda part: (-part.value, part.label))


def _labels(by: str) -> Mapping[str, Any]:
    if by == "constituency":
        rows = Constituency.objects.filter(parent=None).order_by("position", "sort_key")
        return {row.code: row.label for row in rows}
    return {"language": LANGUAGE_NAMES, "gender": GENDERS, "kind": KINDS}.get(by, {})


def part_words(by: str, key: str) -> str:
    """A part of a breakdown as the page calls it; empty for the whole."""
    if not by:
        return ""
    return _label(by, _labels(by), key)


def _label(by: str, labels: Mapping[str, Any], key: str) -> str:
    if by == "month":
        year, _dash, month = key.partition("-")
        is_month = year.isdecimal() and month.isdecimal() and len(year) == 4 and 1 <= int(month) <= 12
        return formats.month(dt.date(int(year), int(month), 1)) if is_month and int(year) else key
    return str(labels.get(key, key or _t("not known")))


def rows_of(figure: Figure, scope: Scope, by: str = "", key: str = "") -> Any:
    """The rows behind a number, or behind one part of it."""
    rows = figure.rows(scope)
    if not by or by not in figure.by:
        return rows
    if by == "month":
        year, _dash, month = key.partition("-")
        if not (year.isdecimal() and month.isdecimal() and len(year) == 4 and 1 <= int(month) <= 12):
            return rows.none()
        zone = timezone.get_current_timezone()
        first = dt.datetime(int(year), int(month), 1, tzinfo=zone)
        after = dt.datetime(int(year) + int(month) // 12, int(month) % 12 + 1, 1, tzinfo=zone)
        return rows.filter(at__gte=first, at__lt=after)
    return rows.filter(**{figure.by[by]: key})
