"""What other features add to a partner's home page, such as events: `register_section(a function of Mine that gives a Section or None)`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from campaigns.partners.queries import Mine

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Line:
    """One row: what it is, what is said of it, and where it leads (a page for partners, or a signed link)."""

    title: str
    note: str
    url: str


@dataclass(frozen=True)
class Section:
    """rows: at most a handful; the address behind `url` has all."""

    title: StrOrPromise
    rows: list[Line] = field(default_factory=list)
    url: str = ""


SECTIONS: list[Callable[[Mine], Section | None]] = []


def register_section(provider: Callable[[Mine], Section | None]) -> None:
    if provider not in SECTIONS:
        SECTIONS.append(provider)


def sections_of(mine: Mine) -> list[Section]:
    return [found for provider in SECTIONS if (found := provider(mine)) is not None]
