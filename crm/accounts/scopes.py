"""What a grant can be limited to. The features that own countries and campaigns say which there are."""

from collections.abc import Callable

Choices = Callable[[], list[tuple[str, str]]]
_SOURCES: dict[str, Choices] = {}


def offer(kind: str, choices: Choices) -> None:
    """`kind` is "countries" or "campaigns"; `choices` gives (code or uid, name) pairs."""
    _SOURCES[kind] = choices


def country_choices() -> list[tuple[str, str]]:
    return _SOURCES["countries"]() if "countries" in _SOURCES else []


def campaign_choices() -> list[tuple[str, str]]:
    return _SOURCES["campaigns"]() if "campaigns" in _SOURCES else []
