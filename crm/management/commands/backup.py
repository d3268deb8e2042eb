import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm.backup.services import make_backup
from crm.errors import DomainError


class Command(BaseCommand):
    help = "Write one file with the database, the uploads and the keys. It may run while everything else does."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "target",
            nargs="?",
            type=Path,
            default=Path("."),
            help="a file, or a folder for one with the time in its name",
        )
        parser.add_argument(
            "--passphrase-file",
            type=Path,
            help="seal the backup with the passphrase in this file; - is the standard input",
        )
        parser.add_argument(
            "--without-keys",
            action="store_true",
            help="leave the keys out; keep them elsewhere, or the backup is worth little",
        )

    def handle(
        self, *args: Any, target: Path, passphrase_file: Path | None, without_keys: bool, **options: Any
    ) -> None:
        if target.is_dir():
            target /= f"groundswell-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.backup"
        try:
            made = make_backup(target=target, passphrase=passphrase(passphrase_file), with_keys=not without_keys)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{made}: {made.stat().st_size:,} bytes.")
        if not passphrase_file and not without_keys:
            self.stderr.write(
                "It holds the keys and is not sealed: keep it where only you can read it, or use --passphrase-file."
            )


def passphrase(path: Path | None) -> str:
    """The first line of the file, or of the standard input for `-`; CommandError when it cannot be read or is empty."""
    if path is None:
        return ""
    try:
        text = (sys.stdin.read() if str(path) == "-" else path.read_text()).partition("\n")[0].strip()
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    if len(text) < 12:
        raise CommandError(f"The passphrase in {path} is shorter than 12 characters. Nothing was done.")
    return text
