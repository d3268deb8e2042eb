"""One text for each sequence of bytes, and no other text is read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm import base64url


@given(st.binary(max_size=200))
def test_encoded_bytes_come_back(data):
    text = base64url.encode(data)

    assert base64url.decode(text) == data
    assert not set(text) & set("+/=\n")


@pytest.mark.parametrize("text", ["A", "AB==", "A+", "A/", "AB\n", " AAAA", "AAB", "ÄÄ", "AAAA="])
def test_any_other_text_is_refused(text):
    with pytest.raises(ValueError):
        base64url.decode(text)
