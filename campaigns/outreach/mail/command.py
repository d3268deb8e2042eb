"""`manage.py classify_mail`, without Django: loading it would take many times as long as the answer."""

from __future__ import annotations

import argparse
import json
import sys

from campaigns.outreach.mail.classify import classify

HELP = (
    "Reads one message on standard input and prints what it is:"
    ' {"kind": "hard|soft|complaint|auto_reply|reply|none", "recipients": ["…"]}. Needs no database and changes nothing.'
)
MAX_BYTES = 100_000_000  # read from the pipe, so that its writer does not fail; a verdict needs the beginning only


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sender", help="of the envelope; '' or '<>' for notifications. Default: from Return-Path")


def verdict_line(*, sender: str | None) -> str:
    """The answer for the message on standard input, in ASCII whatever the terminal is."""
    return json.dumps(classify(sys.stdin.buffer.read(MAX_BYTES), sender=sender).as_json())


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="manage.py classify_mail", description=HELP)
    add_arguments(parser)
    sys.stdout.write(verdict_line(sender=parser.parse_args(arguments).sender) + "\n")
    return 0
