"""What a mailing is about, besides its drive: an event, say. A feature that binds mailings to its rows gives them merge fields.

Values that are the same for everybody are frozen with the mailing, and are part of what is approved; links are each recipient's own,
and are made when the message is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from campaigns.mailings.fields import EXAMPLES, Scalar

if TYPE_CHECKING:
    from campaigns.mailings.models import Mailing

PREFIX = "event."


@dataclass(frozen=True)
class Bound:
    """values: language → fields that all share. links: number of the delivery → fields that are one recipient's own."""

    values: Callable[[str], dict[str, Scalar]]
    links: Callable[[int], dict[str, Scalar]]


Binder = Callable[["Mailing"], Bound | None]
_BINDERS: list[Binder] = []


def register_binder(binder: Binder) -> None:
    if binder not in _BINDERS:
        _BINDERS.append(binder)


def bound_to(mailing: Mailing) -> Bound | None:
    """What the first feature says that knows this mailing."""
    if mailing.pk is None:
        return None
    return next((found for binder in _BINDERS if (found := binder(mailing))), None)


def example_values(mailing: Mailing, language: str) -> dict[str, Scalar]:
    """For previews and tests: the shared values, and links that lead nowhere in particular. Empty fields where nothing is bound."""
    names = [path for path in EXAMPLES if path.startswith(PREFIX)]
    bound = bound_to(mailing)
    if bound is None:
        return dict.fromkeys(names, "")
    return {**{path: EXAMPLES[path] for path in names}, **bound.values(language)}
