"""The lists of events, of who was invited to one, and of who takes part."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django.db.models import Count, Q
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.events.models import Event, Invitation, Registration
from contacts.directory.lists import uids_of
from contacts.directory.models import Constituency, Country
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells, formats
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.searchtext import normalise
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

ANSWERS = {"yes": "ok", "other": "ok", "maybe": "warn", "no": "rest", "": "wait"}
STATES = {"seat": "ok", "waiting": "wait", "gone": "rest"}


def _kinds(request: HttpRequest) -> list[Choice]:
    return [(value, str(label)) for value, label in Event.Kind.choices]


def _whens(request: HttpRequest) -> list[Choice]:
    return [("ahead", _t("to come")), ("past", _t("over"))]


def _when(rows: Any, values: list[str]) -> Any:
    rule, now = Q(), timezone.now()
    if "ahead" in values:
        rule |= Q(ends_at__gt=now)
    if "past" in values:
        rule |= Q(ends_at__lte=now)
    return rows.filter(rule)


def _drives(request: HttpRequest) -> list[Choice]:
    from campaigns.planning.models import Drive

    rows = Drive.objects.visible_to(request.user).filter(events__archived_at=None, events__isnull=False)  # type: ignore[arg-type]
    return [(str(row.uid), row.label) for row in rows.distinct().order_by("sort_key")[:100]]


class EventFilters(FilterBar):
    search = Search(_("Find an event"))
    facets: Sequence[Facet] = (
        Facet("when", _("When"), _whens, _when, icon="calendar"),
        Facet(
            "kind",
            _("Kind"),
            _kinds,
            lambda rows, values: rows.filter(kind__in=values),
            icon="category",
            count_by="kind",
        ),
        Facet(
            "drive",
            _("Drive"),
            _drives,
            lambda rows, values: rows.filter(drive__uid__in=uids_of(values)),
            icon="flag-2",
        ),
    )


def _state(row: Event) -> Any:
    if row.cancelled_at:
        return cells.badge("bad", _t("called off"))
    if row.is_over:
        return cells.badge("rest", _t("over"))
    return cells.badge("ok", _t("page open")) if row.is_public else cells.badge("wait", _t("page not open"))


def _seats(row: Event) -> Any:
    taken = cells.counted(row.taken, f"{url_of('event_detail', row.uid)}?tab=people")
    return taken if row.capacity is None else cells.format_html("{} / {}", taken, formats.number(row.capacity))


class EventTable(Table):
    columns = (
        Column("name", _("Event"), sort=["sort_key"], html=lambda row: cells.link(url_of("event_detail", row.uid), row.label, "name gs-strong")),
        Column("kind", _("Kind"), value=lambda row: str(row.get_kind_display())),
        Column("starts_at", _("Begins"), sort=["starts_at"], html=lambda row: cells.when(row.starts_at, "day")),
        Column("place", _("Place"), value=lambda row: row.place or (_t("online") if row.online_url else "")),
        Column("invited", _("Invited"), value=lambda row: row.invited_count, css="num", html=lambda row: cells.counted(row.invited_count, url_of("event_detail", row.uid))),
        Column("yes", _("Yes"), value=lambda row: row.yes_count, css="num", html=lambda row: cells.counted(row.yes_count, f"{url_of('event_detail', row.uid)}?answer=yes&answer=other")),
        Column("taken", _("Seats taken"), value=lambda row: row.taken, css="num", html=_seats),
        Column("state", _("State"), value=lambda row: "cancelled" if row.cancelled_at else "", html=_state),
        Column("drive", _("Drive"), value="drive.label"),
    )  # fmt: skip
    default_sort = "-starts_at"
    file_name = "events"

    def prepare(self, rows: list[Any]) -> None:
        """How many were invited and said yes: one query for a page, in the user's reach."""
        of = Invitation.objects.visible_to(self.request.user).filter(event__in=[row.pk for row in rows]).order_by()
        sums = {
            pk: (invited, yes)
            for pk, invited, yes in of.values_list("event").annotate(
                invited=Count("pk"), yes=Count("pk", filter=Q(answer__in=["yes", "other"]))
            )
        }
        for row in rows:
            row.invited_count, row.yes_count = sums.get(row.pk, (0, 0))


def events_table(request: StaffRequest) -> EventTable:
    rows = Event.objects.visible_to(request.user).in_use().select_related("drive")
    filters = EventFilters(request, rows)
    return EventTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


# --- who was invited --------------------------------------------------------------------------------------------------
def _answers(request: HttpRequest) -> list[Choice]:
    return [(value or "none", str(label)) for value, label in Invitation.Answer.choices]


def _answered(rows: Any, values: list[str]) -> Any:
    return rows.filter(answer__in=["" if value == "none" else value for value in values])


def _countries(request: HttpRequest) -> list[Choice]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


def _constituencies(request: HttpRequest) -> list[Choice]:
    return [
        (row.code, row.label, row.code.lower()) for row in Constituency.objects.filter(parent=None).order_by("position")
    ]


def _named(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        if name := normalise(word):
            rows = rows.filter(Q(person__search_text__contains=name) | Q(organization__search_text__contains=name))
    return rows


class InvitationFilters(FilterBar):
    search = Search(_("Find somebody"), apply=_named)
    facets: Sequence[Facet] = (
        Facet("answer", _("Answer"), _answers, _answered, icon="mail-question"),
        Facet("country", _("Country"), _countries, lambda rows, values: rows.filter(of_country__in=values), icon="world", count_by="of_country", is_long=True),
    )  # fmt: skip


def _who(row: Invitation) -> Any:
    kind = "person" if row.person_id else "organization"
    below = row.organization.label if row.person_id and row.organization else ""
    return cells.who(row.label, url_of(f"{kind}_detail", row.subject.uid), below=below, square=kind == "organization")


def _answer(row: Invitation) -> Any:
    return cells.badge(ANSWERS[row.answer], str(row.get_answer_display()))


def _answered_at(row: Invitation) -> Any:
    if not row.answered_at:
        return cells.dim()
    return cells.format_html("{}{}", cells.when(row.answered_at, "moment"), cells.why(str(row.get_came_by_display())))


def _country(row: Invitation) -> str:
    country = (row.organization.country if row.organization else None) or (row.person.country if row.person else None)
    return country.label if country else ""


class InvitationTable(Table):
    columns = (
        Column("name", _("Invited"), value="label", html=_who),
        Column("country", _("Country"), sort=["of_country", "id"], value=_country),
        Column("answer", _("Answer"), value=lambda row: row.answer, html=_answer),
        Column("answered_at", _("Answered"), html=_answered_at),
        Column("note", _("What they said"), value="note", css="clip"),
        Column("created_at", _("Invited on"), sort=["created_at"], html=lambda row: cells.when(row.created_at, "day")),
        Column("do", "", html=lambda row: cells.link(url_of("invitation_note", row.uid), _t("Note an answer"), "btn btn-sm"), export=None),
    )  # fmt: skip
    default_sort = "-created_at"
    file_name = "invitations"


def invitations_table(request: StaffRequest, event: str) -> InvitationTable:
    row = get_object_or_404(Event.objects.visible_to(request.user), uid=event)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Invitation.objects.visible_to(request.user, action).filter(event=row)
    rows = rows.select_related("person__country", "organization__country")
    filters = InvitationFilters(request, rows)
    return InvitationTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


# --- who takes part ---------------------------------------------------------------------------------------------------
def _states(request: HttpRequest) -> list[Choice]:
    return [
        *((value, str(label)) for value, label in Registration.State.choices),
        ("came", _t("came")),
        ("missed", _t("did not come")),
    ]


def _in_states(rows: Any, values: list[str]) -> Any:
    rule = Q(state__in=values)
    if "came" in values:
        rule |= Q(came_at__isnull=False)
    if "missed" in values:
        rule |= Q(state="seat", came_at__isnull=True)
    return rows.filter(rule)


def _found(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        rows = rows.filter(
            Q(name__icontains=word) | Q(organization_name__icontains=word) | Q(organization__name__icontains=word)
        )
    return rows


class RegistrationFilters(FilterBar):
    search = Search(_("Find somebody"), apply=_found)
    facets: Sequence[Facet] = (
        Facet("state", _("State"), _states, _in_states, icon="armchair"),
        Facet("role", _("As"), lambda request: [(v, str(w)) for v, w in Registration.Role.choices], lambda rows, values: rows.filter(role__in=values), icon="id-badge-2", count_by="role"),
        Facet("constituency", _("Constituency"), _constituencies, lambda rows, values: rows.filter(constituency__root_code__in=values), icon="users-group"),
    )  # fmt: skip


def _comes(row: Registration) -> Any:
    if row.person:
        return cells.who(row.name, url_of("person_detail", row.person.uid), below=row.of)
    return cells.format_html("<div><b>{}</b>{}</div>", row.name, cells.why(row.of))


def _seat(row: Registration) -> Any:
    if row.came_at:
        return cells.badge("ok", _t("came"))
    if row.state == "seat" and row.event.is_over:
        return cells.badge("bad", _t("did not come"))
    return cells.badge(STATES[row.state], str(row.get_state_display()))


def _give_back(row: Registration) -> Any:
    """A button of the list's own form; who came keeps the seat."""
    if row.state == "gone" or row.came_at or row.event.is_over:
        return ""
    words = _t("Give the seat back") if row.state == "seat" else _t("Take off the list")
    return cells.format_html(
        '<button class="btn btn-sm" formaction="{}" aria-label="{}: {}">{}</button>',
        reverse("registration_leave", args=[row.uid]), words, row.name, words,
    )  # fmt: skip


class RegistrationTable(Table):
    columns: ClassVar[Sequence[Column]] = (
        Column("name", _("Who"), value="name", html=_comes),
        Column("role", _("As"), value=lambda row: str(row.get_role_display())),
        Column("constituency", _("Constituency"), value=lambda row: row.constituency.label if row.constituency else ""),
        Column("state", _("State"), value=lambda row: row.state, html=_seat),
        Column("asked_at", _("Since"), sort=["asked_at", "id"], html=lambda row: cells.when(row.asked_at, "day")),
        Column(
            "came_at", _("Came"), html=lambda row: cells.when(row.came_at, "moment") if row.came_at else cells.dim()
        ),
        Column("email", _("E-mail"), value="email"),
    )
    default_sort = "asked_at"
    file_name = "participants"


class ChangeableRegistrationTable(RegistrationTable):
    """For those who may note what happened."""

    columns = (*RegistrationTable.columns, Column("do", "", html=_give_back, export=None))


def registrations_table(request: StaffRequest, event: str) -> RegistrationTable:
    row = get_object_or_404(Event.objects.visible_to(request.user), uid=event)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Registration.objects.visible_to(request.user, action).filter(event=row)
    rows = rows.select_related("person", "organization", "constituency", "event")
    filters = RegistrationFilters(request, rows)
    kind = ChangeableRegistrationTable if request.user.may(Action.LOG) else RegistrationTable
    return kind(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def _of_event(given: Any) -> str:
    return reverse("event_detail", args=[given["event"]])


register(Source("events", _("Events"), lambda given: reverse("event_list"), events_table))
register(Source("event_invitations", _("Invited to an event"), _of_event, invitations_table))
register(Source("event_people", _("Who takes part in an event"), lambda given: f"{_of_event(given)}?tab=people", registrations_table))  # fmt: skip
