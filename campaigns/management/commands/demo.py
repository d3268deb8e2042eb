"""Load the demo campaign, or remove it and start empty."""

import sys
import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management import BaseCommand, CommandError

from campaigns.demo import emptying, story
from contacts.directory.volume import make_people
from crm.accounts.models import User

LARGEST = 2_000_000  # people; two million need about 3 GB of memory while they are made


class Command(BaseCommand):
    help = "Loads the demo campaign into an empty installation; --remove takes everything away and starts empty."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--remove", action="store_true", help="remove the demo and all that was made since")
        parser.add_argument("--size", type=int, default=0, help="add so many invented people by COPY, to see it large")
        parser.add_argument("--yes", action="store_true", help="do not ask before removing what is there")

    def handle(self, *args: Any, remove: bool = False, yes: bool = False, size: int = 0, **options: Any) -> None:
        if size < 0 or size > LARGEST:
            raise CommandError(f"--size is a number of people up to {LARGEST:,}.")
        if not settings.LOCAL:
            raise CommandError(
                "The demo's log-ins have a password that everybody knows, so it is for a laptop (LOCAL) only. Nothing was changed."
            )
        if User.objects.exists():
            self._may_remove(yes=yes, remove=remove)
            emptying.remove_everything()
            self.stdout.write("Everything is removed; countries, indicators and constituencies stay.")
        if remove:
            password = emptying.start_empty()
            self.stdout.write(f"Groundswell is empty. Sign in as {emptying.ADMIN} with the password {password}")
            return
        began = time.monotonic()
        story.load(tell=lambda step: self.stdout.write(f"demo: {step} ({time.monotonic() - began:.0f} s)"))
        if size:
            self.stdout.write(f"demo: adding {size:,} people ({time.monotonic() - began:.0f} s)")
            make_people(size)
        self.stdout.write(
            f"demo: loaded in {time.monotonic() - began:.0f} s; its first mailing leaves in half a minute"
        )

    def _may_remove(self, *, yes: bool, remove: bool) -> None:
        """Real people's data is never removed by a slip."""
        if not emptying.is_demo():
            raise CommandError(
                "This installation is not the demo: it holds an organization's own data, so nothing was changed. "
                "To start again, point DATABASE_URL to a new database."
            )
        if yes or remove and not sys.stdin.isatty():
            return
        if not sys.stdin.isatty():
            raise CommandError(
                "The demo is loaded already. Add --yes to load it anew; what was made since is then gone."
            )
        if input("Remove the demo and all that was made since? [y/N] ").strip().lower() != "y":
            raise CommandError("Nothing was changed.")
