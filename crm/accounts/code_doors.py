"""Signing in with a code by e-mail, for partners: allauth's, in the visitor's language, without a script."""

from __future__ import annotations

from typing import Any

from allauth.account.views import ConfirmLoginCodeView, RequestLoginCodeView
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation

from crm.accounts.adapter import mail_failed
from crm.accounts.models import Installation
from crm.accounts.rules import public
from crm.ui.public import language_of, with_languages


class _InTheirLanguage:
    request: HttpRequest

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        with translation.override(language_of(request)):
            answer = super().dispatch(request, *args, **kwargs)  # type: ignore[misc]
            if hasattr(answer, "render"):
                answer.render()
            answer["Content-Language"] = translation.get_language() or settings.LANGUAGE_CODE
            return answer

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)  # type: ignore[misc]
        return context | {"languages": with_languages(self.request), "organization": str(Installation.current())}


class RequestCodeView(_InTheirLanguage, RequestLoginCodeView):
    def form_valid(self, form: Any) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        if mail_failed(self.request):
            return render(self.request, "account/password_reset_failed.html", status=503)
        return answer


class ConfirmCodeView(_InTheirLanguage, ConfirmLoginCodeView):
    pass


request_code = public(RequestCodeView.as_view())
confirm_code = public(ConfirmCodeView.as_view())
