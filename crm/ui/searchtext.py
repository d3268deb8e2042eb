"""The one normal form in which names are searched: lower case, Latin letters, single spaces.

What is stored (`searchable`) also has the other ways of writing a name down; what is typed (`typed_words`) is tried in each of
its ways. So «Müller» finds *Mueller* and «Mueller» finds *Müller*, whichever of them is stored.
"""

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from anyascii import anyascii

# two letters for one, as German and the Scandinavian languages write where a keyboard lacks it
_TWO_LETTERS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe", "å": "aa"})
_MARKS = re.compile("['’‘ʼʻʾʿʹ`´\"“”]")  # noqa: RUF001 apostrophes, quotes, and what transliteration writes for a hamza or an ayn
_INSIDE = re.compile(r"(?<=\w)['’ʼ`](?=\w)")  # N'Diaye, O’Neill
# words that acronyms leave out: of, and, for, the … in the languages of the campaign
_SMALL = frozenset([
    "a", "al", "and", "at", "by", "d", "da", "das", "de", "del", "des", "di", "do", "dos", "du", "e", "el", "en", "et", "for", "i", "in",
    "l", "la", "las", "le", "les", "los", "o", "of", "on", "the", "to", "u", "und", "y",
])  # fmt: skip
MOST_WORDS = 8
REMEMBERED = 16_384  # words whose letters and spellings are known: names repeat, in a file of a hundred thousand people above all


def _folded(*texts: str | None) -> str:
    return unicodedata.normalize("NFKC", " ".join(text for text in texts if text)).casefold()


def normalise(*texts: str | None) -> str:
    """Join, transliterate to ASCII (so that «Côte d'Ivoire», «العمل», «работа» are found as typed on any keyboard), fold.

    Text in another script is kept beside its transliteration, so that it is found by its own letters too.
    """
    joined = " ".join(text for text in texts if text)
    if joined.isascii():  # most names of most files, and all that the rest does would change nothing
        return " ".join(joined.lower().split())
    return _with_latin(_folded(joined))


def _with_latin(folded: str) -> str:
    latin = _in_latin(folded)
    both = latin if latin == folded else f"{latin} {folded}"
    return " ".join(both.split())


def _in_latin(folded: str) -> str:
    """Transliterated word by word, which is the same as at once: each letter is by itself, and a space stays one."""
    return " ".join(map(_latin_word, folded.split(" ")))


@lru_cache(maxsize=REMEMBERED)
def _latin_word(word: str) -> str:
    return anyascii(word).lower()


def latin(text: str) -> str:
    """Only the Latin letters of the normal form, to tell whether two names are the same but for accents and script."""
    return " ".join(_in_latin(_folded(text)).split())


def without_marks(text: str) -> str:
    """Without apostrophes and quotes; a text of nothing else stays as it is, for what is sorted by is never empty."""
    return " ".join(_MARKS.sub("", text).split()) or text


def sorting(*texts: str | None) -> str:
    """What names are sorted by, and compared by where they must be the same: the normal form without its marks.

    In ASCII a mark comes before the letters, so that lists would begin with «O'Brien» and with «أبو», which is *'bw* in Latin letters.
    """
    return without_marks(normalise(*texts))


def searchable(*texts: str | None, also: Iterable[str] = ()) -> str:
    """The stored form: the normal form, then other spellings of its words, then `also` (acronyms)."""
    joined = " ".join(text for text in texts if text)
    if joined.isascii():
        # plain letters, as most names are, have no other spelling; imports ask for a hundred thousand of them
        typed = joined.lower()
        base = " ".join(typed.split())
        spelt = typed.split() if _INSIDE.search(typed) else []
        if not spelt and not also:
            return base
    else:
        typed = _folded(joined)
        base, spelt = _with_latin(typed), typed.split()
    there = set(base.split())
    more: list[str] = []
    for word in [*(other for one in spelt for other in _spellings(one)), *also]:
        if word and word not in there:
            there.add(word)
            more.append(word)
    return " ".join([base, *more]) if more else base


@lru_cache(maxsize=REMEMBERED)
def _spellings(word: str) -> tuple[str, ...]:
    """Other ways to write one folded word in Latin letters: Mueller for Müller, ndiaye for n'diaye."""
    plain = " ".join(anyascii(word).lower().split())
    found = [anyascii(word.translate(_TWO_LETTERS)).lower(), _INSIDE.sub("", plain)]
    return tuple(other for other in dict.fromkeys(found) if other != plain and " " not in other)


def typed_words(text: str) -> list[tuple[str, ...]]:
    """The words that were typed, each with the ways in which it may be stored; any of them will do."""
    found = []
    for word in _folded(text).split()[:MOST_WORDS]:
        plain = "".join(_latin_word(word).split())
        ways = dict.fromkeys(way for way in (plain, *_spellings(word), word) if way)
        if ways:
            found.append(tuple(ways))
    return found


@lru_cache(maxsize=4096)
def acronyms(*names: str) -> tuple[str, ...]:
    """What people would call these names for short: *ituc*, *oecd*. Of names of two words or more."""
    found: dict[str, None] = {}
    for name in names:
        words = [word for word in re.split(r"[\s/()]+", latin(name)) if word[:1].isalnum()]
        telling = [word for word in words if word not in _SMALL]
        for some in (telling, words):
            if 2 <= len(some) <= 10:
                found["".join(word[0] for word in some)] = None
    return tuple(found)
