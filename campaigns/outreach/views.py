"""Replies: what people wrote back, until somebody takes care of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from campaigns.mailings.models import Mailing
from campaigns.outreach import services
from campaigns.outreach.lists import SOURCE
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.outreach.reading import own_words, read_message
from campaigns.outreach.tabs import outreach_tabs
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import NotAllowed
from crm.ui.paging import Page, paginate
from crm.ui.responses import done, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

SIZE = 20
TABS = ("open", "answered", "automatic", "left")


@requires(Action.SEE)
@require_safe
def reply_list(request: StaffRequest) -> HttpResponseBase:
    """Replies to answer, answered ones, automatic ones, and mail that belongs to no mailing."""
    tab = request.GET.get("tab", "")
    tab = tab if tab in TABS else "open"
    replies = Interaction.objects.replies().visible_to(request.user)
    inbound = InboundMessage.objects.visible_to(request.user)
    tabs = _tabs(tab, open=replies.to_answer().count(), left=inbound.left_over().count())
    pages = outreach_tabs(request.user, "reply_list")
    if tab in {"automatic", "left"}:
        rows = inbound.automatic() if tab == "automatic" else inbound.left_over()
        page: Page[Any] = paginate(request, rows, sort=["-received_at"], size=SIZE)
        for message in page.rows:
            _read_for_display(message)
        context = {"tab": tab, "page": page, "mailings": _mailings(request, page.rows), "tabs": tabs, "pages": pages}
        return render(request, "campaigns/outreach/reply_list.html", context)
    table = build(SOURCE, request)
    return list_page(
        request,
        "campaigns/outreach/reply_list.html",
        table=table,
        filters=table.filters,
        tab=tab,
        tabs=tabs,
        pages=pages,
        may_answer=request.user.may(Action.EDIT_DIRECTORY) or request.user.may(Action.LOG),
    )


def _tabs(current: str, **counts: int) -> list[dict[str, Any]]:
    labels = {
        "open": (_("To answer"), "message-circle"),
        "answered": (_("Answered"), "circle-check"),
        "automatic": (_("Automatic"), "robot"),
        "left": (_("Not matched"), "mail-question"),
    }
    return [
        {
            "label": label,
            "icon": icon,
            "url": f"{reverse('reply_list')}?tab={name}" if name != "open" else reverse("reply_list"),
            "current": name == current,
            "count": counts.get(name) or None,
        }
        for name, (label, icon) in labels.items()
    ]


def _mailings(request: StaffRequest, rows: list[Any]) -> dict[int, Mailing]:
    """The mailings that a page's rows answer, as far as the user may see them."""
    ids = {row.mailing_id for row in rows if row.mailing_id}
    return Mailing.objects.visible_to(request.user).only("uid", "name", "names").in_bulk(ids) if ids else {}


def _read_for_display(message: InboundMessage) -> None:
    reading = read_message(bytes(message.raw), sender=message.sender)
    shown: Any = message
    shown.author, shown.subject, shown.text = reading.author or message.sender, reading.subject, own_words(reading.text)


@requires(Action.EDIT_DIRECTORY, Action.LOG)
@require_POST
def reply_answer(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Somebody took care of a reply."""
    replies = Interaction.objects.replies()
    interaction = get_object_or_404(replies.visible_to(request.user), uid=uid)
    if not services.may_answer(interaction=interaction, user=request.user):
        raise NotAllowed(_("You may see this, but your role does not let you change it here."))
    entry = services.answer_reply(interaction=interaction, actor=request.user)
    toast(request, _("Answered: it is off everybody’s list."), undo=entry)
    if getattr(request, "htmx", False):
        return HttpResponse("")
    return done(request, reverse("reply_list"))
