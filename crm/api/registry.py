"""What the API serves. A feature with an `api.py` names it in its `registration.py`; the platform knows none of them.

    serve("contacts.directory.api")

The module has `SECTIONS`: how the documentation groups it, and (prefix, resource) pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any


@dataclass(frozen=True)
class Section:
    """A group of the documentation."""

    name: str
    about: str
    resources: Sequence[tuple[str, type[Any]]] = field(default_factory=tuple)
    order: int = 50


_MODULES: list[str] = []


def serve(module: str) -> None:
    if module not in _MODULES:
        _MODULES.append(module)


def sections() -> list[Section]:
    """Every section there is, in the order of the documentation. Modules are imported here: models are ready by then."""
    found = [section for module in _MODULES for section in import_module(module).SECTIONS]
    return sorted(found, key=lambda section: section.order)
