"""The way from the last version to this one, with data in it."""

from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.urls import reverse

from campaigns.delivery.auditing import audit
from campaigns.mailings.models import Mailing, Transport
from contacts.consent.models import ConsentEvent, ConsentState, Suppression
from contacts.directory.models import ContactPoint, Membership, Person
from contacts.segments.compiler import compile_segment
from contacts.segments.models import Segment
from crm.accounts.models import Installation, User
from crm.backup import tools
from tests.crm.backup.test_drill import database

pytestmark = pytest.mark.django_db(transaction=True)
DUMPS = sorted(Path(__file__).parent.glob("version-*.dump"))


@pytest.fixture(params=DUMPS, ids=lambda path: path.stem)
def upgraded(request):
    """A database of an earlier version, migrated to this one."""
    with database("upgrade") as name:
        tools.run(
            "pg_restore",
            "--no-owner",
            "--exit-on-error",
            "--single-transaction",
            f"--dbname={name}",
            str(request.param),
        )
        call_command("migrate", verbosity=0)
        yield


def test_upgrade_keeps_everything_that_was_there(upgraded, sign_in):
    assert MigrationExecutor(connection).migration_plan(MigrationExecutor(connection).loader.graph.leaf_nodes()) == []
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
