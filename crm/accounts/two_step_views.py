"""allauth's pages of two-step sign-in, where ours say more: one page for all means, and no removal of a needed last one."""

from __future__ import annotations

from typing import Any

from allauth.mfa.base.views import IndexView
from allauth.mfa.models import Authenticator
from allauth.mfa.webauthn.views import EditWebAuthnView, RemoveWebAuthnView
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.utils import timezone

from crm.accounts import security_events, two_step
from crm.accounts.models import User
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import signed_in
from crm.audit.services import record


class TwoStepIndexView(IndexView):
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        user = User.objects.get(pk=self.request.user.pk)
        codes = context["authenticators"].get(Authenticator.Type.RECOVERY_CODES)
        until = None if two_step.means_of(user).exists() else two_step.deadline(user)
        return {
            **context,
            "tab": "two-step",
            "base_url": settings.BASE_URL,
            "codes_left": len(codes.get_unused_codes()) if codes else None,
            "must_until": until,
            "is_overdue": until is not None and until <= timezone.now(),
            "recent": security_events.recent(user),
        }


class RemovePasskeyView(RemoveWebAuthnView):
    def form_valid(self, form: Any) -> HttpResponse:
        try:
            two_step.must_be_allowed(self.get_object())
        except ValidationError as error:
            messages.error(self.request, error.messages[0])
            return redirect("mfa_index")
        return super().form_valid(form)


class RenamePasskeyView(EditWebAuthnView):
    def form_valid(self, form: Any) -> HttpResponse:
        before = self.get_object().data["name"]
        response = super().form_valid(form)
        after = form.cleaned_data["name"]
        if after != before:
            user = User.objects.get(pk=self.request.user.pk)
            change = [("passkey", before, after)]
            record(verb="two_step.renamed", target=user, actor=user, changes=change, summary=f"{before} → {after}")
        return response


index = signed_in(TwoStepIndexView.as_view())
remove_passkey = signed_in(RemovePasskeyView.as_view())
rename_passkey = signed_in(RenamePasskeyView.as_view())


@signed_in
def to_index(request: StaffRequest) -> HttpResponse:
    """allauth's list of passkeys: ours stands on the page of all means."""
    return redirect("mfa_index")
