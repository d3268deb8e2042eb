"""The trail, undo, and the outbox's numbering."""

import threading

import pytest
from django.db import connection, transaction

from crm.accounts.models import User
from crm.audit import services
from crm.audit.models import AuditChange, AuditEntry, OutboxEvent
from crm.errors import Conflict
from crm.ids import new_uid


def test_record_writes_entry_changes_and_event(admin: User) -> None:
    entry = services.record(
        verb="user.edited", target=admin, actor=admin, changes=[("name", "A", "B")], event={"name": "B"}
    )

    change = AuditChange.objects.get(entry=entry)
    assert (entry.object_type, entry.object_uid, entry.door) == ("user", admin.uid, "screen")
    assert (change.field, change.before, change.after) == ("name", "A", "B")
    event = OutboxEvent.objects.get()
    assert (event.type, event.object_uid, event.actor_uid, event.payload) == (
        "user.edited",
        admin.uid,
        admin.uid,
        {"name": "B"},
    )


def test_change_that_is_rolled_back_leaves_no_trail(admin: User) -> None:
    with pytest.raises(RuntimeError), transaction.atomic():
        services.record(verb="user.edited", target=admin, actor=admin, event={})
        raise RuntimeError

    assert not AuditEntry.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_undo_puts_back_once_and_says_so(admin: User, monkeypatch: pytest.MonkeyPatch) -> None:
    restored = []
    monkeypatch.setitem(services._UNDO, "thing", lambda **given: restored.append((given["values"], given["expected"])))
    uid = new_uid()
    entry = services.record(
        verb="thing.edited", object_type="thing", object_uid=uid, actor=admin, changes=[("name", "old", "new")]
    )

    undone = services.undo(entry=entry, actor=admin)

    assert restored == [({"name": "old"}, {"name": "new"})]
    assert undone.undoes == entry
    with pytest.raises(Conflict, match="undone already"):
        services.undo(entry=entry, actor=admin)
    assert len(restored) == 1


def test_outbox_is_numbered_without_gaps_in_order(db: None) -> None:
    for number in range(5):
        services.emit(type="x", object_uid=new_uid(), payload={"n": number})

    assert services.publish_outbox(limit=3) == 3
    services.emit(type="x", object_uid=new_uid(), payload={"n": 5})
    assert services.publish_outbox() == 3
    assert services.publish_outbox() == 0

    rows = OutboxEvent.objects.order_by("seq").values_list("seq", "payload__n")
    assert list(rows) == [(n + 1, n) for n in range(6)]


@pytest.mark.django_db(transaction=True)
def test_event_committed_late_gets_a_later_number() -> None:
    """Ids are given at insert, numbers after the commit: a reader's cursor never passes an event that is not there yet."""
    started, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        with transaction.atomic():
            services.emit(type="slow", object_uid=new_uid())
            started.set()
            go_on.wait(10)
        connection.close()

    thread = threading.Thread(target=slow)
    thread.start()
    started.wait(10)
    services.emit(type="fast", object_uid=new_uid())
    services.publish_outbox()
    go_on.set()
    thread.join()
    services.publish_outbox()

    assert list(OutboxEvent.objects.order_by("seq").values_list("type", "seq")) == [("fast", 1), ("slow", 2)]
