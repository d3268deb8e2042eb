"""A person who reads a message: the images load, and a moment later the first link that can be seen is followed, once."""

from __future__ import annotations

import http.client
import logging
import re
from email import message_from_bytes, policy
from html import unescape
from urllib.parse import urlsplit

from crm.local.mailbox.scanner import fetch

logger = logging.getLogger(__name__)
# what a browser adds when a person clicks (Fetch Metadata)
BY_HAND = {"Sec-Fetch-User": "?1", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
_LINK = re.compile(r"""<a\b([^>]*?)href\s*=\s*["'](https?://[^"']+)["']([^>]*)>(.*?)</a>""", re.IGNORECASE | re.DOTALL)
_IMAGE = re.compile(r"""<img\b[^>]*?src\s*=\s*["'](https?://[^"']+)["']""", re.IGNORECASE)
_UNSEEN = re.compile(r"aria-hidden|display:\s*none|visibility:\s*hidden", re.IGNORECASE)


def seen_in(raw: bytes) -> tuple[list[str], list[str]]:
    """(images, links) of a message that a person sees, in order; links that are hidden are left out."""
    body = message_from_bytes(raw, policy=policy.default).get_body(preferencelist=("html",))
    text = body.get_content() if body else ""
    links = [
        unescape(url)
        for before, url, after, words in _LINK.findall(text)
        if words.strip() and not _UNSEEN.search(before + after)
    ]
    return [unescape(url) for url in _IMAGE.findall(text)], links


def read(raw: bytes, hosts: set[str]) -> None:
    """Load the images and follow the first link through our tracker. Only `hosts` (host:port) are visited."""
    images, links = seen_in(raw)
    ours = [url for url in links if urlsplit(url).netloc in hosts and "/c/" in url]
    try:
        for url in images:
            if urlsplit(url).netloc in hosts:
                fetch("GET", url)
        for url in ours[:1]:
            fetch("GET", url, **BY_HAND)
    except (OSError, http.client.HTTPException) as error:
        logger.info("a reader could not follow a link: %s", error)
