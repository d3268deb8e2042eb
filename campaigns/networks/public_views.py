"""Public pages of networks: join, confirm, vote, the directory. No account, no cookie, no script; GET changes nothing."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Count
from django.http import HttpRequest, HttpResponse
from django.utils import translation
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt

from campaigns.forms.answering import AnswersForm
from campaigns.forms.engine import answers_form, keep_files
from campaigns.networks import joining, links, voting
from campaigns.networks.forms import JoinForm
from campaigns.networks.models import Application, Member, Network, Shown, Vote
from campaigns.networks.short_form import form_token, took_its_time
from contacts.consent.opting_in import kind_of
from contacts.directory.coverage import of_country
from crm.accounts.rules import public
from crm.limits import allow_from
from crm.ui.public import by_link, language_of, public_page
from crm.ui.searchtext import latin

TRIES, WINDOW_SECONDS = 30, 3600  # from one network of addresses; an office behind one may well be ten people
SHOWN = 500
A_PAGE = 60  # members of the directory; a phone scrolls no further
MOST_LETTERS = 80  # of a name that is looked for
FOLDER = "campaigns/networks/"


@public
@csrf_exempt  # no account and no cookie: there is nothing that another site could ride on
def network_join(request: HttpRequest, slug: str) -> HttpResponse:
    """`?by=<member>` says who brought the visitor, `?country=ZM` whose figure is shown and chosen at first."""
    with translation.override(language_of(request)):
        network = Network.objects.to_join().select_related("campaign", "topic", "form").filter(slug=slug).first()
        if network is None:
            return _plain(request, "gone", status=404)
        form = JoinForm(
            request.POST if request.method == "POST" else None,
            network=network,
            initial={"country": request.GET.get("country", "").upper()[:2]},
        )
        is_post = request.method == "POST"
        asked = _questions(network, request if is_post else None)
        return _applied(request, network, form, asked) if is_post else _join_page(request, network, form, asked)


def _questions(network: Network, request: HttpRequest | None) -> AnswersForm | None:
    """What the network asks of those who join; None where it asks nothing."""
    form = network.form
    if form is None or form.archived_at or not form.questions:
        return None
    given = (request.POST, request.FILES) if request is not None else (None, None)
    return answers_form(form, *given, language=translation.get_language() or "en")


def _applied(request: HttpRequest, network: Network, form: JoinForm, asked: AnswersForm | None) -> HttpResponse:
    if asked is not None and asked.is_only_a_look:  # they wish to see the questions that follow
        return _join_page(request, network, form, asked)
    if not allow_from("network-join", request, limit=TRIES, seconds=WINDOW_SECONDS):
        answer = _join_page(request, network, form, asked, status=429, note=_("Too many at once from your network. Nothing is lost: please press the button again in a few minutes."))  # fmt: skip
        answer["Retry-After"] = "600"
        return answer
    is_answered = asked is None or asked.is_valid()
    if not form.is_valid() or not is_answered:
        more = _("Your answers opened more questions. Please look through them.") if asked and asked.has_more and not asked.errors and form.is_valid() else ""  # fmt: skip
        return _join_page(request, network, form, asked, status=422, note=more)
    if not took_its_time(request.POST.get("t", ""), network):
        return _join_page(request, network, form, asked, status=422, note=_("Please look through it once more, and press the button again."))  # fmt: skip
    if not form.cleaned_data["website"]:  # what only a program fills; it is thanked all the same
        said: dict[str, Any] = (
            {"answers": asked.answers, "files": lambda: keep_files(asked)} if asked is not None else {}
        )
        joining.apply(
            network=network,
            language=translation.get_language() or "en",
            brought_by=_brought_by(request, network),
            **form.values(),
            **said,
        )
    return _plain(request, "sent", network=network, email=form.cleaned_data["email"])


def _brought_by(request: HttpRequest, network: Network) -> Member | None:
    try:
        return network.members.present().filter(uid=UUID(request.GET.get("by", ""))).first()
    except (ValueError, ValidationError):
        return None


def _join_page(
    request: HttpRequest,
    network: Network,
    form: JoinForm,
    asked: AnswersForm | None,
    *,
    status: int = 200,
    note: str = "",
) -> HttpResponse:
    language = translation.get_language() or "en"
    present = network.members.present().with_country()
    sums = present.aggregate(institutions=Count("organization"), countries=Count("of_country", distinct=True))
    figure, source = of_country(str(form["country"].value() or "")[:2])
    return _plain(
        request,
        "join",
        status=status,
        network=network,
        form=form,
        answers_form=asked,
        note=note,
        headline=network.text("headlines", language) or network.label,
        lead=network.text("leads", language),
        charter=network.text("charters", language),
        sums=sums,
        figure=figure,
        country=form.fields["country"].queryset.filter(code=figure.country).first() if figure else None,  # type: ignore[attr-defined]
        source=source,
        token=form_token(network, request.POST.get("t", "")),
    )


@public
def network_directory(request: HttpRequest, slug: str) -> HttpResponse:
    """Members who agreed to be listed, by country; of each what they chose to show."""
    with translation.override(language_of(request)):
        network = Network.objects.to_join().filter(slug=slug, has_directory=True).first()
        if network is None:
            return _plain(request, "gone", status=404)
        wanted = " ".join(request.GET.get("q", "").split())[:MOST_LETTERS]
        rows = network.members.listed().select_related(
            "organization__country", "organization__constituency", "person__country"
        )
        listed = list(rows.order_by("pk")[:SHOWN])
        members = [member for member in listed if latin(wanted) in latin(member.label)] if wanted else listed
        placed = sorted(((_place(member), member) for member in members), key=_by_place)
        pages = max(1, -(-len(placed) // A_PAGE))
        asked = request.GET.get("page", "")
        page = min(pages, max(1, int(asked[:4]))) if asked.isascii() and asked.isdecimal() else 1
        by_country: dict[str, list[Member]] = {}
        for name, member in placed[(page - 1) * A_PAGE : page * A_PAGE]:
            by_country.setdefault(name, []).append(member)
        places = [(name, [_entry(member) for member in found]) for name, found in by_country.items()]
        before, after = ("" if number < 1 or number > pages else str(number) for number in (page - 1, page + 1))
        return _plain(
            request,
            "directory",
            network=network,
            places=places,
            count=len(members),
            total=len(listed),
            wanted=wanted,
            number=page,
            pages=pages,
            before=before,
            after=after,
        )


def _place(member: Member) -> str:
    """The country as they show it; empty where they do not."""
    country = member.subject.country if Shown.COUNTRY in member.shows else None
    return str(country.label) if country else ""


def _by_place(found: tuple[str, Member]) -> tuple[bool, str, str]:
    name, member = found
    return not name, name, member.label


def _entry(member: Member) -> dict[str, Any]:
    """One line of the directory: the name, and what else the member shows."""
    organization = member.organization
    notes = []
    if organization and Shown.KIND in member.shows:
        notes.append(organization.constituency.label)
    if Shown.SINCE in member.shows:
        notes.append(_("member since %(year)s") % {"year": member.joined_at.year})
    website = organization.website if organization and Shown.WEBSITE in member.shows else ""
    return {"label": member.label, "notes": notes, "website": website}


@by_link
def network_confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows what was asked, POST confirms it. Crawling the link changes nothing."""
    uid = links.read_uid(links.CONFIRM, token)
    answer = joining.find(uid) if uid else joining.Answer(None)
    row = answer.application
    with translation.override(language_of(request, row.language if row else "")):
        if uid is not None and row is not None and request.method == "POST":
            answer = joining.confirm(uid=uid, agent=kind_of(request))
            row = answer.application
        if row is None or answer.is_late:
            return _plain(request, "gone", status=410 if uid else 404)
        is_open = row.state == Application.State.ASKED
        own_page = links.own_page_url(row.member) if row.member else ""
        page = "confirm" if is_open else "confirmed"
        return _plain(request, page, network=row.network, application=row, own_page=own_page)


@by_link
def network_vote(request: HttpRequest, token: str) -> HttpResponse:
    """A member says what they think of an applicant. GET shows what the applicant said, POST is the answer."""
    read = links.read_vote(token)
    rows = Vote.objects.select_related(
        "application__network__campaign", "application__network__form", "application__country", "application__constituency", "member__organization",
        "member__person", "member__contact",
    )  # fmt: skip
    vote = rows.filter(uid=read[0]).first() if read else None
    person = voting.voter(vote, read[1]) if vote and read else None
    with translation.override(language_of(request, person.language if person else "")):
        if vote is None or person is None:
            return _plain(request, "gone", status=410 if read else 404)
        if request.method == "POST" and request.POST.get("says") in {"yes", "no"}:
            voting.say(vote=vote, is_yes=request.POST["says"] == "yes")
            vote.refresh_from_db()
        row = vote.application
        is_open = row.state == Application.State.CONFIRMED
        answer = _plain(
            request,
            "vote",
            network=row.network,
            application=row,
            vote=vote,
            is_open=is_open,
            told=row.said(translation.get_language() or "en"),
        )
    return answer


def _plain(request: HttpRequest, page: str, *, status: int = 200, **context: Any) -> HttpResponse:
    return public_page(request, f"{FOLDER}{page}.html", status=status, **context)
