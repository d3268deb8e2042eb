"""Settings of the organization itself: its name and address, and its languages."""

from __future__ import annotations

from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from crm.accounts.forms import InstallationForm, LanguagesForm
from crm.accounts.installation import edit_installation, set_languages
from crm.accounts.models import Installation
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.languages import CODES, is_right_to_left, language_name, name_in
from crm.ui.responses import form_page
from crm.ui.toasts import toast


def _crumbs() -> list[tuple[str, str]]:
    return [(_("Settings"), reverse("settings"))]


@requires(Action.ADMINISTER)
def installation(request: StaffRequest) -> HttpResponse:
    """The organization whose installation this is: its name and address stand in every mailing's footer."""
    form = InstallationForm(request.POST or None, instance=Installation.current())
    if request.method == "POST" and form.is_valid():
        edit_installation(actor=request.user, **form.cleaned_data)
        toast(request, _("The organization is saved."))
        return redirect("installation")
    return form_page(request, "accounts/installation.html", {"crumbs": _crumbs()}, form=form)


@requires(Action.ADMINISTER)
def language_settings(request: StaffRequest) -> HttpResponse:
    """Which languages mailings and names are offered in."""
    current = Installation.current()
    initial = {"languages": current.languages, "default_language": current.default_language}
    form = LanguagesForm(request.POST or None, initial=initial)
    if request.method == "POST" and form.is_valid():
        set_languages(actor=request.user, **form.cleaned_data)
        toast(request, _("The languages are saved."))
        return redirect("language_settings")
    chosen = request.POST.getlist("languages") if form.is_bound else current.languages
    default = form.data.get("default_language", "") if form.is_bound else current.default_language
    reader = get_language() or "en"
    order = [code for code in chosen if code in CODES]
    rows = [
        {
            "code": code,
            "own": language_name(code),
            "name": name_in(code, reader),
            "is_rtl": is_right_to_left(code),
            "is_offered": code in order,
            "is_default": code == default,
        }
        for code in [*order, *(code for code in CODES if code not in order)]
    ]
    return form_page(request, "accounts/languages.html", {"rows": rows, "crumbs": _crumbs()}, form=form)
