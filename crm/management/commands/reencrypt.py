"""Encrypt stored secrets anew with the first of DATA_KEYS, so that an old key can be thrown away."""

from typing import Any

from django.core.management import BaseCommand, CommandError
from django.db import connection

from crm import encryption
from crm.errors import DomainError


class Command(BaseCommand):
    help = "Encrypts every stored secret with the first of DATA_KEYS; afterwards older keys are no longer needed."

    def handle(self, *args: Any, **options: Any) -> None:
        changed = 0
        try:
            with connection.cursor() as cursor:
                for model, field in encryption.fields():
                    meta = model._meta
                    changed += encryption.encrypt_table(
                        cursor, table=meta.db_table, column=str(field.column), key=str(meta.pk.column)
                    )
            changed += encryption.reencrypt_elsewhere()
        except DomainError as error:
            raise CommandError(error.message) from error
        self.stdout.write(f"{changed} secrets encrypted anew; backups made before still need the older keys.")
