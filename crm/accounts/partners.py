"""Who may have a partner's account is known by whoever knows partners: a feature says how one is opened when a code is asked for.

use_opener(function of an address -> User or None, may_write=function of an address -> whether mail may go there at all)
"""

from __future__ import annotations

from collections.abc import Callable

from crm.accounts.models import User

_opener: Callable[[str], User | None] = lambda email: None  # noqa: E731 a default to be replaced
_may_write: Callable[[str], bool] = lambda email: True  # noqa: E731 the same


def use_opener(opener: Callable[[str], User | None], *, may_write: Callable[[str], bool]) -> None:
    global _opener, _may_write
    _opener, _may_write = opener, may_write


def open_for(email: str) -> User | None:
    """The account for this address, made now if they are a partner; None for strangers and staff."""
    return _opener(email)


def may_write(email: str) -> bool:
    """Whether a stranger who types this address may have us write to it."""
    return _may_write(email)
