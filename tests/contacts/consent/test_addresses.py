"""One normal form, so that an address finds its suppression however it was typed."""

import unicodedata

import pytest

from contacts.consent.addresses import address_key


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_composed_and_decomposed_letters_are_one_address(form: str) -> None:
    typed = unicodedata.normalize(form, "José.Ñandú@Éxample.test")

    assert address_key(typed) == unicodedata.normalize("NFC", "josé.ñandú@") + "xn--xample-9ua.test"
