from collections.abc import Iterator

import pytest

from tests.campaigns.domains.dns_server import Zone, running_zone


@pytest.fixture
def zone(settings) -> Iterator[Zone]:  # type: ignore[no-untyped-def]
    """A DNS server that the product asks, and a return domain that is no made-up name."""
    with running_zone() as running:
        settings.DNS_RESOLVER = running.address
        settings.RETURN_DOMAIN = "bounce.coalition.eu"
        yield running
