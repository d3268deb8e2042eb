from collections.abc import Iterator

import pytest


@pytest.fixture
def service() -> Iterator[object]:
    from tests.campaigns.oauth.oauth_server import oauth_service

    with oauth_service() as running:
        yield running
