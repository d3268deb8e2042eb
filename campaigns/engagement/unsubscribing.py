"""The road of one-click unsubscribes: a consumer of its own in each `track` process, with a PostgreSQL connection of its own.

What is acknowledged is committed. When PostgreSQL does not answer, the mail program hears 503 and tries again.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

logger = logging.getLogger(__name__)
PATIENCE = 8.0  # seconds; mail programs wait about ten
THREADS = 2


class Unsubscriber:
    """Withdraws in threads, so that links are not slowed by it. Django is set up on the first use, or ahead of it."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="unsubscribe")
        self._lock = threading.Lock()
        self.is_ready = False

    def warm_up(self) -> None:
        """Load Django in the background, so that the first unsubscribe takes no longer than the next."""
        self._threads.submit(self._set_up)

    async def take(self, mailing_id: int, seq: int) -> bool:
        """True once the withdrawal is committed; False when it is not known to be."""
        work = asyncio.get_running_loop().run_in_executor(self._threads, self._commit, mailing_id, seq)
        try:
            return await asyncio.wait_for(work, PATIENCE)
        except TimeoutError:
            logger.error("an unsubscribe took more than %s s; the mail program is asked to try again", PATIENCE)
            return False

    def _set_up(self) -> None:
        with self._lock:
            if not self.is_ready:
                import django
                from django.apps import apps

                from crm.heap import settle

                if not apps.ready:
                    django.setup()
                settle()  # else the collector walks through all of Django again and again, while people wait for their links
                self.is_ready = True

    def _commit(self, mailing_id: int, seq: int) -> bool:
        self._set_up()
        from django.db import DatabaseError, InterfaceError, close_old_connections, connection

        from campaigns.engagement.services import unsubscribe

        close_old_connections()
        for _attempt in range(2):  # a connection that died while idle is noticed by its first use
            try:
                unsubscribe(mailing_id=mailing_id, seq=seq)
                return True
            except (DatabaseError, InterfaceError) as error:
                logger.error(
                    "an unsubscribe of mailing %s could not be committed: %s", mailing_id, type(error).__name__
                )
                connection.close()
        return False
