"""From the demo to an empty installation."""

import secrets

from django.db import connection, transaction

from crm.accounts.models import Grant, Installation, User
from crm.accounts.rules import Role

ADMIN = "admin@groundswell.test"
LEDGER_GUARD = "consent_event_no_truncate"  # the ledger is append-only; a whole demo may go
# what every installation has, demo or not
KEPT = {
    "django_migrations",
    "django_content_type",
    "auth_permission",
    "contacts_region",
    "contacts_country",
    "contacts_constituency",
    "contacts_indicator",
    "contacts_indicatorvalue",
    "contacts_formofaddress",
}


def is_demo() -> bool:
    return Installation.objects.filter(is_demo=True).exists()


@transaction.atomic
def remove_everything() -> None:
    """Empty every table but the reference data, partitions and the append-only ledger included. All or nothing."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition"
            " AND relnamespace = 'public'::regnamespace AND relname <> ALL (%s)",
            [sorted(KEPT)],
        )
        names = ", ".join(connection.ops.quote_name(row[0]) for row in cursor.fetchall())
        cursor.execute("SELECT tgenabled = 'O' FROM pg_trigger WHERE tgname = %s", [LEDGER_GUARD])
        [is_guarded] = cursor.fetchone()
        if is_guarded:
            cursor.execute(f"ALTER TABLE contacts_consentevent DISABLE TRIGGER {LEDGER_GUARD}")
        cursor.execute(f"TRUNCATE {names} RESTART IDENTITY")
        if is_guarded:
            cursor.execute(f"ALTER TABLE contacts_consentevent ENABLE TRIGGER {LEDGER_GUARD}")


def start_empty() -> str:
    """One administrator and nothing else; returns the new password."""
    password = secrets.token_urlsafe(9)
    admin = User.objects.create_user(ADMIN, password, name="Administrator")
    Grant.objects.create(user=admin, role=Role.ADMIN)
    Installation.current()
    return password
