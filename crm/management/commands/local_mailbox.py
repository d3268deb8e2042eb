"""`manage.py local_mailbox`: the world outside, on this machine."""

import asyncio
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from crm.local.mailbox.server import Mailbox


class Command(BaseCommand):
    help = "Run the local mailbox: an SMTP server that keeps every message, and a web inbox to read them."
    requires_system_checks = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--smtp-port", type=int, default=settings.EMAIL_PORT if settings.LOCAL else 8003)
        parser.add_argument("--web-port", type=int, default=8002)
        parser.add_argument("--folder", type=Path, default=settings.LOCAL_DIR / "mailbox")

    def handle(self, *args: Any, **options: Any) -> None:
        mailbox = Mailbox(
            host=options["host"],
            smtp_port=options["smtp_port"],
            web_port=options["web_port"],
            folder=options["folder"],
            inbound=settings.SPOOL_DIR / "inbound",
            domain=settings.RETURN_DOMAIN,
        )
        try:
            asyncio.run(mailbox.run())
        except OSError as error:
            raise CommandError(
                f"The local mailbox could not open its ports ({error.strerror or error}). Another program uses one of them; "
                "choose others with --smtp-port and --web-port."
            ) from error
