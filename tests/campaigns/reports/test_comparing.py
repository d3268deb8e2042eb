"""A mailing beside earlier ones, when people acted, and the report on paper."""

import csv
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.engagement.drain import take_in_hits
from campaigns.engagement.models import DeliveryEngagement
from campaigns.engagement.spool import Hit
from campaigns.reports.comparing import comparison, rhythm
from campaigns.reports.export import report_lines
from campaigns.reports.presenting import Report
from campaigns.reports.printing import paper_data, report_pdf
from tests.campaigns.engagement.test_classify import BROWSER
from tests.campaigns.ledger import delivery, feedback, finish, sent_mailing
from tests.factories import GrantFactory, UserFactory

pytestmark = pytest.mark.django_db


def click(row, at):
    take_in_hits(
        [Hit(uuid.uuid4(), at, "click", row.mailing_id, row.seq, 1, "192.0.2.1", "GET", BROWSER, "", True, True)]
    )


def earlier(mailing, *, days, accepted=0, clicked=0, bounced=0, name="Earlier"):
    """A finished mailing of the same drive, so many days before."""
    row = sent_mailing(name=name, drive=mailing.drive)
    row.frozen_at = mailing.frozen_at - timedelta(days=days)
    row.started_at = row.frozen_at
    row.save()
    rows = [delivery(row, at=row.frozen_at) for _ in range(accepted)]
    for one in rows[:clicked]:
        click(one, row.frozen_at + timedelta(hours=2))
    for one in rows[:bounced]:
        feedback(one, kind="hard_bounce")
    finish(row)
    return row


def test_comparison_puts_rates_beside_those_of_earlier_mailings_of_the_drive(planner):
    mailing = sent_mailing(name="This")
    rows = [delivery(mailing, at=timezone.now() - timedelta(hours=3)) for _ in range(4)]
    click(rows[0], timezone.now() - timedelta(hours=1))
    finish(mailing)
    first = earlier(mailing, days=20, accepted=10, clicked=1, bounced=2, name="First")
    second = earlier(mailing, days=10, accepted=10, clicked=3, name="Second")
    later = earlier(mailing, days=-1, accepted=1, name="Later")
    elsewhere = sent_mailing(name="Elsewhere")

    found = comparison(mailing, planner)

    assert [row.line.mailing.pk for row in found.rows] == [mailing.pk, second.pk, first.pk]
    assert later.pk not in [row.line.mailing.pk for row in found.rows] and elsewhere.drive_id != mailing.drive_id
    assert [row.clicked for row in found.rows] == [25, 30, 10]
    assert found.usual == {"clicked": 20, "replied": 0, "unsubscribed": 0, "bounced": 10}


def test_comparison_says_nothing_of_mailings_that_accepted_nobody(planner):
    mailing = sent_mailing()
    earlier(mailing, days=3)

    found = comparison(mailing, planner)

    assert found.rows[0].clicked is None
    assert found.usual == {"clicked": None, "replied": None, "unsubscribed": None, "bounced": None}


def test_comparison_takes_the_same_queries_for_one_and_many(planner):
    mailing = sent_mailing()

    def count():
        with CaptureQueriesContext(connection) as captured:
            comparison(mailing, planner)
        return len(captured)

    earlier(mailing, days=1, accepted=1)
    count()  # the planner's grants are read once
    one = count()
    for days in (2, 3, 4):
        earlier(mailing, days=days, accepted=1)

    assert count() == one


def test_rhythm_counts_by_the_readers_hours_and_days():
    mailing = sent_mailing()
    mailing.started_at = datetime(2026, 11, 1, tzinfo=UTC)
    mailing.save()
    rows = [delivery(mailing, at=mailing.started_at) for _ in range(3)]
    sunday_late = datetime(2026, 11, 8, 23, 30, tzinfo=UTC)
    for row in rows[:2]:
        click(row, sunday_late)
    DeliveryEngagement.objects.update_or_create(
        mailing_id=mailing.pk, seq=rows[2].seq, defaults={"replied_at": datetime(2026, 11, 11, 9, 5, tzinfo=UTC)}
    )

    here = rhythm(mailing)
    with timezone.override("Africa/Nairobi"):
        there = rhythm(mailing)

    assert [s.values[23] for s in here.by_hour.series] == [2, 0]
    assert [s.values[6] for s in here.by_weekday.series] == [2, 0]
    assert [s.values[2] for s in there.by_hour.series] == [2, 0]  # three hours on: Monday, half past two
    assert [s.values[0] for s in there.by_weekday.series] == [2, 0]
    assert here.by_weekday.series[1].values == [0, 0, 1, 0, 0, 0, 0]
    assert here.best == "Most on Sunday, and between 23:00 and 00:00."


def test_rhythm_is_none_while_nobody_acted():
    assert rhythm(sent_mailing()) is None


@pytest.fixture
def followed():
    """A report with one click three days on, a Wednesday at nine, and an earlier mailing beside it."""
    mailing = sent_mailing(name="This")
    mailing.started_at = mailing.frozen_at = datetime(2026, 11, 1, 8, tzinfo=UTC)
    mailing.save()
    rows = [delivery(mailing, at=mailing.started_at) for _ in range(2)]
    click(rows[0], datetime(2026, 11, 4, 9, 30, tzinfo=UTC))
    finish(mailing)
    earlier(mailing, days=3, accepted=4, clicked=1, name="The one before")
    return mailing


def test_paper_shows_the_course_and_the_hours_as_the_page_does(followed, planner):
    report = Report(followed, planner)

    course, hours, days = paper_data(report)["charts"]

    assert sum(bar["values"][0] for bar in course["bars"]) == 1
    assert [bar["label"] for bar in hours["bars"] if any(bar["values"])] == ["09"]
    assert [bar["label"] for bar in days["bars"] if any(bar["values"])] == ["Wednesday"]
    assert hours["note"] == report.rhythm.best
    assert report_pdf(report).startswith(b"%PDF-")


def test_paper_of_a_mailing_that_nobody_followed_has_no_charts(planner):
    mailing = sent_mailing(name="This")
    finish(mailing)

    assert paper_data(Report(mailing, planner))["charts"] == []


def test_file_has_the_course_the_hours_and_the_comparison(followed, planner):
    lines = [tuple(line) for line in csv.reader("".join(report_lines(Report(followed, planner))).splitlines())]

    assert ("By hour of your day: clicks", "09", "1") in lines
    assert ("By day of the week: clicks", "Wednesday", "1") in lines
    assert sum(int(line[2]) for line in lines if line[0] == "Over time: clicks") == 1
    assert ("Beside earlier mailings of this drive: accepted", "The one before", "4") in lines
    assert ("Beside earlier mailings of this drive: clicked, % of accepted", "The one before", "25.0") in lines


HOSTILE = '#panic("x") [*bold*] $x$ "quoted" \\ <label> قطاع 社会'


def test_report_pdf_is_a_pdf_whatever_the_name_holds(planner):
    mailing = sent_mailing(name=HOSTILE)
    rows = [
        delivery(mailing, at=timezone.now() - timedelta(hours=3), constituency_code="GOV", country_code="ZM")
        for _ in range(2)
    ]
    feedback(rows[0], kind="hard_bounce", reason="#import 550 no such user")
    finish(mailing)
    earlier(mailing, days=3, accepted=2)

    made = report_pdf(Report(mailing, planner))

    assert made.startswith(b"%PDF-") and made.rstrip().endswith(b"%%EOF")


def test_report_page_offers_the_pdf_and_the_comparison(viewer, sign_in):
    mailing = sent_mailing(name="This")
    finish(mailing)
    earlier(mailing, days=3, accepted=2, name="The one before")
    client = sign_in(viewer)

    page = client.get(reverse("mailing_report", args=[mailing.uid])).content.decode()
    answer = client.get(reverse("mailing_report_pdf", args=[mailing.uid]))

    assert "The one before" in page and reverse("mailing_report_pdf", args=[mailing.uid]) in page
    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == 'inline; filename="this-report.pdf"'


def test_report_pdf_is_not_found_by_somebody_of_another_campaign(sign_in):
    mailing = sent_mailing()
    user = UserFactory()
    GrantFactory(user=user, role="viewer", is_everywhere=False, campaigns=[uuid.uuid4()])

    assert sign_in(user).get(reverse("mailing_report_pdf", args=[mailing.uid])).status_code == 404
