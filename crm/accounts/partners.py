"""Who may have a partner's account is known by whoever knows partners: a feature says how one is opened when a code is asked for.

use_opener(function of an address -> User or None)
"""

from __future__ import annotations

from collections.abc import Callable

from crm.accounts.models import User

_opener: Callable[[str], User | None] = lambda email: None  # noqa: E731 a default to be replaced


def use_opener(opener: Callable[[str], User | None]) -> None:
    global _opener
    _opener = opener


def open_for(email: str) -> User | None:
    """The account for this address, made now if they are a partner; None for strangers and staff."""
    return _opener(email)
