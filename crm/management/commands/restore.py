from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connection

from crm.backup.services import keys_in, restore_backup
from crm.errors import DomainError
from crm.management.commands.backup import passphrase


class Command(BaseCommand):
    help = "Restore a backup into the empty database that DATABASE_URL or --into names, bring it up to this version, and replay erasures."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("source", type=Path)
        parser.add_argument(
            "--passphrase-file",
            type=Path,
            help="the file with the passphrase that it was sealed with; - is the standard input",
        )
        parser.add_argument(
            "--into", metavar="NAME", help="another, empty database of the server that DATABASE_URL names"
        )
        parser.add_argument(
            "--show-keys", action="store_true", help="print the keys in the backup as environment variables, and stop"
        )

    def handle(
        self, *args: Any, source: Path, passphrase_file: Path | None, show_keys: bool, into: str | None, **options: Any
    ) -> None:
        if not source.is_file():
            raise CommandError(f"{source} is not a file.")
        try:
            if show_keys:
                for name, value in keys_in(source=source, passphrase=passphrase(passphrase_file)).items():
                    self.stdout.write(f"{name}={value}")
                return
            if into:
                _use(into)
            found = restore_backup(source=source, passphrase=passphrase(passphrase_file), say=self.stdout.write)
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"Restored the backup of {found.made_at}: {found.rows:,} rows, {found.files:,} files.")
        for step in found.steps:
            self.stdout.write(step)


def _use(name: str) -> None:
    """Have this process, and the programs that it calls, work in another database of the same server."""
    connection.close()
    settings.DATABASES["default"]["NAME"] = connection.settings_dict["NAME"] = name
    try:
        connection.ensure_connection()
    except OperationalError as error:
        said = str(error).splitlines()[0]
        raise CommandError(f"{said}. Make this database first, an empty one; nothing was restored.") from error
