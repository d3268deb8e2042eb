"""Settings: the table of forms of address."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.greetings.forms import FormOfAddressForm
from contacts.greetings.models import FormOfAddress
from contacts.greetings.services import archive_form, restore_form, save_form
from contacts.greetings.wording import FEMALE
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


def _crumbs(*more: tuple[str, str]) -> list[tuple[str, str]]:
    return [(_("Settings"), reverse("settings")), *more]


@requires(Action.ADMINISTER)
@require_safe
def form_of_address_list(request: StaffRequest) -> HttpResponse:
    rows = FormOfAddress.objects.annotate(used=Count("posts", filter=Q(posts__archived_at=None)))
    shown: list[dict[str, Any]] = [
        {
            "form": row,
            "examples": [
                (code, text)
                for code in ("en", "fr", "es", "ar")
                if (text := row.texts.get(code, {}).get(FEMALE, {}).get("greeting", ""))
            ],
        }
        for row in rows
    ]
    context = {
        "rows": [row for row in shown if not row["form"].archived_at],
        "archived": [row for row in shown if row["form"].archived_at],
        "crumbs": _crumbs(),
    }
    return render(request, "contacts/greetings/form_list.html", context)


@requires(Action.ADMINISTER)
def form_of_address_create(request: StaffRequest) -> HttpResponse:
    return _edit(request, None)


@requires(Action.ADMINISTER)
def form_of_address_edit(request: StaffRequest, uid: UUID) -> HttpResponse:
    return _edit(request, get_object_or_404(FormOfAddress, uid=uid))


def _edit(request: StaffRequest, row: FormOfAddress | None) -> HttpResponse:
    form = FormOfAddressForm(request.POST or None, form=row)
    if form.is_valid():
        try:
            save_form(form=row, actor=request.user, **form.values())
        except DomainError as error:
            form.add_error("name", error.message)
        else:
            toast(request, _("Saved. Mailings that are not frozen yet use it."))
            return done(request, reverse("form_of_address_list"))
    context = {"row": row, "crumbs": _crumbs((_("Forms of address"), reverse("form_of_address_list")))}
    return form_page(request, "contacts/greetings/form_edit.html", context, form=form)


@requires(Action.ADMINISTER)
@require_POST
def form_of_address_archive(request: StaffRequest, uid: UUID) -> HttpResponse:
    """Archive it, or with `is_archived=false` bring it back."""
    row = get_object_or_404(FormOfAddress, uid=uid)
    if request.POST.get("is_archived") == "false":
        entry = restore_form(form=row, actor=request.user)
        said = _("“%(name)s” is back. Its posts are addressed by it again.")
    else:
        entry = archive_form(form=row, actor=request.user)
        said = _(
            "“%(name)s” is archived. Its posts keep it, and are addressed like everybody until it is brought back."
        )
    toast(request, said % {"name": row.name}, undo=entry)
    return done(request, reverse("form_of_address_list"))
