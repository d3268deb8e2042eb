"""Rules and nightly runs: once a night, counted with what they did, and never stopped by one kind."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from crm.audit.models import AuditChange, AuditEntry
from crm.audit.services import record
from crm.errors import Conflict, Invalid
from crm.retention import registry, services
from crm.retention.audit_addresses import GONE, without_addresses
from crm.retention.models import RetentionRule, RetentionRun, RetentionStep
from crm.retention.registry import Batch, Kind
from tests.factories import PersonFactory

pytestmark = pytest.mark.django_db
NIGHT = datetime(2026, 11, 25, 3, 0, tzinfo=UTC)


class Heap:
    """So many rows, gone two at a time."""

    def __init__(self, size: int) -> None:
        self.size = size
        self.asked: list[tuple[datetime, datetime | None]] = []

    def count(self, before, since, limit):
        return min(self.size, limit)

    def work(self, before, since):
        self.asked.append((before, since))
        gone = min(2, self.size)
        self.size -= gone
        return Batch(gone, more=self.size > 0)


def broken(before, since):
    raise ValueError("the disk is full")


@pytest.fixture
def heap(monkeypatch):
    """Only this kind is registered."""
    made = Heap(5)
    monkeypatch.setattr(registry, "KINDS", {})
    monkeypatch.setattr(services, "KINDS", registry.KINDS)
    registry.register(Kind("heap", "Heap", "rows", 100, 30, made.count, made.work, order=2))
    return made


def test_night_runs_once_and_says_what_it_did(heap) -> None:
    services.tick(now=NIGHT.replace(hour=1))
    assert not RetentionRun.objects.exists()

    services.tick(now=NIGHT)
    services.tick(now=NIGHT + timedelta(hours=5))

    run = RetentionRun.objects.get()
    step = run.steps.get()
    assert (run.day, run.is_nightly, run.finished_at is not None) == (NIGHT.date(), True, True)
    assert (step.kind, step.rows, step.batches, step.before) == ("heap", 5, 3, NIGHT - timedelta(days=100))
    assert AuditEntry.objects.get(verb="retention.done").summary == "heap × 5"
    assert RetentionRule.objects.get().done_until == step.before
    services.tick(now=NIGHT + timedelta(days=1))
    assert heap.asked[-1] == (NIGHT - timedelta(days=99), NIGHT - timedelta(days=100))


def test_work_stops_after_its_time_and_goes_on_in_the_next_tick(heap) -> None:
    services.tick(now=NIGHT, budget=0)
    assert RetentionRun.objects.get().finished_at is None
    assert heap.size == 5

    services.tick(now=NIGHT + timedelta(minutes=1))

    assert heap.size == 0
    assert RetentionRun.objects.get().finished_at is not None


def test_run_that_somebody_holds_is_left_alone_until_its_lease_ends(heap) -> None:
    run = services.start_run(now=NIGHT)
    RetentionRun.objects.update(lease_until=NIGHT + timedelta(seconds=30))

    assert services.tick(now=NIGHT) is None
    assert heap.size == 5
    assert services.tick(now=NIGHT + timedelta(minutes=1)) == run
    assert heap.size == 0


def test_kind_that_fails_says_why_and_the_others_go_on(heap, admin, sign_in) -> None:
    registry.register(Kind("broken", "Broken", "rows", 100, 30, heap.count, broken, order=1))

    services.tick(now=NIGHT)

    found = {step.kind: (step.rows, step.error) for step in RetentionStep.objects.all()}
    assert found == {"broken": (0, "ValueError: the disk is full"), "heap": (5, "")}
    assert not RetentionRule.objects.filter(kind="broken", done_until__isnull=False).exists()
    page = sign_in(admin).get(reverse("retention")).content.decode()
    assert "the disk is full" in page and "tried again the next night" in page


def test_kept_for_ever_is_left_alone(heap, admin) -> None:
    services.set_rules(days={"heap": None}, actor=admin)

    services.tick(now=NIGHT)

    assert heap.size == 5
    assert services.preview() == {"heap": 0}
    assert not RetentionStep.objects.exists()


def test_two_runs_at_once_are_refused(heap, admin) -> None:
    services.start_run(actor=admin, now=NIGHT)

    with pytest.raises(Conflict, match="under way"):
        services.start_run(actor=admin, now=NIGHT)
    with pytest.raises(IntegrityError), transaction.atomic():
        RetentionRun.objects.create(day=NIGHT.date() + timedelta(days=1))


def test_rule_that_is_too_short_or_longer_than_its_owner_is_refused(heap, admin) -> None:
    registry.register(Kind("crumbs", "Crumbs", "rows", 50, 7, heap.count, heap.work, not_longer_than="heap"))

    with pytest.raises(Invalid, match="30 days is the least"):
        services.set_rules(days={"heap": 29}, actor=admin)
    with pytest.raises(Invalid, match="“Crumbs” cannot be kept longer than “Heap”"):
        services.set_rules(days={"crumbs": None}, actor=admin)
    with pytest.raises(Invalid, match="“Crumbs” cannot be kept longer than “Heap”"):
        services.set_rules(days={"heap": 30}, actor=admin)
    with pytest.raises(Invalid, match="no kind"):
        services.set_rules(days={"nonsense": 30}, actor=admin)
    with pytest.raises(IntegrityError, match="retention_a_week_at_least"), transaction.atomic():
        RetentionRule.objects.create(kind="heap", days=1)
    assert not RetentionRule.objects.exclude(kind="heap", days=100).exists()
    services.set_rules(days={"heap": 30, "crumbs": 7}, actor=admin)

    assert dict(RetentionRule.objects.values_list("kind", "days")) == {"heap": 30, "crumbs": 7}
    change = AuditChange.objects.get(entry__verb="retention.edited", entry__summary="heap")
    assert (change.before, change.after) == (100, 30)


def test_page_saves_previews_and_starts_a_run(heap, admin, viewer, sign_in) -> None:
    client = sign_in(admin)
    page = client.get(reverse("retention"))
    assert page.context["rows"][0]["count"] == 5
    assert "No night yet" in page.content.decode()
    assert heap.size == 5  # a look changes nothing

    assert client.post(reverse("retention"), {"heap": "7"}).status_code == 422
    assert client.post(reverse("retention"), {"heap": "365"}).status_code == 302
    assert RetentionRule.objects.get().days == 365
    client.post(reverse("retention_run"))
    client.post(reverse("retention_run"))
    run = RetentionRun.objects.get()
    assert (run.asked_by, run.is_nightly) == (admin, False)
    assert "under way" in client.get(reverse("retention")).content.decode()
    services.tick(now=timezone.now().replace(hour=0))
    assert "under way" not in client.get(reverse("retention")).content.decode()
    assert sign_in(viewer).post(reverse("retention_run")).status_code == 403


# --- addresses in the audit trail -------------------------------------------------------------------------------------
def test_old_addresses_leave_the_audit_trail_and_entries_stay(admin) -> None:
    person = PersonFactory()
    old = record(
        verb="person.edited",
        target=person,
        actor=admin,
        summary="ada@example.org",
        changes=[
            ("contact_point:1", None, {"value": "ada@example.org", "label": "work\nada@example.org"}),
            ("note", "Write to o'brien+x@mail.example.org, not to us", ["a@b.org", 3]),
            ("name", "Ada", "Ada @ home"),
        ],
    )
    fresh = record(verb="person.edited", target=person, actor=admin, summary="ben@example.org")
    AuditEntry.objects.filter(pk=old.pk).update(at=timezone.now() - timedelta(days=731))

    kind = registry.KINDS["audit_addresses"]
    before = timezone.now() - timedelta(days=730)
    assert kind.count(before, None, 100) == 3
    assert kind.work(before, None) == Batch(3, more=False)
    assert kind.work(before, None) == Batch(0, more=False)

    old.refresh_from_db()
    fresh.refresh_from_db()
    assert (old.summary, fresh.summary) == (GONE, "ben@example.org")
    assert list(old.changes.order_by("pk").values_list("before", "after")) == [
        (None, {"value": GONE, "label": f"work\n{GONE}"}),
        (f"Write to {GONE}, not to us", [GONE, 3]),
        ("Ada", "Ada @ home"),
    ]


@pytest.mark.parametrize("value", [None, 3, True, "no address", "x @ y", {"a": [1, "b"]}])
def test_values_without_an_address_stay(value) -> None:
    assert without_addresses(value) == value


def test_operators_find_each_kind_in_their_guide() -> None:
    told = (Path(__file__).resolve().parents[3] / "docs/operators/retention.md").read_text()

    assert [kind.label for kind in registry.kinds() if f"| {kind.label} |" not in told] == []
