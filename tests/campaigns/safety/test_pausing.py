"""A mailing pauses by its own figures: at the limits that are set, once, and not again for what somebody has seen."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery import engine
from campaigns.delivery.models import DeliveryChunk, Feedback
from campaigns.delivery.sweeping import sweep
from campaigns.delivery.tasks import deliver
from campaigns.mailings.models import Mailing
from campaigns.mailings.services import pause, resume
from campaigns.mailings.states import State
from campaigns.safety import services
from campaigns.safety.models import PauseNotice, SafetyLimits, SafetyPause
from campaigns.safety.services import Figures
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.campaigns.delivery.building import subscriber, to_sending, use
from tests.campaigns.delivery.conftest import mailing, no_wake_ups  # noqa: F401 fixtures
from tests.campaigns.delivery.sinks import running_sink
from tests.factories import MailingFactory

pytestmark = pytest.mark.django_db


def set_counts(row: Mailing, **counts: int) -> None:
    """What workers would have counted: one chunk of the whole mailing."""
    DeliveryChunk.objects.update_or_create(
        mailing_id=row.pk,
        first_seq=1,
        defaults={"last_seq": sum(counts.values()) or 1, "counts": counts, "due_at": timezone.now()},
    )


def comes_back(row: Mailing, kind: str, *seqs: int, at=None) -> None:
    for seq in seqs:
        Feedback.objects.create(mailing_id=row.pk, seq=seq, kind=kind, at=at or timezone.now())


@pytest.fixture
def sending(db):
    return MailingFactory(state=State.SENDING)


@pytest.mark.parametrize(
    ("figures", "says"),
    [
        (
            Figures(accepted=225, failed=25),
            "25 of 250 messages failed or bounced for good: 10 %, and the limit is 10 %.",
        ),
        (Figures(accepted=226, failed=25), ""),
        (Figures(accepted=10, failed=24), ""),
        (Figures(accepted=250, bounced=25), "25 of 250 messages failed or bounced for good: 10 %"),
        (Figures(accepted=200, failed=10, bounced=15), "25 of 210 messages failed or bounced for good: 11.9 %"),
        (Figures(accepted=1000, complained=5), "5 of 1000 recipients complained: 0.5 %, and the limit is 0.3 %."),
        (Figures(accepted=1000, complained=4), ""),
        (Figures(accepted=1667, complained=5), ""),
        (Figures(), ""),
    ],
)
def test_share_and_number_must_both_be_reached(figures, says) -> None:
    found = services.why_pause(SafetyLimits(), figures)

    assert found.startswith(says)
    assert bool(found) == bool(says)


def test_empty_share_never_pauses() -> None:
    never = SafetyLimits(failed_percent=None, complained_percent=None)
    assert services.why_pause(never, Figures(accepted=1, failed=500, complained=500)) == ""


def test_sweeper_pauses_says_why_and_the_owner_is_told_once(sending, no_wake_ups) -> None:  # noqa: F811
    set_counts(sending, accepted=100, failed=30)

    sweep()
    sweep()

    row = Mailing.objects.get()
    assert row.state == State.PAUSED
    assert row.state_reason == (
        "30 of 130 messages failed or bounced for good: 23.08 %, and the limit is 10 %. Look at the report before it goes on."
        " When you resume, it is counted anew from there."
    )
    assert SafetyPause.objects.get().reason == row.state_reason
    assert [(notice.kind, notice.reason) for notice in PauseNotice.objects.all()] == [("limits", row.state_reason)]
    assert AuditEntry.objects.filter(verb="mailing.paused", actor=None).count() == 1


def test_resumed_by_a_person_only_what_leaves_afterwards_counts(sending, planner) -> None:
    set_counts(sending, accepted=100, failed=30)
    comes_back(sending, "hard_bounce", 1, 2)
    assert services.check(mailing_id=sending.pk)

    resume(mailing=sending, actor=planner)

    assert services.check(mailing_id=sending.pk) == ""
    assert services.figures_of([sending.pk])[sending.pk] == Figures()
    set_counts(sending, accepted=300, failed=54)
    assert services.check_all() == []  # 24 more failed: one too few
    set_counts(sending, accepted=326, failed=55)
    assert services.check_all() == []  # 25 of 251: less than the share, though all in all it is more
    set_counts(sending, accepted=325, failed=55)
    assert services.check_all() == [sending.pk]


def test_second_bad_share_pauses_again_and_a_second_mail_is_due(sending, planner) -> None:
    set_counts(sending, accepted=100, failed=30)
    services.check(mailing_id=sending.pk)
    resume(mailing=sending, actor=planner)
    set_counts(sending, accepted=200, failed=60)

    reason = services.check(mailing_id=sending.pk)

    assert reason.startswith("30 of 130 messages")
    assert PauseNotice.objects.count() == 2
    resume(mailing=sending, actor=planner)
    assert (SafetyPause.objects.get().accepted_before, SafetyPause.objects.get().failed_before) == (200, 60)


def test_pause_and_resume_by_a_person_change_nothing_of_what_is_counted(sending, planner) -> None:
    set_counts(sending, accepted=100, failed=24)
    pause(mailing=sending, actor=planner)
    resume(mailing=sending, actor=planner)

    assert not SafetyPause.objects.exists()
    set_counts(sending, accepted=100, failed=25)
    assert services.check(mailing_id=sending.pk)


def test_late_bounces_of_what_left_before_the_resume_do_not_count(mailing, planner) -> None:  # noqa: F811
    for number in range(1, 4):
        subscriber(mailing.topic, number)
    SafetyLimits.objects.create(failed_percent=Decimal(10), failed_least=1)
    to_sending(mailing)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE delivery SET state = 'accepted', settled_at = now() WHERE mailing_id = %s", [mailing.pk])
    DeliveryChunk.objects.update(counts={"accepted": 3})
    comes_back(mailing, "hard_bounce", 1)
    assert services.check(mailing_id=mailing.pk)
    resume(mailing=mailing, actor=planner)

    comes_back(mailing, "hard_bounce", 2)
    assert services.figures_of([mailing.pk])[mailing.pk].bounced == 0
    with connection.cursor() as cursor:
        later = timezone.now() + timedelta(seconds=5)
        cursor.execute("UPDATE delivery SET settled_at = %s WHERE mailing_id = %s AND seq = 3", [later, mailing.pk])
    comes_back(mailing, "hard_bounce", 3)
    assert services.figures_of([mailing.pk])[mailing.pk].bounced == 1


def test_figures_are_three_queries_for_any_number(sending) -> None:
    others = [MailingFactory(state=State.SENDING) for _number in range(3)]
    for row in others:
        set_counts(row, accepted=1)
    for rows in ([sending], [sending, *others]):
        with CaptureQueriesContext(connection) as asked:
            services.figures_of([row.pk for row in rows])
        assert len(asked) == 3


@pytest.mark.django_db(transaction=True)
def test_engine_stops_within_its_run_when_its_server_refuses_too_many(mailing, monkeypatch) -> None:  # noqa: F811
    """Real SMTP: every address is refused; far fewer than all are tried."""
    monkeypatch.setattr(engine, "BEAT_SECONDS", 0.01)
    SafetyLimits.objects.create(failed_least=5)
    for number in range(1, 401):
        subscriber(mailing.topic, number)
    mailing.transport.per_second = 100  # so that they cannot all be refused between two beats of a busy machine
    with running_sink(reject="people.test") as sink:
        use(mailing, sink)
        to_sending(mailing)
        deliver(mailing.pk)

    row = Mailing.objects.get()
    assert row.state == State.PAUSED
    assert "messages failed or bounced for good: 100 %" in row.state_reason
    tried = services.figures_of([row.pk])[row.pk].failed
    assert 5 <= tried < 400


# --- settings -----------------------------------------------------------------------------------------------------------
FORM = {
    "failed_percent": "5",
    "failed_least": "10",
    "complained_percent": "",
    "complained_least": "3",
    "transport_failures": "5",
    "transport_longest_minutes": "15",
}


def test_limits_are_set_audited_and_undone(admin, sign_in) -> None:
    answer = sign_in(admin).post(reverse("safety_limits"), FORM)

    assert answer.status_code == 302
    row = SafetyLimits.current()
    assert (row.failed_percent, row.failed_least, row.complained_percent, row.complained_least) == (5, 10, None, 3)
    assert (row.transport_failures, row.longest_wait) == (5, timedelta(minutes=15))
    undo(entry=AuditEntry.objects.get(verb="safety_limits.edited"), actor=admin)
    assert SafetyLimits.current().complained_percent == Decimal("0.3")


@pytest.mark.parametrize(
    "wrong",
    [
        {"failed_percent": "101"},
        {"failed_percent": "0"},
        {"failed_least": "0"},
        {"complained_percent": "x"},
        {"transport_failures": "101"},
        {"transport_longest_minutes": "0"},
    ],
)
def test_wrong_limits_are_refused(admin, sign_in, wrong) -> None:
    assert sign_in(admin).post(reverse("safety_limits"), {**FORM, **wrong}).status_code == 422
    assert not SafetyLimits.objects.exists()


def test_limits_in_the_database_are_shares() -> None:
    for values in (
        {"failed_percent": 0},
        {"complained_percent": 101},
        {"failed_least": 0},
        {"id": 2},
        {"transport_longest_minutes": 0},
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            SafetyLimits.objects.create(**values)


def test_screen_lists_pauses_in_the_same_number_of_queries(admin, sign_in, sending) -> None:
    client = sign_in(admin)

    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            assert client.get(reverse("safety_limits")).status_code == 200
        return len(asked)

    def told(row: Mailing) -> None:
        PauseNotice.objects.create(
            mailing_id=row.pk, kind="limits", reason="why", at=timezone.now(), due_at=timezone.now()
        )

    queries()
    told(sending)
    one = queries()
    told(MailingFactory())
    told(MailingFactory())
    assert queries() == one
    assert sending.name in client.get(reverse("safety_limits")).content.decode()


def test_report_of_a_mailing_that_is_sent_says_where_it_pauses(sending, planner, sign_in) -> None:
    page = sign_in(planner).get(reverse("mailing_report", args=[sending.uid])).content.decode()
    assert "pauses at 0.3 %" in page
