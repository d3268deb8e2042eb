"""The doors for visitors, where they differ from allauth's own."""

from __future__ import annotations

from typing import Any

from allauth.account.views import PasswordResetView as LibraryPasswordResetView
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from crm.accounts.adapter import mail_failed
from crm.accounts.rules import signed_in


class PasswordResetView(LibraryPasswordResetView):
    """The answer is the same for every address: known and unknown ones are both written to, by the same road."""

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        if mail_failed(self.request):
            return render(self.request, "account/password_reset_failed.html", status=503)
        return response


password_reset = PasswordResetView.as_view()


@signed_in
def no_own_address(request: HttpRequest) -> HttpResponse:
    """allauth's page on which one changes one's address: the address is the one that was invited, so there is none."""
    return redirect("profile")
