"""What the colour of a cell says: reached, position, contact, commitments, posts, events, delegations or networks. Each has its words and its legend."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from campaigns.planning.grid import Cell
from campaigns.positions.ladder import Stance, word_of
from crm.ui import formats

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MEASURES: dict[str, StrOrPromise] = {
    "reached": gettext_lazy("reached"),
    "position": gettext_lazy("position"),
    "contact": gettext_lazy("last two-way contact"),
    "commitments": gettext_lazy("commitments"),
    "posts": gettext_lazy("posts we can reach"),
    "events": gettext_lazy("events"),
    "delegations": gettext_lazy("delegations"),
    "networks": gettext_lazy("networks"),
}


@dataclass(frozen=True)
class Look:
    """css: the part of a cell's class after gs-cell-; words: its first line."""

    css: str
    words: str


def same_look(cell: Cell, measure: str, now: datetime) -> tuple[object, ...]:
    """Cells for which this is the same look the same: a grid has two thousand cells and a few dozen looks."""
    if measure == "position":
        return cell.stance, cell.lowest == cell.highest
    if measure == "contact":
        return (cell.weeks(now),)
    if measure == "commitments":
        return cell.red, cell.yellow, cell.green, cell.kept
    if measure == "posts":
        return cell.seats, cell.posts
    if measure == "networks":
        return cell.members, cell.institutions
    if measure == "events":
        return cell.invited, cell.answered, cell.came
    if measure == "delegations":
        return cell.delegate_seats, cell.delegates
    return (cell.state, cell.reached, cell.institutions) if cell.state == "part" else (cell.state,)


def look_of(cell: Cell, measure: str, now: datetime) -> Look:
    return {"position": _position, "contact": _contact, "commitments": _commitments, "posts": _posts, "events": _events, "delegations": _delegations, "networks": _networks}.get(measure, _reached)(cell, now)  # fmt: skip


def _reached(cell: Cell, now: datetime) -> Look:
    if cell.state == "part":
        return Look("part", _("%(n)s of %(all)s reached") % {"n": formats.number(cell.reached), "all": formats.number(cell.institutions)})  # fmt: skip
    words = {"reached": "Reached", "open": "Not reached", "closed": "No address"}.get(cell.state, "")
    return Look(cell.state, _(words) if words else "")


def _position(cell: Cell, now: datetime) -> Look:
    """That of the most powerful; where others stand elsewhere, that is said."""
    if not cell.stance:
        return Look("unknown", _("Not known"))
    words = word_of(cell.stance).capitalize()
    return Look(f"p{cell.stance}", words if cell.lowest == cell.highest else _("%(stance)s, mixed") % {"stance": words})


def _contact(cell: Cell, now: datetime) -> Look:
    weeks = cell.weeks(now)
    if weeks is None:
        return Look("closed", _("Never"))
    css = "reached" if weeks <= 4 else "part" if weeks <= 12 else "open" if weeks <= 26 else "unknown"
    return Look(css, _("%(n)s weeks ago") % {"n": formats.number(weeks)})


def _commitments(cell: Cell, now: datetime) -> Look:
    if not cell.promises:
        return Look("unknown", _("None"))
    if cell.red:
        return Look("red", _("%(n)s late") % {"n": formats.number(cell.red)})
    if cell.yellow:
        return Look("yellow", _("%(n)s at risk") % {"n": formats.number(cell.yellow)})
    if cell.green:
        return Look("green", _("%(n)s on track") % {"n": formats.number(cell.green)})
    return Look("reached", _("%(n)s kept") % {"n": formats.number(cell.kept)})


def _posts(cell: Cell, now: datetime) -> Look:
    if not cell.posts:
        return Look("unknown", _("No posts"))
    css = "closed" if not cell.seats else "reached" if cell.seats == cell.posts else "part"
    return Look(css, _("%(n)s of %(all)s posts") % {"n": formats.number(cell.seats), "all": formats.number(cell.posts)})


def _events(cell: Cell, now: datetime) -> Look:
    if cell.came:
        return Look("reached", _("%(n)s came") % {"n": formats.number(cell.came)})
    if not cell.invited:
        return Look("unknown", _("Not invited"))
    css = "part" if cell.answered else "open"
    return Look(
        css, _("%(n)s of %(all)s answered") % {"n": formats.number(cell.answered), "all": formats.number(cell.invited)}
    )


def _delegations(cell: Cell, now: datetime) -> Look:
    if not cell.delegate_seats:
        return Look("unknown", _("No seat"))
    css = "reached" if cell.delegates >= cell.delegate_seats else "part" if cell.delegates else "open"
    return Look(
        css,
        _("%(n)s of %(all)s delegates")
        % {"n": formats.number(cell.delegates), "all": formats.number(cell.delegate_seats)},
    )


def _networks(cell: Cell, now: datetime) -> Look:
    if not cell.members:
        return Look("unknown", _("No member"))
    css = "reached" if cell.members == cell.institutions else "part"
    return Look(
        css,
        _("%(n)s of %(all)s members") % {"n": formats.number(cell.members), "all": formats.number(cell.institutions)},
    )


def legend_of(measure: str) -> list[tuple[str, str]]:
    """(class of the dot, words)"""
    if measure == "position":
        return [(stance.colour, str(stance.label)) for stance in Stance] + [("rest", _("not known"))]
    if measure == "contact":
        return [("p7", _("within 4 weeks")), ("p6", _("within 12")), ("p5", _("within 26")), ("rest", _("longer ago")), ("p2", _("never"))]  # fmt: skip
    if measure == "commitments":
        return [("bad", _("one is late")), ("warn", _("one is at risk")), ("ok", _("on track")), ("p7", _("all kept")), ("rest", _("none"))]  # fmt: skip
    if measure == "posts":
        return [("p7", _("each holder can be written to")), ("p6", _("some can")), ("p2", _("none can")), ("rest", _("no posts known"))]  # fmt: skip
    if measure == "events":
        return [("p7", _("somebody came")), ("p6", _("somebody answered")), ("p5", _("invited, no answer yet")), ("rest", _("not invited"))]  # fmt: skip
    if measure == "delegations":
        return [("p7", _("every delegate’s seat is taken")), ("p6", _("some are")), ("p5", _("none yet")), ("rest", _("no seat"))]  # fmt: skip
    if measure == "networks":
        return [("p7", _("all are members")), ("p6", _("some are")), ("rest", _("nobody joined a network"))]
    return [("p7", _("reached in this drive")), ("p6", _("partly")), ("p5", _("not reached yet")), ("p2", _("no address that works"))]  # fmt: skip
