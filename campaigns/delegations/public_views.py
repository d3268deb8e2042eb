"""Public pages of delegations: for who names people, and for a delegate. No account, no cookie, no script; GET changes nothing.

A link that was passed on shows names and functions only: e-mail addresses are shortened, and what was said of gender and passport is
not shown again. Whoever holds it can propose; staff accept.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.gzip import gzip_page

from campaigns.delegations import links, naming, steps
from campaigns.delegations.forms import NamedForm
from campaigns.delegations.models import Nomination, Nominator
from campaigns.events.telling import place_of, when_of
from crm.accounts.rules import public
from crm.errors import DomainError
from crm.ids import new_uid
from crm.limits import allow, allow_from
from crm.ui.public import language_of, public_page

FOLDER = "campaigns/delegations/public/"
NAMED_A_DAY = 60  # a delegation of many seats, named, corrected and replaced
TRIES, WINDOW_SECONDS = 120, 3600  # from one network of addresses: a permanent mission answers for several events


@public
@gzip_page
@csrf_exempt  # the signed token is the credential; there is no cookie that another site could ride on
def delegation_nominate(request: HttpRequest, token: str) -> HttpResponse:
    """The seats, who was named for them, and a form. `?edit=` and `?replace=` open the form of somebody."""
    nominator = links.read_nominator(token)
    with translation.override(language_of(request, nominator.language if nominator else "")):
        if (answer := _wrong_method(request)) is None:
            if nominator is None:
                answer = public_page(request, f"{FOLDER}gone.html", status=410 if links.is_ours(token) else 404)
            else:
                answer = _nominating(request, nominator)
    return private(answer)


def _nominating(request: HttpRequest, nominator: Nominator) -> HttpResponse:
    if request.method != "POST":
        return nominate_page(request, nominator, said="saved" if "done" in request.GET else "")
    if not allow("delegation-name", str(nominator.uid), limit=NAMED_A_DAY, seconds=86_400) or not allow_from(
        "delegation-name", request, limit=TRIES, seconds=WINDOW_SECONDS
    ):
        answer = nominate_page(
            request,
            nominator,
            problem=_("Too many at once. Nothing is lost: please press the button again in a while."),
            status=429,
        )
        answer["Retry-After"] = "3600"
        return answer
    context, status = act(request, nominator)
    return nominate_page(request, nominator, status=status, **context)


def act(request: HttpRequest, nominator: Nominator) -> tuple[dict[str, Any], int]:
    """One POST of the page, by link or in an account: what the page shows next, and its status."""
    do, row = request.POST.get("do", ""), _theirs(nominator, request.POST.get("who", ""))
    if do in ("withdraw", "change", "replace") and row is None:
        return {"problem": _("Somebody changed this meanwhile. Nothing was changed now.")}, 409
    if do == "withdraw" and row is not None:
        return _tried(
            lambda: naming.withdraw(nomination=row, by=nominator),
            _("%(name)s is withdrawn; the seat is free.") % {"name": row.name},
        )
    if do not in ("name", "change", "replace"):
        return {}, 200
    form = NamedForm(request.POST, delegation=nominator.delegation, by=nominator, of=row if do != "name" else None)
    kept = {"form": form, "doing": do, "row": row}
    if not form.is_valid():
        return kept, 422
    who = form.who()
    try:
        if do == "change" and row is not None:
            naming.change(nomination=row, who=who, by=nominator)
        else:
            constituency, role = form.chosen() if row is None or do == "name" else (row.constituency, row.role)
            naming.nominate(
                delegation=nominator.delegation, constituency=constituency, role=role, who=who, by=nominator,
                replaces=row if do == "replace" else None, form_key=_uid(request.POST.get("key", "")),
            )  # fmt: skip
    except DomainError as error:
        form.add_error(None, error.message)
        return kept, error.status
    return {"said": _("%(name)s is named. We look at it, and write to you.") % {"name": who.cleaned().name}}, 200


def _tried(do: Any, said: str) -> tuple[dict[str, Any], int]:
    try:
        do()
    except DomainError as error:
        return {"problem": error.message}, error.status
    return {"said": said}, 200


def nominate_page(request: HttpRequest, nominator: Nominator, *, status: int = 200, **context: Any) -> HttpResponse:
    return public_page(request, f"{FOLDER}nominate.html", status=status, **page_context(request, nominator, **context))


def page_context(
    request: HttpRequest, nominator: Nominator, *, form: NamedForm | None = None, doing: str = "", row: Nomination | None = None,
    said: str = "", problem: str = "",
) -> dict[str, Any]:  # fmt: skip
    """What the page shows, by link or in an account."""
    delegation, is_open = nominator.delegation, nominator.delegation.takes_names()
    if form is None and is_open:
        for name in ("edit", "replace"):
            if (found := _theirs(nominator, request.GET.get(name, ""))) is not None and request.method == "GET":
                row, doing = found, "change" if name == "edit" else "replace"
                given = NamedForm.initial_of(found) if doing == "change" else {}
                form = NamedForm(initial=given, delegation=delegation, by=nominator, of=found)
        if form is None:
            form, doing = (
                NamedForm(delegation=delegation, by=nominator, initial={"seat": request.GET.get("seat", "")}),
                "name",
            )
    has_seat = bool(form and ("seat" not in form.fields or form.fields["seat"].choices))  # type: ignore[attr-defined]
    return {
        "nominator": nominator, "delegation": delegation, "event": delegation.event, "is_open": is_open,
        "when": when_of(delegation.event, translation.get_language() or "en"), "where": place_of(delegation.event),
        "sides": _sides(nominator), "form": form if has_seat else None, "doing": doing or "name", "row": row, "said": said, "problem": problem,
        "key": request.POST.get("key") if form is not None and form.is_bound else new_uid(), "own_path": request.path,
    }  # fmt: skip


def _sides(nominator: Nominator) -> list[dict[str, Any]]:
    """Each kind of seat they may fill, with who stands for it and how many are empty."""
    seats = nominator.delegation.seats.filter(seats__gt=0).select_related("constituency")
    if nominator.constituency_id:
        seats = seats.filter(constituency=nominator.constituency_id)
    rows = nominator.delegation.nominations.filter(state__in=["proposed", "accepted", "returned"]).order_by(
        "created_at", "pk"
    )
    people = list(rows)
    found = []
    order = {"delegate": 0, "substitute": 1, "adviser": 2, "observer": 3}
    for one in sorted(seats, key=lambda one: (one.constituency.position, one.constituency_id, order[one.role])):
        mine = [p for p in people if (p.constituency_id, p.role) == (one.constituency_id, one.role)]
        found.append({
            "seat": one, "people": [{"row": p, "email": shortened(p.email)} for p in mine], "empty": max(0, one.seats - sum(p.is_live for p in mine)),
        })  # fmt: skip
    return found


def shortened(email: str) -> str:
    """Enough to recognise an address by, and not enough to write to: a…@ministry.test."""
    local, at, domain = email.partition("@")
    return f"{local[:1]}…@{domain}" if at else ""


def _theirs(nominator: Nominator, text: str) -> Nomination | None:
    """Somebody of this delegation, for a constituency that they name people for."""
    uid = _uid(text)
    rows = nominator.delegation.nominations.select_related("constituency", "delegation__event")
    if nominator.constituency_id:
        rows = rows.filter(constituency=nominator.constituency_id)
    return rows.filter(uid=uid, state__in=["proposed", "accepted", "returned"]).first() if uid else None


def _uid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


# --- a delegate -------------------------------------------------------------------------------------------------------------
@public
@gzip_page
@csrf_exempt  # as above
def delegate_page(request: HttpRequest, token: str) -> HttpResponse:
    """Their steps with their days, and their letters. POST says that a step is done."""
    row = links.read_delegate(token)
    with translation.override(language_of(request, row.language if row else "")):
        if (answer := _wrong_method(request)) is None:
            if row is None:
                answer = public_page(request, f"{FOLDER}gone.html", status=410 if links.is_ours(token) else 404)
            else:
                if request.method == "POST":
                    uid = _uid(request.POST.get("step", ""))
                    step = row.steps.filter(uid=uid).first() if uid else None
                    if step is not None and not row.delegation.event.is_over:
                        steps.tell(step=step, is_done=request.POST.get("do") == "done")
                answer = _delegate(request, row, token)
    return private(answer)


def _delegate(request: HttpRequest, row: Nomination, token: str) -> HttpResponse:
    language = translation.get_language() or "en"
    event = row.delegation.event
    found = [
        {"row": step, "title": step.text(language)}
        for step in row.steps.select_related("task")
        if step.task and not step.task.dropped_at
    ]
    return public_page(
        request, f"{FOLDER}delegate.html", row=row, delegation=row.delegation, event=event, when=when_of(event, language), where=place_of(event),
        steps=found, token=token, is_over=event.is_over,
    )  # fmt: skip


def _wrong_method(request: HttpRequest) -> HttpResponse | None:
    if request.method in {"GET", "HEAD", "POST"}:
        return None
    answer = HttpResponse(status=204 if request.method == "OPTIONS" else 405)
    answer["Allow"] = "GET, HEAD, POST, OPTIONS"
    return answer


def private(answer: HttpResponse) -> HttpResponse:
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    answer["Referrer-Policy"] = "no-referrer"
    return answer
