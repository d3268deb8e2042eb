"""The map of a network: members by country, and between which countries members brought members. Drawn here, without a script; the
same stands in tables."""

from __future__ import annotations

import math
import re
from collections import Counter
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.face.shapes import HEIGHT, WIDTH, world
from campaigns.networks.models import Member, Network
from contacts.directory.models import Country
from crm.accounts.models import User
from crm.ui import formats

ONE, LARGEST = 3.6, 22.0  # radius of one member, and of the country with most where there are many
MOST_LINES = 300  # the thickest; more is a ball of wool
MOST_NAMED = 200  # of who brought whom


@dataclass
class Place:
    code: str
    name: str
    institutions: int = 0
    individuals: int = 0

    @property
    def members(self) -> int:
        return self.institutions + self.individuals


@dataclass
class Bringer:
    """A member and whom they brought who are still there."""

    member: Member
    brought: list[Member] = field(default_factory=list)


@dataclass
class NetworkMap:
    svg: SafeString
    places: list[Place]
    bringers: list[Bringer]
    lines: list[tuple[str, str, int]]  # names of two countries, how many were brought from the first to the second
    brought: int
    undrawn: int  # members of places that are too small for the map, or of no country
    left_out: int  # bringers beyond MOST_NAMED


@cache
def centre(code: str) -> tuple[float, float] | None:
    """The middle of a country's largest piece of land, as `world` draws it; None where it draws nothing."""
    shape = world().get(code)
    if shape is None:
        return None
    best, at = 0.0, ((shape.box[0] + shape.box[2]) / 2, (shape.box[1] + shape.box[3]) / 2)
    for piece in re.findall(r"M([^M]*)", shape.path):
        numbers = [int(n) for n in re.findall(r"-?\d+", piece)]
        x = y = 0
        xs, ys = [], []
        for place in range(0, len(numbers) - 1, 2):
            x, y = (
                x + numbers[place],
                y + numbers[place + 1],
            )  # the first is absolute, all others are steps from the last
            xs.append(x)
            ys.append(y)
        if xs and (area := (max(xs) - min(xs) + 1) * (max(ys) - min(ys) + 1)) > best:
            best, at = area, ((min(xs) + max(xs)) / 2, (min(ys) + max(ys)) / 2)
    return at


def network_map(network: Network, user: User) -> NetworkMap:
    """Of the members that `user` sees. Two queries, whatever their number; three sets of figures from the same rows."""
    rows = Member.objects.visible_to(user).present().filter(network=network)
    members = list(rows.select_related("organization", "person").order_by("pk"))
    by_key = {row.pk: row for row in members}
    names = {row.code: row.label for row in Country.objects.defer("search_text")}
    places: dict[str, Place] = {}
    bringers: dict[int, Bringer] = {}
    lines: Counter[tuple[str, str]] = Counter()
    for row in members:
        code = getattr(row, "of_country", None) or ""  # annotated by visible_to
        place = places.setdefault(code, Place(code, names.get(code, _("No country"))))
        if row.organization_id:
            place.institutions += 1
        else:
            place.individuals += 1
        by = by_key.get(row.brought_by_id or 0)
        if by is not None:
            bringers.setdefault(by.pk, Bringer(by)).brought.append(row)
            lines[(getattr(by, "of_country", None) or "", code)] += 1
    ordered = sorted(places.values(), key=lambda place: (-place.members, place.name))
    who = sorted(bringers.values(), key=lambda each: (-len(each.brought), each.member.label))
    between = [(a, b, n) for (a, b), n in lines.most_common() if a != b and a and b]
    return NetworkMap(
        svg=_draw(ordered, between[:MOST_LINES], names, str(network.label)),
        places=ordered,
        bringers=who[:MOST_NAMED],
        lines=[(names.get(a, a), names.get(b, b), n) for a, b, n in between],
        brought=sum(lines.values()),
        undrawn=sum(place.members for place in ordered if centre(place.code) is None),
        left_out=max(0, len(who) - MOST_NAMED),
    )


def _draw(places: list[Place], lines: list[tuple[str, str, int]], names: dict[str, str], title: str) -> SafeString:
    here = {place.code for place in places}
    land = format_html_join(
        "",
        '<path class="{}" d="{}"/>',
        (("netmap-home" if code in here else "netmap-land", shape.path) for code, shape in world().items()),
    )
    arcs = format_html_join(
        "", '<path class="netmap-line" d="{}" stroke-width="{}"><title>{}</title></path>', _arcs(lines, names)
    )
    dots = format_html_join("", "{}", ((dot,) for dot in _dots(places)))
    return format_html(
        '<svg class="netmap" viewBox="0 0 {} {}" role="img" aria-label="{}">{}<g>{}</g><g>{}</g></svg>',
        WIDTH, HEIGHT, _("Where the members of %(network)s are, and who brought whom") % {"network": title}, land, arcs, dots,
    )  # fmt: skip


def _arcs(lines: list[tuple[str, str, int]], names: dict[str, str]) -> Any:
    for a, b, n in lines:
        start, end = centre(a), centre(b)
        if start is None or end is None:
            continue
        (x1, y1), (x2, y2) = start, end
        # bent upwards by a fifth of its length, so that there and back are two lines
        bend = math.hypot(x2 - x1, y2 - y1) / 5
        mx, my = (x1 + x2) / 2, (y1 + y2) / 2 - bend
        words = f"{names.get(a, a)} → {names.get(b, b)}: {formats.number(n)}"
        yield f"M{x1:.0f} {y1:.0f}Q{mx:.0f} {my:.0f} {x2:.0f} {y2:.0f}", f"{min(3.0, 0.5 + 0.4 * n):.1f}", words


def _dots(places: list[Place]) -> Any:
    """A disc by the number of members, the largest first so that small ones lie on top; its inner part are the individuals."""
    most = max((place.members for place in places), default=1)
    scale = min(ONE, LARGEST / math.sqrt(most))
    for place in places:
        at = centre(place.code)
        if at is None:
            continue
        radius = max(2.0, scale * math.sqrt(place.members))
        inner = radius * math.sqrt(place.individuals / place.members)
        institutions = ngettext("%(n)s institution", "%(n)s institutions", place.institutions) % {
            "n": place.institutions
        }
        individuals = ngettext("%(n)s individual", "%(n)s individuals", place.individuals) % {"n": place.individuals}
        yield format_html(
            '<g><title>{}: {}, {}</title><circle class="netmap-dot" cx="{}" cy="{}" r="{}"/>{}</g>',
            place.name, institutions, individuals, f"{at[0]:.0f}", f"{at[1]:.0f}", f"{radius:.1f}",
            format_html('<circle class="netmap-in" cx="{}" cy="{}" r="{}"/>', f"{at[0]:.0f}", f"{at[1]:.0f}", f"{inner:.1f}") if inner else "",
        )  # fmt: skip
