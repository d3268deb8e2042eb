"""A message as a tree of parts, read within bounds whatever is in it.

The standard library's parser recurses with the nesting of a message and its header parser is slow for hostile headers; both
matter where anybody may send us anything. This reader looks at the first megabytes, so many headers, parts and levels, each
byte a few times, and never raises. What a notification says stands at its beginning; the rest is somebody's attachment.
"""

from __future__ import annotations

import binascii
import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import unquote

MAX_BYTES = 2_000_000
MAX_HEADER_BYTES, MAX_HEADERS, MAX_VALUE = 256_000, 1_000, 8_000
MAX_PARTS, MAX_DEPTH = 200, 12
MAX_TEXT = 200_000

_FIELD = re.compile(rb"^([!-9;-~]{1,100})[ \t]*:[ \t]*(.*)$", re.DOTALL)
_WORD = re.compile(r"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\n]*)\?=")
_BETWEEN_WORDS = re.compile(r"(\?=)\s+(?==\?)")
_PARAM = re.compile(r';\s*([^\s=;"]{1,60})\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))')
_CHARSET = re.compile(
    r"^(utf-?(8|7|16|32)([-_]?[bl]e)?|us-ascii|ascii|latin-?1|iso-?8859-?\d{1,2}|(windows-|cp)125\d|koi8-[rut]|gb2312|gbk|gb18030"
    r"|big5(-hkscs)?|euc-(jp|kr)|(shift[-_]?jis|sjis)|iso-2022-(jp|kr)(-\d)?|tis-620|macintosh|mac-roman|cp\d{3})$",
    re.IGNORECASE,
)
_GUESSED_BOUNDARY = re.compile(rb"(?:^|\n)--([^\s-][^\n]{0,200}?)[ \t]*\n")
_CARRIERS = {
    "message/rfc822",
    "message/global",
    "text/rfc822-headers",
    "message/rfc822-headers",
    "message/global-headers",
}


@dataclass
class Part:
    """One part; `parts` are those inside of a multipart, never those of a message that it carries (see `carried`)."""

    headers: list[tuple[str, bytes]]
    body: bytes
    type: str = "text/plain"
    params: dict[str, str] = field(default_factory=dict)
    parts: list[Part] = field(default_factory=list)

    def get(self, name: str) -> str:
        """The first header of that name, decoded, on one line; empty where there is none."""
        return next(self.all(name), "")

    def all(self, name: str) -> Iterator[str]:
        wanted = name.lower()
        return (decoded(value) for known, value in self.headers if known == wanted)

    def has(self, name: str) -> bool:
        return any(known == name.lower() for known, _value in self.headers)

    def walk(self) -> Iterator[Part]:
        yield self
        for part in self.parts:
            yield from part.walk()

    def of_type(self, *types: str) -> list[Part]:
        return [part for part in self.walk() if part.type in types]

    @property
    def text(self) -> str:
        """The words of this one part; those of HTML without its tags."""
        data = self.content()[: MAX_TEXT * 4]
        words = _decode(data, self.params.get("charset", ""))[:MAX_TEXT].replace("\x00", "")
        return without_tags(words) if self.type == "text/html" else words

    def content(self) -> bytes:
        """The body without its transfer encoding; what of it cannot be decoded is left out."""
        encoding = self.get("Content-Transfer-Encoding").lower().split(";")[0].strip()
        if encoding == "base64":
            return _base64(self.body)
        if encoding == "quoted-printable":
            return binascii.a2b_qp(self.body)
        return self.body

    def carried(self) -> Part | None:
        """The message, or only its headers, that this part carries; with its own first level at most."""
        if self.type not in _CARRIERS:
            return None
        return parse(self.content(), depth=MAX_DEPTH)

    @property
    def file_name(self) -> str:
        """What an attachment calls itself (RFC 2183, 2231); empty where it has no name."""
        said = _params(self.get("Content-Disposition")).get("filename") or self.params.get("name", "")
        charset, quote, text = said.partition("''")
        return unquote(text, charset or "utf-8", "replace") if quote and _CHARSET.match(charset) else said


def parse(raw: bytes, *, depth: int = 0, most: int = MAX_BYTES) -> Part:
    """The tree of a message's bytes, of the first `most`. Line ends of any kind; an mbox line in front of it does not matter."""
    data = raw[:most].removeprefix(b"\xef\xbb\xbf")
    for end in (b"\r\r\n", b"\r\n", b"\r"):
        data = data.replace(end, b"\n")
    data = data.lstrip(b"\n")
    if data.startswith((b"From ", b">From ")):
        data = data.partition(b"\n")[2]
    return _part(data, depth, [MAX_PARTS])


def _part(data: bytes, depth: int, left: list[int]) -> Part:
    left[0] -= 1
    headers, body = _split(data)
    part = Part(headers, body)
    if said := part.get("Content-Type"):
        part.type = said.split(";")[0].strip().lower()
        if part.type.count("/") != 1:
            part.type = "text/plain"
        part.params = _params(said)
    if part.type.startswith("multipart/") and depth < MAX_DEPTH:
        part.parts = [_part(piece, depth + 1, left) for piece in _pieces(part, left)]
    return part


def _split(data: bytes) -> tuple[list[tuple[str, bytes]], bytes]:
    """Headers, unfolded, and what follows them. A line that is none ends them, as if a blank line stood there."""
    headers: list[tuple[str, bytes]] = []
    at, end = 0, min(len(data), MAX_HEADER_BYTES)
    while at < end:
        stop = data.find(b"\n", at)
        stop = len(data) if stop < 0 else stop
        line = data[at:stop]
        if not line:
            return headers, data[stop + 1 :]
        if line[:1] in b" \t" and headers:
            name, value = headers[-1]
            if len(value) < MAX_VALUE:
                headers[-1] = (name, value + b" " + line.strip()[:MAX_VALUE])
        elif found := _FIELD.match(line[: MAX_VALUE + 200]):
            headers.append((found[1].decode("ascii").lower(), found[2].strip()))
        elif not line.startswith((b">From ", b"From ")):
            return headers, data[at:]
        if len(headers) >= MAX_HEADERS:
            break
        at = stop + 1
    body = data.find(b"\n\n", at - 1 if at else 0)
    return headers, data[body + 2 :] if body >= 0 else b""


def _pieces(part: Part, left: list[int]) -> Iterator[bytes]:
    """The parts between the boundary's lines; a last line that is missing does not matter, nor does a wrong name for it."""
    data = b"\n" + part.body
    name = part.params.get("boundary", "").encode("utf-8", "replace")
    if not name or b"\n--" + name not in data:
        guess = _GUESSED_BOUNDARY.search(part.body[:20_000])
        if guess is None:
            return
        name = guess[1]
    marker, begin, at = b"\n--" + name, -1, 0
    while left[0] > 0:
        found = data.find(marker, at)
        if found < 0:
            break
        stop = data.find(b"\n", found + 1)
        stop = len(data) if stop < 0 else stop
        rest = data[found + len(marker) : stop].strip()
        at = stop
        if rest not in (b"", b"--"):
            continue  # a longer name that begins alike
        if begin >= 0:
            yield data[begin:found].removeprefix(b"\n")
        if rest:
            return
        begin = stop
    if begin >= 0 and left[0] > 0:
        yield data[begin:].removeprefix(b"\n")


def _params(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for match in _PARAM.finditer(text[:MAX_VALUE]):
        quoted, bare = match[2], match[3]
        value = re.sub(r"\\(.)", r"\1", quoted) if quoted is not None else bare
        found.setdefault(match[1].lower().removesuffix("*").removesuffix("*0"), value.strip())
    return found


def decoded(value: bytes) -> str:
    """A header's text with its encoded words (RFC 2047) read, on one line."""
    text = _decode(value[:MAX_VALUE], "")
    if "=?" in text:
        text = _WORD.sub(_word, _BETWEEN_WORDS.sub(r"\1", text))
    return " ".join(text.replace("\x00", "").split())


def _word(match: re.Match[str]) -> str:
    charset, kind, text = match[1].split("*")[0], match[2].lower(), match[3].encode("utf-8", "replace")
    data = _base64(text) if kind == "b" else binascii.a2b_qp(text, header=True)
    return _decode(data, charset)


def _base64(data: bytes) -> bytes:
    clean = re.sub(rb"[^A-Za-z0-9+/]", b"", data)
    clean = clean[: len(clean) - (len(clean) % 4 == 1)]
    try:
        return binascii.a2b_base64(clean + b"=" * (-len(clean) % 4))
    except binascii.Error:
        return b""


def _decode(data: bytes, charset: str) -> str:
    """By its charset where that is one of text; else UTF-8, else Latin-1, in which any bytes are letters."""
    name = charset.strip().strip("\"'").lower()
    if _CHARSET.match(name):
        try:
            codecs.lookup(name)
        except LookupError:
            pass
        else:
            if name not in {"us-ascii", "ascii"}:
                return data.decode(name, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        # cut within a letter, perhaps; then all but that is UTF-8
        text = data.decode("utf-8", "replace")
        return text if text.count("\ufffd") * 50 < len(text) else data.decode("latin-1")


_BREAKS = {
    "br",
    "p",
    "div",
    "li",
    "tr",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "ul",
    "ol",
    "blockquote",
    "pre",
    "hr",
}
_UNSEEN = {"script", "style", "title", "head"}
_NAME = re.compile(r"/?([a-zA-Z][a-zA-Z0-9]*)")


def without_tags(html: str) -> str:
    """The words of HTML, each block on a line of its own. Linear: no parser that a hostile page could keep busy."""
    out: list[str] = []
    unseen = ""
    first, *pieces = html.split("<")
    out.append(first)
    for piece in pieces:
        tag, closed, rest = piece.partition(">")
        if unseen:
            ends = "--" in piece if unseen == "!--" else piece[: len(unseen) + 1].lower() == f"/{unseen}"
            if not ends:
                continue
            rest = piece.partition("-->")[2] if unseen == "!--" else rest
            unseen = ""
            out.append(rest)
            continue
        if piece.startswith("!--"):
            before, done, rest = piece.partition("-->")
            unseen = "" if done else "!--"
            out.append(rest)
            continue
        found = _NAME.match(tag)
        if found is None and not tag.startswith(("!", "?")) or not closed:
            out.append("<" + piece)
            continue
        name = found[1].lower() if found else ""
        if name in _UNSEEN and not tag.startswith("/") and name != "head":
            unseen = name
            continue
        out.append("\n" if name in _BREAKS else " " if name in {"td", "th"} else "")
        out.append(rest)
    return unescape("".join(out)).replace("\xa0", " ")
