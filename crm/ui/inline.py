"""A value that is text until it is clicked, then its own small form.

    @requires(Action.EDIT_DIRECTORY)
    def person_edit_name(request, uid):
        person = get_object_or_404(Person.objects.visible_to(request.user, Action.EDIT_DIRECTORY), uid=uid)
        return inline_view(request, field=name_field(person), form=NameForm, initial={"name": person.name},
                           save=lambda data: edit_person(person=person, actor=request.user, **data), back=person_url(person))

`save` calls a service and returns its audit entry, which is what Undo undoes. `field.value` may be a function: it is asked
again after the save. The page shows the same field with `<c-inline-edit :field="name_field" />`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import gettext as _

from crm.errors import StaleEdit
from crm.ui.toasts import Undoable, toast

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass
class InlineField:
    """name: unique on the page; url: where its form lives; value: what is shown, or a function that gives it."""

    name: str
    label: StrOrPromise
    url: str
    value: Any = ""
    can_edit: bool = True
    empty: str = ""
    form: BaseForm | None = None

    @property
    def element_id(self) -> str:
        return f"edit-{slugify(self.name)}"

    @property
    def shown(self) -> Any:
        return self.value() if callable(self.value) else self.value


def inline_view(
    request: HttpRequest,
    *,
    field: InlineField,
    form: type[BaseForm],
    save: Callable[[dict[str, Any]], Undoable | None],
    back: str,
    initial: dict[str, Any] | None = None,
    **form_kwargs: Any,
) -> HttpResponse:
    """All of an inline field's requests: its form, its text (`?show=1`), and the save."""
    form_kwargs.setdefault("auto_id", f"{field.element_id}-%s")  # the page may have another field of that name
    if request.method == "POST":
        field.form = form(request.POST, request.FILES, initial=initial, **form_kwargs)
        if not field.form.is_valid():
            return _form(request, field, back, status=422)
        try:
            entry = save(field.form.cleaned_data)
        except StaleEdit as stale:
            return _form(request, _refused(field, stale), back, status=422)
        toast(request, _("%(label)s saved.") % {"label": field.label}, undo=entry)
        if not getattr(request, "htmx", False):
            return HttpResponseRedirect(back)
        field.form = None
        return render(request, "crm/ui/_inline_edit.html", {"edit": field})
    if "show" in request.GET and getattr(request, "htmx", False):
        return render(request, "crm/ui/_inline_edit.html", {"edit": field})
    field.form = form(initial=initial, **form_kwargs)
    return _form(request, field, back)


def _refused(field: InlineField, stale: StaleEdit) -> InlineField:
    """The form as the person left it, with what somebody else wrote meanwhile; a form may take that as seen."""
    if field.form is not None:
        field.form.add_error(None, stale.message)
        if take_as_seen := getattr(field.form, "take_as_seen", None):
            take_as_seen(stale.data)
    return field


def _form(request: HttpRequest, field: InlineField, back: str, status: int = 200) -> HttpResponse:
    template = "crm/ui/_inline_edit.html" if getattr(request, "htmx", False) else "crm/ui/inline_page.html"
    return render(request, template, {"edit": field, "back": back}, status=status)
