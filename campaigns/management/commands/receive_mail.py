"""The door for mail that comes back: a mail server pipes each message for RETURN_DOMAIN into it (docs/operators/returned-mail.md).

Exit codes are those of sysexits.h: 0 filed; 65 no message, or one that is too large; 75 not now, so the mail server keeps it.
"""

import logging
import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management import BaseCommand, CommandError

from campaigns.outreach.envelopes import Envelope, find_envelope
from campaigns.outreach.services import take_in

logger = logging.getLogger(__name__)
BAD_DATA, TRY_AGAIN = 65, 75
MAX_BYTES = 25_000_000


class Command(BaseCommand):
    help = "Files one message from standard input: manage.py receive_mail --recipient r@bounce.example.org --sender s@x.org"
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--recipient", help="of the envelope. Default: as the mail server says in its variables, or Delivered-To"
        )
        parser.add_argument("--sender", help="of the envelope; '' for bounces. Default: SENDER, or Return-Path")

    def handle(self, *args: Any, recipient: str | None, sender: str | None, **options: Any) -> None:
        raw = sys.stdin.buffer.read(MAX_BYTES + 1)
        if not raw.strip():
            raise CommandError("Standard input held no message, so nothing was filed.", returncode=BAD_DATA)
        if len(raw) > MAX_BYTES:
            sentence = f"The message is larger than {MAX_BYTES:,} bytes, so nothing was filed."
            raise CommandError(sentence, returncode=BAD_DATA)
        try:
            envelope = _envelope(raw, recipient, sender, os.environ)
            take_in(raw=raw, recipient=envelope.recipient, sender=envelope.sender)
        except Exception as error:  # whatever it is: a mail server that hears anything else sends the message away
            logger.exception("a message was not filed")
            sentence = f"The message could not be filed ({type(error).__name__}); give it again."
            raise CommandError(sentence, returncode=TRY_AGAIN) from error


def _envelope(raw: bytes, recipient: str | None, sender: str | None, environ: Mapping[str, str]) -> Envelope:
    """Options first, then what Postfix and Exim put into the environment, then what stands in the message."""
    recipient = recipient or environ.get("ORIGINAL_RECIPIENT") or environ.get("RECIPIENT") or ""
    return find_envelope(raw, recipient=recipient, sender=environ.get("SENDER") if sender is None else sender)
