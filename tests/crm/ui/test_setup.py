"""The first-run assistant: what comes next, what was left out, and that it goes away when nothing is left."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.mailings.models import Sender
from crm.accounts.models import Installation
from crm.audit.models import AuditEntry
from crm.ui import setup, today
from tests.factories import PersonFactory, SegmentFactory, SenderFactory, TopicFactory, TransportFactory

pytestmark = pytest.mark.django_db
CODES = ["organization", "transport", "sender", "topic", "import", "segment"]


def all_but(code: str) -> None:
    if code != "organization":
        Installation.objects.update_or_create(id=1, defaults={"name": "Office", "postal_address": "4 route"})
    for name, factory in [
        ("transport", TransportFactory), ("sender", SenderFactory), ("topic", TopicFactory), ("import", PersonFactory),
        ("segment", SegmentFactory),
    ]:  # fmt: skip
        if name != code:
            factory()


def test_empty_installation_is_led_through_all_steps_in_order(admin, sign_in) -> None:
    found = setup.setup_of(admin)

    assert [step.code for step in found.steps] == CODES
    assert (found.done, found.current.code, found.is_first_run) == (0, "organization", True)
    page = sign_in(admin).get(reverse("today")).content.decode()
    assert "Set up Groundswell" in page and reverse("setup") in page


@pytest.mark.parametrize("code", CODES)
def test_each_step_is_open_until_its_thing_is_there(admin, code) -> None:
    all_but(code)

    found = setup.setup_of(admin)

    assert (found.current.code, found.done) == (code, 5)


def test_sender_counts_once_it_is_confirmed(admin) -> None:
    all_but("")
    Sender.objects.update(confirmed_email="", confirmed_at=None)

    step = setup.setup_of(admin).current

    assert step.title == "Have your sender confirmed"
    assert Sender.objects.get().email in step.why


def test_it_goes_away_when_done_and_only_administrators_have_it(admin, planner, sign_in) -> None:
    client = sign_in(admin)
    client.get(reverse("setup"))
    assert "Back to the steps" in client.get(reverse("topic_list")).content.decode()
    assert setup.setup_of(planner).steps == []
    assert sign_in(planner).get(reverse("setup")).status_code == 403

    all_but("")

    assert today.day_of(admin).steps == []
    assert "Back to the steps" not in client.get(reverse("topic_list")).content.decode()
    assert "Groundswell is set up." in client.get(reverse("setup")).content.decode()


def test_step_is_left_out_and_taken_up_again(admin, sign_in) -> None:
    all_but("import")
    client = sign_in(admin)

    client.post(reverse("setup_skip"), {"code": "import"})
    client.post(reverse("setup_skip"), {"code": "import"})
    assert Installation.current().setup_skipped == ["import"]
    assert today.day_of(admin).steps == []
    page = client.get(reverse("setup")).content.decode()
    assert "left out for now" in page and "Take up again" in page
    client.post(reverse("setup_skip"), {"code": "import", "is_skipped": "false"})

    assert setup.setup_of(admin).current.code == "import"
    assert AuditEntry.objects.filter(verb="installation.edited").count() == 2
    assert client.post(reverse("setup_skip"), {"code": "nonsense"}).status_code == 422


def test_who_is_not_at_it_pays_no_query_for_it(admin, sign_in) -> None:
    client = sign_in(admin)

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("topic_list"))
        return len([query for query in queries if "setup_skipped" in query["sql"]])

    assert count() == 0
    client.get(reverse("setup"))
    assert count() >= 1
