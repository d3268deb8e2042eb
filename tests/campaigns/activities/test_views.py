"""Plan, board, calendar and list of a drive, and one activity."""

import json
from datetime import date

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.activities.models import Activity, Objective, TeamMember
from campaigns.events.models import Event
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.ui import today
from tests.factories import ActivityFactory, CountryFactory, DriveFactory, EventFactory, GrantFactory, UserFactory

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def url(name: str, row: object) -> str:
    return reverse(name, args=[row.uid])  # type: ignore[attr-defined]


def activity_data(**more: object) -> dict[str, object]:
    return {"name": "Training", "kind": "meeting", "starts_on": "2026-10-06", "due_on": "2026-10-07", **more}


PAGES = ["drive_plan", "drive_board", "drive_calendar"]


@pytest.mark.parametrize("name", [*PAGES, "drive_activities"])
def test_pages_show_activities_with_as_many_queries_for_three_as_for_one(sign_in, planner, name):
    drive = DriveFactory()
    client, counts = sign_in(planner), []
    client.get(url(name, drive), follow=True)  # what is remembered for all pages
    for names in (["Diagnosis"], ["Training", "Adoption"]):
        for each in names:
            ActivityFactory(drive=drive, name=each, owner=UserFactory(), country=CountryFactory(code="ZM"))
        with CaptureQueriesContext(connection) as queries:
            response = client.get(
                url(name, drive) + ("?month=2026-10" if name == "drive_calendar" else ""), follow=True
            )
        counts.append(len(queries))
        page = response.content.decode()
        assert response.status_code == 200 and all(each in page for each in names)

    assert counts[0] == counts[1]
    assert counts[0] <= 25


@pytest.mark.parametrize("view", ["month", "quarter", "year"])
def test_calendar_from_month_to_year_and_beyond_its_edges(sign_in, viewer, view):
    activity = ActivityFactory(name="Budget brief")
    client = sign_in(viewer)

    page = client.get(url("drive_calendar", activity.drive) + f"?view={view}&month=2026-10").content.decode()

    assert "Budget brief" in page and "data-drag" not in page  # who may not plan drags nothing
    assert client.get(url("drive_calendar", activity.drive) + f"?view={view}&month=0000-99").status_code == 200
    assert client.get(url("drive_calendar", activity.drive) + f"?view={view}&month=2150-12").status_code == 200


def test_activity_is_planned_by_its_form_and_hostile_words_stay_words(sign_in, planner):
    drive = DriveFactory()
    name = "<script>alert(1)</script> \u202eabc"

    response = sign_in(planner).post(url("activity_create", drive), activity_data(name=name, owner=str(planner.uid)))

    activity = Activity.objects.get()
    assert response.headers["Location"] == url("drive_activity", activity)
    page = sign_in(planner).get(url("drive_board", drive)).content.decode()
    assert "<script>alert(1)" not in page and "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"due_on": "2026-10-01"}, "cannot be due before it begins"),
        ({"name": ""}, "required"),
        ({"country": "TD"}, "valid choice"),
        ({"after": ["01890000-0000-7000-8000-000000000000"]}, "not one of the available choices"),
        ({"starts_on": "soon"}, "valid date"),
    ],
)
def test_a_wrong_activity_is_refused_and_what_was_typed_stays(sign_in, planner, wrong, words):
    response = sign_in(planner).post(url("activity_create", DriveFactory()), activity_data(note="Kept", **wrong))

    page = response.content.decode()
    assert (response.status_code, Activity.objects.count()) == (422, 0)
    assert words in page and "Kept" in page


def test_dragging_before_what_it_depends_on_opens_the_question_and_carrying_along_answers_it(sign_in, planner):
    first = ActivityFactory(name="Diagnosis")  # 1 to 5 October
    second = ActivityFactory(
        name="Training", drive=first.drive, after=[first], starts_on=date(2026, 10, 6), due_on=date(2026, 10, 7)
    )
    client, move = sign_in(planner), url("activity_days", second)
    days = {"starts_on": "2026-10-03", "due_on": "2026-10-04"}

    asked = client.post(move, {"drag": "1", **days}, headers=HTMX)

    where = json.loads(asked.headers["HX-Trigger"])["openModal"]["url"]
    page = client.get(where).content.decode()
    assert asked.status_code == 204
    assert "before what it depends on is due: “Diagnosis”" in page and "Move the other one along" in page
    second.refresh_from_db()
    assert second.starts_on.day == 6
    done = client.post(move, {"order": "carry", **days}, headers=HTMX)
    first.refresh_from_db()
    assert "plan-moved" in done.headers["HX-Trigger"]
    assert (first.starts_on.isoformat(), first.due_on.isoformat()) == ("2026-09-29", "2026-10-03")
    assert client.post(move, {"drag": "1", "starts_on": "x"}, headers=HTMX).status_code == 422


def test_card_is_moved_by_its_menu_and_a_move_that_is_not_in_the_table_is_refused(sign_in, planner, viewer, outreach):
    activity = ActivityFactory(owner=outreach)
    where = url("activity_state", activity)

    assert sign_in(viewer).post(where, {"state": "done"}).status_code == 403
    assert sign_in(outreach).post(where, {"state": "waiting", "board": "1"}).headers["Location"] == url(
        "drive_board", activity.drive
    )
    refused = sign_in(planner).post(where, {"state": "done"}, headers=HTMX)
    assert refused.status_code == 409
    assert sign_in(planner).post(where, {"state": "gone"}, headers=HTMX).status_code == 422
    activity.refresh_from_db()
    assert activity.state == "waiting"


def test_rows_of_another_country_do_not_exist(sign_in):
    here, there = ActivityFactory(name="Here"), ActivityFactory(name="There", drive=DriveFactory(countries=["TD"]))
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    client = sign_in(user)

    assert client.get(url("drive_activity", here)).status_code == 200
    assert client.get(url("drive_activity", there)).status_code == 404
    assert client.get(url("drive_board", there.drive)).status_code == 404
    page = client.get(reverse("activity_list")).content.decode()
    assert "Here" in page and "There" not in page


def test_many_are_given_an_owner_shifted_and_nothing_without_a_choice(sign_in, planner, outreach):
    one, two = ActivityFactory(), ActivityFactory()
    client, where = sign_in(planner), reverse("activities_change")
    picked = {"pick": [str(one.uid), str(two.uid)]}

    assert client.post(where, {**picked, "change": "owner"}, headers=HTMX).status_code == 422
    client.post(where, {**picked, "change": "owner", "owner": str(outreach.uid)})
    client.post(where, {**picked, "change": "days", "days": "-2"})

    found = list(Activity.objects.values_list("owner__name", "starts_on"))
    assert found == [("Outreach", date(2026, 9, 29))] * 2
    page = client.get(
        reverse("activity_list") + f"?owner={outreach.uid}&due=late&state=planned&kind=other"
    ).content.decode()
    assert one.name in page and two.name in page
    assert client.get(reverse("activity_list") + "?owner=None").context["table"].rows == []
    assert client.get(reverse("activity_list") + "?export=csv").status_code == 200


def test_objective_and_team_by_their_forms(sign_in, planner, outreach):
    drive = DriveFactory()
    client = sign_in(planner)
    values = {"name": "Plans adopted", "baseline": "0", "target": "10", "due_on": "2026-12-01", "unit": "countries"}

    assert client.post(url("objective_create", drive), {**values, "target": "0"}).status_code == 422
    client.post(url("objective_create", drive), values)
    objective = Objective.objects.get()
    client.post(url("objective_edit", objective), {**values, "reached": "4", "reached_on": "2026-11-02"})
    client.post(url("member_add", drive), {"user": str(outreach.uid), "role": "outreach"})
    page = client.get(url("drive_plan", drive)).content.decode()

    assert "Plans adopted" in page and 'width="400.0"' in page and "Outreach" in page
    assert sign_in(outreach).post(url("member_remove", TeamMember.objects.get())).status_code == 403
    client.post(url("member_remove", TeamMember.objects.get()))
    client.post(url("objective_archive", objective))
    page = client.get(url("drive_plan", drive)).content.decode()
    assert "No objective yet" in page and "Nobody yet" in page


def test_today_names_what_one_owns_and_is_late_and_counts_the_rest(planner):
    day = timezone.localdate()
    for number in range(5):
        ActivityFactory(
            name=f"Late {number}", owner=planner, starts_on=date(2026, 1, 1), due_on=date(2026, 1, 2 + number)
        )
    ActivityFactory(owner=planner, starts_on=day, due_on=day.replace(year=day.year + 1))

    from campaigns.activities.today import coming, due, due_rows

    titles = [need.title for need in due(planner)]
    assert titles == ["Late 0", "Late 1", "Late 2", "2 more activities are due"]
    assert len(due_rows(planner)[0]) == 4
    assert due in today.NEEDS
    assert len(list(coming(planner, day, day))) == 1


def test_one_waits_for_another_dragged_or_chosen_and_a_broken_order_is_asked_about(sign_in, planner):
    first = ActivityFactory(due_on=date(2026, 10, 5))
    second = ActivityFactory(drive=first.drive, starts_on=date(2026, 10, 3), due_on=date(2026, 10, 4))
    client, there = sign_in(planner), reverse("activity_after", args=[second.uid])
    dragged = {"drag": "1", "before": str(first.uid)}

    asked = client.post(there, dragged, headers={"HX-Request": "true"})

    assert "openModal" in asked["HX-Trigger"] and not second.depends_on.exists()
    assert "Nothing was moved yet" in client.post(there, {"before": str(first.uid)}).content.decode()
    client.post(there, {"before": str(first.uid), "order": "carry"})
    second.refresh_from_db()
    assert (second.depends_on.get().before, second.starts_on) == (first, date(2026, 10, 5))
    circle = client.post(reverse("activity_after", args=[first.uid]), {"before": str(second.uid)})
    assert "which waits for it already" in circle.content.decode()
    other_drive = {"before": str(ActivityFactory().uid)}
    assert client.post(there, other_drive).status_code == 422
    undo(entry=AuditEntry.objects.filter(verb="activity.edited").latest("pk"), actor=planner)
    second.refresh_from_db()
    assert not second.depends_on.exists() and second.starts_on == date(2026, 10, 3)


def test_an_event_is_planned_for_an_activity_and_each_leads_to_the_other(sign_in, planner, viewer):
    activity = ActivityFactory(
        kind="event", name="Round table in Lusaka", starts_on=date(2027, 3, 8), due_on=date(2027, 3, 9)
    )
    client, page = sign_in(planner), reverse("drive_activity", args=[activity.uid])
    begin = f"{reverse('event_create')}?activity={activity.uid}"
    assert begin in client.get(page).content.decode()
    assert begin not in sign_in(viewer).get(page).content.decode()
    form = client.get(begin).content.decode()
    assert all(
        words in form
        for words in ("Round table in Lusaka", "round-table-in-lusaka", "2027-03-08T09:00", "2027-03-09T17:00")
    )

    data = {
        "drive": str(activity.drive.uid), "kind": "conference", "name": "Round table", "slug": "round-table", "zone": "Africa/Lusaka",
        "starts_local": "2027-03-08T09:00", "ends_local": "2027-03-09T17:00", "guests_each": "0",
    }  # fmt: skip
    client.post(begin, data)

    event = Event.objects.get()
    activity.refresh_from_db()
    assert (activity.event, activity.state) == (event, "planned")
    there = reverse("event_detail", args=[event.uid])
    assert there in client.get(page).content.decode() and begin not in client.get(page).content.decode()
    assert page in client.get(there).content.decode()
    assert client.get(begin).status_code == 404  # it has its event
    assert f'value="{event.uid}" selected' in client.get(reverse("activity_edit", args=[activity.uid])).content.decode()
    undo(entry=AuditEntry.objects.get(verb="activity.edited"), actor=planner)
    activity.refresh_from_db()
    assert activity.event is None


def test_an_event_is_one_activity_of_its_own_drive(api, planner):
    activity = ActivityFactory(kind="meeting")
    event, strange = EventFactory(drive=activity.drive), EventFactory()
    client, at = api(planner), f"/activities/{activity.uid}"

    assert client.patch(at, {"event": str(strange.uid)}, status=422).json()["code"] == "other_drive"
    assert client.patch(at, {"event": str(event.uid)}).json()["event"] == str(event.uid)
    other = ActivityFactory(kind="event", drive=activity.drive)
    client.patch(f"/activities/{other.uid}", {"event": str(event.uid)}, status=422)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActivityFactory(kind="event", drive=activity.drive, event=event)
    with pytest.raises(IntegrityError), transaction.atomic():
        ActivityFactory(kind="mailing", drive=activity.drive, event=EventFactory(drive=activity.drive))
    assert client.patch(at, {"kind": "other"}, status=422).json()["detail"]
    client.delete(at)  # out of the plan, it holds the event no longer
    assert client.patch(f"/activities/{other.uid}", {"event": str(event.uid)}).json()["event"] == str(event.uid)
