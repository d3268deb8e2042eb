"""What one message is, as JSON: for tests of a mail server's set-up, and for whoever asks why a message was read as it was."""

from argparse import ArgumentParser
from typing import Any

from django.core.management import BaseCommand

from campaigns.outreach.mail import command


class Command(BaseCommand):
    """For `manage.py help` and call_command; manage.py itself runs it without loading Django."""

    help = command.HELP
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        command.add_arguments(parser)

    def handle(self, *args: Any, sender: str | None, **options: Any) -> None:
        self.stdout.write(command.verdict_line(sender=sender))
