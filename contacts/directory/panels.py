"""What features add to the page of a person or an institution: buttons in its head, and cards of its side column.

    register_action(log_button)        fn(subject, user) -> Action or None
    register_card(positions_card)      fn(subject, user) -> Card or None

The template of a card gets `card`, and what it shows as `card.context.…`. Each is one or two queries.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from contacts.directory.models import Organization, Person
from crm.accounts.models import User

Subject = Person | Organization


@dataclass(frozen=True)
class Action:
    """A button of the page's head. key: the one key that presses it; kind "primary" for one at most."""

    label: str
    icon: str
    url: str
    kind: str = ""
    modal: bool = False
    key: str = ""
    order: int = 50


@dataclass(frozen=True)
class Card:
    """A card; url is where its headline's link leads."""

    title: str
    template: str
    anchor: str  # its id on the page
    context: dict[str, Any] = field(default_factory=dict)
    why: str = ""
    url: str = ""
    link: str = ""
    modal: bool = False  # the link opens a form in the dialog
    order: int = 50
    is_wide: bool = False  # in the wide column, above the timeline


ACTIONS: list[Callable[[Subject, User], Action | None]] = []
CARDS: list[Callable[[Subject, User], Card | None]] = []


def register_action(provider: Callable[[Subject, User], Action | None]) -> Callable[[Subject, User], Action | None]:
    if provider not in ACTIONS:
        ACTIONS.append(provider)
    return provider


def register_card(provider: Callable[[Subject, User], Card | None]) -> Callable[[Subject, User], Card | None]:
    if provider not in CARDS:
        CARDS.append(provider)
    return provider


def panels_of(subject: Subject, user: User) -> dict[str, Any]:
    """What the two templates show of it: `actions`, and `cards` and `wide` of the side and the wide column."""
    actions = [found for found in (provider(subject, user) for provider in ACTIONS) if found]
    cards = sorted((found for found in (provider(subject, user) for provider in CARDS) if found), key=lambda c: c.order)
    return {
        "actions": sorted(actions, key=lambda action: action.order),
        "cards": [card for card in cards if not card.is_wide],
        "wide": [card for card in cards if card.is_wide],
    }
