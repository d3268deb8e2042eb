import uuid

import pytest

from campaigns.delivery.addresses import (
    BOUNCE,
    REPLY,
    ReturnAddress,
    is_reserved,
    message_id,
    read_address,
    read_message_id,
    reply_address,
    return_path,
)


@pytest.mark.parametrize(("mailing_id", "seq"), [(1, 1), (2**40, 2**31 - 1)])
def test_addresses_come_back_whatever_case_they_return_in(mailing_id, seq):
    bounce, reply = return_path(mailing_id, seq), reply_address(mailing_id, seq)

    assert len(bounce.partition("@")[0]) <= 64
    assert read_address(bounce.upper()) == ReturnAddress(BOUNCE, mailing_id, seq)
    assert read_address(f"<{reply}>") == ReturnAddress(REPLY, mailing_id, seq)


def test_with_the_longest_key_id_the_local_part_fits(settings):
    settings.TRACKING_KEYS = {"k2345678": b"x" * 32}

    assert len(return_path(2**40, 2**31 - 1).partition("@")[0]) <= 64


def test_a_forged_address_is_not_ours():
    address = return_path(7, 3)
    local, _at, domain = address.partition("@")
    flipped = local[:10] + ("a" if local[10] != "a" else "b") + local[11:]

    assert read_address(f"{flipped}@{domain}") is None
    assert read_address(f"r{address[1:]}") is None, "a return path is no Reply-To"
    assert read_address(f"{local}@elsewhere.test") is None
    assert read_address("") is None and read_address("b.@bounce.campaign.test") is None


def test_message_id_is_a_function_of_the_delivery_also_after_a_new_key(settings):
    uid = uuid.uuid4()
    before = message_id(uid, 5)
    settings.TRACKING_KEYS = {"new": b"y" * 32, **settings.TRACKING_KEYS}

    assert message_id(uid, 5) == before
    assert read_message_id(before) == (uid, 5)
    assert read_message_id(before.replace(".5.", ".6.")) is None
    assert read_message_id("<somebody@else.test>") is None


@pytest.mark.parametrize(
    ("domain", "reserved"),
    [
        ("people.test", True),
        ("Example.ORG", True),
        ("mail.example.com", True),
        ("localhost", True),
        ("ilo.org", False),
        ("contest", False),
    ],
)
def test_reserved_names(domain, reserved):
    assert is_reserved(domain) is reserved
