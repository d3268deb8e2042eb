"""The client's address: counted from the right by our own proxies, whatever the client itself writes to the left."""

import pytest
from django.test import RequestFactory

from crm.addresses import UNKNOWN, client_address, network_of

PEER = "10.0.0.1"
CASES = [
    # hops, X-Forwarded-For, what counts
    (0, None, PEER),
    (0, "198.51.100.7", PEER),  # no proxy of ours wrote it
    (1, "198.51.100.7", "198.51.100.7"),
    (1, "1.1.1.1, 198.51.100.7", "198.51.100.7"),  # the left one came from the client
    (1, "127.0.0.1, ::1, 198.51.100.7", "198.51.100.7"),
    (1, None, PEER),
    (1, "", PEER),
    (1, "unknown", PEER),
    (1, "198.51.100.7, <script>", PEER),
    (2, "198.51.100.7, 203.0.113.2", "198.51.100.7"),
    (2, "1.1.1.1, 2.2.2.2, 198.51.100.7, 203.0.113.2", "198.51.100.7"),
    (2, "198.51.100.7", PEER),  # it passed one proxy only
    (1, "198.51.100.7:51234", "198.51.100.7"),
    (1, "[2001:db8::7]:51234", "2001:db8::7"),
    (1, "2001:DB8:0:0::7", "2001:db8::7"),
    (1, "::ffff:198.51.100.7", "198.51.100.7"),
]


@pytest.mark.parametrize(("hops", "header", "expected"), CASES)
def test_address_is_counted_from_the_right(settings, hops: int, header: str | None, expected: str) -> None:  # type: ignore[no-untyped-def]
    settings.TRUSTED_HOPS = hops
    sent = {} if header is None else {"HTTP_X_FORWARDED_FOR": header}

    assert client_address(RequestFactory().get("/", REMOTE_ADDR=PEER, **sent)) == expected


def test_other_headers_that_name_an_address_are_not_read(settings) -> None:  # type: ignore[no-untyped-def]
    settings.TRUSTED_HOPS = 1
    liars = {
        "HTTP_X_REAL_IP": "1.1.1.1",
        "HTTP_FORWARDED": "for=1.1.1.1",
        "HTTP_CLIENT_IP": "1.1.1.1",
        "HTTP_TRUE_CLIENT_IP": "1.1.1.1",
    }

    request = RequestFactory().get("/", REMOTE_ADDR=PEER, HTTP_X_FORWARDED_FOR="198.51.100.7", **liars)

    assert client_address(request) == "198.51.100.7"


def test_peer_without_an_address_is_still_one(settings) -> None:  # type: ignore[no-untyped-def]
    """Behind a socket file there is no peer address; a limit then counts all of them as one."""
    settings.TRUSTED_HOPS = 0

    assert client_address(RequestFactory().get("/", REMOTE_ADDR="")) == UNKNOWN


def test_limits_count_an_ipv6_client_by_its_network() -> None:
    assert network_of("2001:db8:1:2:aaaa::1") == network_of("2001:db8:1:2:bbbb::1") == "2001:db8:1:2::"
    assert network_of("198.51.100.7") == "198.51.100.7"
