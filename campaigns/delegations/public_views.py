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
from django.views.decorators.gzip import gzip_page

from campaigns.delegations import links, naming, printing, steps
from campaigns.delegations.forms import NamedForm
from campaigns.delegations.models import Nomination, Nominator, Paper
from campaigns.events.telling import place_of, when_of
from crm.errors import DomainError
from crm.ids import new_uid
from crm.limits import allow, allow_from
from crm.ui.public import LANGUAGES, by_link, language_of, public_page

FOLDER = "campaigns/delegations/public/"
NAMED_A_DAY = 60  # a delegation of many seats, named, corrected and replaced
PRINTED_AN_HOUR = 60  # of one letter, which takes a tenth of a second
TRIES, WINDOW_SECONDS = 120, 3600  # from one network of addresses: a permanent mission answers for several events


@by_link
@gzip_page
def delegation_nominate(request: HttpRequest, token: str) -> HttpResponse:
    """The seats, who was named for them, and a form. `?edit=` and `?replace=` open the form of somebody."""
    nominator = links.read_nominator(token)
    with translation.override(language_of(request, nominator.language if nominator else "")):
        return _gone(request, token) if nominator is None else _nominating(request, nominator)


def _gone(request: HttpRequest, token: str) -> HttpResponse:
    return public_page(request, f"{FOLDER}gone.html", status=410 if links.is_ours(token) else 404)


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
@by_link
@gzip_page
def delegate_page(request: HttpRequest, token: str) -> HttpResponse:
    """Their steps with their days, and their letters. POST says that a step is done."""
    row = links.read_delegate(token)
    with translation.override(language_of(request, row.language if row else "")):
        if row is None:
            return _gone(request, token)
        if request.method == "POST":
            uid = _uid(request.POST.get("step", ""))
            step = row.steps.filter(uid=uid).first() if uid else None
            if step is not None and not row.delegation.event.is_over:
                steps.tell(step=step, is_done=request.POST.get("do") == "done")
        return _delegate(request, row, token)


def _delegate(request: HttpRequest, row: Nomination, token: str) -> HttpResponse:
    language = translation.get_language() or "en"
    event = row.delegation.event
    papers = [(paper, Paper(paper.kind).label) for paper in row.papers.order_by("kind")]
    kinds = {paper.kind for paper, _label in papers}
    found = [
        {"row": step, "title": step.text(language), "paper": step.paper if step.paper in kinds else ""}
        for step in row.steps.select_related("task")
        if step.task and not step.task.dropped_at
    ]
    return public_page(
        request, f"{FOLDER}delegate.html", row=row, delegation=row.delegation, event=event, when=when_of(event, language), where=place_of(event),
        steps=found, papers=papers, token=token, is_over=event.is_over, language=language, in_languages=LANGUAGES.items(),
    )  # fmt: skip


@by_link
def delegate_letter(request: HttpRequest, token: str, kind: str) -> HttpResponse:
    """One of their letters as PDF, in the language of the page."""
    row = links.read_delegate(token)
    with translation.override(language_of(request, row.language if row else "")):
        letter = row.papers.filter(kind=kind).select_related(*printing.SUBJECTS_OF).first() if row else None
        if letter is None or letter.nomination.delegation.event.cancelled_at:
            return _gone(request, token)
        if not allow("delegate-letter", str(letter.uid), limit=PRINTED_AN_HOUR, seconds=3600):
            return public_page(request, f"{FOLDER}gone.html", status=429, is_busy=True)
        content = printing.letters_pdf([letter], language=translation.get_language() or "en")
    return printing.pdf_answer(content, letter.reference.replace("/", "-"))
