"""`track`: links, opens and one-click unsubscribes, as a small ASGI application without Django's request machinery.

    /c/<token>      GET, HEAD   note the hit, then go on to the link's destination
    /o/<token>.gif  GET, HEAD   note the hit, then send the pixel
    /u/<token>      GET, HEAD   to the preference page: looking changes nothing
                    POST        unsubscribe (RFC 8058); answered when PostgreSQL has committed, 503 when it cannot
    /healthz   it answers        /readyz   it can take unsubscribes too

A hit is on disk before its answer leaves. Run it by granian: `granian --interface asgi campaigns.engagement.track:app`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import quote

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "crm.settings")

from django.conf import settings  # noqa: E402

from campaigns.engagement import links, pages  # noqa: E402
from campaigns.engagement.spool import Writer, new_hit  # noqa: E402
from campaigns.engagement.unsubscribing import Unsubscriber  # noqa: E402
from crm.env import env_bool  # noqa: E402

logger = logging.getLogger(__name__)

PIXEL = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")
MAX_BODY = 10_000
_FRESH = [(b"cache-control", b"no-store"), (b"x-robots-tag", b"noindex"), (b"referrer-policy", b"no-referrer")]
Scope = Mapping[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]


class Track:
    """The application. One spool file and one road for unsubscribes a process."""

    def __init__(self) -> None:
        self.spool = Writer(settings.SPOOL_DIR / "hits")
        self.unsubscriber = Unsubscriber()
        self.trusts_proxy = env_bool("TRUST_PROXY", False)
        base = settings.BASE_URL
        assets = f"style-src {base}; script-src {base}; font-src {base}"
        policy = f"default-src 'none'; {assets}; base-uri 'none'; frame-ancestors 'none'"
        self._page_headers = [
            (b"content-type", b"text/html; charset=utf-8"),
            (b"content-security-policy", policy.encode()),
            (b"x-content-type-options", b"nosniff"),
            *_FRESH,
        ]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        path, method = scope["path"], scope["method"]
        if path.startswith("/c/"):
            await self._click(scope, send, path[3:], method)
        elif path.startswith("/o/"):
            await self._open(scope, send, path[3:].removesuffix(".gif"), method)
        elif path.startswith("/u/"):
            await self._unsubscribe(scope, receive, send, path[3:].rstrip("/"), method)
        elif path == "/healthz":
            await _answer(send, 200, [(b"content-type", b"text/plain"), *_FRESH], b"ok\n")
        elif path == "/readyz":
            ready = self.unsubscriber.is_ready
            word = b"ready\n" if ready else b"loading: links are followed, unsubscribes may have to wait\n"
            await _answer(send, 200 if ready else 503, [(b"content-type", b"text/plain"), *_FRESH], word)
        else:
            await self._page(scope, send, 404, pages.NOT_OURS)

    async def _click(self, scope: Scope, send: Send, token: str, method: str) -> None:
        link = links.read(links.CLICK, token) if method in {"GET", "HEAD"} else None
        if link is None:
            return await self._page(scope, send, 404, pages.NOT_OURS)
        await self._note(scope, link, "click", method)
        await _answer(send, 302, [(b"location", _header(link.url)), *_FRESH])

    async def _open(self, scope: Scope, send: Send, token: str, method: str) -> None:
        link = links.read(links.OPEN, token) if method in {"GET", "HEAD"} else None
        if link is None:
            return await self._page(scope, send, 404, pages.NOT_OURS)
        await self._note(scope, link, "open", method)
        headers = [(b"content-type", b"image/gif"), (b"content-length", str(len(PIXEL)).encode()), *_FRESH]
        await _answer(send, 200, headers, b"" if method == "HEAD" else PIXEL)

    async def _unsubscribe(self, scope: Scope, receive: Receive, send: Send, token: str, method: str) -> None:
        link = links.read(links.UNSUBSCRIBE, token)
        if link is None or link.seq is None or method not in {"GET", "HEAD", "POST"}:
            return await self._page(scope, send, 404, pages.NOT_OURS)
        if method != "POST":
            return await _answer(send, 302, [(b"location", f"{settings.BASE_URL}/u/{token}/".encode()), *_FRESH])
        await _drain(receive)
        if await self.unsubscriber.take(link.mailing_id, link.seq):
            await self._page(scope, send, 200, pages.UNSUBSCRIBED)
        else:  # mail programs try again when we say that we could not (RFC 9110, 503)
            await self._page(scope, send, 503, pages.NOT_SAVED, extra=[(b"retry-after", b"30")])

    async def _note(self, scope: Scope, link: links.Link, kind: str, method: str) -> None:
        headers = dict(scope["headers"])
        purpose = headers.get(b"sec-purpose") or headers.get(b"purpose") or headers.get(b"x-moz") or b""
        line = new_hit(
            kind=kind,
            mailing_id=link.mailing_id,
            seq=link.seq,
            number=link.number,
            ip=self._client(scope, headers),
            method=method,
            agent=headers.get(b"user-agent", b"").decode("latin-1"),
            purpose=purpose.decode("latin-1"),
            by_user=headers.get(b"sec-fetch-user") == b"?1",
            has_language=b"accept-language" in headers,
        )
        try:
            await self.spool.append(line)
        except OSError as error:  # a full disk loses the count of a click, never the person's way
            logger.error("a hit could not be written to the spool: %s", error)

    def _client(self, scope: Scope, headers: Mapping[bytes, bytes]) -> str:
        forwarded = headers.get(b"x-forwarded-for") if self.trusts_proxy else None
        if forwarded:  # the last entry is our own proxy's word; those before it are anybody's
            return forwarded.decode("latin-1").rsplit(",", 1)[-1].strip()
        client = scope.get("client")
        return str(client[0]) if client else ""

    async def _page(
        self, scope: Scope, send: Send, status: int, text: int, extra: list[tuple[bytes, bytes]] | None = None
    ) -> None:
        accept = dict(scope["headers"]).get(b"accept-language", b"").decode("latin-1")
        body = pages.page(text, accept_language=accept, static=f"{settings.BASE_URL}{settings.STATIC_URL}")
        if scope["method"] == "HEAD":
            body = b""
        await _answer(send, status, [*self._page_headers, *(extra or [])], body)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        while True:
            kind = (await receive())["type"]
            if kind == "lifespan.startup":
                self.unsubscriber.warm_up()
            else:
                self.spool.rotate()
            await send({"type": f"{kind}.complete"})
            if kind == "lifespan.shutdown":
                return


@lru_cache(maxsize=1024)
def _header(url: str) -> bytes:
    """A destination as a header may carry it: what is not ASCII is percent-encoded, line ends cannot occur."""
    return quote(url, safe="%/:=&?~#+!$,;'@()*[]").encode()


async def _drain(receive: Receive) -> None:
    """Read the body, which says no more than List-Unsubscribe=One-Click; a long one is not read to its end."""
    size = 0
    while size <= MAX_BODY:
        message = await receive()
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body"):
            return


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes = b"") -> None:
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


app = Track()
