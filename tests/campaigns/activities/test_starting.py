"""A drive begins from a template, is copied to other countries, and says what is left over of the old one."""

from datetime import date

import pytest
from django.urls import reverse

from campaigns.activities.blueprints import ACTION_PLAN, BLUEPRINTS
from campaigns.activities.leftovers import keep, leftovers_of
from campaigns.activities.models import Activity, Dependency, Objective, TeamMember
from campaigns.activities.starting import begin_from, copy_drive
from campaigns.activities.working_days import at_work
from campaigns.planning.models import Drive
from campaigns.positions.models import Ask
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import NotAllowed
from tests.factories import (
    ActivityFactory,
    AskFactory,
    CountryFactory,
    DriveFactory,
    GrantFactory,
    ObjectiveFactory,
    TeamMemberFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
START = date(2027, 3, 1)  # a Monday


@pytest.mark.parametrize("code", list(BLUEPRINTS))
def test_each_template_waits_only_for_earlier_steps_and_ends_after_it_begins(code):
    seen: dict[str, int] = {}
    for step in BLUEPRINTS[code].steps:
        assert step.first <= step.last
        assert all(seen[other] <= step.first for other in step.after)
        seen[step.key] = step.last


def test_a_country_action_plan_in_two_countries_and_taken_back(planner):
    drive = DriveFactory(countries=["ZM", "TD"])
    lead = TeamMemberFactory(drive=drive, role="lead").user

    entry = begin_from(actor=planner, drive=drive, blueprint=ACTION_PLAN, starts_on=START)

    each = [step for step in ACTION_PLAN.steps if step.each]
    rows = Activity.objects.filter(drive=drive)
    assert rows.count() == len(ACTION_PLAN.steps) + len(each)
    talks = rows.get(role="lead", kind="meeting", country="TD")
    assert talks.owner == lead
    before = {link.before for link in talks.depends_on.select_related("before")}
    assert {row.country_id for row in before} == {"TD", None}  # the training there, and the invitation for all
    assert all(row.due_on <= talks.starts_on for row in before)
    assert list(Objective.objects.values_list("target", flat=True)) == [2, 2]
    assert Ask.objects.filter(drive=drive).count() == 2
    assert not rows.filter(starts_on__week_day__in=[1, 7]).exists()  # nothing begins on a weekend

    begin_from(actor=planner, drive=drive, blueprint=ACTION_PLAN, starts_on=START)
    assert (Ask.objects.count(), Objective.objects.count()) == (2, 2)  # what is there by name is not made twice
    undo(entry=entry, actor=planner)
    assert rows.filter(archived_at=None).count() == len(ACTION_PLAN.steps) + len(each)
    assert Objective.objects.filter(archived_at=None).count() == 0


def test_who_plans_for_one_country_begins_there_only():
    drive = DriveFactory(countries=["ZM", "TD"])
    planner = GrantFactory(role="planner", is_everywhere=False, countries=["TD"]).user
    begin_from(actor=planner, drive=drive, blueprint=BLUEPRINTS["policy-window"], starts_on=START)
    assert set(Activity.objects.values_list("country_id", flat=True)) == {"TD", None}
    other = GrantFactory(role="planner", is_everywhere=False, countries=["ML"]).user
    with pytest.raises(NotAllowed):
        begin_from(actor=other, drive=drive, blueprint=ACTION_PLAN, starts_on=START)


def test_a_day_at_work_leaves_out_weekends_and_holidays_of_the_country():
    assert at_work(date(2027, 1, 1), "ZM") == date(2027, 1, 4)  # new year's day is a Friday
    assert at_work(date(2027, 1, 2), None) == date(2027, 1, 4)


@pytest.fixture
def old():
    """A drive of Zambia with two activities, an objective, an ask and a team."""
    drive = DriveFactory(
        name="Zambia: budget", goal="Be heard before 14 March 2026.", starts_on=date(2026, 9, 7), ends_on=date(2026, 12, 4)
    )  # fmt: skip
    days = {"starts_on": date(2026, 9, 7), "due_on": date(2026, 9, 9)}
    first = ActivityFactory(drive=drive, name="Diagnosis", country=CountryFactory(code="ZM"), note="See https://budget.gov.zm/x", state="done", done_on=date(2026, 9, 9), **days)  # fmt: skip
    ActivityFactory(drive=drive, name="Talks", after=[first], starts_on=date(2026, 9, 21), due_on=date(2026, 9, 22), owner=UserFactory())  # fmt: skip
    ActivityFactory(drive=drive, name="Radio", state="dropped")
    ObjectiveFactory(drive=drive, name="Plans", reached=3, reached_on=date(2026, 10, 1), due_on=date(2026, 11, 30))
    AskFactory(drive=drive, name="Adopt a plan", done_when="Published in Zambia’s gazette.")
    TeamMemberFactory(drive=drive, role="lead")
    return drive


def test_a_copy_shifts_days_begins_anew_and_points_out_what_is_left_over(planner, old):
    countries = [CountryFactory(code="TD", name="Chad"), CountryFactory(code="ML", name="Mali")]
    old.countries.first().__class__.objects.filter(code="ZM").update(name="Zambia")

    drive = copy_drive(
        actor=planner, source=old, name="Chad and Mali: budget", countries=countries, starts_on=date(2027, 3, 1), pattern="ZM"
    )  # fmt: skip

    assert (drive.ends_on - drive.starts_on) == (old.ends_on - old.starts_on)
    rows = {(row.name, row.country_id): row for row in Activity.objects.filter(drive=drive)}
    assert set(rows) == {("Diagnosis", "TD"), ("Diagnosis", "ML"), ("Talks", None)}
    talks = rows["Talks", None]
    assert (rows["Diagnosis", "TD"].starts_on, rows["Diagnosis", "TD"].state) == (date(2027, 3, 1), "planned")
    assert (talks.starts_on, talks.owner_id is not None) == (date(2027, 3, 15), True)
    assert Dependency.objects.filter(after=talks).count() == 2
    goal = Objective.objects.get(drive=drive)
    assert (goal.reached, goal.due_on) == (None, date(2027, 5, 24))
    assert TeamMember.objects.filter(drive=drive).count() == 1

    found = [(one.kind, one.found) for one in leftovers_of(drive)]
    assert sorted(found) == [
        ("country", "Zambia"),
        ("date", "14 March 2026"),
        ("link", "https://budget.gov.zm/x"),
        ("link", "https://budget.gov.zm/x"),
    ]
    kept = leftovers_of(drive)[0]
    entry = keep(drive=drive, actor=planner, key=kept.key)
    assert keep(drive=drive, actor=planner, key=kept.key) is None  # the second press of a double click
    drive.refresh_from_db()
    assert kept.key not in {one.key for one in leftovers_of(drive)}
    assert entry is not None
    undo(entry=entry, actor=planner)
    drive.refresh_from_db()
    assert drive.kept_leftovers == []


def test_pages_of_templates_and_copies(sign_in, planner, viewer, old):
    client = sign_in(planner)
    copy = reverse("drive_copy", args=[old.uid])
    assert "Country action plan" in client.get(reverse("template_list")).content.decode()
    assert client.get(reverse("template_list") + "?drive=nonsense").status_code == 404
    assert sign_in(viewer).post(copy, {}).status_code == 403
    CountryFactory(code="TD", name="Chad")
    data = {"name": "Chad", "starts_on": "2027-03-01", "pattern": "ZM", "countries": ["TD"]}
    assert client.post(copy, {**data, "countries": []}).status_code == 422

    response = client.post(copy, data, follow=True)

    drive = Drive.objects.get(name="Chad")
    assert "https://budget.gov.zm/x" in response.content.decode()
    leftovers = client.get(reverse("drive_leftovers", args=[drive.uid])).content.decode()
    assert f'name="key" value="{leftovers_of(drive)[0].key}"' in leftovers
    plan = reverse("drive_plan", args=[drive.uid])
    assert reverse("drive_leftovers", args=[drive.uid]) in client.get(plan).content.decode()
    begin = reverse("plan_begin", args=[drive.uid]) + "?template=awareness"
    assert client.post(begin, {"starts_on": "2027-04-05"}).headers["Location"] == plan
    assert Activity.objects.filter(drive=drive, role="expert").exists()
    assert client.post(begin, {"starts_on": "never"}).status_code == 422
    undo(entry=AuditEntry.objects.get(verb="drive.created", object_uid=drive.uid), actor=planner)
    drive.refresh_from_db()
    assert drive.archived_at is not None
