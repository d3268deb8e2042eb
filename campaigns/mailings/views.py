"""The list of mailings, one mailing's page with its next step, and what can be done with it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse, QueryDict
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST, require_safe

from campaigns.delivery.waits import say_what_waits, waits_of
from campaigns.mailings import editing, presenting, services
from campaigns.mailings.approval import changed_since_approval
from campaigns.mailings.forms import NewMailingForm, SettingsForm
from campaigns.mailings.history import history
from campaigns.mailings.languages import language_name
from campaigns.mailings.layouts import LAYOUTS
from campaigns.mailings.models import Mailing, Transport
from campaigns.mailings.queries import TABS, listed, progress, tab_counts
from campaigns.mailings.references import stem_of
from campaigns.mailings.states import EDITABLE
from campaigns.mailings.when import brief, explain, sketch
from campaigns.mailings.when_forms import AT, LOCAL, NOW, WhenForm
from contacts.segments.models import Segment
from contacts.segments.sentence import sentence
from contacts.segments.tree import uids
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid, StaleEdit
from crm.ui.responses import done, form_page, list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

TAB_LABELS = {
    "draft": gettext_lazy("Drafts"),
    "review": gettext_lazy("In review"),
    "ready": gettext_lazy("Ready"),
    "attention": gettext_lazy("Held or paused"),
    "sending": gettext_lazy("Sending"),
    "finished": gettext_lazy("Finished"),
    "cancelled": gettext_lazy("Cancelled"),
}


def find(request: StaffRequest, uid: UUID, action: Action = Action.SEE) -> Mailing:
    rows = Mailing.objects.visible_to(request.user, action).with_parts().select_related("review_asked_by")
    return get_object_or_404(rows, uid=uid)


@requires(Action.SEE)
@require_safe
def mailing_list(request: StaffRequest) -> HttpResponseBase:
    counts = tab_counts(listed(request.user))
    tab = request.GET.get("tab", "")
    table = build("mailings", request)
    tabs = [{"label": _("All"), "url": reverse("mailing_list"), "current": tab not in TABS, "count": counts["all"]}]
    tabs += [
        {"label": label, "url": f"{reverse('mailing_list')}?tab={name}", "current": tab == name, "count": counts[name]}
        for name, label in TAB_LABELS.items()
        if counts[name] or tab == name
    ]
    return list_page(
        request,
        "campaigns/mailings/mailing_list.html",
        table=table,
        filters=table.filters,
        tabs=tabs,
        may_write=request.user.may(Action.WRITE),
    )


def _asked_segment(request: StaffRequest) -> Segment | None:
    """`?segment=<uid>`: whom a segment's page asks to write to."""
    asked = uids([request.GET.get("segment", "")])
    return Segment.objects.visible_to(request.user).filter(uid__in=asked).first()


@requires(Action.WRITE)
def mailing_create(request: StaffRequest) -> HttpResponse:
    form = NewMailingForm(
        request.POST or None,
        user=request.user,
        initial={"drive": request.GET.get("drive"), "segment": _asked_segment(request)},
    )
    if form.is_valid():
        default = Transport.objects.filter(archived_at__isnull=True).order_by("-is_default", "pk").first()
        mailing = editing.create_mailing(
            actor=request.user, transport=default, send_zone=request.user.time_zone, **form.cleaned_data
        )
        return done(request, reverse("mailing_edit", args=[mailing.uid]))
    return form_page(request, "campaigns/mailings/mailing_new.html", {"layouts": LAYOUTS.values()}, form=form)


@requires(Action.SEE)
@require_safe
def mailing_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = find(request, uid)
    variants = list(mailing.variants.all())
    found, waits = progress([mailing]).get(mailing.pk), waits_of(mailing)
    shown = next((v for v in variants if v.language == request.GET.get("lang")), variants[0] if variants else None)
    return render(
        request,
        "campaigns/mailings/mailing_detail.html",
        {
            "mailing": mailing,
            "colour": presenting.colour(mailing.state),
            "step": say_what_waits(
                presenting.next_step(mailing, request.user), waits, others=found.open - found.waiting if found else 0
            ),
            "stages": presenting.stages(mailing),
            "progress": found,
            "waits": waits,
            "rules_of_time": brief(mailing),
            "may_release": bool(waits.late) and presenting.may(mailing, request.user, Action.APPROVE),
            "may_leave_out": bool(waits.late) and presenting.may(mailing, request.user, Action.SEND),
            "shown": shown,
            "tabs": [
                {"label": language_name(v.language), "url": f"?lang={v.language}", "current": v is shown}
                for v in variants
            ],
            "rules": sentence(mailing.segment.tree, mailing.segment.selects) if mailing.segment else "",
            "layout": LAYOUTS.get(mailing.layout),
            "reference": stem_of(mailing),
            "attachments": list(mailing.attachments.select_related("file")),
            "history": history(mailing),
            "changed": changed_since_approval(mailing) if mailing.approval else [],
            "may_write": presenting.may(mailing, request.user, Action.WRITE),
            "is_editable": mailing.state in EDITABLE,
            "may_cancel": mailing.state in ("draft", "in_review")
            and presenting.may(mailing, request.user, Action.WRITE),
            "preflight_url": presenting.page_url("mailing_preflight", mailing),
            "report_url": presenting.page_url("mailing_report", mailing),
            "crumbs": [(_("Mailings"), reverse("mailing_list"))],
        },
    )


VERBS: dict[str, tuple[Callable[..., Mailing], Any]] = {
    "ask-review": (services.ask_review, gettext_lazy("Asked for approval. Approvers see it on their Today page.")),
    "withdraw-review": (services.withdraw_review, gettext_lazy("It is a draft again.")),
    "schedule": (services.schedule, gettext_lazy("Scheduled.")),
    "unschedule": (services.unschedule, gettext_lazy("It does not leave until somebody schedules it again.")),
    "send": (services.send_now, gettext_lazy("It leaves in 30 seconds. You can stop it until then.")),
    "stop": (services.stop, gettext_lazy("Stopped. Nothing has left.")),
    "pause": (services.pause, gettext_lazy("Paused. What was in flight still arrives.")),
    "resume": (services.resume, gettext_lazy("It goes on.")),
    "cancel": (services.cancel, gettext_lazy("Cancelled. Nothing more leaves.")),
}


@requires(Action.WRITE, Action.SEND, Action.PAUSE, Action.APPROVE)
@require_POST
def mailing_act(request: StaffRequest, uid: UUID, verb: str) -> HttpResponse:
    """One step of its life; the service checks who may do it."""
    mailing = find(request, uid)
    if verb not in VERBS:
        raise Http404
    service, text = VERBS[verb]
    service(mailing=mailing, actor=request.user)
    toast(request, str(text))
    return done(request, _back(request, mailing))


def _back(request: StaffRequest, mailing: Mailing) -> str:
    """To the page that the button was on, if it is one of this mailing's."""
    home = reverse("mailing_detail", args=[mailing.uid])
    asked = request.POST.get("back", "")
    return asked if asked.startswith(home) else home


@requires(Action.APPROVE)
@require_POST
def mailing_approve(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Approve, or release what is held, from the page that showed this hash and this count."""
    mailing = find(request, uid)
    try:
        count = int(request.POST.get("audience_count", ""))
        if not 0 <= count < 2**31:
            raise ValueError(count)
    except ValueError:
        raise Invalid(_("The page that you approved from was not complete. Load it again, then approve.")) from None
    posted = request.POST.get("content_hash", "")
    if request.POST.get("release"):
        if not posted:
            raise Invalid(_("The page that you approved from was not complete. Load it again, then approve."))
        services.release_held(mailing=mailing, actor=request.user, audience_count=count, content_hash=posted)
        toast(request, _("Released. It leaves now, to the audience as it is."))
    else:
        services.approve(mailing=mailing, actor=request.user, content_hash=posted, audience_count=count)
        toast(request, _("Approved. Its editors can send it now."))
    return done(request, reverse("mailing_detail", args=[mailing.uid]))


@requires(Action.APPROVE)
@require_POST
def mailing_reject(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = find(request, uid)
    services.reject(mailing=mailing, actor=request.user, comment=request.POST.get("comment", ""))
    toast(request, _("Sent back. Its editors see your comment."))
    return done(request, reverse("mailing_detail", args=[mailing.uid]))


@requires(Action.WRITE)
@require_POST
def mailing_duplicate(request: StaffRequest, uid: UUID) -> HttpResponse:
    mailing = find(request, uid)
    copy = editing.duplicate(
        mailing=mailing, actor=request.user, name=_("Copy of %(name)s") % {"name": mailing.name[:280]}
    )
    toast(request, _("Duplicated. This is the copy, as a draft."))
    return done(request, reverse("mailing_detail", args=[copy.uid]))


@requires(Action.WRITE)
def mailing_settings(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Who gets it, from whom, by which road, when and under which rules."""
    mailing = find(request, uid)
    form = SettingsForm(request.POST or None, user=request.user, mailing=mailing, initial=_settings_of(mailing))
    conflict: StaleEdit | None = None
    if form.is_valid():
        try:
            editing.save_settings(
                mailing=mailing, actor=request.user, version=form.cleaned_data["version"], values=form.values()
            )
        except StaleEdit as stale:
            conflict = stale
            form.data = with_version(request, stale)
        except Invalid as invalid:
            form.add_error("send_local", invalid.message)
        else:
            toast(request, _("Saved."))
            return done(request, reverse("mailing_detail", args=[mailing.uid]))
    context: dict[str, Any] = {
        "mailing": mailing,
        "arrives": explain(mailing),
        "conflict": conflict,
        "is_editable": mailing.state in EDITABLE,
        "crumbs": [
            (_("Mailings"), reverse("mailing_list")),
            (mailing.name, reverse("mailing_detail", args=[mailing.uid])),
        ],
    }
    response = form_page(request, "campaigns/mailings/mailing_settings.html", context, form=form)
    if conflict:
        response.status_code = StaleEdit.status
    return response


@requires(Action.WRITE)
@require_safe
def mailing_when(request: StaffRequest, uid: UUID) -> HttpResponse:
    """What the times chosen in the settings mean, before they are saved."""
    mailing = find(request, uid)
    form = WhenForm(request.GET, zone=mailing.send_zone)
    problem, said = "", []
    if form.is_valid():
        try:
            said = explain(sketch(mailing, form.times()))
        except Invalid as invalid:
            problem = invalid.message
    else:
        problem = str(next(iter(form.errors.values()))[0])
    return render(request, "campaigns/mailings/_when.html", {"arrives": said, "problem": problem})


def with_version(request: StaffRequest, stale: StaleEdit) -> QueryDict:
    """What was posted, on top of the version that stands now: saving again is then on purpose."""
    data = request.POST.copy()
    data["version"] = str(stale.data["version"])
    return data


def _settings_of(mailing: Mailing) -> dict[str, Any]:
    return {
        "name": mailing.name,
        "drive": mailing.drive_id,
        "segment": mailing.segment_id,
        "sender": mailing.sender_id,
        "topic": mailing.topic_id,
        "transport": mailing.transport_id,
        "layout": mailing.layout,
        "reference_pattern": mailing.reference_pattern,
        "when": LOCAL if mailing.sends_local else AT if mailing.send_local else NOW,
        **{name: getattr(mailing, name) for name in ("send_local", "send_zone", "hours_from", "hours_until")},
        "skips_weekends": mailing.skips_weekends,
        "skips_holidays": mailing.skips_holidays,
        "max_lateness": int(mailing.max_lateness.total_seconds() // 3600),
        "contact_guard_days": mailing.contact_guard_days,
        "copies_to": mailing.copies_to_id,
        "answers_of": mailing.answers_of_id,
        "tracks_people": mailing.tracks_people,
        "resends_uncertain": mailing.resends_uncertain,
        "fallback_languages": ", ".join(mailing.fallback_languages),
        "version": mailing.content_version,
    }
