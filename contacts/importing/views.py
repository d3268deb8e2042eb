"""Screens of an import: the file, its columns, the dry run, the result."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from contacts.consent.queries import open_topics
from contacts.directory.tabs import directory_tabs
from contacts.importing import remembering, services
from contacts.importing.forms import FormatForm, MappingForm, PermissionForm, UploadForm
from contacts.importing.lists import (
    ImportTable,
    KeptTable,
    RowTable,
    defaults_in_words,
    examples,
    kept_file,
    rejected_file,
)
from contacts.importing.models import ImportKept, ImportMapping, ImportRow, ImportRun
from contacts.importing.reading import BadFile
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.audit.services import record
from crm.errors import Invalid
from crm.ui.responses import done, form_page, list_page
from crm.ui.toasts import toast

State = ImportRun.State


@requires(Action.BULK)
@require_safe
def import_list(request: StaffRequest) -> HttpResponseBase:
    runs = ImportRun.objects.visible_to(request.user).select_related("owner", "job")
    table = ImportTable(request, runs)
    for run in table.rows:
        services.settle(run)
    return list_page(
        request, "contacts/importing/import_list.html", table=table, tabs=directory_tabs(request.user, "import_list")
    )


@requires(Action.BULK)
def import_new(request: StaffRequest) -> HttpResponse:
    form = UploadForm(request.POST, request.FILES) if request.method == "POST" else UploadForm()
    if request.method == "POST" and form.is_valid():
        try:
            run = services.upload_import(file=form.cleaned_data["file"], actor=request.user)
        except BadFile as refused:
            form.add_error("file", refused.message)
        else:
            return done(request, reverse("import_detail", args=[run.uid]))
    return form_page(request, "contacts/importing/import_new.html", {"crumbs": _crumbs()}, form=form)


@requires(Action.BULK)
@never_cache
@require_safe
def import_detail(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Whatever comes next: set the columns, wait, look at the dry run, or see the result."""
    run = services.settle(_run(request, uid))
    if run.state in {State.UPLOADED, State.MAPPED, State.REFUSED, State.CANCELLED}:
        return _columns_page(request, run)
    return _result_page(request, run, PermissionForm())


@requires(Action.BULK)
def import_columns(request: StaffRequest, uid: UUID) -> HttpResponse:
    """GET: set the columns (again). POST: keep them and begin the dry run."""
    run = services.settle(_run(request, uid))
    if request.method != "POST":
        if run.is_busy or run.was_applied:
            return redirect("import_detail", uid=run.uid)
        return _columns_page(request, run)
    form = MappingForm(request.POST, run=run, columns=services.columns_with_samples(run), user=request.user)
    if not form.is_valid():
        return _columns_page(request, run, form)
    try:
        services.save_mapping(
            run=run,
            mapping=form.mapping(),
            options=form.options(),
            actor=request.user,
            is_shared=form.cleaned_data["is_shared"],
        )
    except Invalid as refused:
        form.add_error(None, refused.message)
        return _columns_page(request, run, form)
    services.start_check(run=run, actor=request.user)
    return done(request, reverse("import_detail", args=[run.uid]))


@requires(Action.BULK)
@require_POST
def import_format(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Read the file in another way."""
    run = services.settle(_run(request, uid))
    form = FormatForm(request.POST, run=run)
    if form.is_valid():
        try:
            sheet = form.cleaned_data.get("sheet")
            if sheet and sheet != run.options.get("sheet"):
                services.choose_sheet(run=run, sheet=sheet)
            else:
                services.reread(run=run, how=form.format())
        except BadFile as refused:
            form.add_error(None, refused.message)
        else:
            toast(request, _("The file is read in another way; look at the samples."))
            return done(request, reverse("import_columns", args=[run.uid]))
    return _columns_page(request, run, format_form=form)


@requires(Action.BULK)
@require_POST
def import_apply(request: StaffRequest, uid: UUID) -> HttpResponse:
    run = services.settle(_run(request, uid))
    form = PermissionForm(request.POST)
    if not form.is_valid():
        return _result_page(request, run, form, status=422)
    services.start_apply(run=run, actor=request.user, first_permission=form.permission())
    return done(request, reverse("import_detail", args=[run.uid]))


@requires(Action.BULK)
@require_safe
def import_rows(request: StaffRequest, uid: UUID, outcome: str) -> HttpResponseBase:
    run = _run(request, uid)
    if outcome not in ImportRow.Outcome.values:
        return redirect("import_detail", uid=run.uid)
    table = RowTable(request, ImportRow.objects.filter(run=run, outcome=outcome))
    label = ImportRow.Outcome(outcome).label
    template = "contacts/importing/import_rows.html"
    return list_page(request, template, table=table, run=run, outcome=outcome, label=label, crumbs=_crumbs(run))


@requires(Action.BULK)
@require_safe
def import_rejected(request: StaffRequest, uid: UUID, kind: str) -> HttpResponseBase:
    """The rejected rows as a file, to mend and import again."""
    run = _run(request, uid)
    record(verb="import.exported", target=run, actor=request.user, summary=run.file_name)
    return rejected_file(run, kind)


@requires(Action.BULK)
@require_POST
def import_undo(request: StaffRequest, uid: UUID) -> HttpResponse:
    run = services.settle(_run(request, uid))
    services.start_undo(run=run, actor=request.user)
    return done(request, reverse("import_detail", args=[run.uid]))


@requires(Action.BULK)
@require_safe
def import_kept(request: StaffRequest, uid: UUID) -> HttpResponseBase:
    """What an undo left as it is, and why."""
    run = _run(request, uid)
    table = KeptTable(request, ImportKept.objects.filter(run=run))
    return list_page(request, "contacts/importing/import_kept.html", table=table, run=run, crumbs=_crumbs(run))


@requires(Action.BULK)
@require_safe
def import_kept_file(request: StaffRequest, uid: UUID, kind: str) -> HttpResponseBase:
    run = _run(request, uid)
    record(verb="import.exported", target=run, actor=request.user, summary=run.file_name)
    return kept_file(run, kind)


@requires(Action.BULK)
@require_POST
def import_forget(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Forget what the columns of this header meant last time."""
    run = services.settle(_run(request, uid))
    found = remembering.forget(run=run, actor=request.user)
    services.reread(run=run, how=run.format)
    words = _("Forgotten. The columns are proposed from their names and values again.")
    toast(request, words if found else _("There is no memory of your own to forget; a colleague shared this one."))
    return done(request, reverse("import_columns", args=[run.uid]))


@requires(Action.BULK)
@require_POST
def import_discard(request: StaffRequest, uid: UUID) -> HttpResponse:
    run = services.settle(_run(request, uid))
    services.discard_import(run=run, actor=request.user)
    toast(request, _("The file and its rows are removed. What was imported stays."))
    return done(request, reverse("import_list"))


def _run(request: StaffRequest, uid: UUID) -> ImportRun:
    return get_object_or_404(ImportRun.objects.visible_to(request.user).select_related("job", "owner"), uid=uid)


def _crumbs(run: ImportRun | None = None) -> list[tuple[str, str]]:
    crumbs = [(_("Imports"), reverse("import_list"))]
    return [*crumbs, (run.file_name, reverse("import_detail", args=[run.uid]))] if run else crumbs


def _columns_page(
    request: StaffRequest, run: ImportRun, form: MappingForm | None = None, format_form: FormatForm | None = None
) -> HttpResponse:
    form = form or MappingForm(run=run, columns=services.columns_with_samples(run), user=request.user)
    context = {
        "run": run,
        "form": form,
        "format_form": format_form or FormatForm(run=run),
        "crumbs": _crumbs(),
        "remembered": _remembered(run),
        "repeated": any(column.is_repeated for column in form.columns),
    }
    is_bad = bool(form.is_bound and form.errors) or bool(format_form and format_form.errors)
    return render(request, "contacts/importing/import_columns.html", context, status=422 if is_bad else 200)


def _remembered(run: ImportRun) -> ImportMapping | None:
    uid = run.options.get("remembered")
    return ImportMapping.objects.select_related("owner").filter(uid=uid).first() if uid else None


def _result_page(request: StaffRequest, run: ImportRun, form: PermissionForm, status: int = 200) -> HttpResponse:
    heard = run.counts.get("permission", {}).get("heard", {})
    free = run.counts.get("permission", {}).get("free", 0)
    topics = []
    if run.state == State.CHECKED:
        for topic in open_topics():
            said = heard.get(str(topic.pk), {"granted": 0, "withdrawn": 0})
            topics.append({"topic": topic, "new": free - said["granted"] - said["withdrawn"], **said})
    context = {
        "run": run,
        "form": form,
        "topics": topics,
        "examples": examples(run) if run.state in {State.CHECKED, State.APPLIED} and run.file else [],
        "may_undo": services.can_be_undone(run),
        "defaults": defaults_in_words(run),
        "crumbs": _crumbs(),
    }
    return render(request, "contacts/importing/import_detail.html", context, status=status)
