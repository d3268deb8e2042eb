"""The way from the last version to this one, with data in it."""

import contextlib
import lzma
import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO, cast

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from campaigns.delivery.auditing import audit
from campaigns.events.models import Event
from campaigns.forms.models import Form
from campaigns.mailings.models import Mailing, Transport
from campaigns.networks.models import Network
from campaigns.planning.models import Drive
from contacts.consent.models import ConsentEvent, ConsentState, Suppression
from contacts.directory.models import ContactPoint, Membership, Organization, Person
from contacts.importing.models import ImportRun
from contacts.segments.compiler import compile_segment
from contacts.segments.models import ContactList, Segment
from crm.accounts.models import Installation, User
from crm.api.services import find_token
from crm.backup import tools
from tests.crm.backup.test_drill import database

pytestmark = pytest.mark.django_db(transaction=True)
FOLDER = Path(__file__).parent


@contextlib.contextmanager
def restored(name: str) -> Iterator[None]:
    """A database of an earlier version, as it was."""
    with database("upgrade") as into, (lzma.open if name.endswith(".xz") else open)(FOLDER / name, "rb") as dump:
        tools.run(
            "pg_restore", "--no-owner", "--exit-on-error", "--single-transaction", f"--dbname={into}",
            given=cast(IO[bytes], dump),
        )  # fmt: skip
        yield


def upgrade() -> None:
    call_command("migrate", verbosity=0)
    executor = MigrationExecutor(connection)
    assert executor.migration_plan(executor.loader.graph.leaf_nodes()) == []


def test_every_dump_is_tried() -> None:
    named = {name for name in re.findall(r"\"([\w.-]+\.dump(?:\.xz)?)\"", Path(__file__).read_text())}

    assert named == {path.name for path in FOLDER.glob("*.dump*")}


def test_upgrade_from_the_first_version_keeps_everything_that_was_there(sign_in):
    with restored("version-0.1.dump"):
        upgrade()
        _has_all_of_the_first_version(sign_in)


def _has_all_of_the_first_version(sign_in):
    assert Installation.current().name == "Kept since the first version"
    assert Person.objects.count() == 12
    assert ContactPoint.objects.filter(person__isnull=False, address_hash__isnull=False).count() == 22
    assert Membership.objects.filter(post__name="Minister of Labour", ended_on__isnull=True).count() == 1
    assert (
        ConsentEvent.objects.filter(action="grant").count(),
        ConsentEvent.objects.filter(action="withdraw").count(),
    ) == (12, 1)
    assert ConsentState.objects.filter(is_granted=True).count() == 11
    assert Suppression.objects.count() == 1

    mailing = Mailing.objects.get(name="The first newsletter")
    found = audit(mailing)
    assert (found.counts["accepted"], found.counts["skipped"], found.problems) == (10, 1, [])
    assert Transport.objects.get(pk=mailing.transport_id).url == "smtp://sender:secret@mail.example.org:587"

    compiled = compile_segment(Segment.objects.get(name="Senegal"))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM ({compiled.sql}) s", list(compiled.params))
        assert cursor.fetchone()[0] == 12

    client = sign_in(User.objects.get(email="ana@example.org"))
    for page in (
        reverse("today"),
        reverse("person_list"),
        reverse("person_detail", args=[Person.objects.order_by("pk")[0].uid]),
        reverse("mailing_report", args=[mailing.uid]),
        reverse("segment_list"),
    ):
        assert client.get(page).status_code == 200, page


# --- the demo of 27 November 2026: a row in each table that it fills ------------------------------------------------
def test_upgrade_keeps_every_row_of_the_demo(sign_in, settings):
    settings.TRACKING_KEYS = {"k1": bytes.fromhex("9f3c1e7a5b8d2046c1a97e35d8f0b264")}
    settings.ADDRESS_KEYS = {"a1": bytes.fromhex("27d4b0e93f6a8c15e0b7429d1c6f583a")}
    with restored("demo-2026-11-27.dump.xz"):
        before = _rows()
        upgrade()
        after = _rows()

        grown = {"django_migrations", "django_content_type", "auth_permission"}
        assert len(before) > 120
        assert {
            name: (n, after.get(name, 0)) for name, n in before.items() if name not in grown and after.get(name) != n
        } == {}
        for mailing in Mailing.objects.filter(state="finished"):
            assert audit(mailing).problems == []
        for segment in Segment.objects.all():
            compiled = compile_segment(segment)
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT count(*) FROM ({compiled.sql}) s", list(compiled.params))
        assert find_token("gsw_" + "invented-for-this-dump-and-no-other-0123456").name == "Website"
        client = sign_in(User.objects.filter(grants__role="admin").first())
        assert {url: status for url in _pages() if (status := client.get(url).status_code) != 200} == {}


def _rows():
    """Table → number of its rows, without those that have none."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")
        tables = [table for (table,) in cursor.fetchall()]
        cursor.execute(" UNION ALL ".join(f"SELECT '{table}', count(*) FROM \"{table}\"" for table in tables))
        return {table: rows for table, rows in cursor.fetchall() if rows}


def _pages():
    lists = ("today", "person_list", "organization_list", "segment_list", "list_list", "mailing_list", "import_list")
    yield from map(reverse, lists)
    details = {
        "person_detail": Person, "organization_detail": Organization, "segment_members": Segment, "list_detail": ContactList, "drive_detail": Drive, "event_detail": Event, "form_detail": Form, "network_detail": Network,
        "import_detail": ImportRun,
    }  # fmt: skip
    yield reverse("mailing_report", args=[Mailing.objects.filter(state="finished").order_by("pk")[0].uid])
    for name, model in details.items():
        yield reverse(name, args=[model.objects.order_by("pk")[0].uid])
