"""The door of every partners' page: who it is, in their language, and nothing kept on the way."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, cast

from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import translation
from django.views.decorators.csrf import csrf_protect

from campaigns.partners.models import PartnerAccount
from campaigns.partners.queries import Mine
from crm.accounts.models import User
from crm.accounts.rules import partner
from crm.audit.doors import through
from crm.audit.models import Door
from crm.ui.public import language_of, public_page


class PartnerRequest(HttpRequest):
    user: User
    account: PartnerAccount
    mine: Mine


def for_partners(view: Callable[..., HttpResponse]) -> Any:
    """`request.account`, and `request.mine`: the only rows a partners' page may touch. What is done is told as done in the account."""

    @wraps(view)
    def opened(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        asked = cast(PartnerRequest, request)
        account = PartnerAccount.objects.select_related("person__country", "user").filter(user=asked.user).first()
        if account is None or account.person.archived_at or account.person.erased_at:
            logout(request)
            return redirect("account_request_login_code")
        asked.account, asked.mine = account, Mine(account.person)
        with (
            translation.override(language_of(request, asked.user.language)),
            through(Door.PARTNER, actor_id=asked.user.pk),
        ):
            answer = view(asked, *args, **kwargs)
        answer["Cache-Control"] = "no-store"
        answer["X-Robots-Tag"] = "noindex"
        answer["Referrer-Policy"] = "same-origin"  # with less, a browser posts from "null", which CSRF refuses
        return answer

    return partner(csrf_protect(opened))


def page(request: PartnerRequest, name: str, *, status: int = 200, **context: Any) -> HttpResponse:
    context |= {"account": request.account, "person": request.account.person, "csrf": True}
    return public_page(request, f"campaigns/partners/{name}.html", status=status, **context)
