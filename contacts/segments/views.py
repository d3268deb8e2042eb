"""Segments: the list, the builder, whom one selects, its versions. Lists by hand are in list_views.py."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_POST

from contacts.segments import draft, lists, services
from contacts.segments.builder import OPS, Builder, results, write_url
from contacts.segments.models import Segment, Selects
from contacts.segments.presenting import described, segment_tabs
from contacts.segments.registry import PEOPLE, catalogue
from contacts.segments.sentence import sentence
from contacts.segments.starters import starter_tree, starters
from contacts.segments.tables import segment_at
from contacts.segments.tree import read_json
from contacts.segments.usage import uses_of
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import Invalid, NotAllowed, StaleEdit
from crm.ui.formats import number
from crm.ui.responses import list_page
from crm.ui.sources import build
from crm.ui.toasts import toast

MOST_VERSIONS = 100
OWN = (Action.SEGMENTS, Action.SEGMENTS_OWN)


@requires(Action.SEE)
@require_GET
def segment_list(request: StaffRequest) -> HttpResponseBase:
    table = build("segments", request)
    return list_page(
        request,
        "contacts/segments/segment_list.html",
        table=table,
        filters=table.filters,
        may_create=_may_create(request),
    )


def _may_create(request: StaffRequest) -> bool:
    return any(request.user.may(action) for action in OWN)


def _own(request: StaffRequest, uid: UUID) -> Segment:
    """A segment that the user sees (404), and may change (403)."""
    segment = get_object_or_404(Segment.objects.visible_to(request.user), uid=uid)
    if not Segment.objects.visible_to(request.user, Action.SEGMENTS).filter(pk=segment.pk).exists():
        raise NotAllowed(_("This segment belongs to somebody else. Duplicate it to make your own."))
    return segment


# --- the builder ----------------------------------------------------------------------------------------------------
@requires(*OWN)
def segment_new(request: StaffRequest) -> HttpResponse:
    selects = request.POST.get("selects") or request.GET.get("selects", PEOPLE)
    return _builder_page(request, None, selects if selects in Selects.values else PEOPLE)


@requires(*OWN)
def segment_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    """The builder of one segment. Somebody else's is shown with its members instead, when it may not be changed."""
    segment = get_object_or_404(Segment.objects.visible_to(request.user), uid=uid)
    if not Segment.objects.visible_to(request.user, Action.SEGMENTS).filter(pk=segment.pk).exists():
        if request.method == "GET":
            return redirect("segment_members", uid=segment.uid)
        raise NotAllowed(_("This segment belongs to somebody else. Duplicate it to make your own."))
    return _builder_page(request, segment, segment.selects)


def _builder_page(request: StaffRequest, segment: Segment | None, selects: str) -> HttpResponse:
    """GET shows the saved rules; POST does what the pressed button says, and everything works as plain forms too."""
    if request.method != "POST":
        rules = segment.tree if segment else draft.empty()
        builder = _from_rules(request, selects, rules)
        return _show(request, builder, segment)
    if request.POST.get("do") == "save" or request.POST.get("as_new"):
        return _save(request, segment, selects)
    builder, problem = _from_post(request, selects)
    return _show(request, builder, segment, counted=True, problem=problem, status=422 if problem else 200)


def _from_rules(request: StaffRequest, selects: str, rules: dict[str, Any]) -> Builder:
    return Builder(user=request.user, selects=selects, rules=_safe(rules), fields=catalogue())


def _safe(rules: Any) -> dict[str, Any]:
    """Saved rules are always a tree; whatever else is in the table shows as an empty draft."""
    return rules if isinstance(rules, dict) and isinstance(rules.get("rules"), list) else draft.empty()


def _from_post(request: StaffRequest, selects: str, *, show_unfinished: bool = False) -> tuple[Builder, str]:
    """The draft after the pressed button, and what was wrong with rules typed as text."""
    fields = catalogue()
    rules, problem, focus, open_menu = draft.read(request.POST, fields), "", "", ""
    do = request.POST.get("do", "")
    verb, _colon, rest = do.partition(":")
    if verb == "start":
        rules = starter_tree(rest, selects, fields) or rules
    elif verb == "text":
        try:
            rules = read_json(request.POST.get("text", ""), selects=selects)
        except Invalid as error:
            problem = error.message
    elif do:
        rules, focus = draft.act(rules, do, fields)
        open_menu = rest.partition(":")[0] if verb in ("pick", "find") else ""
    queries = {
        name[2:]: str(value).replace("\x00", "")[:100]
        for name, value in request.POST.items()
        if name.startswith("q-") and value
    }
    if verb == "pick":  # what was looked for is found
        queries.pop(open_menu, None)
    builder = Builder(
        user=request.user, selects=selects, rules=rules, fields=fields, focus=focus, open_menu=open_menu,
        queries=queries, show_unfinished=show_unfinished or verb == "text",
    )  # fmt: skip
    return builder, problem


def _show(
    request: StaffRequest,
    builder: Builder,
    segment: Segment | None,
    *,
    counted: bool = False,
    problem: str = "",
    stale: StaleEdit | None = None,
    status: int = 200,
) -> HttpResponse:
    context: dict[str, Any] = {
        "builder": builder,
        "segment": segment,
        "ops": OPS,
        "name": request.POST.get("name", segment.name if segment else ""),
        "version": request.POST.get("version", segment.version if segment else 0),
        "problem": problem,
        "stale": stale,
        "selects_choices": Selects.choices,
        "starters": starters(builder.selects, builder.fields) if not builder.rules["rules"] else [],
        "results": results(builder, topic_code=request.POST.get("topic", ""), saved=segment) if counted else None,
    }
    if segment:
        context |= {"uses": uses_of(segment, request.user), "write_url": write_url(segment, request.user)}
    return render(request, "contacts/segments/builder.html", context, status=status)


def _save(request: StaffRequest, segment: Segment | None, selects: str) -> HttpResponse:
    builder, _problem = _from_post(request, selects, show_unfinished=True)
    name = request.POST.get("name", "")
    try:
        if segment is None or request.POST.get("as_new"):
            saved = services.create_segment(name=name, tree=builder.rules, actor=request.user, selects=selects)
        else:
            version = request.POST.get("version", "")
            saved = services.save_segment(
                segment=segment, name=name, tree=builder.rules, actor=request.user,
                expected_version=int(version) if version.isdigit() and len(version) < 9 else 0,
            )  # fmt: skip
    except StaleEdit as error:
        return _show(request, builder, segment, counted=True, stale=error, status=409)
    except Invalid as error:
        # what is wrong with a rule stands at the rule
        told = [text for texts in builder.errors.values() for text in texts]
        text = _("Nothing was saved. Look at what is marked below.") if error.message in told else error.message
        return _show(request, builder, segment, counted=True, problem=text, status=422)
    toast(request, _("Saved “%(name)s”, version %(version)s.") % {"name": saved.name, "version": saved.version})
    return redirect("segment_edit", uid=saved.uid)


@requires(*OWN)
@require_POST
def segment_draft(request: StaffRequest) -> HttpResponse:
    """The rules after a button or a changed menu, as a fragment; the numbers follow by themselves."""
    selects = _selects(request)
    builder, problem = _from_post(request, selects)
    context = {
        "builder": builder,
        "ops": OPS,
        "problem": problem,
        "selects_choices": Selects.choices,
        "starters": starters(selects, builder.fields) if not builder.rules["rules"] else [],
    }
    response = render(request, "contacts/segments/_rules.html", context)
    response["HX-Trigger-After-Swap"] = "segment-changed"
    return response


def _selects(request: StaffRequest) -> str:
    asked = request.POST.get("selects") or request.GET.get("selects", "")
    return asked if asked in Selects.values else PEOPLE


@requires(*OWN)
@require_POST
def segment_results(request: StaffRequest) -> HttpResponse:
    """The numbers beside the rules, and (out of band) the sentence, people left after each rule, mistakes, ten of them."""
    builder, _problem = _from_post(request, _selects(request))
    uid = request.POST.get("segment", "")
    saved = Segment.objects.visible_to(request.user).filter(uid=UUID(uid)).first() if _is_uid(uid) else None
    found = results(builder, topic_code=request.POST.get("topic", ""), saved=saved)
    if saved and found.made and found.page_url and builder.countries is None:
        services.note_count(segment=saved, count=found.made.count)
    return render(request, "contacts/segments/_results.html", {"builder": builder, "results": found, "segment": saved})


def _is_uid(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


@requires(*OWN)
@require_GET
def segment_choices(request: StaffRequest) -> HttpResponse:
    """What a picker offers for the words typed into it."""
    fields = catalogue()
    about, path = fields.get(request.GET.get("field", "")), request.GET.get("path", "")
    builder = Builder(user=request.user, selects=_selects(request), rules=draft.empty(), fields=fields)
    typed = request.GET.get(f"q-{path}", "").replace("\x00", "")[:100]
    options = builder.options_of(about, typed) if about else []
    taken = set(request.GET.getlist(f"value-{path}"))
    context = {"path": path, "options": [option for option in options if option.value not in taken], "q": typed}
    return render(request, "contacts/segments/_options.html", context)


# --- one segment ------------------------------------------------------------------------------------------------------
@requires(Action.SEE)
@require_GET
def segment_members(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """Everybody whom the segment selects now, within the user's scope, with filters and CSV."""
    segment = get_object_or_404(Segment.objects.visible_to(request.user), uid=uid)
    may_edit = Segment.objects.visible_to(request.user, Action.SEGMENTS).filter(pk=segment.pk).exists()
    try:
        table = build("members", request, segment=str(uid))
    except Invalid as error:
        context = {"segment": segment, "problem": error.message, "may_edit": may_edit, "tabs": segment_tabs(segment, "segment_members")}  # fmt: skip
        return render(request, "contacts/segments/segment_members.html", context, status=200)
    return list_page(
        request, "contacts/segments/segment_members.html", table=table, filters=table.filters, segment=segment,
        may_edit=may_edit, words=sentence(segment.tree, segment.selects), write_url=write_url(segment, request.user),
        may_subscribe=request.user.may(Action.BULK),
        may_create=_may_create(request), limited=request.user.scope(Action.SEE).countries is not None,
        tabs=segment_tabs(segment, "segment_members"), also=segment_at(request, "also", segment.selects),
        without=segment_at(request, "without", segment.selects),
    )  # fmt: skip


@requires(Action.SEE)
@require_GET
def segment_versions(request: StaffRequest, uid: UUID) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.visible_to(request.user), uid=uid)
    versions = list(segment.versions.select_related("saved_by").order_by("-version")[:MOST_VERSIONS])
    described(versions, segment)
    may_edit = Segment.objects.visible_to(request.user, Action.SEGMENTS).filter(pk=segment.pk).exists()
    context = {"segment": segment, "versions": versions, "may_edit": may_edit, "tabs": segment_tabs(segment, "segment_versions")}  # fmt: skip
    return render(request, "contacts/segments/segment_versions.html", context)


@requires(*OWN)
@require_POST
def segment_go_back(request: StaffRequest, uid: UUID, version: int) -> HttpResponse:
    """Save the rules of an earlier version as the next one."""
    segment = _own(request, uid)
    old = get_object_or_404(segment.versions, version=version)
    saved = services.save_segment(segment=segment, tree=old.tree, expected_version=segment.version, actor=request.user)
    toast(request, _("The rules of version %(old)s are back, as version %(new)s.") % {"old": version, "new": saved.version})  # fmt: skip
    return redirect("segment_edit", uid=segment.uid)


@requires(*OWN)
@require_POST
def segment_duplicate(request: StaffRequest, uid: UUID) -> HttpResponse:
    segment = get_object_or_404(Segment.objects.visible_to(request.user), uid=uid)
    copied = services.duplicate_segment(segment=segment, actor=request.user)
    toast(request, _("This is your copy of “%(name)s”.") % {"name": segment.name})
    return redirect("segment_edit", uid=copied.uid)


@requires(*OWN)
@require_POST
def segment_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    segment = _own(request, uid)
    entry = services.archive_segment(segment=segment, actor=request.user)
    toast(request, _("“%(name)s” is archived. What uses it goes on working.") % {"name": segment.name}, undo=entry)
    return redirect("segment_list")


@requires(*OWN)
@require_POST
def segment_to_list(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Whom it selects now, as a list that stays as it is."""
    segment = get_object_or_404(Segment.objects.visible_to(request.user), uid=uid)
    made, count = lists.save_as_list(segment=segment, name=segment.name, actor=request.user)
    text = ngettext("%(n)s member as of now; the list does not change by itself.", "%(n)s members as of now; the list does not change by itself.", count)  # fmt: skip
    toast(request, text % {"n": number(count)})
    return redirect(reverse("list_detail", args=[made.uid]))
