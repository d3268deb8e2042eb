"""Public pages of forms: answer, go on later, and the same in a frame on a partner's site. No account, no cookie, no script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_exempt
from django.views.decorators.csrf import csrf_exempt

from campaigns.forms import links, taking
from campaigns.forms.answering import AnswersForm
from campaigns.forms.engine import answers_form
from campaigns.forms.models import Form, FormDraft
from crm.accounts.rules import public
from crm.addresses import client_address, network_of
from crm.limits import allow_from
from crm.ui.public import by_link, language_of, private, public_page

TRIES, WINDOW_SECONDS = 60, 3600  # from one network of addresses; an office behind one may well be thirty people
KEPT_SECONDS = 20  # that a page is kept; a change of the form shows at once, one of a topic or a country by then
MARK = "@@page@@"  # where its own token goes
SAVE = "save"  # the button that keeps the answers to go on later


@public
@csrf_exempt  # no account and no cookie: there is nothing that another site could ride on
def form_answer(request: HttpRequest, slug: str) -> HttpResponse:
    """The page of a form. GET shows it, POST sends it, also from a form on a partner's site."""
    return _answer(request, _open(slug))


@public
@csrf_exempt  # as above
@xframe_options_exempt
def form_frame(request: HttpRequest, slug: str) -> HttpResponse:
    """The same without head and foot, to be framed by the sites that staff named, and by no other."""
    form = _open(slug)
    answer = _answer(request, form, is_framed=True)
    if form is not None and form.origins:
        answer._csp_replace = {"frame-ancestors": form.origins}  # type: ignore[attr-defined]
    return answer


@by_link
def form_continue(request: HttpRequest, token: str) -> HttpResponse:
    """Answers that somebody kept. The link is the key, so the page is nobody else's to keep."""
    uid = links.read_draft(token)
    draft = taking.find_draft(uid) if uid else None
    form = _open(draft.form.slug) if draft else None
    return _answer(request, form, draft=draft if form else None)


def _open(slug: str) -> Form | None:
    return Form.objects.to_answer().select_related("campaign").filter(slug=slug).first()


@dataclass
class Visit:
    """One request for an open form, with what it sent or what was kept."""

    request: HttpRequest
    form: Form
    sent: AnswersForm
    language: str
    draft: FormDraft | None
    is_framed: bool


def _answer(
    request: HttpRequest, form: Form | None, *, draft: FormDraft | None = None, is_framed: bool = False
) -> HttpResponse:
    with translation.override(language_of(request, draft.language if draft else "")):
        if form is None:
            return _page(request, "gone", None, is_framed=is_framed, status=404)
        if form.closes_on and form.closes_on < timezone.localdate():
            return _page(request, "closed", form, is_framed=is_framed, status=410)
        language = translation.get_language() or "en"
        is_post = request.method == "POST"
        kept = None if is_post or draft else _kept_key(request, form, language)
        if kept and (page := cache.get(kept)):
            return _with_token(page, form, language)
        sent = answers_form(
            form,
            request.POST if is_post else None,
            request.FILES if is_post else None,
            language=language,
            before=draft.answers if draft else None,
        )
        visit = Visit(request, form, sent, language, draft, is_framed)
        if kept:
            page = _form_page(visit, token=MARK).content.decode()
            cache.set(kept, page, KEPT_SECONDS)
            return _with_token(page, form, language)
        return _sent(visit) if is_post else _form_page(visit)


def _kept_key(request: HttpRequest, form: Form, language: str) -> str | None:
    """Where the page is kept for some seconds, without its token: at a rush everybody reads the same one. Only plain addresses."""
    if request.META.get("QUERY_STRING", "") not in ("", f"lang={language}"):
        return None
    asked = f"{request.path}?{request.META.get('QUERY_STRING', '')}"
    return f"form-page:{form.pk}:{form.updated_at.timestamp()}:{language}:{asked}"


def _with_token(page: str, form: Form, language: str) -> HttpResponse:
    answer = HttpResponse(page.replace(MARK, links.page_token(form.pk)))
    answer["Content-Language"] = language
    return answer


def _sent(visit: Visit) -> HttpResponse:
    request, form, sent = visit.request, visit.form, visit.sent
    page = links.read_page(request.POST.get("t", ""), form.pk)
    receipt = page.receipt if page else None
    if sent.is_only_a_look:
        return _form_page(visit, page=page)
    if not allow_from("form-answer", request, limit=TRIES, seconds=WINDOW_SECONDS):
        answer = _form_page(visit, page=page, status=429, note=_("Too many at once from your network. Nothing is lost: please press the button again in a few minutes."))  # fmt: skip
        answer["Retry-After"] = "600"
        return answer
    is_trapped = bool(request.POST.get("website"))  # what only a program fills; it is thanked all the same
    if SAVE in request.POST and page and not visit.is_framed and not is_trapped:
        kept = taking.keep_draft(form=form, sent=sent, language=visit.language, draft=visit.draft)
        return private(_page(request, "kept", form, link=links.draft_url(kept.uid), days=taking.DRAFT_DAYS))
    if not sent.is_valid():
        return _form_page(visit, page=page, status=422)
    source = _partner(request, form)
    if not (page and page.is_fresh) and not source:
        return _form_page(visit, page=page, status=422, note=_("Please look through it once more, and press the button again."))  # fmt: skip
    if not is_trapped:
        if receipt is None:
            receipt = taking.derived_receipt(form, sent.answers, network_of(client_address(request)))
        source = source or ("frame" if visit.is_framed else "")
        taking.take(form=form, sent=sent, language=visit.language, receipt=receipt, source=source, draft=visit.draft)
    return private(_page(request, "thanks", form, is_framed=visit.is_framed))


def _partner(request: HttpRequest, form: Form) -> str:
    """The host of the partner's site that sends a form of its own, if staff named it; browsers say it, and scripts cannot."""
    origin = request.headers.get("Origin", "")
    return (urlsplit(origin).hostname or "") if origin in form.origins else ""


def _form_page(
    visit: Visit, *, page: links.Page | None = None, status: int = 200, note: str = "", token: str = ""
) -> HttpResponse:
    """page: the one that came back; what is pressed twice stays one."""
    sent = visit.sent
    if sent.has_more and not sent.errors and not note:
        note = _("Your answers opened more questions. Please look through them.")
    return _page(
        visit.request,
        "answer",
        visit.form,
        status=status,
        answers_form=sent,
        note=note,
        is_framed=visit.is_framed,
        token=token or links.page_token(visit.form.pk, page),
        kept_files=sent.is_bound and bool(sent.contents),
        draft=visit.draft,
    )


def _page(request: HttpRequest, page: str, form: Form | None, *, status: int = 200, **context: Any) -> HttpResponse:
    language = translation.get_language() or "en"
    if form is not None:
        texts = {name: form.text(name, language) for name in ("headlines", "leads", "thanks")}
        context |= {
            "form": form,
            "headline": texts["headlines"][0] or form.label,
            "headline_language": texts["headlines"][1] if texts["headlines"][0] else settings.LANGUAGE_CODE,
            "lead": texts["leads"][0],
            "lead_language": texts["leads"][1],
            "thanks": texts["thanks"][0],
            "thanks_language": texts["thanks"][1],
        }
    return public_page(request, f"campaigns/forms/public/{page}.html", status=status, **context)
