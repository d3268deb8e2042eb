import asyncio
import contextlib
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from campaigns.delivery.sink import Behaviour, serve


class Command(BaseCommand):
    help = "Accept mail on a port of this machine and keep only Message-IDs: for tests and benches."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--port", type=int, required=True)
        parser.add_argument("--log", type=Path, help="file to which accepted Message-IDs and recipients are appended")
        parser.add_argument("--fsync", action="store_true", help="write the log to disk before each answer")
        parser.add_argument("--defer", default="", help="answer 451 to recipients that contain this")
        parser.add_argument("--defer-times", type=int, default=1, help="so many times each")
        parser.add_argument("--reject", default="", help="answer 550 to recipients that contain this")
        parser.add_argument(
            "--refuse-message", default="", help="answer 552 to messages to recipients that contain this"
        )
        parser.add_argument(
            "--drop", default="", help="keep messages to recipients that contain this, and cut the connection"
        )
        parser.add_argument("--drop-times", type=int, default=1, help="so many times each")
        parser.add_argument(
            "--half-close", default="", help="go silent at the first RCPT of recipients that contain this"
        )
        parser.add_argument("--half-close-times", type=int, default=1, help="so many times each")
        parser.add_argument(
            "--busy-after", type=int, default=0, help="answer 421 after so many messages of a connection"
        )
        parser.add_argument("--delay", type=float, default=0.0, help="seconds before each message is accepted")

    def handle(self, *args: Any, port: int, **options: Any) -> None:
        behaviour = Behaviour(
            log=options["log"],
            fsync=options["fsync"],
            defer=options["defer"],
            defer_times=options["defer_times"],
            reject=options["reject"],
            delay=options["delay"],
            refuse_message=options["refuse_message"],
            drop=options["drop"],
            drop_times=options["drop_times"],
            half_close=options["half_close"],
            half_close_times=options["half_close_times"],
            busy_after=options["busy_after"],
        )
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(behaviour, port))
