"""The pages of a drive, as tabs. Features add theirs from their registration.

register(DriveTab(_("Positions"), "stairs-up", "position_list", order=30))
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.planning.models import Drive

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class DriveTab:
    """url_name: a route whose one argument is the drive's uid."""

    label: StrOrPromise
    icon: str
    url_name: str
    order: int = 50


TABS: list[DriveTab] = [
    DriveTab(_("Grid"), "grid-dots", "drive_detail", order=10),
    DriveTab(_("Who next?"), "list-numbers", "drive_next", order=12),
    DriveTab(_("Map"), "map-2", "drive_map", order=14),
]


def register(tab: DriveTab) -> None:
    TABS[:] = sorted([t for t in TABS if t.url_name != tab.url_name] + [tab], key=lambda t: t.order)


def tabs_of(drive: Drive, current: str) -> list[dict[str, Any]]:
    """As <c-tabs> takes them. current: the url_name of the page at hand."""
    return [
        {"label": t.label, "icon": t.icon, "url": reverse(t.url_name, args=[drive.uid]), "current": t.url_name == current}
        for t in TABS
    ]  # fmt: skip
