"""The nightly audit: once a night, in steps, claimed; what does not add up is kept, shown and counted for Prometheus."""

from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery import nightly, operating
from campaigns.delivery.models import AuditNight
from campaigns.delivery.tasks import audit_night
from campaigns.mailings.models import Mailing
from campaigns.mailings.states import State
from crm.accounts.rules import Role
from crm.metrics.registry import Scrape
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.factories import CampaignFactory, GrantFactory, MailingFactory, UserFactory

pytestmark = pytest.mark.django_db

NIGHT = datetime(2026, 11, 26, 3, 5, tzinfo=UTC)


@pytest.fixture
def sound(mailing):
    subscriber(mailing.topic, 1)
    subscriber(mailing.topic, 2)
    return to_sending(mailing)


def lose_a_row(mailing: Mailing) -> None:
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM delivery WHERE mailing_id = %s AND seq = 1", [mailing.pk])


def figures() -> dict[str, float]:
    return {
        family.name: family.samples[0].value
        for family in Scrape().collect()
        if family.name.startswith("groundswell_audit") and family.samples
    }


def sign_of_night() -> operating.Sign:
    return next(sign for sign in operating.signs() if "audit" in sign.title)


def test_night_is_audited_once_and_adds_up(sound) -> None:
    assert not nightly.work_on_night(now=NIGHT - timedelta(minutes=10))
    assert not AuditNight.objects.exists()

    assert not nightly.work_on_night(now=NIGHT)
    assert not nightly.work_on_night(now=NIGHT + timedelta(hours=5))

    night = AuditNight.objects.get()
    assert (night.day, night.mailings, night.problems, night.token) == (NIGHT.date(), 1, [], None)
    assert night.finished_at is not None
    assert sign_of_night() == operating.Sign("Last night’s audit", "1 mailing, it adds up")
    assert figures()["groundswell_audit_problem_mailings"] == 0
    assert figures()["groundswell_audit_age_seconds"] < 60
    assert not nightly.work_on_night(now=NIGHT + timedelta(days=1))
    assert AuditNight.objects.count() == 2


def test_what_does_not_add_up_is_kept_and_shown_where_it_may_be_seen(sound, planner, sign_in) -> None:
    lose_a_row(sound)

    nightly.work_on_night(now=NIGHT)

    sentence = "The outcomes sum to 1, and the audience was 2."
    assert AuditNight.objects.get().problems == [{"mailing": sound.pk, "name": sound.name, "sentences": [sentence]}]
    assert figures()["groundswell_audit_problem_mailings"] == 1
    page = sign_in(planner).get(reverse("sending")).content.decode()
    assert "1 mailing does not add up" in page
    assert sentence in page and reverse("mailing_report", args=[sound.uid]) in page
    elsewhere = UserFactory()
    GrantFactory(user=elsewhere, role=Role.PLANNER, is_everywhere=False, campaigns=[str(CampaignFactory().uid)])
    found = operating.sending_now(elsewhere).wrong
    assert found is not None
    assert (found.mailings, found.others) == ([], 1)


def test_it_goes_on_where_a_dead_worker_left_it(sound) -> None:
    second = MailingFactory(state=State.CANCELLED)
    Mailing.objects.filter(pk=second.pk).update(frozen_at=timezone.now(), audience_count=0)
    AuditNight.objects.create(
        day=NIGHT.date(),
        token=uuid4(),
        lease_until=timezone.now() + timedelta(minutes=5),
        after_id=sound.pk,
        mailings=1,
    )

    assert not nightly.work_on_night(now=NIGHT)
    assert AuditNight.objects.get().finished_at is None  # somebody else is at it

    AuditNight.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert not nightly.work_on_night(now=NIGHT)
    night = AuditNight.objects.get()
    assert (night.mailings, night.after_id) == (2, second.pk)
    assert night.finished_at is not None


def test_out_of_time_it_asks_to_be_called_again(sound, monkeypatch) -> None:
    posted = []
    monkeypatch.setattr("campaigns.delivery.tasks.post", lambda task, *args, **options: posted.append(task.name))
    assert nightly.work_on_night(now=NIGHT, seconds=-1)
    night = AuditNight.objects.get()
    assert (night.token, night.mailings, night.finished_at) == (None, 0, None)

    # an open night is worked on at any hour
    audit_night()

    assert AuditNight.objects.get().mailings == 1
    assert posted == []


def test_one_that_cannot_be_audited_does_not_keep_the_others(sound, monkeypatch) -> None:
    real = nightly.audit

    def audit(mailing):  # type: ignore[no-untyped-def]
        if mailing.pk == sound.pk:
            raise RuntimeError("a disk")
        return real(mailing)

    other = MailingFactory(state=State.CANCELLED)
    Mailing.objects.filter(pk=other.pk).update(frozen_at=timezone.now(), audience_count=0)
    monkeypatch.setattr(nightly, "audit", audit)

    nightly.work_on_night(now=NIGHT)

    night = AuditNight.objects.get()
    assert night.mailings == 2
    assert [row["sentences"] for row in night.problems] == [["It could not be audited: RuntimeError."]]


def test_no_night_is_no_news_and_an_old_one_is_said() -> None:
    assert all("audit" not in sign.title for sign in operating.signs())
    assert figures() == {}
    AuditNight.objects.create(day=NIGHT.date(), mailings=14, finished_at=timezone.now() - timedelta(days=3))

    old = sign_of_night()

    assert (old.title, old.kind, old.words) == ("Last audit", "warn", "14 mailings, all add up")
    assert "26 November" in old.why or "26 Nov" in old.why


def test_claim_has_a_lease_and_ends_with_the_night() -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditNight.objects.create(day=NIGHT.date(), token=uuid4())
    with pytest.raises(IntegrityError), transaction.atomic():
        AuditNight.objects.create(
            day=NIGHT.date(), token=uuid4(), lease_until=timezone.now(), finished_at=timezone.now()
        )


def test_audit_is_asked_for_again_and_shows_what_it_finds(sound, admin, editor, sign_in, no_wake_ups):
    while nightly.work_on_night(now=NIGHT):
        pass
    lose_a_row(sound)
    url, page = reverse("sending_audit"), reverse("sending")
    assert sign_in(editor).post(url).status_code == 403
    assert "Audit again" not in sign_in(editor).get(page).content.decode()
    client = sign_in(admin)
    assert "Audit again" in client.get(page).content.decode()

    assert client.post(url).status_code == 302
    assert "audit under way" in client.get(page).content.decode()
    assert nightly.audit_again(actor=admin) is False  # twice is once
    assert ("campaigns.delivery.audit_night", ()) in no_wake_ups
    audit_night()

    found = nightly.last_night()
    assert found is not None and [row["mailing"] for row in found.problems] == [sound.pk]
    assert nightly.audit_again(actor=admin, now=found.started_at)  # the day's own row, from its beginning
    assert (nightly.under_way().mailings, AuditNight.objects.filter(day=found.day).count()) == (0, 1)
