"""The door for mail that comes back: a mail server pipes each message for RETURN_DOMAIN into it (docs/operators/running.md)."""

import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import DatabaseError

from campaigns.outreach.services import take_in

TRY_AGAIN = 75  # EX_TEMPFAIL of sysexits.h: the mail server keeps the message and tries again
MAX_BYTES = 25_000_000


class Command(BaseCommand):
    help = "Files one message from standard input: manage.py take_in --recipient r@bounce.example.org --sender s@x.org"

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--recipient", required=True, help="of the envelope")
        parser.add_argument("--sender", default="", help="of the envelope; empty for bounces")

    def handle(self, *args: Any, recipient: str, sender: str, **options: Any) -> None:
        raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        if not raw.strip():
            raise CommandError("Standard input held no message, so nothing was filed.")
        if len(raw) > MAX_BYTES:
            raise CommandError(f"The message is larger than {MAX_BYTES:,} bytes, so nothing was filed.")
        try:
            take_in(raw=raw, recipient=recipient, sender=sender)
        except DatabaseError as error:
            sentence = "The database does not answer, so nothing was filed; give the message again."
            raise CommandError(sentence, returncode=TRY_AGAIN) from error
