"""Workers that die, stop, come back, change, run twice or have a wrong clock. `make faults` runs these; each ends with the audit."""

import random
import signal
import time

import pytest

from campaigns.delivery.addresses import message_id
from campaigns.delivery.evidence import read_log
from campaigns.delivery.models import Delivery
from campaigns.delivery.queries import counts
from campaigns.delivery.settling import Word, settle_by_log, settle_uncertain
from campaigns.mailings.models import Transport
from campaigns.mailings.services import cancel, pause, resume
from campaigns.mailings.states import State
from crm.errors import WrongState
from tests.campaigns.delivery.test_evidence import cleanup, status
from tests.factories import GrantFactory, UserFactory

CONNECTIONS = 4
AT_ONCE = 2 * CONNECTIONS  # the worker runs two tasks side by side


@pytest.fixture
def planner_here(ground):
    user = UserFactory()
    GrantFactory(user=user, role="planner")
    return user


@pytest.mark.parametrize("resends", [True, False], ids=["sent again", "with evidence"])
def test_worker_killed_at_twenty_random_moments(ground, sink_with, planner_here, resends):
    # so that of 40 messages a second about one is with the sink whenever a worker is killed, however fast the machine
    sink_with("--delay", "0.03")
    # slowly, so that it lasts as long as the kills, also where each takes long; the rest leaves as fast as it can
    mailing = ground.send(6000, connections=CONNECTIONS, per_second=40, resends_uncertain=resends)
    moments = random.Random(20)
    for number in range(20):
        ground.start_worker()
        # first, because what the killed ones had asked of PostgreSQL may be committed a moment after they are gone
        ground.wait_for(lambda: bool(ground.children("worker")), "there are new ones")
        before = ground.accepted(mailing)
        ground.wait_for(lambda least=before: ground.accepted(mailing) > least, "it goes on")
        time.sleep(moments.uniform(0.0, 0.5))
        assert ground.state(mailing) == State.SENDING, f"it was over after {number} kills: make it longer"
        if number % 5 == 4:
            ground.kill9("worker")  # all of it, and another is started
        else:
            assert ground.kill9_children("worker") >= 1
        assert sum(counts(mailing.pk).values()) == mailing.audience_count == 6000
    Transport.objects.filter(pk=mailing.transport_id).update(per_second=None)
    ground.start_worker()
    if not resends:
        settled_by_evidence(ground, mailing, planner_here)
    ground.finished(mailing)

    found = ground.audit(mailing)
    assert (found["lost"], found["unknown_to_the_ledger"], found["counts"]["accepted"]) == (0, 0, 6000)
    assert found["duplicates"] <= (20 * AT_ONCE if resends else 0)


def settled_by_evidence(ground, mailing, user):
    """What the relay's log says, and for what it says nothing of, that it is to be sent again."""
    pause(mailing=mailing, actor=user)
    ground.wait_for(lambda: counts(mailing.pk)["in_flight"] == 0, "nothing is in flight")
    uncertain = list(Delivery.objects.filter(mailing_id=mailing.pk, state="uncertain").values_list("seq", flat=True))
    assert 0 < len(uncertain) <= 20 * AT_ONCE
    settle_by_log(traces=read_log(_log_of(ground, mailing, uncertain)))
    if counts(mailing.pk)["uncertain"]:
        settle_uncertain(mailing=mailing, actor=user, word=Word.AGAIN)
    resume(mailing=mailing, actor=user)


def _log_of(ground, mailing, seqs):
    """What a relay's log says of these: those that the sink kept, under queue ids of their own."""
    kept = ground.sink_log.read_text()
    for seq in seqs:
        named = message_id(mailing.uid, seq)
        if named in kept:
            yield cleanup(f"A{seq:09X}", named)
            yield status(f"A{seq:09X}", "sent")


def test_worker_stopped_past_its_lease_does_not_go_on_with_what_is_another_s(ground):
    mailing = ground.send(5000, connections=CONNECTIONS, per_second=800)
    ground.sent(mailing, 300)

    ground.send_signal("worker", signal.SIGSTOP)
    try:
        ground.start_worker("other")
        stopped_at = ground.accepted(mailing)
        ground.sent(mailing, min(4000, stopped_at + 1500))
        time.sleep(5)  # longer than a lease, whatever the other one did meanwhile
    finally:
        ground.send_signal("worker", signal.SIGCONT)
    ground.finished(mailing)
    ground.end("other")

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= AT_ONCE
    assert found["counts"]["accepted"] == 5000


def test_same_tasks_delivered_five_times(ground):
    mailing = ground.send(2000, connections=CONNECTIONS, per_second=600)
    code = (
        "from campaigns.delivery.tasks import deliver, freeze_mailing, sweep, wind_up_mailing\n"
        f"for _ in range(5): freeze_mailing.delay({mailing.pk}); deliver.delay({mailing.pk}); sweep.delay(); wind_up_mailing.delay({mailing.pk})"
    )
    ground.ask(code)
    ground.sent(mailing, 100)
    ground.ask(code)
    ground.finished(mailing)
    ground.ask(code)
    time.sleep(2)

    found = ground.audit(mailing)
    assert (found["audience"], found["lost"], found["duplicates"]) == (2000, 0, 0)
    assert found["counts"]["accepted"] == 2000


def test_workers_replaced_one_by_one_with_a_new_version_while_sending(ground):
    """A rolling restart: the new one is there before the old one is asked to end. The first release reads what the next one
    will freeze; what each of them froze is sent by whatever release is there."""
    mailing = ground.send(6000, connections=CONNECTIONS, per_second=500)
    ground.sent(mailing, 200)
    old, begun = "worker", [mailing]
    for number, release in enumerate([(1, (1, 2)), (2, (1, 2)), (2, (1, 2))]):
        new = f"release{number}"
        ground.start_worker(new, release=release)
        before = ground.accepted(mailing)
        ground.end(old)
        begun.append(ground.send(600, connections=CONNECTIONS, per_second=150))
        ground.sent(begun[-1], 50)
        ground.sent(mailing, min(6000, before + 200))
        old = new
    for one in begun:
        ground.finished(one)
    ground.start_worker()
    ground.end(old)

    assert [one.frozen_with["version"] for one in begun] == [1, 1, 2, 2]
    for one in begun:
        found = ground.audit(one)
        assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, one.audience_count)


def test_storm_of_pauses_and_resumes_then_a_cancellation(ground, planner_here):
    mailing = ground.send(6000, connections=CONNECTIONS, per_second=600)
    ground.sent(mailing, 50)
    moments = random.Random(3)
    for _number in range(40):
        pause(mailing=mailing, actor=planner_here)
        time.sleep(moments.uniform(0, 0.1))
        resume(mailing=mailing, actor=planner_here)
        time.sleep(moments.uniform(0, 0.2))
    so_far = ground.accepted(mailing)
    ground.sent(mailing, so_far + 100)

    cancel(mailing=mailing, actor=planner_here)
    for verb in (pause, resume, cancel, resume):  # whoever still presses buttons
        try:
            verb(mailing=mailing, actor=planner_here)
        except WrongState:
            continue
    ground.wait_for(
        lambda: counts(mailing.pk)["pending"] == counts(mailing.pk)["in_flight"] == 0, "all is settled", seconds=30
    )

    found = ground.audit(mailing)
    assert (found["state"], found["lost"], found["duplicates"]) == ("cancelled", 0, 0)
    assert found["counts"]["accepted"] + found["counts"]["cancelled"] == 6000
    assert found["counts"]["cancelled"] > 0


@pytest.mark.parametrize("clock", [-3600.0, 3600.0], ids=["an hour behind", "an hour ahead"])
def test_clocks_of_scheduler_and_worker_are_wrong_and_step(ground, clock):
    """Leases, claims and retries go by PostgreSQL's clock; what a machine thinks that the hour is decides when a mailing begins."""
    for name in ("scheduler1", "worker"):
        ground.kill9(name)
    ground.start_scheduler(clock=clock)
    ground.start_scheduler(2)
    ground.start_worker("wrong", clock=clock)
    ground.start_worker()
    ground.kill9("sink")
    ground.start_sink("--defer", "7@", "--defer-times", "1")
    mailing = ground.send(2500, connections=CONNECTIONS, per_second=400)
    try:
        ground.sent(mailing, 300)
        ground.set_clocks(is_right=True)  # an hour's step in the middle of it
        ground.sent(mailing, 900)
        ground.kill9("wrong")  # its leases lapse by the clock of PostgreSQL, not by its own
        ground.finished(mailing, seconds=90)
    finally:
        for name in ("scheduler1", "wrong", "sink"):
            ground.kill9(name)
        ground.start_sink()

    found = ground.audit(mailing)
    assert found["lost"] == 0
    assert found["duplicates"] <= AT_ONCE
    assert found["counts"]["accepted"] == 2500


def test_one_process_freezes_and_sends_several_mailings(ground):
    """A freeze waits for no other task: with a single process there is nobody to do it meanwhile."""
    ground.end("worker")
    mailings = [ground.send(n) for n in (300, 200, 100)]
    ground.start_worker(at_once=1)
    for mailing, n in zip(mailings, (300, 200, 100), strict=True):
        ground.finished(mailing)
        found = ground.audit(mailing)
        assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, n)
