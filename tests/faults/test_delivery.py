"""Nothing lost, nothing sent twice knowingly, everything accounted for: whatever dies."""

import time

import pytest
from django.db import connection

from campaigns.delivery.queries import counts
from campaigns.mailings.services import cancel, pause, resume
from tests.factories import GrantFactory, UserFactory

pytestmark = pytest.mark.xdist_group("faults")
CONNECTIONS = 4  # of one task; two tasks run side by side


def test_a_worker_killed_in_the_middle_of_5000_loses_nothing(ground):
    mailing = ground.send(5000, connections=CONNECTIONS)
    ground.wait_for(lambda: ground.accepted(mailing) > 1500, "a third is sent")

    ground.kill9("worker")
    at_the_kill = counts(mailing.pk)
    assert sum(at_the_kill.values()) == 5000
    assert at_the_kill["pending"] > 500, "the kill came too late to mean anything"
    ground.start_worker()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= 2 * CONNECTIONS
    assert found["counts"]["accepted"] == found["audience"] == 5000


def test_valkey_flushed_while_sending_loses_nothing_and_repeats_nothing(ground):
    mailing = ground.send(2500)
    ground.wait_for(lambda: ground.accepted(mailing) > 300, "some are sent")

    for _number in range(5):
        ground.pair.valkey.flush()
        time.sleep(0.1)
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, 2500)


def test_postgresql_restarted_while_sending_loses_nothing(ground):
    mailing = ground.send(2500, connections=CONNECTIONS)
    ground.wait_for(lambda: ground.accepted(mailing) > 500, "some are sent")

    connection.close()
    ground.pair.pg.restart()
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= 2 * CONNECTIONS
    assert found["counts"]["accepted"] == 2500


def test_two_schedulers_freeze_and_send_once(ground):
    ground.start_scheduler(2)
    mailings = [ground.send(150) for _number in range(3)]

    for mailing in mailings:
        ground.finished(mailing)

    assert [(f["audience"], f["duplicates"], f["lost"]) for f in map(ground.audit, mailings)] == [(150, 0, 0)] * 3


@pytest.fixture
def planner_here(ground):
    user = UserFactory()
    GrantFactory(user=user, role="planner")
    return user


def test_pause_resume_and_cancel_act_within_two_seconds(ground, planner_here):
    mailing = ground.send(3000, per_second=400)
    ground.wait_for(lambda: ground.accepted(mailing) > 100, "some are sent")

    pause(mailing=mailing, actor=planner_here)
    time.sleep(2)
    after_two_seconds = len(ground.sink_log.read_text().splitlines())
    time.sleep(1)
    assert len(ground.sink_log.read_text().splitlines()) == after_two_seconds
    assert counts(mailing.pk)["in_flight"] == 0

    before = ground.accepted(mailing)
    resume(mailing=mailing, actor=planner_here)
    ground.wait_for(lambda: ground.accepted(mailing) > before, "it goes on", seconds=10)
    cancel(mailing=mailing, actor=planner_here)
    time.sleep(2)
    after_two_seconds = len(ground.sink_log.read_text().splitlines())
    ground.wait_for(lambda: counts(mailing.pk)["pending"] == 0, "what waited is cancelled", seconds=10)
    assert len(ground.sink_log.read_text().splitlines()) == after_two_seconds

    found = ground.audit(mailing)
    assert found["counts"]["accepted"] + found["counts"]["cancelled"] == 3000
    assert (found["lost"], found["duplicates"]) == (0, 0)
