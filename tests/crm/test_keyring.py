"""Hashes that are begun once and gone on with are those that the standard library makes at once."""

import hmac

import pytest

from crm.keyring import hasher


@pytest.mark.parametrize("length", [16, 64, 65, 200])
def test_a_hash_is_hmac_of_the_whole_message_each_time(length):
    key = bytes(range(length))
    digest = hasher(key)

    for message in (b"ada@example.org", b"", b"x" * 500, b"ada@example.org"):
        assert digest(message) == hmac.digest(key, message, "sha256")
