"""One's own tokens: make (shown once), see when each was used, revoke. Administrators see everybody's."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action, requires, signed_in
from crm.api import services
from crm.api.forms import TokenForm
from crm.api.models import ApiToken
from crm.api.scopes import READ, SCOPES
from crm.errors import Invalid
from crm.ui.paging import paginate
from crm.ui.toasts import toast


@signed_in
@require_safe
def token_list(request: StaffRequest) -> HttpResponse:
    return _list(request, ApiToken.objects.filter(user_id=request.user.pk), is_all=False)


@requires(Action.ADMINISTER)
@require_safe
def token_list_all(request: StaffRequest) -> HttpResponse:
    """Every token there is, with whose it is."""
    return _list(request, ApiToken.objects.select_related("user"), is_all=True)


def _list(request: StaffRequest, rows: QuerySet[ApiToken], *, is_all: bool) -> HttpResponse:
    """Those in use, or with `?revoked=1` those that are not any more; a page of them."""
    is_revoked = request.GET.get("revoked") == "1"
    rows = rows.filter(revoked_at__isnull=not is_revoked)
    page = paginate(request, rows, sort=["-revoked_at" if is_revoked else "-created_at"])
    for row in page.rows:
        vars(row)["scope_labels"] = [SCOPES[code].label for code in row.scopes if code in SCOPES and code != READ]
    context = {
        "page": page,
        "is_revoked": is_revoked,
        "is_all": is_all,
        "now": timezone.now(),
        "crumbs": [(_("Settings"), reverse("settings"))] if is_all else [],
    }
    return render(request, "crm/api/token_list.html", context)


@signed_in
@never_cache
def token_new(request: StaffRequest) -> HttpResponse:
    """The form, and after it the token itself: this once, never again."""
    form = TokenForm(request.POST or None, user=request.user)
    crumbs = [(_("API tokens"), reverse("token_list"))]
    if request.method == "POST" and form.is_valid():
        try:
            token, text = services.create_token(
                user=request.user, name=form.cleaned_data["name"], scopes=form.cleaned_data.get("scopes", []),
                expires_at=form.expires_at(), actor=request.user,
            )  # fmt: skip
        except Invalid as error:
            form.add_error(None, error.message)
        else:
            context = {"token": token, "text": text, "base_url": settings.BASE_URL, "crumbs": crumbs}
            return render(request, "crm/api/token_made.html", context)
    status = 422 if form.is_bound and form.errors else 200
    return render(request, "crm/api/token_new.html", {"form": form, "crumbs": crumbs}, status=status)


@signed_in
@require_POST
def token_revoke(request: StaffRequest, uid: UUID) -> HttpResponse:
    rows = ApiToken.objects.all()
    if not request.user.may(Action.ADMINISTER):
        rows = rows.filter(user_id=request.user.pk)
    token = services.revoke_token(token=get_object_or_404(rows, uid=uid), actor=request.user)
    toast(request, _("“%(name)s” is revoked. Whatever used it gets 401 from now on.") % {"name": token.name})
    return redirect("token_list" if token.user_id == request.user.pk else "token_list_all")
