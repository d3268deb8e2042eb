"""Activities: what is kept, refused, carried along and taken back."""

from datetime import date

import pytest
from django.db import IntegrityError, transaction

from campaigns.activities import goals, services
from campaigns.activities.models import Activity, Dependency, Objective
from campaigns.activities.services import Order, OrderBroken
from campaigns.activities.states import MOVES, State
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit, WrongState
from tests.factories import ActivityFactory, CountryFactory, DriveFactory, GrantFactory, MailingFactory, UserFactory

pytestmark = pytest.mark.django_db


def october(first: int, last: int) -> dict[str, date]:
    return {"starts_on": date(2026, 10, first), "due_on": date(2026, 10, last)}


def span(activity: Activity) -> tuple[int, int]:
    activity.refresh_from_db()
    return activity.starts_on.day, activity.due_on.day


def test_activity_is_planned_with_what_it_depends_on(planner):
    first = ActivityFactory(name="Diagnosis")

    made = services.create_activity(
        actor=planner, drive=first.drive, name="Training", kind="meeting", owner=planner, after=[first], **october(6, 7)
    )

    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.object_uid) == ("activity.created", made.uid)
    assert entry.changes.get(field="depends_on").after == [str(first.uid)]
    undo(entry=entry, actor=planner)
    made.refresh_from_db()
    assert made.archived_at is not None


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (october(5, 1), "cannot be due before it begins"),
        ({**october(1, 2), "name": ""}, "blank"),
        ({**october(1, 2), "kind": "party"}, "not a valid choice"),
    ],
)
def test_an_activity_that_cannot_be_is_refused_and_not_kept(planner, values, words):
    drive = DriveFactory()

    with pytest.raises(Invalid, match=words):
        services.create_activity(actor=planner, drive=drive, **{"name": "A", **values})

    assert not Activity.objects.exists() and not AuditEntry.objects.exists()


def test_country_and_mailing_are_the_drives_own(planner):
    activity, other = ActivityFactory(), MailingFactory(drive=DriveFactory())

    with pytest.raises(Invalid, match="no country of this drive"):
        services.edit_activity(activity=activity, actor=planner, country=CountryFactory(code="TD"))
    with pytest.raises(Invalid, match="belongs to another drive"):
        services.edit_activity(activity=activity, actor=planner, kind="mailing", mailing=other)
    mailing = MailingFactory(drive=activity.drive)
    with pytest.raises(Invalid, match="Only an activity of the kind"):
        services.edit_activity(activity=activity, actor=planner, mailing=mailing)

    services.edit_activity(activity=activity, actor=planner, kind="mailing", mailing=mailing)
    with pytest.raises(Invalid, match="Another activity is this mailing"):
        services.create_activity(
            actor=planner, drive=activity.drive, name="B", kind="mailing", mailing=mailing, **october(1, 2)
        )


# --- days ---------------------------------------------------------------------------------------------------------------
@pytest.fixture
def chain():
    first = ActivityFactory(name="Diagnosis", **october(1, 5))
    second = ActivityFactory(name="Training", drive=first.drive, after=[first], **october(6, 9))
    third = ActivityFactory(name="Plan", drive=first.drive, after=[second], **october(12, 14))
    return first, second, third


def test_moving_one_before_what_it_depends_on_asks_first(planner, chain):
    first, second, third = chain

    with pytest.raises(OrderBroken, match="before what it depends on is due: “Diagnosis”") as caught:
        services.move_days(activity=second, actor=planner, starts_on=date(2026, 10, 3))

    assert (caught.value.data["early"], caught.value.data["others"]) == ([first], 1)
    assert span(second) == (6, 9) and not AuditEntry.objects.exists()


def test_the_others_are_carried_along_and_all_of_it_is_taken_back(planner, chain):
    first, second, third = chain

    entry = services.move_days(activity=first, actor=planner, starts_on=date(2026, 10, 6), order=Order.CARRY)

    assert [span(row) for row in chain] == [(6, 10), (10, 13), (13, 15)]
    undo(entry=entry, actor=planner)
    assert [span(row) for row in chain] == [(1, 5), (6, 9), (12, 14)]


def test_or_they_are_left_and_shown_as_too_early(planner, chain):
    first, second, third = chain

    services.move_days(activity=first, actor=planner, starts_on=date(2026, 10, 6), order=Order.LEAVE)

    assert [span(row) for row in chain] == [(6, 10), (6, 9), (12, 14)]
    marks = Activity.objects.with_waits().order_by("pk").values_list("is_held", "is_early")
    assert list(marks) == [(False, False), (True, True), (True, False)]


def test_what_moves_along_is_within_ones_own_countries(chain):
    first, second, _third = chain
    first.drive.countries.add(CountryFactory(code="TD"))
    Activity.objects.filter(pk=first.pk).update(country_id="ZM")
    Activity.objects.filter(pk=second.pk).update(country_id="TD")
    local = UserFactory()
    GrantFactory(user=local, role="planner", is_everywhere=False, countries=["ZM"])
    first.refresh_from_db()

    with pytest.raises(NotAllowed, match="outside of your role"):
        services.move_days(activity=first, actor=local, starts_on=date(2026, 10, 6), order=Order.CARRY)

    assert span(first) == (1, 5)
    assert Activity.objects.visible_to(local).filter(pk=second.pk).count() == 0


def test_the_same_edit_from_two_tabs(planner, chain):
    seen = chain[0].updated_at
    services.edit_activity(activity=chain[0], actor=planner, seen_at=seen, name="First tab")

    with pytest.raises(StaleEdit, match="Planner changed this"):
        services.edit_activity(activity=chain[0], actor=planner, seen_at=seen, name="Second tab")


# --- circles ------------------------------------------------------------------------------------------------------------
def test_a_circle_is_refused_by_the_service(planner, chain):
    with pytest.raises(Invalid, match="“Diagnosis” cannot wait for “Plan”"):
        services.edit_activity(activity=chain[0], actor=planner, after=[chain[2]])

    assert Dependency.objects.count() == 2


def test_a_circle_a_self_and_another_drive_are_refused_by_the_database(chain):
    first, _second, third = chain
    for before, after in ((third, first), (first, first), (ActivityFactory(), first)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Dependency.objects.create(before=before, after=after)


# --- states -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("before", State)
def test_moves_go_by_the_table_here_and_in_the_database(planner, before):
    for to in State:
        activity = ActivityFactory(state=before, done_on=date(2026, 10, 5) if before == State.DONE else None)
        may = to in MOVES[before]
        if to == before:
            assert services.move_state(activity=activity, actor=planner, to=to) is None
            continue
        if may:
            entry = services.move_state(activity=activity, actor=planner, to=to)
            assert (activity.state, activity.done_on is not None) == (to, to == State.DONE)
            undo(entry=entry, actor=planner)
            activity.refresh_from_db()
            assert activity.state == before
            continue
        with pytest.raises(WrongState, match="Nothing was changed"):
            services.move_state(activity=activity, actor=planner, to=to)
        with pytest.raises(IntegrityError), transaction.atomic():
            Activity.objects.filter(pk=activity.pk).update(state=to, done_on="2026-10-05" if to == "done" else None)


def test_an_owner_may_move_what_is_theirs_and_nothing_else(outreach):
    own, other = ActivityFactory(owner=outreach), ActivityFactory()

    services.move_state(activity=own, actor=outreach, to=State.DONE)

    with pytest.raises(NotAllowed):
        services.move_state(activity=other, actor=outreach, to=State.DONE)
    with pytest.raises(NotAllowed):
        services.edit_activity(activity=own, actor=outreach, name="Mine")


def test_many_are_changed_and_each_is_taken_back_that_stayed_as_it_was(planner):
    drive = DriveFactory()
    waiting = ActivityFactory(drive=drive, state="waiting")
    one, two = ActivityFactory(drive=drive), ActivityFactory(drive=drive)

    entry, count = services.change_many(rows=[waiting, one, two], actor=planner, state=State.DONE)

    assert count == 2  # what waits is not done at once
    services.move_state(activity=two, actor=planner, to=State.UNDER_WAY)
    assert undo(entry=entry, actor=planner).kept == 1
    states = list(Activity.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["waiting", "planned", "under_way"]


# --- objectives and team ------------------------------------------------------------------------------------------------
def test_objective_is_set_counted_and_taken_back(planner):
    values = {"name": "Plans adopted", "unit": "countries", "target": 10, "due_on": date(2026, 12, 1)}
    objective = goals.create_objective(actor=planner, drive=DriveFactory(), **values)

    with pytest.raises(Invalid, match="of which day"):
        goals.edit_objective(objective=objective, actor=planner, reached=4)
    entry = goals.edit_objective(objective=objective, actor=planner, reached=4, reached_on=date(2026, 11, 1))

    objective.refresh_from_db()
    assert (objective.done_share, objective.is_met) == (40, False)
    undo(entry=entry, actor=planner)
    objective.refresh_from_db()
    assert objective.reached is None
    with pytest.raises(Invalid, match="of this name already"):
        goals.create_objective(actor=planner, drive=objective.drive, **values)
    with pytest.raises(Invalid, match="there already"):
        goals.create_objective(actor=planner, drive=objective.drive, **{**values, "name": "B", "target": 0})
    assert Objective.objects.count() == 1


def test_team_has_each_once_in_a_role_and_only_who_may_see_the_drive(planner, outreach, outsider):
    drive = DriveFactory()
    member = goals.add_member(actor=planner, drive=drive, user=outreach, role="outreach")

    with pytest.raises(Invalid, match="this role in this drive already"):
        goals.add_member(actor=planner, drive=drive, user=outreach, role="outreach")
    with pytest.raises(Invalid, match="may not see this drive"):
        goals.add_member(actor=planner, drive=drive, user=outsider, role="lead")
    with pytest.raises(NotAllowed):
        goals.add_member(actor=outreach, drive=drive, user=outreach, role="lead")

    entry = goals.remove_member(member=member, actor=planner)
    goals.add_member(actor=planner, drive=drive, user=outreach, role="outreach")
    with pytest.raises((Conflict, Invalid)):
        undo(entry=entry, actor=planner)
    assert drive.team.live().count() == 1
