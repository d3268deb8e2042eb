"""Addresses of many rows: a route is looked up once, and each row's uid or code is put in its place."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.urls import get_script_prefix, get_urlconf, reverse
from django.utils.http import urlencode

_PLACES: tuple[Any, ...] = (UUID(int=0), "CODE")  # what stands for a uid, and for a code


def url_of(name: str, key: Any) -> str:
    """The same as `reverse(name, args=[key])`, for a route with one argument: a uid, or a code of letters and digits."""
    kind = 0 if isinstance(key, UUID) else 1
    head, tail = _around(name, kind, get_script_prefix(), get_urlconf())
    return f"{head}{key}{tail}"


def path_of(name: str) -> str:
    """The same as `reverse(name)`."""
    return _plain(name, get_script_prefix(), get_urlconf())


def query_of(name: str, **values: Any) -> str:
    """A list narrowed by `values`: "/directory/people/?organization=…"."""
    return f"{path_of(name)}?{urlencode(values)}"


@lru_cache(maxsize=512)
def _around(name: str, kind: int, prefix: str, urlconf: str | None) -> tuple[str, str]:
    place = _PLACES[kind]
    head, _place, tail = reverse(name, args=[place]).partition(str(place))
    return head, tail


@lru_cache(maxsize=512)
def _plain(name: str, prefix: str, urlconf: str | None) -> str:
    return reverse(name)
