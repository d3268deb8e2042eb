"""`track`: links, opens and one-click unsubscribes, as a small RSGI application without Django's request machinery.

    /c/<token>      GET, HEAD   note the hit, then go on to the link's destination
    /o/<token>.gif  GET, HEAD   note the hit, then send the pixel
    /u/<token>      GET, HEAD   to the preference page: looking changes nothing
                    POST        unsubscribe (RFC 8058); answered when PostgreSQL has committed, 503 when it cannot
    /healthz   it answers        /readyz   it can take unsubscribes too

A hit is on disk before its answer leaves. Run it by granian: `granian --interface rsgi campaigns.engagement.track:app`.
RSGI is granian's own interface: one call for an answer, and headers that are looked up where the server has them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

from django.conf import settings  # noqa: E402

from campaigns.engagement import alive, links, pages  # noqa: E402
from campaigns.engagement.spool import Writer, new_hit  # noqa: E402
from campaigns.engagement.unsubscribing import Unsubscriber  # noqa: E402
from crm.env import env_bool  # noqa: E402

if TYPE_CHECKING:
    from granian.rsgi import HTTPProtocol, Scope

logger = logging.getLogger(__name__)

PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
MAX_BODY = 10_000
Headers = list[tuple[str, str]]
_FRESH = [("cache-control", "no-store"), ("x-robots-tag", "noindex"), ("referrer-policy", "no-referrer")]
_TEXT: Headers = [("content-type", "text/plain"), *_FRESH]
_PIXEL: Headers = [("content-type", "image/gif"), ("content-length", str(len(PIXEL))), *_FRESH]
# Seconds after which a thread that computes lets another go on: who comes back from the disk has people waiting for it.
_TURN = 0.001


class Track:
    """The application. One spool file and one road for unsubscribes a process."""

    def __init__(self) -> None:
        self.spool = Writer(settings.SPOOL_DIR / "hits")
        self.unsubscriber = Unsubscriber()
        self._sign: asyncio.Future[None] | None = None
        self._next_sign: asyncio.TimerHandle | None = None
        self.trusts_proxy = env_bool("TRUST_PROXY", False)
        base = settings.BASE_URL
        assets = f"style-src {base}; script-src {base}; font-src {base}"
        self._page_headers: Headers = [
            ("content-type", "text/html; charset=utf-8"),
            ("content-security-policy", f"default-src 'none'; {assets}; base-uri 'none'; frame-ancestors 'none'"),
            ("x-content-type-options", "nosniff"),
            *_FRESH,
        ]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        sys.setswitchinterval(_TURN)
        self.unsubscriber.warm_up()
        self._live(loop)

    def _live(self, loop: asyncio.AbstractEventLoop) -> None:
        """Give a sign of life every few seconds, in a thread: a disk that hangs gives none, and keeps nobody waiting."""
        if self._sign is None or self._sign.done():
            self._sign = loop.run_in_executor(None, _sign)
        self._next_sign = loop.call_later(alive.EVERY, self._live, loop)

    def __rsgi_del__(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._next_sign is not None:
            self._next_sign.cancel()
        self.spool.close()

    async def __rsgi__(self, scope: Scope, protocol: HTTPProtocol) -> None:
        path = scope.path
        if path.startswith("/c/"):
            await self._click(scope, protocol, path[3:])
        elif path.startswith("/o/"):
            await self._open(scope, protocol, path[3:].removesuffix(".gif"))
        elif path.startswith("/u/"):
            await self._unsubscribe(scope, protocol, path[3:].rstrip("/"))
        elif path == "/healthz":
            protocol.response_bytes(200, _TEXT, b"ok\n")
        elif path == "/readyz":
            ready = self.unsubscriber.is_ready
            word = b"ready\n" if ready else b"loading: links are followed, unsubscribes may have to wait\n"
            protocol.response_bytes(200 if ready else 503, _TEXT, word)
        else:
            self._page(scope, protocol, 404, pages.NOT_OURS)

    async def _click(self, scope: Scope, protocol: HTTPProtocol, token: str) -> None:
        method = scope.method
        link = links.read(links.CLICK, token) if method in {"GET", "HEAD"} else None
        if link is None:
            return self._page(scope, protocol, 404, pages.NOT_OURS)
        await self._note(scope, link, "click", method)
        protocol.response_empty(302, _on_to(link.url))

    async def _open(self, scope: Scope, protocol: HTTPProtocol, token: str) -> None:
        method = scope.method
        link = links.read(links.OPEN, token) if method in {"GET", "HEAD"} else None
        if link is None:
            return self._page(scope, protocol, 404, pages.NOT_OURS)
        await self._note(scope, link, "open", method)
        if method == "HEAD":
            protocol.response_empty(200, _PIXEL)
        else:
            protocol.response_bytes(200, _PIXEL, PIXEL)

    async def _unsubscribe(self, scope: Scope, protocol: HTTPProtocol, token: str) -> None:
        method = scope.method
        link = links.read(links.UNSUBSCRIBE, token)
        if link is None or link.seq is None or method not in {"GET", "HEAD", "POST"}:
            return self._page(scope, protocol, 404, pages.NOT_OURS)
        if method != "POST":
            return protocol.response_empty(302, [("location", f"{settings.BASE_URL}/u/{token}/"), *_FRESH])
        await _read_over(protocol)
        if await self.unsubscriber.take(link.mailing_id, link.seq):
            self._page(scope, protocol, 200, pages.UNSUBSCRIBED)
        else:  # mail programs try again when we say that we could not (RFC 9110, 503)
            self._page(scope, protocol, 503, pages.NOT_SAVED, extra=[("retry-after", "30")])

    async def _note(self, scope: Scope, link: links.Link, kind: str, method: str) -> None:
        header = scope.headers.get
        line = new_hit(
            kind=kind,
            mailing_id=link.mailing_id,
            seq=link.seq,
            number=link.number,
            ip=self._client(scope),
            method=method,
            agent=header("user-agent", ""),
            purpose=header("sec-purpose") or header("purpose") or header("x-moz") or "",
            by_user=header("sec-fetch-user") == "?1",
            has_language="accept-language" in scope.headers,
        )
        try:
            await self.spool.append(line)
        except OSError as error:  # a full disk loses the count of a click, never the person's way
            logger.error("a hit could not be written to the spool: %s", error)

    def _client(self, scope: Scope) -> str:
        if self.trusts_proxy:  # the last entry is our own proxy's word; those before it are anybody's
            forwarded = [value for name, value in scope.headers.items() if name == "x-forwarded-for"]
            if forwarded:
                return forwarded[-1].rsplit(",", 1)[-1].strip()
        return scope.client.rpartition(":")[0].strip("[]")

    def _page(self, scope: Scope, protocol: HTTPProtocol, status: int, text: int, extra: Headers | None = None) -> None:
        accept = scope.headers.get("accept-language", "")
        body = pages.page(text, accept_language=accept, static=f"{settings.BASE_URL}{settings.STATIC_URL}")
        headers = [*self._page_headers, *(extra or [])]
        if scope.method == "HEAD":
            protocol.response_empty(status, headers)
        else:
            protocol.response_bytes(status, headers, body)


def _sign() -> None:
    try:
        alive.sign(settings.SPOOL_DIR)
    except OSError as error:
        logger.error("a sign of life could not be written to the spool: %s", error)


@lru_cache(maxsize=1024)
def _on_to(url: str) -> Headers:
    """Headers that lead to a destination: what is not ASCII in it is percent-encoded, line ends cannot occur."""
    return [("location", quote(url, safe="%/:=&?~#+!$,;'@()*[]")), *_FRESH]


async def _read_over(protocol: HTTPProtocol) -> None:
    """Read the body, which says no more than List-Unsubscribe=One-Click; a long one is not read to its end."""
    size = 0
    async for piece in protocol:
        size += len(piece)
        if size > MAX_BODY:
            return


app = Track()
