"""A security scanner, as real ones behave: it dresses as a browser, opens every address of a message within a second, and
follows redirects. It looks, it never posts. Only this installation's own hosts are visited: nothing leaves the machine."""

from __future__ import annotations

import http.client
import logging
import re
from concurrent.futures import ThreadPoolExecutor
from email import message_from_bytes, policy
from html import unescape
from urllib.parse import urljoin, urlsplit

logger = logging.getLogger(__name__)

AGENT = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"
)
HEADERS = {"User-Agent": AGENT, "Accept": "text/html,*/*", "Accept-Language": "en-US,en;q=0.9"}
REDIRECTS = 3
_IN_HTML = re.compile(r"""(?:href|src)\s*=\s*["'](https?://[^"']+)["']""", re.IGNORECASE)
_IN_TEXT = re.compile(r"https?://[^\s<>\"')]+")
_IN_HEADER = re.compile(r"<(https?://[^>]+)>")


def links_of(raw: bytes) -> list[str]:
    """Every web address in a message: in its parts and its List-Unsubscribe header, in order, once."""
    message = message_from_bytes(raw, policy=policy.default)
    found: list[str] = []
    for part in message.walk():
        kind = part.get_content_type()
        if kind in {"text/html", "text/plain"}:
            text = part.get_content()
            found += (
                [unescape(url) for url in _IN_HTML.findall(text)] if kind == "text/html" else _IN_TEXT.findall(text)
            )
    found += _IN_HEADER.findall(str(message.get("List-Unsubscribe", "")))
    return list(dict.fromkeys(found))


def scan(raw: bytes, hosts: set[str]) -> None:
    """HEAD, then GET each link on `hosts` (host:port)."""
    visits = [url for url in links_of(raw) if urlsplit(url).netloc in hosts]
    with ThreadPoolExecutor(max_workers=6) as crowd:
        for failure in crowd.map(lambda url: _look(url, hosts), visits):
            if failure:
                logger.info("the scanner could not look at a link: %s", failure)


def _look(url: str, hosts: set[str]) -> str:
    try:
        fetch("HEAD", url)
        for _hop in range(REDIRECTS):
            target = fetch("GET", url)
            if not target:
                break
            url = urljoin(url, target)
            if urlsplit(url).netloc not in hosts:
                break
    except (OSError, http.client.HTTPException) as error:
        return str(error)
    return ""


def fetch(method: str, url: str, **more: str) -> str:
    """Ask once, with `more` headers; returns where a redirect leads, or nothing."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    connection = kind(parts.netloc, timeout=5)
    try:
        connection.request(
            method, f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}", headers=HEADERS | more
        )
        answer = connection.getresponse()
        answer.read(65_536)
        return answer.headers.get("Location", "") if answer.status in {301, 302, 303, 307, 308} else ""
    finally:
        connection.close()
