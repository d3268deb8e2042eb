"""The HTML that a partner puts on a site of their own: a sandboxed frame, or a plain form. Neither needs a script."""

from __future__ import annotations

from collections.abc import Iterable

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from campaigns.forms.checking import Offers
from campaigns.forms.questions import Kind, Question

TYPES = {Kind.EMAIL: "email", Kind.PHONE: "tel", Kind.DATE: "date", Kind.FILE: "file"}
OPTION = '\n      <option value="{}">{}</option>'


def frame(url: str, title: str) -> str:
    """Sandboxed: it may send the form, and keeps our own origin so that our style sheet is ours."""
    return format_html(
        '<iframe src="{}" title="{}" sandbox="allow-forms allow-same-origin"\n'
        '  width="100%" height="900" loading="lazy" referrerpolicy="origin"></iframe>',
        url,
        title,
    )


def plain_form(url: str, questions: Iterable[Question], offers: Offers, language: str, send: str) -> str:
    questions = list(questions)
    encoding = ' enctype="multipart/form-data"' if any(q.kind == Kind.FILE for q in questions) else ""
    fields = format_html_join("\n", "  {}", ((_field(question, offers, language),) for question in questions))
    return format_html(
        '<form method="post" action="{}?lang={}"{}>\n{}\n'
        '  <p hidden><label>Website <input name="website" autocomplete="off" tabindex="-1"></label></p>\n'
        "  <button>{}</button>\n</form>",
        url,
        language,
        SafeString(encoding),
        fields,
        send,
    )


def _field(question: Question, offers: Offers, language: str) -> SafeString:
    name, label = f"q-{question.key}", question.label(language)
    needed = SafeString(" required") if question.is_required and not question.shown_if else ""
    if question.kind in (Kind.CHOICES, Kind.CONSENT):
        choices = _choices(question, offers, language)
        boxes = format_html_join(
            "", '\n    <label><input type="checkbox" name="{}" value="{}"> {}</label>', ((name, v, words) for v, words in choices)
        )  # fmt: skip
        return format_html("<fieldset><legend>{}</legend>{}\n  </fieldset>", label, boxes)
    if question.kind in (Kind.CHOICE, Kind.COUNTRY):
        options = format_html_join("", OPTION, _choices(question, offers, language))
        return format_html(
            '<label>{}\n    <select name="{}"{}>\n      <option value=""></option>{}\n    </select></label>',
            label, name, needed, options,
        )  # fmt: skip
    if question.kind == Kind.LONG:
        return format_html('<label>{}\n    <textarea name="{}" rows="4"{}></textarea></label>', label, name, needed)
    return format_html(
        '<label>{}\n    <input type="{}" name="{}"{}></label>', label, TYPES.get(question.kind, "text"), name, needed
    )


def _choices(question: Question, offers: Offers, language: str) -> list[tuple[str, str]]:
    if question.kind == Kind.COUNTRY:
        return list(offers.countries.items())
    if question.kind == Kind.CONSENT:
        return [(uid, offers.topics[uid]) for uid in question.topics if uid in offers.topics]
    return [(option.value, option.label(language)) for option in question.options]
