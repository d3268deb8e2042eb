"""One process: SMTP on an asyncio loop, the web inbox on threads beside it."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from urllib.parse import urlsplit
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from django.conf import settings
from django.test.utils import override_settings  # the one public way to give this process its own routes

from crm.local.mailbox import views
from crm.local.mailbox.characters import Cast
from crm.local.mailbox.returns import Returns
from crm.local.mailbox.smtp import Handler, protocol
from crm.local.mailbox.store import Store

logger = logging.getLogger(__name__)
# the web inbox has no users, no sessions and no database
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True
    request_queue_size = 64


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


class Mailbox:
    """The two servers and what they share. `folder` keeps the messages, `inbound` is where mail for us goes."""

    def __init__(
        self, *, host: str, smtp_port: int, web_port: int, folder: Path, inbound: Path, domain: str, speed: float = 1.0
    ) -> None:
        self.host, self.smtp_port, self.web_port = host, smtp_port, web_port
        self.store = Store(folder)
        self.returns = Returns(folder=inbound, domain=domain)
        hosts = {urlsplit(url).netloc for url in (settings.BASE_URL, settings.TRACKING_URL) if url}
        self.cast = Cast(store=self.store, hosts=hosts, speed=speed)
        self.handler = Handler(store=self.store, returns=self.returns, cast=self.cast)
        self.cast.deliver = self.handler.deliver

    async def run(self, ready: threading.Event | None = None, stop: asyncio.Event | None = None) -> None:
        """Serve until a signal comes (or `stop` is set). Port 0 takes any free one."""
        loop = asyncio.get_running_loop()
        ended = stop or asyncio.Event()
        if stop is None:
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, ended.set)
        smtp = await loop.create_server(lambda: protocol(self.handler), self.host, self.smtp_port, backlog=256)
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        self.handler.bind(loop)
        with self._web():
            if ready:
                ready.set()
            logger.info(
                "mailbox: SMTP on %s:%s, inbox on http://%s:%s", self.host, self.smtp_port, self.host, self.web_port
            )
            await ended.wait()
        smtp.close()
        await self.cast.leave()
        self.store.close()

    @contextmanager
    def _web(self) -> Iterator[None]:
        from django.core.wsgi import get_wsgi_application

        views.Opened.store = self.store
        with override_settings(ROOT_URLCONF="crm.local.mailbox.urls", MIDDLEWARE=MIDDLEWARE, ALLOWED_HOSTS=["*"]):
            application = get_wsgi_application()
            server = make_server(self.host, self.web_port, application, server_class=_Server, handler_class=_Quiet)
            self.web_port = server.server_port
            thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2}, daemon=True)
            thread.start()
            try:
                yield
            finally:
                server.shutdown()
                server.server_close()
