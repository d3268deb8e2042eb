"""Policy windows: kept, followed by tasks, taken in from calendars and tables, and seen where they count."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.activities.marks import marks_of
from campaigns.planning.windows import next_windows
from campaigns.todo.models import Task
from campaigns.windows import services
from campaigns.windows.leads import read_leads
from campaigns.windows.models import PolicyWindow
from campaigns.windows.queries import coming
from campaigns.windows.reading import read
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid, NotAllowed
from tests.factories import CountryFactory, DriveFactory, GrantFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()
FAR = TODAY + timedelta(days=100)
ICS = """BEGIN:VCALENDAR
VERSION:2.0
BEGIN:VEVENT
UID:one@parliament.zm
SUMMARY:Budget debate
LOCATION:Parliament Buildings\\, Lusaka\\, Zambia
DTSTART;VALUE=DATE:{first}
DTEND;VALUE=DATE:{after}
END:VEVENT
BEGIN:VEVENT
UID:two@example.org
DTSTART;TZID=Nowhere/At_All:notadate
SUMMARY:Broken one
END:VEVENT
BEGIN:VEVENT
UID:three@example.org
SUMMARY:World Day of Social Justice
DTSTART;VALUE=DATE:20200220
RRULE:FREQ=YEARLY
END:VEVENT
END:VCALENDAR
"""


def keep(planner, **values):
    given = {"name": "Budget debate", "kind": "budget", "starts_on": FAR, "ends_on": FAR, **values}
    return services.create_window(actor=planner, **given)


def ics(first=FAR, days=3):
    return ICS.format(first=f"{first:%Y%m%d}", after=f"{first + timedelta(days=days):%Y%m%d}")


def test_lead_times_become_tasks_that_move_with_the_window_and_go_with_it(planner):
    window = keep(planner, leads=[(60, "Brief"), (14, "Calls")], owner=planner)
    assert [(t.title, t.due_on, t.assignee) for t in Task.objects.order_by("due_on")] == [
        ("Brief · before: Budget debate", FAR - timedelta(60), planner),
        ("Calls · before: Budget debate", FAR - timedelta(14), planner),
    ]

    entry = services.edit_window(
        window=window, actor=planner, starts_on=FAR + timedelta(7), ends_on=FAR + timedelta(7), leads=[(60, "Brief")]
    )
    assert [(t.due_on, t.is_open) for t in Task.objects.order_by("due_on")] == [
        (FAR - timedelta(53), True),
        (FAR - timedelta(14), False),
    ]
    assert entry is not None
    undo(entry=entry, actor=planner)
    assert Task.objects.open().count() == 2
    archived = services.archive_window(window=window, actor=planner)
    assert services.archive_window(window=window, actor=planner) is None
    assert not Task.objects.open().exists()
    undo(entry=archived, actor=planner)
    assert Task.objects.open().count() == 2
    undo(entry=AuditEntry.objects.get(verb="policywindow.created"), actor=planner)
    assert not Task.objects.open().exists() and not PolicyWindow.objects.live().exists()


@pytest.mark.parametrize(
    ("text", "words"), [("soon: call", "Line 1"), ("14: Call\n900: Brief", "Line 2"), ("14:", "Line 1")], ids=["word", "far", "empty"]
)  # fmt: skip
def test_a_lead_time_that_cannot_be_is_named_by_its_line(text, words):
    with pytest.raises(Invalid, match=words):
        read_leads(text)


def test_the_same_window_twice_and_one_that_ends_before_it_begins_are_refused(planner):
    keep(planner)
    with pytest.raises(Invalid, match="there already"):
        keep(planner, name="budget DEBATE")
    with pytest.raises(Invalid, match="before it begins"):
        keep(planner, name="Other", ends_on=FAR - timedelta(1))
    assert PolicyWindow.objects.count() == 1


def test_who_plans_for_one_country_keeps_windows_there_and_sees_those_of_all():
    zambia, chad = CountryFactory(code="ZM"), CountryFactory(code="TD")
    everywhere = GrantFactory(role="planner").user
    here = GrantFactory(role="planner", is_everywhere=False, countries=["ZM"]).user
    world, there = keep(everywhere, name="Conference"), keep(everywhere, name="Election", country=chad)
    mine = keep(here, country=zambia)

    assert set(PolicyWindow.objects.visible_to(here)) == {world, mine}
    for country in (None, chad):
        with pytest.raises(NotAllowed):
            keep(here, name="Mine", country=country)
    with pytest.raises(NotAllowed):
        services.edit_window(window=there, actor=here, name="Moved")


def test_windows_count_in_the_worklist_the_calendar_and_what_is_coming(planner):
    drive = DriveFactory(countries=["ZM", "TD"])
    zambia = drive.countries.get(code="ZM")
    keep(planner, country=zambia, starts_on=TODAY + timedelta(9), ends_on=TODAY + timedelta(9), is_expected=True)
    keep(planner, name="Conference", starts_on=TODAY + timedelta(5), ends_on=TODAY + timedelta(30))
    keep(planner, name="Past", starts_on=TODAY - timedelta(5), ends_on=TODAY - timedelta(5))
    keep(planner, name="Elsewhere", country=CountryFactory(code="ML"), starts_on=TODAY + timedelta(1), ends_on=TODAY + timedelta(1))  # fmt: skip

    with CaptureQueriesContext(connection) as queries:
        found = next_windows(drive, ["ZM", "TD"], TODAY)
    assert {code: window.title for code, window in found.items()} == {"ZM": "Conference", "TD": "Conference"}
    assert len(queries) == 1
    shown = [(mark.on, mark.label) for mark in marks_of(drive, TODAY, TODAY + timedelta(20), planner) if mark.kind == "warn"]  # fmt: skip
    assert shown == [
        (TODAY + timedelta(5), "Conference"),
        (TODAY + timedelta(9), f"Budget debate (expected) · {zambia.label}"),
    ]
    assert [item.title for item in coming(planner, TODAY, TODAY + timedelta(14))] == [label for _day, label in shown]


# --- files ------------------------------------------------------------------------------------------------------------
def test_a_calendar_is_read_event_by_event_and_nothing_is_lost():
    zambia = CountryFactory(code="ZM", name="Zambia")

    found = read(ics(), country=None, kind="other", today=TODAY)

    first, *yearly = found.found
    assert (first.name, first.kind, first.country, first.starts_on, first.ends_on) == (
        "Budget debate", "budget", zambia, FAR, FAR + timedelta(2),
    )  # fmt: skip
    assert {(one.starts_on.month, one.starts_on.day) for one in yearly} == {(2, 20)}
    assert 2 <= len(yearly) <= 3 and all(one.starts_on >= TODAY for one in yearly)
    assert [(one.line, one.text) for one in found.wrong] == [(10, "Broken one")]
    again = read(found.rest, country=None, kind="other", today=TODAY)
    assert (again.found, len(again.wrong)) == ([], 1)


TABLE = """country;name;from;until;kind;lead times
ZM;Budget debate;2027-10-01;2027-10-05;budget;60: Brief | 14: Call
Atlantis;Election;2027-05-01;;election;
Zambia;Anniversary;01/02/2027;;;
Zambia;"Labour
conference";1 June 2027;2027-05-01;;
"""


def test_a_table_is_read_line_by_line_with_each_error_in_words():
    zambia = CountryFactory(code="ZM", name="Zambia")

    found = read(TABLE, country=None, kind="other", today=TODAY)

    assert [(one.name, one.country, one.leads) for one in found.found] == [
        ("Budget debate", zambia, ((60, "Brief"), (14, "Call")))
    ]
    assert [(one.line, one.why[:24]) for one in found.wrong] == [
        (3, "no country is called “At"),
        (4, "“01/02/2027” is no day a"),
        (5, "it ends before it begins"),
    ]
    assert found.rest.startswith("country;name") and "conference" in found.rest and "Budget" not in found.rest


@pytest.mark.parametrize(
    ("text", "words"),
    [("", "Paste something"), ("a,b\n1,2", "first line must name"), ("BEGIN:VCALENDAR\nEND:VCALENDAR", "no event"), ("x" * 1_000_001, "million")],
    ids=["nothing", "heads", "no events", "too long"],
)  # fmt: skip
def test_what_is_neither_calendar_nor_table_is_refused(text, words):
    with pytest.raises(Invalid, match=words):
        read(text, country=None, kind="other", today=TODAY)


def test_a_file_is_taken_in_once_its_events_move_and_all_is_taken_back(planner):
    CountryFactory(code="ZM", name="Zambia")
    leads = [(30, "Brief")]

    def take(text):
        found = read(text, country=None, kind="other", today=TODAY).found
        return services.take_in(actor=planner, found=found, origin="ics", leads=leads)

    first = take(ics())
    assert (first.added, first.moved, first.known) == (PolicyWindow.objects.count(), 0, 0)
    again = take(ics())
    assert (again.entry, again.added, again.known) == (None, 0, first.added)
    moved = take(ics(first=FAR + timedelta(7)))
    assert (moved.added, moved.moved) == (0, 1)
    budget = PolicyWindow.objects.get(external_id="one@parliament.zm")
    assert budget.starts_on == FAR + timedelta(7)
    assert Task.objects.get(source_uid=budget.uid).due_on == FAR - timedelta(23)
    undo(entry=moved.entry, actor=planner)
    budget.refresh_from_db()
    assert budget.starts_on == FAR
    undo(entry=first.entry, actor=planner)
    assert not PolicyWindow.objects.live().exists() and not Task.objects.open().exists()


# --- pages and API ----------------------------------------------------------------------------------------------------
def test_pages_of_windows(sign_in, planner, viewer):
    client = sign_in(planner)
    data = {"name": "<b>Debate</b>", "kind": "budget", "country": "", "starts_on": str(FAR), "leads": "30: Brief"}
    assert sign_in(viewer).post(reverse("window_create"), data).status_code == 403
    refused = client.post(reverse("window_create"), {**data, "leads": "whenever: Brief"})
    assert refused.status_code == 422 and "Line 1 of the lead times" in refused.content.decode()
    page = client.post(reverse("window_create"), data, follow=True).content.decode()
    assert "&lt;b&gt;Debate" in page and "30 days before" in page
    window = PolicyWindow.objects.get()
    drive = DriveFactory()
    shown = client.get(reverse("drive_windows", args=[drive.uid]), follow=True).content.decode()
    assert "&lt;b&gt;Debate" in shown and "Pages of this drive" in shown
    stale = {**data, "name": "Other", "seen_at": "2020-01-01T00:00:00+00:00"}
    assert client.post(reverse("window_edit", args=[window.uid]), stale).status_code == 422
    counts = []
    for n in (0, 2):
        for k in range(n):
            keep(planner, name=f"Window {k}")
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("window_list"))
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 25


def test_wrong_lines_stay_in_the_field_until_they_are_mended(sign_in, planner):
    CountryFactory(code="ZM", name="Zambia")
    client, url = sign_in(planner), reverse("window_import")

    refused = client.post(url, {"text": TABLE, "kind": "other"})
    assert refused.status_code == 422 and not PolicyWindow.objects.exists()
    assert "Atlantis" in refused.content.decode() and "Take the 1 that is right" in refused.content.decode()
    taken = client.post(url, {"text": TABLE, "kind": "other", "take": "right"})
    rest = taken.content.decode()
    assert PolicyWindow.objects.count() == 1 and "Atlantis" in rest and "Budget debate;2027" not in rest
    mended = "name,from\nWorld day,2027-02-20\n"
    assert client.post(url, {"text": mended, "kind": "anniversary"}).status_code == 302
    assert PolicyWindow.objects.get(name="World day").kind == "anniversary"


def test_windows_over_the_api(api, planner, viewer):
    client = api(planner)
    data = {"name": "Election", "kind": "election", "starts_on": str(FAR), "leads": [{"days": 20, "title": "Brief"}]}

    made = client.post("/policy-windows", data, status=201).json()

    assert (made["ends_on"], made["leads"]) == (str(FAR), data["leads"])
    assert [row["uid"] for row in client.get("/policy-windows?ahead=true").json()["data"]] == [made["uid"]]
    assert client.patch(f"/policy-windows/{made['uid']}", {"ends_on": "2020-01-01"}, status=422)
    assert client.patch(f"/policy-windows/{made['uid']}", {"leads": []}).json()["leads"] == []
    client.delete(f"/policy-windows/{made['uid']}", status=204)
    client.get(f"/policy-windows/{made['uid']}", status=404)
    api(viewer).post("/policy-windows", data, status=403)


def test_calendars_and_tables_are_taken_in_over_the_api(api, planner, viewer):
    CountryFactory(code="ZM", name="Zambia")
    client = api(planner)
    table = f"country,name,from,lead times\nZM,Budget speech,{FAR},30 Brief\n"
    wrong = table + "ZM,Nothing,some day,\n"

    refused = client.post("/policy-windows/take-in", {"text": wrong}, status=422).json()
    assert [row["line"] for row in refused["unread"]] == [3]
    assert not PolicyWindow.objects.exists()
    api(viewer).post("/policy-windows/take-in", {"text": table}, status=403)
    taken = client.post("/policy-windows/take-in", {"text": wrong, "only_right": True}).json()
    again = client.post("/policy-windows/take-in", {"text": table}).json()
    assert ([taken[name] for name in ("added", "moved", "known")], len(taken["unread"])) == ([1, 0, 0], 1)
    assert [again[name] for name in ("added", "moved", "known")] == [0, 0, 1]
    assert (Task.objects.get().title.startswith("Brief"), Task.objects.get().assignee) == (True, planner)

    calendar = client.post("/policy-windows/take-in", {"text": ics(), "only_right": True, "kind": "session"}).json()
    assert calendar["added"] >= 1
    client.post("/policy-windows/take-in", {"text": "neither", "country": "ZM"}, status=422)
