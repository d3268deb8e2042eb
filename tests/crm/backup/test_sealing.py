"""A sealed stream opens with its passphrase only, whole only."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crm.backup import sealing
from crm.errors import Invalid

PASSPHRASE = "four rivers and a bridge"


def sealed(data, pieces=1):
    out = io.BytesIO()
    sealer = sealing.Sealer(out, PASSPHRASE)
    step = max(1, len(data) // pieces)
    for start in range(0, len(data), step):
        sealer.write(data[start : start + step])
    sealer.close()
    return out.getvalue()


def unsealed(data, passphrase=PASSPHRASE):
    return b"".join(sealing.opened(io.BytesIO(data), passphrase))


@pytest.mark.parametrize("size", [0, 1, sealing.CHUNK - 1, sealing.CHUNK, sealing.CHUNK + 1, 2 * sealing.CHUNK])
def test_sealed_opens_at_every_edge_of_a_chunk(size):
    data = bytes(range(256)) * (size // 256 + 1)

    assert unsealed(sealed(data[:size], pieces=3)) == data[:size]


@settings(max_examples=8, deadline=None)
@given(data=st.binary(max_size=5000), pieces=st.integers(1, 9))
def test_sealed_opens_however_it_was_written(data, pieces):
    assert unsealed(sealed(data, pieces)) == data


def test_sealed_does_not_show_what_it_holds():
    assert b"secret words" not in sealed(b"secret words" * 100)


def test_sealed_refuses_another_passphrase():
    with pytest.raises(Invalid, match="passphrase"):
        unsealed(sealed(b"x"), "something else entirely")


@pytest.mark.parametrize("harm", ["cut", "cut at a chunk", "swapped", "flipped", "longer"])
def test_sealed_notices_every_change(harm):
    whole = sealed(bytes(3 * sealing.CHUNK))
    head, part = len(sealing.MAGIC) + 23, sealing.CHUNK + 16
    chunks = [whole[head + i * part : head + (i + 1) * part] for i in range(3)]
    harmed = {
        "cut": whole[:-10],
        "cut at a chunk": whole[:head] + chunks[0] + chunks[1],
        "swapped": whole[:head] + chunks[0] + chunks[2] + chunks[1],
        "flipped": whole[:-40] + bytes([whole[-40] ^ 1]) + whole[-39:],
        "longer": whole + b"more",
    }[harm]

    with pytest.raises(Invalid, match="cut short or changed"):
        unsealed(harmed)


def test_opened_refuses_any_other_file():
    with pytest.raises(Invalid, match="not a sealed backup"):
        unsealed(b"PK\x03\x04 something")
