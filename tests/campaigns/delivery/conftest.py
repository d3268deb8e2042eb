"""No broker for tests of this folder, a sink, and a mailing to everybody."""

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(autouse=True)
def no_wake_ups(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, tuple]]:
    """What would have been sent to the broker; tests of this folder run the tasks themselves."""
    sent: list[tuple[str, tuple]] = []

    def post(task, *args, countdown=None):  # type: ignore[no-untyped-def]
        sent.append((task.name, args))

    monkeypatch.setattr("campaigns.delivery.waking.post", post)
    monkeypatch.setattr("campaigns.delivery.effects.post", post)
    monkeypatch.setattr("campaigns.delivery.sweeping.post", post)
    return sent


@pytest.fixture
def sink() -> Iterator[Any]:
    from tests.campaigns.delivery.sinks import running_sink  # once Django is set up

    with running_sink() as running:
        yield running


@pytest.fixture
def mailing(db: None) -> Any:
    """A draft to everybody, by a local transport."""
    from tests.campaigns.delivery.building import EVERYBODY
    from tests.factories import MailingFactory, SegmentFactory, TransportFactory

    return MailingFactory(segment=SegmentFactory(tree=EVERYBODY), transport=TransportFactory(max_connections=2))
