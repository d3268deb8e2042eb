from typing import Any

from django.core.management.base import BaseCommand

from contacts.directory.reference import load_reference


class Command(BaseCommand):
    help = "Bring constituencies, regions, countries and coverage figures up to date. Safe to run at any time."

    def handle(self, *args: Any, **options: Any) -> None:
        for kind, rows in load_reference().items():
            self.stdout.write(f"{kind}: {rows}")
