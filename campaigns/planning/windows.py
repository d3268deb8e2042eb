"""How near a chance lies in a country (a budget debate, an election …), for ranking. Whoever knows such days registers a provider.

    use_windows(near)      near(drive, countries, today) → {country code: Window}

Without one, the worklist has no such reason and shows no weight for it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from campaigns.planning.models import Drive


@dataclass(frozen=True)
class Window:
    """The next chance in a country. title: in the reader's language, to stand in “budget debate in 18 days”."""

    on: date
    title: str
    url: str = ""


Provider = Callable[[Drive, Sequence[str], date], Mapping[str, Window]]
_PROVIDERS: list[Provider] = []
FAR_DAYS = 120


def use_windows(provider: Provider) -> None:
    _PROVIDERS[:] = [provider]


def is_known() -> bool:
    return bool(_PROVIDERS)


def next_windows(drive: Drive, countries: Sequence[str], today: date) -> Mapping[str, Window]:
    return _PROVIDERS[0](drive, countries, today) if _PROVIDERS else {}


def nearness(window: Window | None, today: date) -> float:
    """1 today, 0 from FAR_DAYS on."""
    if window is None or window.on < today:
        return 0.0
    return max(0.0, 1 - (window.on - today).days / FAR_DAYS)
