"""Short messages after an action, with Undo where the action can be undone.

They travel by Django's messages. On a full page the base template shows them; on an htmx answer
`crm.ui.middleware` moves them into the HX-Trigger header, where toasts.js picks them up.
"""

from __future__ import annotations

from typing import Any, Protocol

from django.contrib import messages
from django.contrib.messages.storage.base import Message
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext

LEVELS = {"success": messages.SUCCESS, "info": messages.INFO, "warning": messages.WARNING, "error": messages.ERROR}
UNDO = "undo:"
LINK = "link:"


class Undoable(Protocol):
    """An audit entry; its uid names what Undo undoes."""

    uid: Any


def toast(
    request: HttpRequest, text: str, *, undo: Undoable | None = None, level: str = "success", link: str = ""
) -> None:
    """Say `text` to the person once. undo: the audit entry that Undo would take back; link: where to look further."""
    tag = f"{UNDO}{undo.uid}" if undo is not None else f"{LINK}{link}" if link else ""
    messages.add_message(request, LEVELS[level], text, extra_tags=tag)


def describe(message: Message) -> dict[str, str]:
    """What toasts.js and the base template show of a message."""
    level = next((name for name, number in LEVELS.items() if number == message.level), "info")
    shown = {"text": str(message.message), "level": level, "undo": "", "link": "", "link_text": ""}
    tag = message.extra_tags or ""
    if tag.startswith(UNDO):
        shown["undo"] = reverse("undo", args=[tag.removeprefix(UNDO)])
    elif tag.startswith(LINK):
        shown |= {"link": tag.removeprefix(LINK), "link_text": gettext("Show")}
    return shown
