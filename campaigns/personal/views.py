"""Writing to one person from their page."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.guard.queries import conflicts_of
from campaigns.interactions.services import Guarded
from campaigns.personal import services
from campaigns.personal.forms import WriteForm
from contacts.directory.aliases import resolve
from contacts.directory.models import Membership, Person
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires
from crm.errors import DomainError, NotAllowed
from crm.ids import new_uid
from crm.ui.responses import done, form_page
from crm.ui.toasts import toast


@requires(Action.LOG)
def person_write(request: StaffRequest, uid: UUID) -> HttpResponse:
    person = resolve(Person.objects.visible_to(request.user), uid)
    if not Person.objects.visible_to(request.user, Action.LOG).filter(pk=person.pk).exists():
        raise NotAllowed(_("You may see this, but your role does not let you write to them here."))
    form = WriteForm(request.POST if request.method == "POST" else None, user=request.user, person=person)
    is_guarded = bool(request.POST.get("override_reason"))
    if form.is_valid():
        values = dict(form.cleaned_data)
        values["form_key"] = values["form_key"] or new_uid()
        try:
            logged = services.write_to(actor=request.user, **values)
        except DomainError as error:
            if isinstance(error, NotAllowed):
                raise
            is_guarded = isinstance(error, Guarded)
            form.add_error("override_reason" if is_guarded else None, error.message)
        else:
            toast(request, _("On its way, and logged."))
            return done(request, reverse("interaction_detail", args=[logged.uid]))
    places = Membership.objects.current().primary().filter(person=person).values_list("organization_id", flat=True)
    conflicts = conflicts_of(list(places), now=timezone.now(), user=request.user)
    context = {
        "person": person,
        "conflicts": [each for rows in conflicts.values() for each in rows],
        "is_guarded": is_guarded,
        "missing": form.missing,
        "back": reverse("person_detail", args=[person.uid]),
    }
    return form_page(request, "campaigns/personal/write_form.html", context, form=form)
