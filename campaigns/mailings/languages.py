"""Languages that a mailing can be written in, with the names that their readers use."""

from babel import Locale, UnknownLocaleError

CODES = "en fr es ar pt ru zh de it sw ha am fa ur hi bn id vi tr uk ne my km lo th ko ja mn rw so".split()  # noqa: SIM905


def language_name(code: str) -> str:
    """Its own name: Français, العربية."""
    try:
        name = Locale.parse(code.replace("-", "_")).get_display_name()
    except (UnknownLocaleError, ValueError):
        return code
    return name[:1].upper() + name[1:] if name else code


def language_choices() -> list[tuple[str, str]]:
    return [(code, language_name(code)) for code in CODES]
