"""What `bench pages` measures: ten real pages, with a campaign that has run for a while behind them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.delivery.auditing import audit
from campaigns.planning import bench
from campaigns.planning.bench_world import make_world
from campaigns.reports import queries as report
from contacts.directory.volume import make_people
from contacts.reach.services import refresh
from crm.request_timing import get

pytestmark = pytest.mark.django_db


@pytest.fixture
def world():
    made = make_world(make_people(4000).topic, smaller=2, mailings=30)
    refresh(seconds=60)
    return made


def test_mailing_behind_the_pages_was_sent_and_answered_as_a_real_one(world):
    deeds = report.deeds(world.sent.pk)

    assert audit(world.sent).problems == []
    assert 700 < world.sent.audience_count < 900  # a fifth of the people
    assert deeds.people.clicked > 50
    assert deeds.people.opened > 100
    assert deeds.people.machines > 0
    assert deeds.people.replied > 0
    assert deeds.responses.bounced > 0
    assert report.reasons(world.sent.pk)
    assert report.course(world.sent)


def test_every_page_that_is_measured_answers_both_users_in_25_queries(world, monkeypatch):
    monkeypatch.setattr("campaigns.delivery.views.SHOWN_AT_ONCE", 0)  # as with the large audience that is measured
    assert len(bench.main_pages(world)) == 10
    over, seen = {}, set()
    for user in (world.everything, world.limited):
        client = bench.client_of(user)
        for name, urls in bench.all_pages(world, client):
            seen.add(name)
            for url in urls:
                get(
                    client, url
                )  # raises for any answer but 200; a pre-flight counts its audience once in half a minute
                with CaptureQueriesContext(connection) as captured:
                    get(client, url)
                if len(captured) > bench.QUERIES:
                    over[url, user.email] = len(captured)
    assert over == {}
    assert {"report", "today, a moment later", "pre-flight"} <= seen
