import smtplib
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from campaigns.todo import reminding
from campaigns.todo.absences import add_absence, cancel_absence
from campaigns.todo.models import Task
from campaigns.todo.queries import covered_by, deputies
from campaigns.todo.repeating import next_day
from campaigns.todo.services import (
    add_task,
    complete_task,
    drop_task,
    edit_task,
    hand_over_task,
    postpone_task,
)
from campaigns.todo.today import tasks_due
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from tests.factories import GrantFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db
TODAY = date(2027, 3, 10)
NINE = datetime(2027, 3, 10, 9, tzinfo=UTC)


def officer(**values):
    user = UserFactory(**values)
    GrantFactory(user=user, role="outreach")
    return user


@pytest.mark.parametrize(
    ("repeat", "anchor", "after", "expected"),
    [
        ("day", date(2027, 3, 1), date(2027, 3, 10), date(2027, 3, 11)),
        ("week", date(2027, 3, 1), date(2027, 3, 8), date(2027, 3, 15)),
        ("fortnight", date(2027, 3, 1), date(2027, 3, 14), date(2027, 3, 15)),
        ("month", date(2027, 1, 31), date(2027, 2, 28), date(2027, 3, 31)),
        ("month", date(2027, 1, 31), date(2027, 1, 31), date(2027, 2, 28)),
        ("quarter", date(2027, 1, 31), date(2027, 4, 1), date(2027, 4, 30)),
        ("year", date(2028, 2, 29), date(2028, 2, 29), date(2029, 2, 28)),
        ("year", date(2028, 2, 29), date(2031, 6, 1), date(2032, 2, 29)),
        ("month", date(2020, 5, 15), date(2027, 3, 15), date(2027, 4, 15)),
    ],
)
def test_next_day_of_a_rhythm(repeat, anchor, after, expected):
    assert next_day(repeat=repeat, anchor=anchor, after=after) == expected


def test_a_repeated_task_is_there_again_once_and_undo_takes_the_next_away(outreach):
    today = timezone.localdate()
    task = add_task(actor=outreach, title="Ring the union", due_on=today, repeat="week")

    entry = complete_task(task=task, actor=outreach)
    assert complete_task(task=task, actor=outreach) is None

    following = Task.objects.open().get()
    assert (following.title, following.due_on, following.series) == (
        "Ring the union",
        today + timedelta(days=7),
        task.series,
    )
    undo(entry=entry, actor=outreach)
    assert list(Task.objects.open()) == [task]
    complete_task(task=task, actor=outreach)
    assert Task.objects.open().get().due_on == today + timedelta(days=7)


def test_task_is_put_off_handed_on_and_dropped_each_with_undo(outreach, planner):
    task = add_task(actor=outreach, title="  Send \n the draft ", due_on=TODAY)
    assert task.title == "Send the draft"

    later = postpone_task(task=task, actor=outreach, until=TODAY + timedelta(days=3))
    given = hand_over_task(task=task, actor=outreach, to=planner)
    task.refresh_from_db()
    assert (task.due_on, task.assignee) == (TODAY + timedelta(days=3), planner)
    undo(entry=given, actor=outreach)
    undo(entry=later, actor=outreach)
    task.refresh_from_db()
    assert (task.due_on, task.assignee) == (TODAY, outreach)

    dropped = drop_task(task=task, actor=outreach)
    with pytest.raises(Conflict):
        postpone_task(task=task, actor=outreach, until=TODAY)
    undo(entry=dropped, actor=outreach)
    assert list(Task.objects.open()) == [task]


def test_what_cannot_be_a_task_is_refused(outreach, outsider):
    far = OrganizationFactory(country__code="TD")
    near = GrantFactory(role="outreach", is_everywhere=False, countries=["ZM"]).user
    with pytest.raises(Invalid):
        add_task(actor=outreach, title="  ", due_on=TODAY)
    with pytest.raises(Invalid, match="cannot sign in"):
        add_task(actor=outreach, title="Write", due_on=TODAY, assignee=outsider)
    with pytest.raises(NotAllowed):
        add_task(actor=near, title="Write", due_on=TODAY, organization=far)
    assert not Task.objects.exists()


def test_edit_of_what_another_changed_meanwhile_is_refused(outreach, planner):
    task = add_task(actor=outreach, title="Write", due_on=TODAY)
    edit_task(task=task, actor=planner, title="Call")

    with pytest.raises(StaleEdit):
        edit_task(task=task, actor=outreach, seen={"title": "Write"}, title="Visit")

    task.refresh_from_db()
    assert task.title == "Call"


# --- away ---------------------------------------------------------------------------------------------------------------------
def test_deputy_has_the_work_while_somebody_is_away_and_not_a_day_longer():
    ana, ben, carla = officer(), officer(), officer()
    add_absence(actor=ana, user=ana, deputy=ben, starts_on=TODAY, ends_on=TODAY + timedelta(days=2))

    assert covered_by(ben, TODAY) == [ben.pk, ana.pk]
    assert covered_by(ana, TODAY) == []
    assert covered_by(ben, TODAY + timedelta(days=3)) == [ben.pk]
    # the deputy is away as well: it goes on to theirs
    away = add_absence(actor=ben, user=ben, deputy=carla, starts_on=TODAY, ends_on=TODAY)
    assert deputies(TODAY) == {ana.pk: carla.pk, ben.pk: carla.pk}
    cancel_absence(absence=away, actor=ben)
    # a circle: everybody keeps their own
    add_absence(actor=ben, user=ben, deputy=ana, starts_on=TODAY, ends_on=TODAY)
    assert deputies(TODAY) == {}


def test_absences_that_make_no_sense_are_refused(planner, viewer):
    ana, ben = officer(), officer()
    add_absence(actor=ana, user=ana, deputy=ben, starts_on=TODAY, ends_on=TODAY + timedelta(days=9))

    for values in (
        {"actor": ana, "deputy": ben, "starts_on": TODAY + timedelta(days=9), "ends_on": TODAY + timedelta(days=12)},
        {"actor": ana, "deputy": ben, "starts_on": TODAY + timedelta(days=30), "ends_on": TODAY + timedelta(days=29)},
        {"actor": ana, "deputy": ana, "starts_on": TODAY + timedelta(days=30), "ends_on": TODAY + timedelta(days=31)},
        {
            "actor": ana,
            "deputy": viewer,
            "starts_on": TODAY + timedelta(days=30),
            "ends_on": TODAY + timedelta(days=31),
        },
    ):
        with pytest.raises(Invalid):
            add_absence(user=ana, **values)
    with pytest.raises(NotAllowed):
        add_absence(
            actor=ben, user=ana, deputy=ben, starts_on=TODAY + timedelta(days=40), ends_on=TODAY + timedelta(days=41)
        )
    assert ana.absences.count() == 1


# --- reminders ----------------------------------------------------------------------------------------------------------------
def test_morning_mail_tells_each_reader_once_of_what_is_due():
    ana, ben = officer(name="Ana", email="ana@labour-office.net"), officer(name="Ben", email="ben@labour-office.net")
    add_task(actor=ana, title="Call the ministry", due_on=TODAY)
    add_task(actor=ana, title="Last week's letter", due_on=TODAY - timedelta(days=2))
    add_task(actor=ana, title="Tomorrow", due_on=TODAY + timedelta(days=1))
    add_task(actor=ben, title="Of Ben", due_on=TODAY)
    add_absence(actor=ben, user=ben, deputy=ana, starts_on=TODAY, ends_on=TODAY)

    assert reminding.mail_reminders(now=NINE) == 1
    assert reminding.mail_reminders(now=NINE + timedelta(hours=1)) == 0

    [letter] = mail.outbox
    assert (letter.to, letter.subject) == (["ana@labour-office.net"], "3 tasks are due today")
    assert "Call the ministry" in letter.body
    assert "was due on" in letter.body
    assert "for Ben, who is away" in letter.body
    assert "Tomorrow" not in letter.body


def test_reminder_waits_for_the_morning_where_the_reader_is():
    tonga = officer(email="tevita@labour-office.net", time_zone="Pacific/Tongatapu")  # UTC+13
    add_task(actor=tonga, title="Call", due_on=TODAY)

    assert reminding.mail_reminders(now=datetime(2027, 3, 9, 17, tzinfo=UTC)) == 0  # six in the morning there
    assert reminding.mail_reminders(now=datetime(2027, 3, 9, 18, tzinfo=UTC)) == 1  # seven
    assert [letter.to for letter in mail.outbox] == [["tevita@labour-office.net"]]


def test_reminder_that_did_not_go_is_tried_again_and_given_up_in_the_end(monkeypatch):
    ana = officer(email="ana@labour-office.net")
    task = add_task(actor=ana, title="Call", due_on=TODAY)

    def refuse(**kwargs):
        raise smtplib.SMTPException("451 later")

    monkeypatch.setattr(reminding, "send_mail", refuse)
    moment, tries = NINE, 0
    while tries < 10:
        reminding.mail_reminders(now=moment)
        task.refresh_from_db()
        if task.reminded_at:
            break
        assert reminding.mail_reminders(now=moment) == 0
        tries, moment = tries + 1, task.remind_after
    assert tries == len(reminding.WAITS)


# --- screens ------------------------------------------------------------------------------------------------------------------
def test_tasks_on_their_page_on_today_and_on_the_institutions(sign_in, outreach, planner):
    today = timezone.localdate()
    ministry = OrganizationFactory(name="Ministry")
    client = sign_in(outreach)
    created = client.post(
        reverse("task_create"),
        {
            "title": "Send the draft",
            "due_on": today.isoformat(),
            "assignee": outreach.uid,
            "about": [f"organization:{ministry.uid}"],
        },
    )
    task = Task.objects.get()
    add_task(actor=planner, title="Of the planner", due_on=today)

    assert created.status_code == 302
    page = client.get(reverse("task_list")).content.decode()
    assert "Send the draft" in page
    assert "Of the planner" not in page
    assert "Of the planner" in client.get(reverse("task_list") + "?tab=all").content.decode()
    assert "Send the draft" in client.get(reverse("organization_detail", args=[ministry.uid])).content.decode()
    assert [need.title for need in tasks_due(outreach)] == ["Send the draft"]
    assert client.post(reverse("task_postpone", args=[task.uid]), {"days": "7"}).status_code == 302
    task.refresh_from_db()
    assert task.due_on == today + timedelta(days=7)
    client.post(reverse("task_done", args=[task.uid]))
    client.post(reverse("task_done", args=[task.uid]))
    assert "Send the draft" in client.get(reverse("task_list") + "?tab=done").content.decode()
    assert list(tasks_due(outreach)) == []


def test_task_out_of_scope_is_not_there_and_a_viewer_changes_none(sign_in, viewer, planner):
    task = add_task(actor=planner, title="Secret", due_on=TODAY, organization=OrganizationFactory(country__code="TD"))
    near = GrantFactory(role="outreach", is_everywhere=False, countries=["ZM"]).user

    assert sign_in(near).post(reverse("task_done", args=[task.uid])).status_code == 404
    assert sign_in(viewer).post(reverse("task_done", args=[task.uid])).status_code == 403
    task.refresh_from_db()
    assert task.done_at is None


def test_absence_by_its_page(sign_in, outreach, planner):
    today = timezone.localdate()
    data = {"user": outreach.uid, "deputy": planner.uid, "starts_on": today.isoformat(), "ends_on": today.isoformat()}
    client = sign_in(outreach)

    assert client.post(reverse("absence_create"), data).status_code == 302
    assert client.post(reverse("absence_create"), data).status_code == 422
    page = client.get(reverse("absence_list")).content.decode()
    assert "Planner stands in" in page
    assert client.post(reverse("absence_cancel", args=[outreach.absences.get().uid])).status_code == 302
    assert "Everybody is here" in client.get(reverse("absence_list")).content.decode()


def test_tasks_by_the_api(api, outreach):
    client = api(outreach)

    made = client.post("/tasks", {"title": "Write", "due_on": "2027-03-10", "repeat": "month"}).json()
    assert client.patch(f"/tasks/{made['uid']}", {"due_on": "2027-03-12"}).json()["due_on"] == "2027-03-12"
    client.post(f"/tasks/{made['uid']}/complete", {}, status=200)
    assert client.post(f"/tasks/{made['uid']}/complete", {}, status=200).json()["done_at"]

    open_ones = client.get("/tasks?open=true").json()["data"]
    assert [row["title"] for row in open_ones] == ["Write"]
    client.delete(f"/tasks/{open_ones[0]['uid']}")
    assert client.get("/tasks?open=true").json()["data"] == []
    client.post("/tasks", {"title": "Write", "due_on": "2027-03-10", "organization": made["uid"]}, status=422)


def test_absences_by_the_api_are_those_of_the_screens(api, outreach, planner, viewer):
    client, days = api(outreach), {"starts_on": "2027-03-01", "ends_on": "2027-03-05"}

    made = client.post("/absences", {"deputy": str(planner.uid), **days}).json()
    assert (made["user"], made["deputy"]) == (str(outreach.uid), str(planner.uid))
    client.post("/absences", {"deputy": str(planner.uid), **days}, status=422)  # these days are said already
    client.post("/absences", {"user": str(planner.uid), "deputy": str(outreach.uid), **days}, status=403)
    assert [row["uid"] for row in api(viewer).get("/absences?on=2027-03-05").json()["data"]] == [made["uid"]]
    assert api(viewer).get("/absences?on=2027-03-06").json()["data"] == []
    api(viewer).delete(f"/absences/{made['uid']}", status=403)
    api(viewer).get("/absences?on=tomorrow", status=400)

    client.delete(f"/absences/{made['uid']}")
    assert client.get("/absences?cancelled=true").json()["data"][0]["cancelled_at"]
    assert client.get(f"/absences?on=2027-03-02&user={outreach.uid}").json()["data"] == []
