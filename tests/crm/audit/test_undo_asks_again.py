"""Undo is a change like others: who may no longer change a row may not undo there either."""

import pytest
from django.urls import reverse

from campaigns.planning.services import archive_drive
from contacts.directory.services import archive_person
from tests.factories import DriveFactory, PersonFactory

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(("make", "archive"), [(PersonFactory, archive_person), (DriveFactory, archive_drive)])
def test_undo_after_the_grant_is_gone_is_refused(planner, sign_in, make, archive) -> None:
    row = make()
    name = "person" if make is PersonFactory else "drive"
    entry = archive(actor=planner, **{name: row})
    planner.grants.all().delete()

    answer = sign_in(planner).post(reverse("undo", args=[entry.uid]))

    row.refresh_from_db()
    assert answer.status_code == 403
    assert row.archived_at is not None
