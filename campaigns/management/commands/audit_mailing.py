import json
from pathlib import Path
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from campaigns.delivery.auditing import audit, audited
from campaigns.mailings.models import Mailing


class Command(BaseCommand):
    help = "Print counts and audience of a mailing as JSON. Exits 1 when they do not add up or a suppressed address was sent to."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("uid", nargs="?", help="the mailing's uid, as in its address")
        parser.add_argument("--all", action="store_true", help="every mailing that was frozen")
        parser.add_argument("--sink", type=Path, help="log of `smtp_sink`: report losses and duplicates")

    def handle(self, *args: Any, uid: str | None, all: bool, sink: Path | None, **options: Any) -> None:
        if bool(uid) == all:
            raise CommandError("Name one mailing by its uid, or give --all.")
        if uid:
            try:
                mailings = [Mailing.objects.get(uid=uid)]
            except (Mailing.DoesNotExist, ValidationError, ValueError):
                raise CommandError(f"There is no mailing with the uid {uid}.") from None
        else:
            mailings = list(audited())
        audits = [audit(mailing, sink=sink) for mailing in mailings]
        found: Any = [each.as_json() for each in audits]
        self.stdout.write(json.dumps(found[0] if uid else found, ensure_ascii=False))
        if any(each.problems for each in audits):
            raise CommandError("It does not add up; see `problems`.", returncode=1)
