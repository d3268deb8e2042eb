"""Secrets that protect nobody stop the start: too short, repeated, counted up, or copied from an example.

Asked only outside a laptop (LOCAL), whose own secrets are made at random. Each sentence names the variable and never
the value: it goes into logs.
"""

from __future__ import annotations

import math

from django.core.exceptions import ImproperlyConfigured

# words of examples and of habits; a random secret holds one of them by chance less than once in ten million
_EXAMPLES = (
    "change-me",
    "change_me",
    "changeme",
    "example",
    "insecure",
    "password",
    "replace",
    "secret",
    "your-",
    "groundswell",
)
_HABITS = {"postgres", "postgresql", "admin", "root", "test", "demo", "12345678", "123456789"}
_HOW = "Make one with `openssl rand -hex 32`."


def refuse_weak_text(name: str, value: str, *, minimum: int = 32) -> None:
    """A secret of letters: long enough, not an example, and not a few characters over and over."""
    if len(value) < minimum:
        raise ImproperlyConfigured(f"{name} is shorter than {minimum} characters. {_HOW}")
    refuse_example(name, value)
    if len(set(value)) < 10 or _repeats(value.encode()):
        raise ImproperlyConfigured(f"{name} repeats the same few characters, so it can be guessed. {_HOW}")


def refuse_example(name: str, value: str) -> None:
    """A secret as it stands in an example, or as everybody sets it first."""
    if value.lower() in _HABITS or any(word in value.lower() for word in _EXAMPLES):
        raise ImproperlyConfigured(f"{name} holds a secret from an example, which everybody knows. {_HOW}")


def refuse_weak_keys(name: str, ring: dict[str, bytes]) -> None:
    """Every key of a ring: old ones verify too, so a weak one is as bad at the end as in front."""
    for key_id, key in ring.items():
        if len(set(key)) < min(10, math.ceil(len(key) / 2)) or _repeats(key) or _counts(key):
            raise ImproperlyConfigured(
                f"{name}: the key {key_id} is repeated or counted up, so it can be guessed. "
                f"{_HOW} Write it as `{key_id}:<the hex digits>`."
            )


def refuse_shared(rings: dict[str, dict[str, bytes]]) -> None:
    """One key in two rings: who gets hold of the one that signs links could read what the other encrypts."""
    owner: dict[bytes, str] = {}
    for name, ring in rings.items():
        for key in ring.values():
            if owner.setdefault(key, name) != name:
                raise ImproperlyConfigured(f"{name} holds a key of {owner[key]}: make another one. {_HOW}")


def _repeats(value: bytes) -> bool:
    """Whether it is a shorter piece, over and over."""
    return value in (value + value)[1:-1]


def _counts(key: bytes) -> bool:
    """Whether each byte follows the one before by the same step: 00 01 02 …, 01 23 45 …"""
    return len({(after - before) % 256 for before, after in zip(key, key[1:], strict=False)}) == 1
