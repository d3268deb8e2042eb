import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaigns.engagement import links

OLD = {"old": b"o" * 32}
BOTH = {"new": b"n" * 32, "old": b"o" * 32}


def token(url: str) -> str:
    return url.rsplit("/", 1)[1].removesuffix(".gif")


@given(
    mailing=st.integers(1, 2**62),
    seq=st.none() | st.integers(1, 2**31 - 1),
    number=st.integers(0, 32767),
    path=st.text(st.characters(codec="utf-8"), max_size=60),
)
def test_click_token_says_back_what_went_in(mailing, seq, number, path):
    url = f"https://example.org/{path}"

    made = links.click_url(mailing, seq, number, url)

    assert links.read(links.CLICK, token(made)) == links.Link(mailing, seq, number, url)


def test_untracked_link_carries_no_seq_and_differs_by_mailing_only():
    one = links.click_url(7, None, 1, "https://example.org/")

    assert links.read(links.CLICK, token(one)).seq is None
    assert one == links.click_url(7, None, 1, "https://example.org/")


@pytest.mark.parametrize("position", [0, 3, 5, 8, 20, -4])
def test_token_with_any_byte_changed_is_refused(position):
    data = bytearray(base64.urlsafe_b64decode(token(links.click_url(7, 12, 1, "https://example.org/")) + "=="))
    data[position] ^= 1

    assert links.read(links.CLICK, base64.urlsafe_b64encode(bytes(data)).decode()) is None


@pytest.mark.parametrize("nonsense", ["", "A", "====", "é", "a" * 5000, "Emsx"])
def test_nonsense_is_refused_quietly(nonsense):
    assert links.read(links.CLICK, nonsense) is None


def test_token_of_one_purpose_is_worthless_for_another():
    opened = token(links.open_url(7, 12))

    assert links.read(links.OPEN, opened) == links.Link(7, 12)
    assert links.read(links.UNSUBSCRIBE, opened) is None
    assert links.read(links.UNSUBSCRIBE, token(links.unsubscribe_url(7, 12))) == links.Link(7, 12)


def test_link_signed_by_an_old_key_verifies_until_the_key_is_gone(settings):
    settings.TRACKING_KEYS = OLD
    made = token(links.click_url(7, 12, 1, "https://example.org/"))

    settings.TRACKING_KEYS = BOTH
    assert links.read(links.CLICK, made) == links.Link(7, 12, 1, "https://example.org/")
    assert links.read(links.CLICK, token(links.click_url(7, 12, 1, "https://example.org/"))) is not None
    settings.TRACKING_KEYS = {"new": b"n" * 32}
    assert links.read(links.CLICK, made) is None


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "#part", "https://e.org/" + "x" * 2000])
def test_what_cannot_be_redirected_stays_as_it_is(url):
    assert links.click_url(7, 12, 1, url) == url
