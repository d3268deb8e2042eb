"""The plain text part, made from the body: readable, with every link written out."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_WIDTH = 72
_BLOCKS = {"p", "h1", "h2", "h3", "h4", "blockquote", "pre", "div", "table", "tr", "ul", "ol"}


def text_from_html(body: str, *, bare: set[str] | frozenset[str] = frozenset()) -> str:
    """Plain text of clean HTML. Tags in braces are text like any other; links become “label (address)”.

    bare: opaque words (conditions) that must stand on a line of their own.
    """
    reader = _Reader()
    reader.feed(body)
    reader.close()
    text = "".join(reader.out)
    for word in bare:
        text = re.sub(rf"\n*{word}\n*", f"\n\n{word}\n", text)
    text = re.sub(r"[ \t]+\n", "\n", text)
    text = re.sub(r"\n{3,}", "\n\n", text).strip()
    return text + "\n" if text else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.out: list[str] = []
        self.lists: list[int | None] = []  # None for bullets, else the last number
        self.href = ""
        self.label: list[str] = []
        self.quotes: list[int] = []  # where each open quotation begins in `out`
        self.heading: list[str] | None = None

    def _write(self, text: str) -> None:
        if self.href:
            self.label.append(text)
        if self.heading is not None:
            self.heading.append(text)
        self.out.append(text)

    def _break(self, count: int = 2) -> None:
        ending = re.search(r"\n*$", "".join(self.out[-3:]))
        have = len(ending.group()) if ending else 0
        if self.out:
            self.out.append("\n" * max(count - have, 0))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag == "br":
            self._break(1)
        elif tag == "hr":
            self._break()
            self.out.append("—" * 10)
            self._break()
        elif tag == "a":
            self.href, self.label = values.get("href") or "", []
        elif tag == "img":
            self._write(values.get("alt") or "")
        elif tag in ("ul", "ol"):
            self._break(1 if self.lists else 2)
            self.lists.append(0 if tag == "ol" else None)
        elif tag == "li":
            self._item()
        elif tag == "blockquote":
            self._break()
            self.quotes.append(len(self.out))
        elif tag in ("h1", "h2"):
            self._break()
            self.heading = []
        elif tag in _BLOCKS and not (tag == "p" and self.out and self.out[-1].endswith(("- ", ". "))):
            self._break(1 if self.lists else 2)

    def _item(self) -> None:
        self._break(1)
        indent = "  " * (len(self.lists) - 1)
        if self.lists and self.lists[-1] is not None:
            self.lists[-1] += 1
            self.out.append(f"{indent}{self.lists[-1]}. ")
        else:
            self.out.append(f"{indent}- ")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            label = "".join(self.label).strip()
            href, self.href = self.href.removeprefix("mailto:").removeprefix("tel:"), ""
            if href and href != label:
                self._write(f" ({href})" if label else href)
        elif tag in ("ul", "ol"):
            if self.lists:
                self.lists.pop()
            if not self.lists:
                self._break()
        elif tag == "blockquote":
            if self.quotes:
                start = self.quotes.pop()
                quoted = "".join(self.out[start:]).strip()
                self.out[start:] = ["\n".join(f"> {line}".rstrip() for line in quoted.split("\n"))]
            self._break()
        elif tag in ("h1", "h2"):
            length = min(len("".join(self.heading or [])), _WIDTH)
            self.heading = None
            self._break(1)
            self.out.append(("=" if tag == "h1" else "-") * max(length, 3))
            self._break()
        elif tag in _BLOCKS:
            self._break(1 if self.lists else 2)
        elif tag in ("td", "th"):
            self.out.append("  ")

    def handle_data(self, data: str) -> None:
        text = re.sub(r"[ \t\r\n]+", " ", data.replace("\xa0", " "))
        if text == " " and (not self.out or self.out[-1].endswith(("\n", " "))):
            return
        if self.out and self.out[-1].endswith("\n"):
            text = text.lstrip()
        self._write(text)
