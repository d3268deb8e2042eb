"""What is remembered of words must say the same as the whole text read letter by letter."""

import re
import unicodedata

import pytest
from anyascii import anyascii
from hypothesis import example, given, settings
from hypothesis import strategies as st

from crm.ui.searchtext import latin, normalise, searchable, sorting

TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
INSIDE = re.compile(r"(?<=\w)['’ʼ`](?=\w)")  # noqa: RUF001
names = st.lists(
    st.text(st.sampled_from("aZ é'’ŞǅﬁßÜİ№北 \t\u2028\u0301\u0345م"), max_size=12) | st.text(max_size=8),
    max_size=3,  # noqa: RUF001
)


def folded(texts):
    return unicodedata.normalize("NFKC", " ".join(text for text in texts if text)).casefold()


def at_once(texts):
    joined = " ".join(text for text in texts if text)
    if joined.isascii():
        return " ".join(joined.lower().split())
    joined = folded(texts)
    in_latin = anyascii(joined).lower()
    return " ".join((in_latin if in_latin == joined else f"{in_latin} {joined}").split())


def spellings(word):
    plain = " ".join(anyascii(word).lower().split())
    found = [anyascii(word.translate(TWO_LETTERS)).lower(), INSIDE.sub("", plain)]
    return [other for other in dict.fromkeys(found) if other != plain and " " not in other]


def found_by_at_once(texts, also):
    base, typed = at_once(texts), folded(texts)
    words = list(base.split())
    for word in [*(other for one in typed.split() for other in spellings(one)), *also]:
        if word and word not in words:
            words.append(word)
    more = words[len(base.split()) :]
    return " ".join([base, *more]) if more else base


@settings(max_examples=400, deadline=None)
@given(texts=names)
@example(texts=["Ouédraogo", "N’Diaye Müller"])  # noqa: RUF001
@example(texts=["العمل"])
def test_words_that_are_remembered_are_written_as_the_whole_is(texts):
    assert normalise(*texts) == at_once(texts)
    assert latin(" ".join(texts)) == " ".join(anyascii(folded(texts)).lower().split())


@settings(max_examples=400, deadline=None)
@given(texts=names, also=st.lists(st.text("abc", max_size=3), max_size=2))
@example(texts=["N'Diaye"], also=[])
@example(texts=["Alliance № 1 for Décent Work"], also=["adw"])
def test_what_is_searched_by_is_the_same_as_of_the_whole(texts, also):
    assert searchable(*texts, also=also) == found_by_at_once(texts, also)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("O'Brien", "obrien"),
        ("Côte d’Ivoire", "cote divoire côte divoire"),
        ("“Dignity” Network", "dignity network dignity network"),
        ("Dakar", "dakar"),
        ("'", "'"),
        ("", ""),
    ],
)
def test_marks_do_not_count_in_the_order_of_lists(name, key):
    assert sorting(name) == key


def test_names_of_other_scripts_are_sorted_among_the_letters():
    assert sorting("أبو شقدم")[0].isalpha() and sorting("עבר")[0].isalpha()
    assert normalise("أبو شقدم")[0] == "'"
