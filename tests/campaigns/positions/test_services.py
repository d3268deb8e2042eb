"""Asks, steps on the ladder, power: what is kept, what is refused, and two officers at once."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from campaigns.positions import services
from campaigns.positions.ladder import Stance
from campaigns.positions.models import Ask, Position, PositionStep, Power
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed, StaleEdit
from crm.ids import new_uid
from tests.factories import (
    AskFactory,
    CampaignFactory,
    DriveFactory,
    GrantFactory,
    OrganizationFactory,
    PersonFactory,
    StepFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def step(organization, ask, actor, **values) -> PositionStep:
    given = {"stance": Stance.INTERESTED, "on": date(2026, 10, 1), "evidence_kind": "meeting", "evidence": "They said so."}  # fmt: skip
    return services.record_step(organization=organization, ask=ask, actor=actor, **{**given, **values})


# --- asks
def test_asks_come_in_their_order_and_are_audited(planner):
    drive = DriveFactory()

    first = services.create_ask(drive=drive, actor=planner, name="Adopt a plan", done_when="It is published.")
    second = services.create_ask(drive=drive, actor=planner, name="Ratify", names={"fr": "Ratifier"})

    assert (first.place, second.place) == (1, 2)
    entry = AuditEntry.objects.get(object_uid=second.uid)
    assert (entry.verb, entry.actor) == ("ask.created", planner)
    assert AuditChange.objects.get(entry=entry, field="names").after == {"fr": "Ratifier"}
    assert OutboxEvent.objects.filter(type="ask.created").count() == 2


@pytest.mark.parametrize("name", ["Adopt a plan", "ADOPT A PLAN"], ids=["same", "case"])
def test_an_ask_of_the_same_name_is_refused(planner, name):
    drive = AskFactory(name="Adopt a plan").drive

    with pytest.raises(Invalid, match="already"):
        services.create_ask(drive=drive, actor=planner, name=name)

    assert Ask.objects.count() == 1


def test_an_edited_ask_goes_back_and_a_stale_one_is_told(planner):
    ask = AskFactory(name="Adopt", done_when="")
    entry = services.edit_ask(ask=ask, actor=planner, changes={"done_when": "Published"}, seen={"done_when": ""})

    with pytest.raises(StaleEdit):
        services.edit_ask(ask=ask, actor=planner, changes={"done_when": "Else"}, seen={"done_when": ""})
    undo(entry=entry, actor=planner)
    ask.refresh_from_db()
    assert ask.done_when == ""


def test_undo_of_a_new_ask_asks_it_no_longer(planner):
    ask = services.create_ask(drive=DriveFactory(), actor=planner, name="Adopt")

    undo(entry=AuditEntry.objects.get(verb="ask.created"), actor=planner)

    ask.refresh_from_db()
    assert ask.archived_at is not None


# --- steps
def test_position_follows_the_latest_day_and_not_the_latest_entry(planner):
    organization, ask = OrganizationFactory(), AskFactory()

    step(organization, ask, planner, stance=Stance.SUPPORTIVE, on=date(2026, 10, 5))
    step(organization, ask, planner, stance=Stance.NEUTRAL, on=date(2026, 3, 1))
    position = Position.objects.get()
    assert (position.stance, position.on) == (Stance.SUPPORTIVE, date(2026, 10, 5))

    step(organization, ask, planner, stance=Stance.SCEPTICAL, on=date(2026, 10, 5))
    position.refresh_from_db()
    assert position.stance == Stance.SCEPTICAL
    assert PositionStep.objects.count() == 3


def test_step_is_audited_and_told(planner):
    organization, ask, who = OrganizationFactory(), AskFactory(), PersonFactory()

    made = step(organization, ask, planner, said_by=who, said_by_name="not kept", link="https://gazette.example.org/1")

    entry = AuditEntry.objects.get(object_uid=made.uid)
    changes = {change.field: change.after for change in entry.changes.all()}
    assert (entry.verb, changes["stance"], changes["said_by"]) == ("position.recorded", 5, str(who.uid))
    assert made.said_by_name == ""
    event = OutboxEvent.objects.get(type="position.recorded")
    assert event.payload == {"organization": str(organization.uid), "ask": str(ask.uid), "stance": "interested"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"evidence": "  ", "link": ""}, "what shows it"),
        ({"on": date(2126, 1, 1)}, "has not come"),
        ({"evidence_kind": "rumour"}, "rumour"),
        ({"link": "javascript:alert(1)"}, "valid URL"),
        ({"confidence": "sure"}, "sure"),
    ],
    ids=["nothing", "future", "kind", "link", "confidence"],
)
def test_a_wrong_step_is_refused_and_nothing_is_kept(planner, wrong, words):
    with pytest.raises(Invalid, match=words):
        step(OrganizationFactory(), AskFactory(), planner, **wrong)

    assert not PositionStep.objects.exists()
    assert not Position.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_form_sent_twice_saves_one_step(planner):
    organization, ask, key = OrganizationFactory(), AskFactory(), new_uid()

    first = step(organization, ask, planner, form_key=key)
    second = step(organization, ask, planner, form_key=key, stance=Stance.CHAMPION)

    assert first == second
    assert (PositionStep.objects.count(), AuditEntry.objects.count()) == (1, 1)
    with pytest.raises(Conflict, match="something else"):
        step(OrganizationFactory(), ask, planner, form_key=key)


def test_a_withdrawn_step_stays_and_the_one_before_counts_again(planner):
    organization, ask = OrganizationFactory(), AskFactory()
    step(organization, ask, planner, stance=Stance.NEUTRAL, on=date(2026, 9, 1))
    wrong = step(organization, ask, planner, stance=Stance.CHAMPION)

    entry = services.withdraw_step(step=wrong, actor=planner, why="It was another ministry")

    assert Position.objects.get().stance == Stance.NEUTRAL
    wrong.refresh_from_db()
    assert (wrong.withdrawn_why, wrong.withdrawn_by, PositionStep.objects.count()) == ("It was another ministry", planner, 2)  # fmt: skip
    assert services.withdraw_step(step=wrong, actor=planner, why="again") is None
    undo(entry=entry, actor=planner)
    assert Position.objects.get().stance == Stance.CHAMPION


def test_withdrawing_needs_a_reason_and_the_only_step_leaves_no_position(planner):
    only = step(OrganizationFactory(), AskFactory(), planner)

    with pytest.raises(Invalid, match="Say what was wrong"):
        services.withdraw_step(step=only, actor=planner, why=" ")
    undo(entry=AuditEntry.objects.get(verb="position.recorded"), actor=planner)

    only.refresh_from_db()
    position = Position.objects.get()
    assert only.withdrawn_at is not None
    assert (position.stance, position.step_id, position.on) == (None, None, None)


@pytest.mark.parametrize(
    "change",
    [{"stance": 1}, {"evidence": "Else"}, {"on": date(2020, 1, 1)}, {"said_by_name": "Somebody else"}],
    ids=["stance", "evidence", "day", "who"],
)
def test_database_refuses_to_change_a_step(change):
    made = StepFactory()

    with pytest.raises(IntegrityError, match="a step on the ladder is kept"), transaction.atomic():
        PositionStep.objects.filter(pk=made.pk).update(**change)


def test_database_refuses_to_remove_a_step():
    made = StepFactory()

    with pytest.raises(IntegrityError, match="a step on the ladder is kept"), transaction.atomic():
        PositionStep.objects.filter(pk=made.pk)._raw_delete("default")


def test_undo_asks_again_whether_the_actor_may(planner):
    made = step(OrganizationFactory(country__code="TD"), AskFactory(drive__countries=["TD"]), planner)
    other = UserFactory()
    GrantFactory(user=other, role="outreach", is_everywhere=False, countries=["ZM"])

    with pytest.raises(NotAllowed):
        undo(entry=AuditEntry.objects.get(verb="position.recorded"), actor=other)

    made.refresh_from_db()
    assert made.withdrawn_at is None


@pytest.mark.django_db(transaction=True)
def test_two_officers_at_once_leave_the_later_day_standing(planner):
    organization, ask = OrganizationFactory(), AskFactory()
    barrier, failed = threading.Barrier(6), []

    def record(day: int) -> None:
        try:
            barrier.wait()
            step(organization, ask, planner, on=date(2026, 9, day), stance=Stance(day))
        except Exception as error:  # told by the test
            failed.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=record, args=[day]) for day in range(1, 7)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert failed == []
    position = Position.objects.get()
    assert (position.stance, position.on, PositionStep.objects.count()) == (6, date(2026, 9, 6), 6)


@pytest.mark.django_db(transaction=True)
def test_a_double_click_at_the_same_moment_saves_one_step(planner):
    organization, ask, key = OrganizationFactory(), AskFactory(), new_uid()
    barrier, made = threading.Barrier(4), []

    def click() -> None:
        try:
            barrier.wait()
            made.append(step(organization, ask, planner, form_key=key).pk)
        except Exception as error:  # told by the test
            made.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=click) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert made == [PositionStep.objects.get().pk] * 4
    assert AuditEntry.objects.filter(verb="position.recorded").count() == 1


# --- moves
def test_moves_know_where_an_institution_came_from():
    ask, organization = AskFactory(), OrganizationFactory()
    today = timezone.localdate()
    first = StepFactory(ask=ask, organization=organization, stance=4, on=today - timedelta(days=9))
    gone = StepFactory(ask=ask, organization=organization, stance=1, on=today - timedelta(days=7), withdrawn_at=timezone.now(), withdrawn_why="x")  # fmt: skip
    up = StepFactory(ask=ask, organization=organization, stance=6, on=today - timedelta(days=5))
    down = StepFactory(ask=ask, organization=organization, stance=5, on=today - timedelta(days=5))

    found = {row.pk: row.previous for row in PositionStep.objects.moves()}

    assert found == {first.pk: None, up.pk: 4, down.pk: 6}
    assert gone.pk not in found
    rows = PositionStep.objects.moves()
    assert [list(rows.direction([way])) for way in ("first", "up", "down", "same")] == [[first], [up], [down], []]


# --- power
def test_power_is_of_an_institution_in_a_campaign_and_goes_back(planner):
    organization, campaign = OrganizationFactory(), CampaignFactory()

    services.set_power(organization=organization, campaign=campaign, actor=planner, power=5, why="It decides")
    again = services.set_power(organization=organization, campaign=campaign, actor=planner, power=5, why="It decides")
    entry = services.set_power(organization=organization, campaign=campaign, actor=planner, power=2)

    assert again is None
    assert Power.objects.get().power == 2
    undo(entry=entry, actor=planner)
    assert (Power.objects.get().power, Power.objects.get().why) == (5, "It decides")
    services.set_power(organization=organization, campaign=campaign, actor=planner, power=None)
    assert not Power.objects.exists()
    with pytest.raises(Invalid, match="between 1 and 5"):
        services.set_power(organization=organization, campaign=campaign, actor=planner, power=6)
