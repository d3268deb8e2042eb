"""The editor: languages, the text as typed, its preview, test sends to oneself."""

from __future__ import annotations

import html
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.mailings import editing
from campaigns.mailings.answers import merge_fields
from campaigns.mailings.attachment_views import attachments_context
from campaigns.mailings.compiling import frame_for, frame_of, writing_of
from campaigns.mailings.content import Writing
from campaigns.mailings.fields import FIELDS
from campaigns.mailings.forms import VariantForm
from campaigns.mailings.languages import language_choices, language_name
from campaigns.mailings.models import Mailing, Variant
from campaigns.mailings.previewing import Preview, preview
from campaigns.mailings.recipients import fields_of, members
from campaigns.mailings.states import EDITABLE
from campaigns.mailings.templates import TemplateRefused
from campaigns.mailings.testing import send_test
from campaigns.mailings.views import find, with_version
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, StaleEdit
from crm.languages import direction
from crm.ui.responses import done
from crm.ui.toasts import toast

# what a frame may do: show itself. No script, nothing from the network, no top navigation
FRAME_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data: {pictures}; frame-ancestors 'self'; sandbox"
)


def _variant(mailing: Mailing, language: str) -> Variant:
    variants = list(mailing.variants.all())
    return next((v for v in variants if v.language == language), variants[0])


@requires(Action.WRITE)
def mailing_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    """One language of a mailing. A page that is too old is told who changed what, and keeps what was typed."""
    mailing = find(request, uid, Action.WRITE)
    variant = _variant(mailing, request.GET.get("lang", ""))
    form = VariantForm(request.POST or None, initial=_initial(mailing, variant), language=variant.language)
    conflict: StaleEdit | None = None
    problems: list[str] = []
    if form.is_valid():
        try:
            saved = editing.save_variant(
                mailing=mailing,
                actor=request.user,
                version=form.cleaned_data["version"],
                language=variant.language,
                values=form.values(),
            )
        except TemplateRefused as refused:
            problems = [str(problem) for problem in refused.problems]
        except StaleEdit as stale:
            conflict = stale
            form.data = with_version(request, stale)
        else:
            return _saved(request, mailing, saved, variant)
    status = 409 if conflict else 422 if problems or (form.is_bound and form.errors) else 200
    context = _editor_context(request, mailing, variant) | {"form": form, "conflict": conflict, "problems": problems}
    return render(request, "campaigns/mailings/mailing_edit.html", context, status=status)


def _saved(request: StaffRequest, mailing: Mailing, saved: Mailing, variant: Variant) -> HttpResponse:
    returned = saved.state != mailing.state
    text = _("Saved. It is a draft again and must be approved again.") if returned else _("Saved.")
    if request.headers.get("X-Editor"):
        variant.refresh_from_db()
        return JsonResponse({"version": saved.content_version, "message": text, "text": variant.text})
    toast(request, text)
    return done(request, f"{reverse('mailing_edit', args=[mailing.uid])}?lang={variant.language}")


def _initial(mailing: Mailing, variant: Variant) -> dict[str, Any]:
    return {name: getattr(variant, name) for name in editing.WRITING} | {"version": mailing.content_version}


def _editor_context(request: StaffRequest, mailing: Mailing, variant: Variant) -> dict[str, Any]:
    here = reverse("mailing_edit", args=[mailing.uid])
    variants = list(mailing.variants.all())
    written = {v.language for v in variants}
    return attachments_context(mailing) | {
        "mailing": mailing,
        "variant": variant,
        "language": language_name(variant.language),
        "direction": direction(variant.language),
        "is_editable": mailing.state in EDITABLE,
        "fields": list(FIELDS.values()),
        "answers": merge_fields(mailing),
        "body_help": _("HTML. Fields stand in double braces, such as {{ person.name }}."),
        "members": members(mailing, request.user),
        "tabs": [
            {
                "label": language_name(v.language),
                "url": f"{here}?lang={v.language}",
                "current": v.pk == variant.pk,
                "badge": "" if v.subject and v.body_html else "warn",
            }
            for v in variants
        ],
        "languages": [(code, name) for code, name in language_choices() if code not in written],
        "crumbs": [
            (_("Mailings"), reverse("mailing_list")),
            (mailing.name, reverse("mailing_detail", args=[mailing.uid])),
        ],
    }


@requires(Action.WRITE)
@require_POST
def language_add(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = find(request, uid, Action.WRITE)
    language = request.POST.get("language", "")
    if language in dict(language_choices()):
        editing.add_variant(
            mailing=mailing,
            actor=request.user,
            version=mailing.content_version,
            language=language,
            copy_from=request.POST.get("copy_from", ""),
        )
        toast(request, _("%(language)s added.") % {"language": language_name(language)})
    return done(request, f"{reverse('mailing_edit', args=[uid])}?lang={language}")


@requires(Action.WRITE)
@require_POST
def language_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = find(request, uid, Action.WRITE)
    language = request.POST.get("language", "")
    get_object_or_404(mailing.variants, language=language)
    editing.remove_variant(mailing=mailing, actor=request.user, version=mailing.content_version, language=language)
    toast(request, _("%(language)s removed.") % {"language": language_name(language)})
    return done(request, reverse("mailing_edit", args=[uid]))


@requires(Action.SEE)
def mailing_preview(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The page of a frame: the stored text of `?lang=` (GET), or what is being typed (POST), as `as` would read it."""
    mailing = find(request, uid)
    variant = _variant(mailing, request.GET.get("lang", ""))
    writing = writing_of(variant)
    if request.method == "POST":
        form = VariantForm(request.POST)
        form.full_clean()
        writing = Writing(
            language=variant.language,
            **{name: form.cleaned_data.get(name, getattr(variant, name)) for name in editing.WRITING},
        )
    member = (request.POST if request.method == "POST" else request.GET).get("as", "")
    try:
        made = preview(
            writing=writing,
            frame=frame_for(frame_of(mailing), mailing, variant.language),
            fields=fields_of(mailing, request.user, _uuid(member), variant.language),
        )
    except DomainError as error:
        return _frame(_problem_page(error))
    if request.GET.get("part") == "text":
        return _frame(f"<!doctype html><title>{_('Text part')}</title><pre>{html.escape(made.rendered.text)}</pre>")
    return _frame(_with_envelope(made, mailing, direction(variant.language)))


def _uuid(text: str) -> str:
    try:
        return str(UUID(text))
    except ValueError:
        return ""


def _frame(page: str) -> HttpResponse:
    return HttpResponse(
        page,
        headers={
            # pictures of ours only; "self" means nothing to a sandboxed page
            "Content-Security-Policy": FRAME_POLICY.format(pictures=f"{settings.BASE_URL}/i/"),
            "X-Frame-Options": "SAMEORIGIN",
            "Cache-Control": "no-store",
        },
    )


_NOTE = "font:14px/1.5 system-ui,sans-serif;padding:12px 16px;"


def _with_envelope(made: Preview, mailing: Mailing, way: str) -> str:
    """The mail with its sender and subject above it, as an inbox shows them."""
    sender = mailing.sender.name if mailing.sender else _("no sender yet")
    subject = made.rendered.subject or _("(no subject)")
    top = (
        f'<div style="{_NOTE}background:#f6f7fb;color:#14213a;border-bottom:1px solid #d9dee8" dir="{way}">'
        f'<span style="color:#55607a">{html.escape(sender)}</span><br>'
        f'<strong style="font-size:15px">{html.escape(subject)}</strong></div>'
    )
    head, body, rest = made.rendered.html.partition("<body")
    tag, close, content = rest.partition(">")
    return f"{head}{body}{tag}{close}{top}{content}"


def _problem_page(error: DomainError) -> str:
    problems = [str(problem) for problem in error.data.get("problems", [])] or [error.message]
    items = "".join(f"<li>{html.escape(problem)}</li>" for problem in problems)
    return (
        f'<!doctype html><meta charset="utf-8"><title>{_("No preview")}</title>'
        f'<div style="{_NOTE}background:#fdf3f4;color:#7c1a30"><strong>{html.escape(_("No preview yet"))}</strong>'
        f'<ul style="margin:8px 0 0;padding-left:18px">{items}</ul></div>'
    )


@requires(Action.SEE)
@require_safe
def preview_members(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Options of the "as" choice, narrowed by words."""
    mailing = find(request, uid)
    found = members(mailing, request.user, request.GET.get("q", "").strip()[:100])
    return render(request, "campaigns/mailings/_members.html", {"members": found})


@requires(Action.WRITE)
@require_POST
def mailing_test(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = find(request, uid, Action.WRITE)
    send_test(
        mailing=mailing,
        actor=request.user,
        language=request.POST.get("lang", ""),
        member_uid=_uuid(request.POST.get("as", "")),
    )
    toast(request, _("A test is on its way to %(address)s.") % {"address": request.user.email})
    back = request.POST.get("back", "")
    home = reverse("mailing_detail", args=[uid])
    return done(request, back if back.startswith(home) else home)
