"""Settings: the table of forms of address."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Count, Q
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from contacts.greetings.forms import FormOfAddressForm
from contacts.greetings.models import FormOfAddress
from contacts.greetings.services import remove_form, save_form
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
    shown = [
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
    return render(request, "contacts/greetings/form_list.html", {"rows": shown, "crumbs": _crumbs()})


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
def form_of_address_remove(request: StaffRequest, uid: UUID) -> HttpResponse:
    row = get_object_or_404(FormOfAddress, uid=uid)
    remove_form(form=row, actor=request.user)
    toast(request, _("“%(name)s” removed. Its posts are addressed like everybody.") % {"name": row.name})
    return done(request, reverse("form_of_address_list"))
