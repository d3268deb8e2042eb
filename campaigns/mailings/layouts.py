"""The layouts: MJML files with a few named places, and the footer that every message has, in the reader's language."""

from __future__ import annotations

import hashlib
import html
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from string import Template
from typing import Any

import css_inline
import mrml
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from campaigns.mailings.letters import ADDRESSEE, LABELS, labels, lines_html, signature_html
from crm.languages import direction

FOLDER = Path(__file__).resolve().parents[2] / "templates" / "mail" / "layouts"
# fonts that mail programs have; nothing is loaded from anywhere
FONT = "-apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', Arial, 'Noto Sans', sans-serif"
FONT_LETTER = "Georgia, 'Times New Roman', 'Noto Serif', serif"
FONT_LETTER_ARABIC = "'Traditional Arabic', 'Noto Naskh Arabic', 'Times New Roman', serif"
FONT_ARABIC = "'Segoe UI', Tahoma, 'Noto Sans Arabic', 'Geeza Pro', Arial, sans-serif"


@dataclass(frozen=True)
class Layout:
    code: str
    name: str | Promise
    description: str | Promise


LAYOUTS: dict[str, Layout] = {
    layout.code: layout
    for layout in [
        Layout("plain", _("Message"), _("Looks like mail from one person to another. Best for people who know you.")),
        Layout("letter", _("Letter"), _("Letterhead, date, reference, addressee, signature. Best for a minister.")),
        Layout("bulletin", _("Bulletin"), _("A white sheet under your organization's name. Best for regular news.")),
        Layout("announcement", _("Announcement"), _("The subject as a headline on colour. Best for one big message.")),
    ]
}


@dataclass(frozen=True)
class Frame:
    """What a layout says around the body: plain data, so that a preview can be made in another process."""

    layout: str = "plain"
    organization: str = ""
    postal_address: str = ""
    topic: str = ""
    signature: str = ""  # lines below the body
    place_and_date: str = ""  # of a letter
    pictures: str = ""  # where pictures of ours are, without the path
    names_copies: bool = False  # the mailing has a rule for copies

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def is_letter(self) -> bool:
        return self.layout == "letter"


FOOTER: dict[str, dict[str, str]] = {
    "en": {
        "why": "You receive this because you, or the institution you act for, are on our list for “%s”.",
        "why_plain": "You receive this because you, or the institution you act for, are on our mailing list.",
        "unsubscribe": "Unsubscribe",
        "preferences": "Choose what you receive",
    },
    "fr": {
        "why": "Vous recevez ce message parce que vous, ou l’institution que vous représentez, figurez sur notre liste « %s ».",
        "why_plain": "Vous recevez ce message parce que vous, ou l’institution que vous représentez, figurez sur notre liste.",
        "unsubscribe": "Se désabonner",
        "preferences": "Choisir ce que vous recevez",
    },
    "es": {
        "why": "Recibe este mensaje porque usted, o la institución a la que representa, figura en nuestra lista «%s».",
        "why_plain": "Recibe este mensaje porque usted, o la institución a la que representa, figura en nuestra lista.",
        "unsubscribe": "Cancelar la suscripción",
        "preferences": "Elegir qué recibe",
    },
    "ar": {
        "why": "تتلقون هذه الرسالة لأنكم، أو المؤسسة التي تمثلونها، مدرجون في قائمتنا «%s».",
        "why_plain": "تتلقون هذه الرسالة لأنكم، أو المؤسسة التي تمثلونها، مدرجون في قائمتنا البريدية.",
        "unsubscribe": "إلغاء الاشتراك",
        "preferences": "اختيار ما يصلكم",
    },
    "pt": {
        "why": "Recebe esta mensagem porque o seu nome, ou o da instituição que representa, consta da nossa lista «%s».",
        "why_plain": "Recebe esta mensagem porque o seu nome, ou o da instituição que representa, consta da nossa lista.",
        "unsubscribe": "Cancelar a subscrição",
        "preferences": "Escolher o que recebe",
    },
}
# came after mailings had been approved: only those that have this language are bound to its words
LATER = frozenset({"pt"})


def footer_texts(language: str) -> dict[str, str]:
    return FOOTER.get(language.split("-")[0], FOOTER["en"])


@cache
def _source(code: str) -> str:
    return (FOLDER / f"{code}.mjml").read_text()


@cache
def _css() -> str:
    return (FOLDER / "body.css").read_text()


def layout_version(code: str, languages: Iterable[str] = ()) -> str:
    """Changes with every change of the layout's file, its styles or its footer: part of what is approved.

    languages: of the mailing.
    """
    return _version(code, LATER - {language.split("-")[0] for language in languages})


@cache
def _version(code: str, without: frozenset[str]) -> str:
    footer = {language: texts for language, texts in FOOTER.items() if language not in without}
    words = [sorted((k, sorted(v.items())) for k, v in texts.items()) for texts in (footer, LABELS)]
    content = "\0".join([_source(code), _css(), repr(words), repr(ADDRESSEE)])
    return f"{code}@{hashlib.sha256(content.encode()).hexdigest()[:12]}"


def unbraced(text: str) -> str:
    """Text of ours that goes into a template's source: it must not be read as a tag."""
    return text.replace("{", "(").replace("}", ")")


def why(frame: Frame, language: str) -> str:
    texts = footer_texts(language)
    return texts["why"] % unbraced(frame.topic) if frame.topic else texts["why_plain"]


def _footer(frame: Frame, language: str, tokens: dict[str, str]) -> str:
    texts = footer_texts(language)
    sender = lines_html(unbraced(f"{frame.organization}\n{frame.postal_address}"))
    return (
        f"<p>{html.escape(why(frame, language))}</p>"
        f'<p><a href="{tokens["unsubscribe"]}">{texts["unsubscribe"]}</a> · '
        f'<a href="{tokens["preferences"]}">{texts["preferences"]}</a></p>'
        f"<p>{sender}</p>"
    )


def _font(frame: Frame, language: str) -> str:
    is_arabic = language.split("-")[0] in ("ar", "fa", "ur")
    if frame.is_letter:
        return FONT_LETTER_ARABIC if is_arabic else FONT_LETTER
    return FONT_ARABIC if is_arabic else FONT


def frame_html(frame: Frame, language: str, *, body: str, tokens: dict[str, str]) -> str:
    """The whole HTML document around `body` (clean HTML with opaque tokens), styles inlined.

    tokens: opaque words for title, preheader, unsubscribe, preferences and end; nothing of a writer's goes through mrml. For a
    letter also HTML with such words: reference, addressee; for a mailing with copies copy_head and copy_line.
    """
    way = direction(language)
    letter_html = {name: tokens.get(name, "") for name in ("reference", "addressee")}
    places: dict[str, Any] = {
        **letter_html,
        "signature": unbraced(signature_html(frame.signature)) + tokens.get("copy_line", ""),
        "letterhead": lines_html(unbraced(frame.postal_address)),
        "place_and_date": html.escape(unbraced(frame.place_and_date)),
        "subject_label": labels(language)["subject"],
        "finish": "left" if way == "rtl" else "right",
        "language": html.escape(language),
        "direction": way,
        "start": "right" if way == "rtl" else "left",
        "font": _font(frame, language),
        "organization": html.escape(unbraced(frame.organization)),
        "title": tokens["title"],
        "preheader": tokens["preheader"],
        "body": tokens["body"],
        "footer": _footer(frame, language, tokens),
        "end": tokens["end"],
    }
    source = Template(_source(frame.layout)).substitute(places)
    # without `fonts={}` mrml adds a link to a font service
    page = mrml.to_html(source, None, mrml.RenderOptions(fonts={})).content
    inliner = css_inline.CSSInliner(
        inline_style_tags=True,
        keep_style_tags=True,
        keep_at_rules=True,
        load_remote_stylesheets=False,
        extra_css=_css(),
    )
    return inliner.inline(page.replace(tokens["body"], tokens.get("copy_head", "") + body))
