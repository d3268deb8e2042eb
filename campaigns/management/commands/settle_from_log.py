"""Settle uncertain deliveries by what the mail server's log says of them."""

import gzip
import json
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.core.management import BaseCommand, CommandError

from campaigns.delivery.evidence import read_log
from campaigns.delivery.settling import settle_by_log, uncertain_count
from crm.audit.doors import through
from crm.audit.models import Door


class Command(BaseCommand):
    help = (
        "Reads a Postfix log (standard input, or files, also .gz, oldest first), settles uncertain deliveries of which it has a trace,"
        " and prints what it found as JSON. The same log twice changes nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("files", nargs="*", type=Path, help="default: standard input")

    def handle(self, *args: Any, files: list[Path], **options: Any) -> None:
        try:
            traces = read_log(_lines(files))
        except (OSError, EOFError) as error:
            raise CommandError(f"The log could not be read, so nothing was settled: {error}") from error
        with through(Door.COMMAND):
            settled = settle_by_log(traces=traces)
        answer = {"messages": len(traces), "settled": settled, "uncertain": uncertain_count()}
        self.stdout.write(json.dumps(answer))


def _lines(files: list[Path]) -> Iterator[str]:
    if not files:
        yield from (line.decode("utf-8", "replace") for line in sys.stdin.buffer)
    for path in files:
        opener = gzip.open if path.suffix == ".gz" else open
        with opener(path, "rb") as file:
            yield from (line.decode("utf-8", "replace") for line in file)
