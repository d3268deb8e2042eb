"""What notes may name with @: people, institutions, and what other features register (asks).

    register(MentionKind("ask", _("Ask"), "target", find=find_asks, urls=urls_of_asks))

Text stays words: "@Ministry of Labour". Which object a name is of stands beside it, as {kind, uid, label}; a page makes links
of those that its reader may see.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString, mark_safe

from crm.accounts.models import User

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

MOST = 50  # of one note
LONGEST_LABEL = 300


@dataclass(frozen=True)
class Named:
    """A row that can be named: what it is called, and small words beside it."""

    kind: str
    uid: UUID
    label: str
    note: str = ""
    icon: str = ""

    @property
    def value(self) -> str:
        return f"{self.kind}:{self.uid}"


@dataclass(frozen=True)
class MentionKind:
    """find(user, words, limit): what `user` may see and words fit; urls(user, uids): their pages, of those that they may see."""

    kind: str
    label: StrOrPromise
    icon: str
    find: Callable[[User, str, int], Iterable[Named]]
    urls: Callable[[User, set[UUID]], dict[UUID, str]]
    order: int = 50


KINDS: dict[str, MentionKind] = {}


def register(kind: MentionKind) -> None:
    KINDS[kind.kind] = kind


def find(user: User, words: str, *, limit: int = 6, kinds: Iterable[str] = ()) -> list[Named]:
    """What fits `words`, by kind in their order; at most `limit` of each."""
    chosen = [kind for kind in KINDS.values() if not kinds or kind.kind in kinds]
    return [row for kind in sorted(chosen, key=lambda k: k.order) for row in kind.find(user, words, limit)][: 2 * limit]


def read(text: str, claimed: Iterable[str]) -> list[dict[str, str]]:
    """Mentions that a form sent ("kind:uid|label"), as far as the text names them: what was typed over is none any more."""
    found: dict[tuple[str, str], dict[str, str]] = {}
    for line in claimed:
        value, _bar, label = line.partition("|")
        kind, _colon, uid = value.partition(":")
        label = label.strip()[:LONGEST_LABEL]
        if kind in KINDS and label and f"@{label}" in text and _is_uid(uid):
            found[kind, uid] = {"kind": kind, "uid": uid, "label": label}
    return list(found.values())[:MOST]


def _is_uid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def known(user: User, found: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Those of them whose object is there and `user` may see: one query for each kind."""
    rows = [dict(row) for row in found]
    urls = urls_of(user, [rows])
    return [row for row in rows if (row["kind"], UUID(row["uid"])) in urls]


def urls_of(user: User, groups: Iterable[list[dict[str, str]]]) -> dict[tuple[str, UUID], str]:
    """(kind, uid) → page, for the mentions of many notes at once: one query for each kind."""
    wanted: dict[str, set[UUID]] = {}
    for rows in groups:
        for row in rows:
            if row.get("kind") in KINDS:
                wanted.setdefault(row["kind"], set()).add(UUID(row["uid"]))
    return {(kind, uid): url for kind, uids in wanted.items() for uid, url in KINDS[kind].urls(user, uids).items()}


def linked(text: str, found: list[dict[str, str]], urls: dict[tuple[str, UUID], str]) -> SafeString:
    """The text as HTML: escaped, its line ends kept by CSS, and each name that leads somewhere a link."""
    links: dict[str, str] = {}
    for row in found:
        if url := urls.get((row["kind"], UUID(row["uid"])), ""):
            links["@" + row["label"]] = url
    if not links:
        return conditional_escape(text)
    # the longest first: "@Ministry of Labour" before "@Ministry"
    names = sorted(links, key=len, reverse=True)
    pieces = re.split("(" + "|".join(map(re.escape, names)) + ")", text)
    made: list[Any] = [
        format_html('<a href="{}">{}</a>', links[piece], piece) if piece in links else conditional_escape(piece)
        for piece in pieces
    ]
    return mark_safe("".join(made))  # noqa: S308 each piece is escaped above
