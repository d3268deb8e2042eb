"""`manage.py replay_erasures`: after a restore, nobody who was erased is back."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from contacts.consent.erasure.services import replay_erasures


class Command(BaseCommand):
    help = "Erase again whom the erasure log names and this database does not know as erased. Run it after a restore."

    def handle(self, *args: Any, **options: Any) -> None:
        done = replay_erasures()
        for erasure in done:
            self.stdout.write(f"{erasure.person_uid} is erased again ({sum(erasure.counts.values())} rows).")
        self.stdout.write(f"{len(done)} replayed from {settings.ERASURE_LOG}.")
