"""Languages that mailings and names can be in, with the names that their readers use. Which are offered is a setting."""

from collections.abc import Mapping

from babel import Locale, UnknownLocaleError
from django.conf import settings

CODES = "en fr es ar pt ru zh de it sw ha am fa ur hi bn id vi tr uk ne my km lo th ko ja mn rw so".split()  # noqa: SIM905
FIRST = ["en", "fr", "es", "ar"]  # what a new installation offers; public pages are in these
RIGHT_TO_LEFT = frozenset({"ar", "fa", "he", "ur", "ps", "dv", "yi", "ckb"})


def text_in(texts: Mapping[str, str], language: str) -> tuple[str, str]:
    """(text, its language) of what was written in several: in `language`, else in the installation's, else in any."""
    found = next((code for code in (language, settings.LANGUAGE_CODE, *texts) if texts.get(code)), language)
    return texts.get(found, ""), found


def language_name(code: str) -> str:
    """Its own name: Français, العربية."""
    try:
        name = Locale.parse(code.replace("-", "_")).get_display_name()
    except (UnknownLocaleError, ValueError):
        return code
    return name[:1].upper() + name[1:] if name else code


def name_in(code: str, reader: str) -> str:
    """What its reader's language calls it: French."""
    try:
        return str(Locale.parse(reader.split("-")[0]).languages.get(code.split("-")[0]) or code)
    except (UnknownLocaleError, ValueError):
        return code


def is_right_to_left(code: str) -> bool:
    return code.split("-")[0] in RIGHT_TO_LEFT


def direction(code: str) -> str:
    return "rtl" if is_right_to_left(code) else "ltr"
