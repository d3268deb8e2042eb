"""The parts of a letter around its text, in the reader's language: place and date, reference, addressee, signature."""

from __future__ import annotations

import html
from collections.abc import Callable
from datetime import date

from babel import Locale, UnknownLocaleError
from babel.dates import format_date

Put = Callable[[str, str], str]
# with the colon: French has a narrow space before it, which no line ends at
LABELS: dict[str, dict[str, str]] = {
    "en": {"reference": "Our reference:", "subject": "Subject:"},
    "fr": {"reference": "Réf.\u202f:", "subject": "Objet\u202f:"},
    "es": {"reference": "Ref.:", "subject": "Asunto:"},
    "ar": {"reference": "المرجع:", "subject": "الموضوع:"},
    "pt": {"reference": "Ref.:", "subject": "Assunto:"},
}
# What stands above a letter, one line each; a line whose field is empty is left out.
ADDRESSEE = ("person.formal_name", "post.title", "organization.name", "country.name")


def labels(language: str) -> dict[str, str]:
    return LABELS.get(language.split("-")[0], LABELS["en"])


def long_date(day: date, language: str) -> str:
    """A date as letters write it: 1er décembre 2026."""
    try:
        locale = Locale.parse(language.replace("-", "_"))
    except (UnknownLocaleError, ValueError):
        locale = Locale("en", "GB")
    if locale.language == "en" and not locale.territory:
        locale = Locale("en", "GB")  # day, month, year: as international organizations write it
    text = format_date(day, "long", locale=locale)
    return text.replace("1 ", "1er ", 1) if locale.language == "fr" and day.day == 1 else text


def place_and_date(place: str, when: str, language: str) -> str:
    """Geneva, 1 December 2026; in French with its article: Genève, le 1er décembre 2026."""
    if not place:
        return when
    article = {"fr": "le ", "es": "", "ar": "في "}.get(language.split("-")[0], "")
    comma = "، " if language.split("-")[0] in ("ar", "fa", "ur") else ", "
    return f"{place}{comma}{article}{when}"


def addressee_html(put: Put) -> str:
    """The addressee's lines; put(kind, inside) hides a tag."""
    return "".join(f"{put('{%', f'if {path}')}{put('{{', path)}<br>{put('{%', 'endif')}" for path in ADDRESSEE)


def reference_html(language: str, put: Put) -> str:
    label = html.escape(labels(language)["reference"])
    return f"{put('{%', 'if reference')}<br>{label} <bdi>{put('{{', 'reference')}</bdi>{put('{%', 'endif')}"


def head_text(subject: str, organization: str, place_and_date: str, language: str) -> str:
    """What stands above the body in a letter's text part: template text. subject: as written, with its fields."""
    words = labels(language)
    to = "".join(f"{{% if {path} %}}{{{{ {path} }}}}\n{{% endif %}}" for path in ADDRESSEE)
    reference = f"{{% if reference %}}{words['reference']} {{{{ reference }}}}\n{{% endif %}}"
    head = f"{organization}\n\n" if organization else ""
    return f"{head}{place_and_date}\n{reference}\n{to}\n{words['subject']} {subject}\n\n"


def lines_html(text: str) -> str:
    """Text of several lines as HTML, each with a direction of its own: an address in Latin letters stands in any letter."""
    return "<br>".join(f"<bdi>{html.escape(line.strip())}</bdi>" for line in text.strip().splitlines())


def signature_html(text: str) -> str:
    return f'<p class="gs-signature">{lines_html(text)}</p>' if text.strip() else ""
