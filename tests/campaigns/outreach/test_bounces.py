"""What bounces and complaints do to addresses, by a rule that can be seen and set."""

import datetime as dt

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import reply_address, return_path
from campaigns.delivery.models import Delivery
from campaigns.outreach import bounces, services
from campaigns.outreach.models import BounceRule
from contacts.consent.models import Suppression
from contacts.consent.services import record_complaint, suppress_address
from contacts.directory.models import ContactPoint, Person
from contacts.directory.services import edit_contact_point
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.campaigns.ledger import delivery, sent_mailing
from tests.campaigns.outreach.test_reading import dsn
from tests.campaigns.outreach.test_services import REPLY
from tests.factories import ContactPointFactory, OrganizationFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def row(db):
    return delivery(sent_mailing(), organization_id=OrganizationFactory().pk)


def point_of(row):
    return ContactPoint.objects.get(address_key=row.address_key)


def another(row, n):
    """One more message to the same address, of another mailing."""
    person = Person.objects.get(pk=row.person_id)
    more = delivery(sent_mailing(), person=person, address=f"x{n}@y.test", address_key=row.address_key)
    Delivery.objects.filter(mailing_id=more.mailing_id, seq=more.seq).update(address=row.address)
    return more


def bounce(row, status, *, days_ago=0.0, code=""):
    at = timezone.now() - dt.timedelta(days=days_ago)
    raw = dsn(status, code=code)
    inbound = services.take_in(raw=raw, recipient=return_path(row.mailing_id, row.seq), at=at)
    services.handle(inbound_id=inbound.pk)


def test_hard_bounce_invalidates_and_suppresses_the_address_wherever_it_stands(row):
    info = ContactPointFactory(person=None, organization=OrganizationFactory(), value=row.address.upper())
    waiting = another(row, 1)
    Delivery.objects.filter(mailing_id=waiting.mailing_id, seq=waiting.seq).update(state="pending")

    bounce(row, "5.1.1", code="550 5.1.1 unknown")

    assert set(ContactPoint.objects.filter(address_key=row.address_key).values_list("status", flat=True)) == {"invalid"}
    assert info.address_key == row.address_key
    found = Suppression.objects.get()
    assert (found.reason, found.source) == ("invalid", "bounced: 5.1.1")
    assert Delivery.objects.get(mailing_id=waiting.mailing_id, seq=waiting.seq).state == "cancelled"


def test_who_says_that_an_address_is_good_lifts_what_a_bounce_said(row, planner):
    bounce(row, "5.1.1")

    edit_contact_point(point=point_of(row), actor=planner, changes={"status": "active"})

    assert point_of(row).status == "active"
    assert not Suppression.objects.exists()
    assert AuditEntry.objects.filter(verb="address.unsuppressed", actor=planner).count() == 1


@pytest.mark.parametrize("wish", ["manual", "complaint"])
def test_what_somebody_asked_for_is_not_lifted_whichever_came_first(row, planner, wish):
    def asks():
        if wish == "complaint":
            record_complaint(address=row.address, source="complaint: abuse")
        else:
            suppress_address(address=row.address, reason="manual", source="a call")

    bounce(row, "5.1.1")
    asks()
    ContactPoint.objects.update(status="invalid")

    edit_contact_point(point=point_of(row), actor=planner, changes={"status": "active"})

    assert Suppression.objects.get().reason == wish


def test_rule_counts_messages_within_its_days_and_says_so_on_the_address(row, planner):
    bounces.set_rule(bounces=3, days=10, actor=planner)
    rows = [row, *(another(row, n) for n in range(3))]
    seen = []
    for one, days_ago in zip(rows, (30, 5, 3, 0), strict=True):
        bounce(one, "4.2.2", days_ago=days_ago, code="452 4.2.2 full")
        bounce(one, "4.2.2", days_ago=days_ago, code="452 the same again")
        seen.append((point_of(row).status, point_of(row).bounce_count))

    assert seen == [("active", 1), ("active", 1), ("active", 2), ("bouncing", 3)]
    assert point_of(row).status_reason == "Bounced for now 3 times within 10 days (the rule: 3). “452 4.2.2 full”"
    assert AuditEntry.objects.filter(verb="contact_point.soft_bounce").count() == 1
    assert not Suppression.objects.exists()


def test_address_says_how_far_it_is_from_bouncing(row):
    bounce(row, "4.2.2", code="452 4.2.2 full")

    assert (point_of(row).status, point_of(row).status_reason) == (
        "active",
        "Bounced for now: 1 of 3 within 30 days. “452 4.2.2 full”",
    )


def test_rule_of_one_bounce(row, planner):
    bounces.set_rule(bounces=1, days=1, actor=planner)

    bounce(row, "4.7.1")

    assert point_of(row).status == "bouncing"


@pytest.mark.parametrize("by", ["reply", "hand"])
def test_counting_begins_anew_when_the_address_is_known_to_be_good(row, planner, by):
    for n in range(2):
        bounce(another(row, n), "4.2.2", days_ago=2)
    if by == "reply":
        inbound = services.take_in(
            raw=REPLY,
            recipient=reply_address(row.mailing_id, row.seq),
            sender="a@b.test",
            at=timezone.now() - dt.timedelta(days=1),
        )
        services.handle(inbound_id=inbound.pk)
    else:
        for status in ("invalid", "active"):
            edit_contact_point(point=point_of(row), actor=planner, changes={"status": status})
    assert (point_of(row).bounce_count, point_of(row).status_reason) == (0, "")

    bounce(row, "4.2.2", days_ago=-1)

    assert (point_of(row).status, point_of(row).bounce_count) == ("active", 1)


def test_server_that_still_tries_is_not_counted(row):
    inbound = services.take_in(raw=dsn("4.4.1", action="delayed"), recipient=return_path(row.mailing_id, row.seq))
    services.handle(inbound_id=inbound.pk)

    assert (point_of(row).status, point_of(row).bounce_count) == ("active", 0)


def test_rule_is_audited_taken_back_and_bounded(planner, admin):
    entry_of = AuditEntry.objects.filter(verb="bounce_rule.edited")

    bounces.set_rule(bounces=5, days=90, actor=admin)
    bounces.set_rule(bounces=5, days=90, actor=admin)
    assert entry_of.count() == 1
    undo(entry=entry_of.get(), actor=admin)
    assert (BounceRule.current().bounces, BounceRule.current().days) == (3, 30)

    for bad in ({"bounces": 0, "days": 30}, {"bounces": 3, "days": 400}):
        with pytest.raises(Exception, match="Between 1"):
            bounces.set_rule(actor=admin, **bad)
    assert (BounceRule.current().bounces, BounceRule.current().days) == (3, 30)


def test_page_shows_and_sets_the_rule(sign_in, admin, planner, row):
    bounce(row, "4.2.2")
    client, url = sign_in(admin), reverse("returned_mail")

    page = client.get(url).content.decode()
    assert "3 messages bounced for now within 30 days" in page
    assert "bounce<wbr>.campaign<wbr>.test" in page
    refused = client.post(url, {"bounces": "0", "days": "x"})
    assert (refused.status_code, BounceRule.current().bounces) == (422, 3)
    assert client.post(url, {"bounces": "4", "days": "60"}).status_code == 302

    assert (BounceRule.current().bounces, BounceRule.current().days) == (4, 60)
    assert "4 messages bounced for now within 60 days" in client.get(url).content.decode()
    assert sign_in(planner).get(url).status_code == 403
