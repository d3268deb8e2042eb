"""The one normal form in which names are searched: lower case, Latin letters, single spaces."""

import unicodedata

from anyascii import anyascii


def normalise(*texts: str | None) -> str:
    """Join, transliterate to ASCII (so that «Côte d'Ivoire», «العمل», «работа» are found as typed on any keyboard), fold.

    Text in another script is kept beside its transliteration, so that it is found by its own letters too.
    """
    joined = " ".join(text for text in texts if text)
    if joined.isascii():  # most names of most files, and all that the rest does would change nothing
        return " ".join(joined.lower().split())
    joined = unicodedata.normalize("NFKC", joined).casefold()
    latin = anyascii(joined).lower()
    both = latin if latin == joined else f"{latin} {joined}"
    return " ".join(both.split())


def latin(text: str) -> str:
    """Only the Latin letters of the normal form, to tell whether two names are the same but for accents and script."""
    return " ".join(anyascii(unicodedata.normalize("NFKC", text).casefold()).lower().split())
