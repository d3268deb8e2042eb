"""Feeds, as two libraries that know nothing of one another read them: icalendar and vobject."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import icalendar
import pytest
import vobject
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.calendars.models import CalendarFeed
from campaigns.calendars.services import make_feed, renew_feed, revoke_feed, url_of
from campaigns.calendars.writing import Item, calendar
from campaigns.interactions.services import log_interaction
from campaigns.todo.services import add_task, complete_task
from crm.ids import new_uid
from tests.factories import (
    ActivityFactory,
    CommitmentFactory,
    DriveFactory,
    GrantFactory,
    ObjectiveFactory,
    OrganizationFactory,
)

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
ZURICH, AUCKLAND = ZoneInfo("Europe/Zurich"), ZoneInfo("Pacific/Auckland")


def path_of(feed):
    return "/" + url_of(feed).split("/", 3)[3]


def fetched(feed):
    """(by icalendar, by vobject): title → (start, end), without a session."""
    answer = Client().get(path_of(feed))
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/calendar; charset=utf-8")
    one = {
        str(e["summary"]): (e["dtstart"].dt, e["dtend"].dt)
        for e in icalendar.Calendar.from_ical(answer.content).walk("VEVENT")
    }
    other = {
        e.summary.value: (e.dtstart.value, e.dtend.value)
        for e in vobject.readOne(answer.content.decode()).contents.get("vevent", [])
    }
    assert one == other
    return one


def test_own_feed_has_tasks_meetings_and_activities_and_nobody_elses(outreach, planner):
    today = timezone.localdate()
    place = OrganizationFactory(name="Ministry, of Labour; وزارة")
    add_task(actor=outreach, title="Call", due_on=today, organization=place)
    done = add_task(actor=outreach, title="Done", due_on=today)
    complete_task(task=done, actor=outreach)
    add_task(actor=planner, title="Of another", due_on=today)
    met = log_interaction(
        actor=outreach, kind="meeting", organizations=[place], at=timezone.now() - timedelta(days=1)
    ).interaction
    ActivityFactory(name="Mine", owner=outreach, starts_on=today, due_on=today + timedelta(days=2))
    ActivityFactory(name="Theirs", owner=planner, starts_on=today, due_on=today)

    found = fetched(make_feed(actor=outreach))

    at = met.at.replace(microsecond=0)
    assert found == {
        "Call (Ministry, of Labour; وزارة)": (today, today + timedelta(days=1)),
        "✓ Done": (today, today + timedelta(days=1)),
        "Meeting with Ministry, of Labour; وزارة": (at, at + timedelta(hours=1)),
        "Mine": (today, today + timedelta(days=3)),
    }


def test_feed_of_a_drive_has_its_days_and_follows_what_its_owner_may_see(viewer):
    drive, soon = DriveFactory(), timezone.localdate() + timedelta(days=9)
    ActivityFactory(drive=drive, name="Round table", starts_on=soon, due_on=soon)
    ObjectiveFactory(drive=drive, name="Ten plans", due_on=soon)
    CommitmentFactory(drive=drive, organization__name="Ministry", due_on=soon)
    ActivityFactory(name="Of another drive", starts_on=soon, due_on=soon)
    feed = make_feed(actor=viewer, drive=drive)

    assert set(fetched(feed)) == {"Round table", "Objective due: Ten plans", "Promise due: Ministry"}
    viewer.grants.all().delete()
    assert Client().get(path_of(feed)).status_code == 404


def test_moments_are_right_on_both_sides_of_a_change_of_clocks_and_far_away():
    items = [
        Item(new_uid(), "meeting", name, NOW, at, at + timedelta(hours=1))
        for name, at in {
            "summer": datetime(2026, 10, 24, 9, tzinfo=ZURICH), "winter": datetime(2026, 10, 26, 9, tzinfo=ZURICH),
            "far": datetime(2026, 9, 27, 9, tzinfo=AUCKLAND),
        }.items()
    ]  # fmt: skip
    content = calendar("Clocks", items)

    for events in (
        {str(e["summary"]): e["dtstart"].dt for e in icalendar.Calendar.from_ical(content).walk("VEVENT")},
        {e.summary.value: e.dtstart.value for e in vobject.readOne(content.decode()).contents["vevent"]},
    ):
        assert [events[name].astimezone(ZURICH).hour for name in ("summer", "winter")] == [9, 9]
        assert [events[name].astimezone(UTC).hour for name in ("summer", "winter")] == [7, 8]
        assert events["far"].astimezone(AUCKLAND).hour == 9
    assert b"VTIMEZONE" not in content


def test_text_that_is_long_hostile_or_many_lines_stays_one_event():
    evil = "Ünïcode 🎪 " * 12 + "\u202eexe\r\nEND:VCALENDAR\r\nBEGIN:VEVENT; a, b\\c"
    item = Item(
        new_uid(), "task", evil, NOW, date(2026, 11, 2), text=evil + "\nsecond line", url="https://x.test/?a=1;b,2"
    )

    content = calendar("Name\r\nX-EVIL:1", [item])

    lines = content.split(b"\r\n")
    assert max(map(len, lines)) <= 75
    assert content.endswith(b"END:VCALENDAR\r\n")
    assert not [line for line in lines if line.startswith(b"X-EVIL")]
    [event] = icalendar.Calendar.from_ical(content).walk("VEVENT")
    [other] = vobject.readOne(content.decode()).contents["vevent"]
    assert str(event["summary"]) == other.summary.value
    assert "END:VCALENDAR BEGIN:VEVENT; a, b\\c" in str(event["summary"])
    assert "\u202e" not in str(event["summary"])
    assert str(event["description"]).endswith("\nsecond line")


def test_feed_that_says_the_same_is_the_same_and_an_event_keeps_its_uid(outreach):
    task = add_task(actor=outreach, title="Call", due_on=timezone.localdate())
    feed = make_feed(actor=outreach)
    first, second = (Client().get(path_of(feed)).content for _time in range(2))
    task.title = "Call again"
    task.save()
    third = Client().get(path_of(feed)).content

    uids = [[str(e["uid"]) for e in icalendar.Calendar.from_ical(text).walk("VEVENT")] for text in (first, third)]
    assert first == second
    assert first != third
    assert uids == [[f"task-{task.uid}@groundswell"]] * 2
    assert b"DTSTAMP:" in first


def test_address_that_was_revoked_renewed_guessed_or_broken_answers_alike(outreach):
    feed = make_feed(actor=outreach)
    old = path_of(feed)
    new = renew_feed(feed=feed, actor=outreach)
    guessed = path_of(CalendarFeed(uid=new_uid(), user=outreach))
    broken = path_of(new).replace(".ics", "x.ics")

    assert make_feed(actor=outreach) == new  # there is one
    assert Client().get(path_of(new)).status_code == 200
    assert {Client().get(path).status_code for path in (old, guessed, broken, "/calendar/x.ics")} == {404}
    revoke_feed(feed=new, actor=outreach)
    assert revoke_feed(feed=new, actor=outreach) is None
    assert Client().get(path_of(new)).status_code == 404


def test_feed_of_somebody_who_left_is_none(outreach):
    feed = make_feed(actor=outreach)
    outreach.is_active = False
    outreach.save()

    assert Client().get(path_of(feed)).status_code == 404


def test_page_makes_renews_and_revokes_ones_own_addresses_alone(sign_in, outreach, planner):
    client, page = sign_in(outreach), reverse("calendar_feeds")
    client.post(reverse("calendar_feed_make"))
    feed = CalendarFeed.objects.get()

    assert url_of(feed) in client.get(page).content.decode()
    assert sign_in(planner).post(reverse("calendar_feed_revoke", args=[feed.uid])).status_code == 404
    client.post(reverse("calendar_feed_renew", args=[feed.uid]))
    now = CalendarFeed.objects.alive().get()
    assert now != feed
    client.post(reverse("calendar_feed_revoke", args=[now.uid]))
    assert not CalendarFeed.objects.alive().exists()
    drive = DriveFactory(countries=["TD"])
    limited = GrantFactory(role="viewer", is_everywhere=False, countries=["ZM"]).user
    assert sign_in(limited).post(reverse("calendar_feed_make"), {"drive": str(drive.uid)}).status_code == 404
    assert client.post(reverse("calendar_feed_make"), {"drive": "nothing"}).status_code == 404
