import csv
import io
import uuid
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.models import Outcome
from campaigns.engagement.drain import take_in_hits
from campaigns.engagement.models import TrackedLink
from campaigns.engagement.services import mark
from campaigns.engagement.spool import Hit
from campaigns.reports import people, queries
from campaigns.reports.presenting import Report
from crm.audit.models import AuditEntry
from crm.errors import NotAllowed
from crm.exports import services as exporting
from crm.jobs.services import run_job
from tests.campaigns.engagement.test_classify import BROWSER
from tests.campaigns.ledger import delivery, feedback, finish, sent_mailing
from tests.crm.exports.test_exports import rows_of as exported_rows
from tests.factories import ConstituencyFactory, CountryFactory, GrantFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db
AN_HOUR_AGO = timedelta(hours=1)


def click(row, *, number=1, agent=BROWSER, kind="click", minutes=30, seq="own"):
    at = timezone.now() - timedelta(minutes=minutes)
    hit = Hit(uuid.uuid4(), at, kind, row.mailing_id, row.seq if seq == "own" else seq, number, "192.0.2.1", "GET", agent, "",
              True, True)  # fmt: skip
    take_in_hits([hit])


def row_of(mailing, **kwargs):
    return delivery(mailing, at=timezone.now() - AN_HOUR_AGO, **kwargs)


@pytest.fixture
def story(db):
    """Ten people, one of each outcome and more, in two constituencies and two countries."""
    mailing = sent_mailing(name="Newsletter")
    TrackedLink.objects.create(mailing_id=mailing.pk, number=1, url="https://example.org/a", label="Guidelines")
    TrackedLink.objects.create(mailing_id=mailing.pk, number=2, url="https://example.org/b", label="Join")
    gov = {"constituency_code": "GOV", "country_code": "ZM", "organization_id": OrganizationFactory().pk}
    workers = {"constituency_code": "WRK", "country_code": "TD", "is_tracked": False}
    rows = {
        "clicked": row_of(mailing, **gov),
        "scanned": row_of(mailing, **gov),
        "replied": row_of(mailing, **gov),
        "bounced": row_of(mailing, **gov),
        "worker": row_of(mailing, **workers),
        "worker2": row_of(mailing, **workers),
        "failed": row_of(mailing, state="failed", reply_code=550, reply_text="5.1.1 No such mailbox", **gov),
        "skipped": row_of(mailing, state="skipped", **gov),
        "deferred": row_of(mailing, state="deferred", **gov),
        "uncertain": row_of(mailing, state="uncertain", **gov),
    }
    click(rows["clicked"])
    click(rows["clicked"], number=2, minutes=20)
    click(rows["scanned"], agent="curl/8")
    click(rows["clicked"], kind="open", number=None, agent="GoogleImageProxy ggpht.com")
    click(rows["worker"], seq=None)
    mark(delivery=rows["replied"], column="replied_at", at=timezone.now())
    mark(delivery=rows["worker2"], column="unsubscribed_at", at=timezone.now())
    feedback(rows["bounced"])
    finish(mailing)
    return mailing, rows


@pytest.fixture
def page(story, planner, sign_in):
    return sign_in(planner).get(reverse("mailing_report", args=[story[0].uid]))


def listed(client, url):
    """The seqs behind a link of the report."""
    response = client.get(url)
    assert response.status_code == 200
    return sorted(row.seq for row in response.context["table"].rows)


def test_audience_is_the_sum_of_its_outcomes(page):
    report = page.context["report"]

    assert sum(part["count"] for part in report.parts) == report.audience == 10
    assert report.adds_up
    assert "adds up" in page.content.decode()
    assert [(part["label"], part["count"]) for part in report.afterwards] == [
        ("delivered, as far as known", 5),
        ("bounced later", 1),
        ("complained", 0),
    ]
    assert sum(part["count"] for part in report.afterwards) == report.accepted


def test_report_says_so_when_it_does_not_add_up(story, planner, sign_in):
    mailing, _ = story
    type(mailing).objects.filter(pk=mailing.pk).update(audience_count=11)

    page = sign_in(planner).get(reverse("mailing_report", args=[mailing.uid]))

    assert "does not add up" in page.content.decode()


def test_humans_lead_and_machines_are_named(page):
    stats = {stat.label: (stat.value, stat.note) for stat in page.context["report"].stats}

    assert stats["People who clicked"] == (1, "16.7\u00a0% of accepted · 1 machine not counted")
    assert stats["Replies"] == (1, "all answered")
    assert stats["Unsubscribed"][0] == 1
    assert stats["Bounced later"][0] == 1
    assert stats["Opened, at best guess"] == (1, "1 open was a machine")


def test_links_count_people_and_name_the_clicks_of_untracked_people(page):
    links = [(link["figures"].label, link["figures"].people, link["figures"].untracked, link["figures"].machines)
             for link in page.context["report"].links]  # fmt: skip

    assert links == [("Guidelines", 1, 1, 1), ("Join", 1, 0, 0)]
    assert "and 1 click of people not tracked one by one" in page.content.decode()


def test_each_number_opens_exactly_its_rows(story, planner, sign_in, page):
    mailing, rows = story
    client, report = sign_in(planner), page.context["report"]

    for part in report.parts:
        assert len(listed(client, part["url"])) == part["count"], part["label"]
    for stat in report.stats:
        assert len(listed(client, stat.url)) == stat.value, stat.label
    for link in report.links:
        assert len(listed(client, link["url"])) == link["figures"].people
    for reason in [*report.reasons, *report.skipped]:
        assert len(listed(client, reason["url"])) == reason["count"], reason["said"]
    for row in [*report.by_constituency, *report.by_country]:
        for name, url in row["urls"].items():
            assert len(listed(client, url)) == getattr(row["group"], name), (row["label"], name)
    assert listed(client, report.stats[0].url) == [rows["clicked"].seq]
    assert listed(client, report.people_url("bounced")) == [rows["bounced"].seq]


def test_workers_are_total_only_and_never_listed_as_clicked(story, planner, sign_in, page):
    mailing, rows = story
    groups = {row["group"].code: row["group"] for row in page.context["report"].by_constituency}

    assert groups["WRK"].is_total_only
    assert not groups["GOV"].is_total_only
    assert "total only" in page.content.decode()
    client = sign_in(planner)
    for who in ("clicked", "opened", "machines"):
        url = page.context["report"].people_url(who, constituency="WRK")
        assert listed(client, url) == []


def test_reasons_group_what_servers_said(page):
    reasons = [(str(row["kind"]), row["said"], row["count"]) for row in page.context["report"].reasons]

    assert sorted(reasons) == [
        ("bounced later", "550 5.1.1 No such mailbox", 1),
        ("refused at once", "5.1.1 No such mailbox", 1),
    ]


def test_clicks_over_time_are_humans_and_replies(story):
    mailing, _ = story
    course = queries.course(mailing)

    assert (sum(course.clicks), sum(course.replies)) == (3, 1)
    assert course.times == sorted(course.times)
    assert len(course.times) <= queries.MOST_BARS + 1


def test_live_part_follows_and_ends_with_the_whole_page(story, planner, sign_in):
    mailing, _ = story
    client, url = sign_in(planner), reverse("mailing_report_live", args=[mailing.uid])
    type(mailing).objects.filter(pk=mailing.pk).update(state="sending", finished_at=None)

    moving = client.get(url + "?moving=1", headers={"HX-Request": "true"})
    type(mailing).objects.filter(pk=mailing.pk).update(state="finished", finished_at=timezone.now())
    ended = client.get(url + "?moving=1", headers={"HX-Request": "true"})

    assert 'hx-trigger="every 2s"' in moving.content.decode()
    assert "HX-Refresh" not in moving
    assert ended["HX-Refresh"] == "true"
    assert Report(mailing, planner).asks_every is not None


def test_report_of_a_mailing_that_was_never_frozen_leads_to_its_page(planner, sign_in):
    from tests.factories import MailingFactory

    mailing = MailingFactory()

    answer = sign_in(planner).get(reverse("mailing_report", args=[mailing.uid]))

    assert answer["Location"] == reverse("mailing_detail", args=[mailing.uid])


def test_outsider_of_the_campaign_finds_nothing(story, sign_in):
    mailing, _ = story
    stranger = UserFactory()
    GrantFactory(user=stranger, role="viewer", is_everywhere=False, campaigns=[uuid.uuid4()])
    client = sign_in(stranger)

    for name in (
        "mailing_report",
        "mailing_report_live",
        "mailing_report_people",
        "mailing_report_groups",
        "mailing_report_file",
    ):
        assert client.get(reverse(name, args=[mailing.uid])).status_code == 404


def test_user_of_some_countries_sees_their_people_only(story):
    mailing, rows = story
    viewer = UserFactory()
    GrantFactory(user=viewer, role="viewer", is_everywhere=False, countries=["TD"])
    request = RequestFactory().get("/")
    request.user = viewer

    assert set(people.rows_of(mailing, request, "audience").values_list("country_code", flat=True)) == {"TD"}


def test_list_of_people_is_exported_and_logged(story, planner, viewer, sign_in):
    mailing, rows = story
    url = reverse("mailing_report_people", args=[mailing.uid]) + "?who=bounced&export=csv"

    answer = sign_in(planner).get(url)
    lines = list(csv.reader(io.StringIO(b"".join(answer.streaming_content).decode("utf-8-sig"))))

    assert len(lines) == 2
    assert lines[1][lines[0].index("Why")] == "bounced: will never arrive: 550 5.1.1 No such mailbox"
    assert lines[1][lines[0].index("Address")] == rows["bounced"].address
    assert AuditEntry.objects.get(verb="list.exported").actor == planner
    assert sign_in(viewer).get(url).status_code == 403


def test_report_is_exported_as_figures_without_names(story, viewer, sign_in):
    mailing, rows = story

    answer = sign_in(viewer).get(reverse("mailing_report_file", args=[mailing.uid]))
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    lines = [tuple(line) for line in csv.reader(io.StringIO(text))]

    assert ("Audience", "In all", "10") in lines
    assert ("Audience", "accepted", "6") in lines
    assert ("By constituency: clicked", "Workers’ organizations", "total only") in lines or any(
        line[0] == "By constituency: clicked" and line[2] == "total only" for line in lines
    )
    assert rows["clicked"].address not in text


def test_query_count_does_not_grow_with_the_audience(planner, sign_in):
    def count(url):
        client = sign_in(planner)
        client.get(url)
        with CaptureQueriesContext(
            connection,
        ) as found:
            assert client.get(url).status_code == 200
        return len(found)

    def mailing_of(people_):
        mailing = sent_mailing()
        for number in range(people_):
            code = ConstituencyFactory().code
            country = CountryFactory().code
            row = row_of(
                mailing, constituency_code=code, country_code=country, organization_id=OrganizationFactory().pk
            )
            click(row, number=number + 1)
            feedback(row)
            TrackedLink.objects.create(mailing_id=mailing.pk, number=number + 1, url=f"https://example.org/{number}")
        return finish(mailing)

    one, three = mailing_of(1), mailing_of(3)

    for name in ("mailing_report", "mailing_report_people", "mailing_report_live"):
        small, large = (count(reverse(name, args=[mailing.uid])) for mailing in (one, three))
        assert small == large, name
        assert large <= 25, name


def test_list_of_reports_has_key_figures_at_a_constant_cost(story, planner, sign_in):
    client, url = sign_in(planner), reverse("report_list")
    client.get(url)
    with CaptureQueriesContext(connection) as one:
        page = client.get(url)
    for _ in range(2):
        finish(sent_mailing())
    with CaptureQueriesContext(connection) as three:
        assert len(client.get(url).context["lines"]) == 3

    [line] = page.context["lines"]
    assert (line.accepted, line.people.clicked, line.people.replied, line.responses.bounced) == (6, 1, 1, 1)
    assert len(one) == len(three)


def test_every_outcome_has_a_list():
    assert set(Outcome.values) <= set(people.WHO)


def test_urls_of_numbers_are_links_of_this_mailing(story, planner):
    mailing, _ = story
    url = urlsplit(Report(mailing, planner).people_url("clicked", link=3))

    assert url.path == f"/mailings/{mailing.uid}/report/people/"
    assert parse_qs(url.query) == {"who": ["clicked"], "link": ["3"]}


def test_today_shows_what_was_sent_lately(story, planner, outsider, sign_in):
    from campaigns.reports.registration import sent_lately

    client = sign_in(planner)
    assert 'hx-get="/reports/today/"' in client.get("/").content.decode()
    page = " ".join(client.get("/reports/today/").content.decode().split())

    assert "6 accepted · 1 clicked · 1 replied · 1 bounced later" in page
    assert sent_lately(outsider) is None


@pytest.mark.parametrize("query", ["who=clicked&link=²", "who=clicked&link=" + "9" * 5000, "reason=²", "reason=a%00b"])
def test_a_forged_filter_is_no_error(viewer, sign_in, query):
    mailing = sent_mailing()
    row_of(mailing)

    url = reverse("mailing_report_people", args=[mailing.uid])

    assert sign_in(viewer).get(f"{url}?{query}").status_code == 200


def test_a_file_of_people_holds_what_its_taker_may_export(sign_in):
    mailing = sent_mailing()
    mailing.drive.countries.add(CountryFactory(code="SN"))
    for code in ("SN", "ZM"):
        row_of(mailing, country_code=code)
    user = UserFactory()
    GrantFactory(user=user, role="viewer")
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["SN"])

    url = reverse("mailing_report_people", args=[mailing.uid])
    file = b"".join(sign_in(user).get(f"{url}?export=csv").streaming_content).decode()

    assert ",SN," in file
    assert ",ZM," not in file


def test_a_page_of_people_offers_the_export_with_what_it_was_narrowed_to(story, planner, viewer, sign_in):
    mailing, rows = story
    url = reverse("mailing_report_people", args=[mailing.uid]) + "?who=bounced&kind=hard_bounce&reason=550"

    page = sign_in(planner).get(url)

    asked = parse_qs(urlsplit(page.context["table"].export_url).query)
    assert asked["list"] == ["mailing_people"] and asked["arguments"] == [f'{{"mailing": "{mailing.uid}"}}']
    assert parse_qs(asked["query"][0]) == {"who": ["bounced"], "kind": ["hard_bounce"], "reason": ["550"]}
    assert "export" in sign_in(planner).get(page.context["table"].export_url).content.decode().lower()
    assert sign_in(viewer).get(url).context["table"].export_url == ""


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_people_behind_a_number_are_exported_by_a_job_too(story, planner, format, monkeypatch):
    mailing, rows = story
    monkeypatch.setattr(exporting, "AT_ONCE", 1)

    export = exporting.request_export(
        actor=planner,
        source="mailing_people",
        arguments={"mailing": str(mailing.uid)},
        query="who=accepted",
        format=format,
    )
    assert export.title == "People of a mailing: Newsletter" and not export.is_ready
    run_job(export.job.pk)

    export.refresh_from_db()
    table = exported_rows(export)
    assert export.row_count == len(table) - 1 == 6
    assert {row[table[0].index("Outcome")] for row in table[1:]} == {str(Outcome.ACCEPTED.label)}


def test_export_of_people_holds_what_its_taker_may_export(story):
    mailing, rows = story
    mailing.drive.countries.add(CountryFactory(code="TD"))
    user = UserFactory()
    GrantFactory(user=user, role="viewer")
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["TD"])

    export = exporting.request_export(actor=user, source="mailing_people", arguments={"mailing": str(mailing.uid)})

    table = exported_rows(export)
    assert {row[table[0].index("Country")] for row in table[1:]} == {"TD"}
    with pytest.raises(NotAllowed):
        exporting.request_export(
            actor=GrantFactory(role="viewer").user, source="mailing_people", arguments={"mailing": str(mailing.uid)}
        )
