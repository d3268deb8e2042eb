"""A service on this machine, a transport that leads to it, and a mailing to everybody; no broker."""

from typing import Any

import pytest

from tests.campaigns.delivery.conftest import no_wake_ups  # noqa: F401  for these tests too
from tests.campaigns.esp.service import fake_postmark, settings_of


@pytest.fixture
def postmark():
    with fake_postmark() as service:
        yield service


@pytest.fixture
def transport(db: None, postmark) -> Any:
    from tests.factories import TransportFactory  # once Django is set up

    return TransportFactory(
        name="By Postmark",
        kind="service",
        service="postmark",
        service_settings=settings_of(postmark.url),
        max_connections=2,
    )


@pytest.fixture
def mailing(transport) -> Any:
    from tests.campaigns.delivery.building import EVERYBODY
    from tests.factories import MailingFactory, SegmentFactory

    return MailingFactory(transport=transport, segment=SegmentFactory(tree=EVERYBODY))
