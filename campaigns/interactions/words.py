"""Text that people type or paste, made harmless once, where it is saved: every screen, file and feed then shows the same."""

from __future__ import annotations

import re

from django.utils.translation import gettext as _

from crm.errors import Invalid

MOST = 1_000_000  # characters: minutes of a day; who has more has a document
# embeddings, overrides and isolates turn the text behind them round, and so make an .exe a picture; marks (LRM, RLM) stay
_TURNING = re.compile("[\u202a-\u202e\u2066-\u2069]")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")


def harmless(text: str) -> str:
    """Without characters that nobody sees and that change how the rest is read; line ends are \\n."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("", _TURNING.sub("", text)).strip()


def one_line(text: str, *, most: int = 300) -> str:
    return " ".join(harmless(text).split())[:most]


def notes(text: str) -> str:
    """Raises Invalid for more than MOST characters."""
    if len(text) > MOST:
        raise Invalid(
            _(
                "These notes have more than a million characters. Nothing was saved; keep what matters, or attach the rest elsewhere."
            ),
            code="too_long",
        )
    return harmless(text)
