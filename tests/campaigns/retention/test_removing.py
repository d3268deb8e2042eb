"""Rows go in time; the report stays right, an old link still unsubscribes, and permissions and suppressions are untouched."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.auditing import audit
from campaigns.delivery.models import Delivery, DeliveryChunk, Feedback
from campaigns.delivery.queries import counts
from campaigns.engagement.drain import take_in_hits
from campaigns.engagement.models import DeliveryEngagement, Engagement, TrackedLink
from campaigns.engagement.partitions import ensure_month
from campaigns.engagement.services import mark, unsubscribe
from campaigns.engagement.spool import Hit
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.reports.export import report_lines
from campaigns.reports.presenting import Report
from campaigns.reports.queries import lines
from campaigns.retention import removing
from campaigns.retention.models import DeliveryTail, KeptTotals
from contacts.consent.models import ConsentEvent, Suppression
from contacts.consent.queries import is_permitted
from contacts.consent.services import grant_consent, suppress_address
from crm.retention.registry import Batch
from tests.campaigns.engagement.test_classify import BROWSER
from tests.campaigns.ledger import delivery, feedback, finish, sent_mailing
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2023, 3, 10, 12, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)
THREE_YEARS = NOW - timedelta(days=1095)


def hit(row, *, at, number=1, seq="own"):
    found = Hit(uuid4(), at, "click", row.mailing_id, row.seq if seq == "own" else seq, number, "192.0.2.1", "GET", BROWSER, "", True, True)  # fmt: skip
    take_in_hits([found])


@pytest.fixture
def old(db):
    """A mailing of more than three years ago with one of everything."""
    mailing = sent_mailing(name="Old news")
    TrackedLink.objects.create(mailing_id=mailing.pk, number=1, url="https://example.org/a", label="Guidelines")
    mailing.started_at, mailing.finished_at = LONG_AGO, LONG_AGO + timedelta(hours=1)
    place = {"constituency_code": "GOV", "country_code": "ZM"}
    rows = {
        name: delivery(mailing, at=LONG_AGO, state=state, **place)
        for name, state in [
            ("clicked", "accepted"), ("replied", "accepted"), ("bounced", "accepted"), ("failed", "failed"), ("skipped", "skipped"),
        ]
    }  # fmt: skip
    Delivery.objects.filter(mailing_id=mailing.pk, state="failed").update(reply_code=550, reply_text="No such mailbox")
    hit(rows["clicked"], at=LONG_AGO + timedelta(hours=2))
    hit(rows["replied"], at=LONG_AGO + timedelta(hours=3), seq=None)
    mark(delivery=rows["replied"], column="replied_at", at=LONG_AGO + timedelta(hours=4))
    feedback(rows["bounced"])
    finish(mailing)
    return mailing, rows


def shown(mailing, user):
    """Everything that the report says, names aside."""
    report = Report(mailing, user)
    return {
        # the hours and days of the week are those of single clicks, by the reader's own clock: they go with these
        "file": [row for row in report_lines(Report(mailing, user)) if not row.startswith(("By hour of", "By day of"))],
        "adds_up": report.adds_up,
        "counts": report.counts,
        "stats": [(stat.label, stat.value, stat.note) for stat in report.stats],
        "links": [link["figures"] for link in report.links],
        "chart": report.chart.as_dict() if hasattr(report.chart, "as_dict") else str(report.chart),
        "groups": [[row["group"] for row in rows] for rows in (report.by_constituency, report.by_country)],
        "reasons": [(row["count"], row["said"]) for row in [*report.reasons, *report.skipped]],
    }


def work_all(work, before):
    total = 0
    for _ in range(50):
        done = work(before, None)
        total += done.rows
        if not done.more:
            return total
    raise AssertionError("it never ends")


def test_report_says_the_same_after_its_rows_are_gone(old, admin, sign_in) -> None:
    mailing, _rows = old
    before = shown(mailing, admin)
    assert before["adds_up"]

    assert removing.count_deliveries(THREE_YEARS, None, 100) == 5
    assert work_all(removing.remove_deliveries, THREE_YEARS) == 5
    assert removing.count_deliveries(THREE_YEARS, None, 100) == 0

    assert not Delivery.objects.filter(mailing_id=mailing.pk).exists()
    assert not DeliveryEngagement.objects.exists() and not Feedback.objects.exists()
    assert DeliveryChunk.objects.filter(mailing_id=mailing.pk).exists()  # counts only, for lists of mailings
    assert shown(mailing, admin) == before
    assert counts(mailing.pk)["accepted"] == 3
    (line,) = lines([mailing])
    assert (line.accepted, line.people.clicked, line.responses.bounced) == (3, 1, 1)
    assert audit(mailing).problems == []
    client = sign_in(admin)
    page = client.get(reverse("mailing_report", args=[mailing.uid])).content.decode()
    assert "These are kept totals." in page
    people = client.get(reverse("mailing_report_people", args=[mailing.uid]) + "?who=clicked").content.decode()
    assert "were removed, as Settings, Retention says" in people


def test_report_says_the_same_while_half_of_it_is_gone(old, admin, monkeypatch) -> None:
    mailing, _rows = old
    before = shown(mailing, admin)
    monkeypatch.setattr(removing, "SIZE", 2)

    assert removing.remove_deliveries(THREE_YEARS, None) == Batch(2, more=True)

    assert Delivery.objects.filter(mailing_id=mailing.pk).count() == 3
    assert shown(mailing, admin) == before
    assert work_all(removing.remove_deliveries, THREE_YEARS) == 3


def test_younger_and_unfinished_mailings_are_left_alone(old) -> None:
    mailing, _rows = old
    young = sent_mailing()
    delivery(young)
    finish(young)
    mailing.state, mailing.state_reason = "paused", "by hand"
    mailing.save()

    assert work_all(removing.remove_deliveries, THREE_YEARS) == 0
    assert Delivery.objects.count() == 6
    assert not KeptTotals.objects.exists()


def test_old_unsubscribe_link_still_withdraws(old) -> None:
    mailing, rows = old
    person = rows["clicked"].person_id
    from contacts.directory.models import Person

    reader = Person.objects.get(pk=person)
    grant_consent(subject=reader, topic=mailing.topic, lawful_basis="consent", source="sign-up", evidence="form")
    suppress_address(address="gone@example.org", reason=Suppression.Reason.MANUAL, source="call")
    kept = (ConsentEvent.objects.count(), Suppression.objects.count())
    work_all(removing.remove_deliveries, THREE_YEARS)
    assert (ConsentEvent.objects.count(), Suppression.objects.count()) == kept
    assert sorted(DeliveryTail.objects.values_list("seq", flat=True)) == [1, 2, 3]  # what reached somebody

    assert unsubscribe(mailing_id=mailing.pk, seq=rows["clicked"].seq) is True
    assert unsubscribe(mailing_id=mailing.pk, seq=rows["clicked"].seq) is False

    assert not is_permitted(subject_uid=reader.uid, topic=mailing.topic)
    assert not DeliveryEngagement.objects.exists()
    assert unsubscribe(mailing_id=mailing.pk, seq=rows["skipped"].seq) is False


def test_months_of_hits_go_as_a_whole_and_the_report_stays(old, admin, sign_in) -> None:
    mailing, rows = old
    ensure_month(datetime(2026, 11, 1, tzinfo=UTC).date())
    before = shown(mailing, admin)
    assert removing.count_hits(NOW, None, 100) == 2

    assert work_all(removing.remove_hits, NOW) == 2

    assert not Engagement.objects.filter(mailing_id=mailing.pk).exists()
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('engagement_2023_03'), to_regclass('engagement_2026_11') IS NOT NULL")
        assert cursor.fetchone() == (None, True)
    assert shown(mailing, admin) == before
    assert (
        "Links and course are kept totals."
        in sign_in(admin).get(reverse("mailing_report", args=[mailing.uid])).content.decode()
    )
    hit(rows["clicked"], at=LONG_AGO + timedelta(days=900))  # a very late one does not make the known ones forgotten
    assert shown(mailing, admin) == before
    work_all(removing.remove_deliveries, THREE_YEARS)
    assert shown(mailing, admin) == before


def test_addresses_of_hits_are_blanked_and_hits_stay(old) -> None:
    assert removing.count_hit_addresses(NOW, None, 100) == 2
    assert removing.count_hit_addresses(NOW, NOW - timedelta(days=30), 100) == 0  # done in an earlier run

    assert removing.blank_hit_addresses(NOW, None) == Batch(2, more=False)

    assert set(Engagement.objects.values_list("ip", "user_agent", "hit_class")) <= {
        (None, "", "human"),
        (None, "", "unknown"),
    }
    assert Engagement.objects.count() == 2


def test_inbound_messages_go_and_what_was_made_of_them_stays() -> None:
    def inbound(digest, **values):
        return InboundMessage.objects.create(
            **{
                "digest": digest,
                "recipient": "r@x.org",
                "raw": b"x",
                "received_at": LONG_AGO,
                "state": "handled",
                "kind": "bounce",
                **values,
            }
        )

    answered = inbound("a", kind="reply", forwarded_at=LONG_AGO)
    reply = Interaction.objects.create(kind="reply", person=PersonFactory(), inbound=answered, at=LONG_AGO, text="Yes")
    inbound("b")
    kept = [inbound("c", kind="reply"), inbound("d", state="new"), inbound("e", received_at=timezone.now())]

    assert removing.count_inbound(THREE_YEARS, None, 100) == 2
    assert removing.remove_inbound(THREE_YEARS, None) == Batch(2, more=False)

    assert set(InboundMessage.objects.all()) == set(kept)
    reply.refresh_from_db()
    assert (reply.inbound, reply.text) == (None, "Yes")
