"""The lists of delegations, of whom they named, and of what is still to be done."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from django.db.models import Exists, F, Max, OuterRef, Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from campaigns.delegations.board import Line, Side, lines_of
from campaigns.delegations.models import Delegation, DelegationSeats, Nomination, Role, SeatRule, Step
from campaigns.events.models import Event
from contacts.directory.models import Constituency
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui import cells, formats
from crm.ui.filters import Choice, Facet, FilterBar, Search
from crm.ui.links import url_of
from crm.ui.searchtext import normalise
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

STATES = {"proposed": "warn", "accepted": "ok", "returned": "bad", "withdrawn": "rest", "replaced": "rest"}


# --- delegations --------------------------------------------------------------------------------------------------------
def _wheres(request: HttpRequest) -> list[Choice]:
    return [
        ("gaps", _t("with gaps"), "bad"), ("complete", _t("complete"), "ok"), ("waiting", _t("somebody to look at"), "warn"),
        ("silent", _t("named nobody yet")), ("unasked", _t("nobody asked yet")), ("out", _t("left out")),
    ]  # fmt: skip


def _where(rows: Any, values: list[str]) -> Any:
    names = Nomination.objects.filter(delegation=OuterRef("pk"))
    rule = Q()
    if "gaps" in values:
        rule |= Q(pk__in=Delegation.objects.with_gaps().values("pk"))
    if "complete" in values:
        rule |= Q(pk__in=Delegation.objects.complete().values("pk"))
    if "waiting" in values:
        rule |= Q(Exists(names.filter(state="proposed")))
    if "silent" in values:
        rule |= ~Q(Exists(names.exclude(state="withdrawn")))
    if "unasked" in values:
        rule |= ~Q(pk__in=Delegation.objects.filter(nominators__asked_at__isnull=False).values("pk"))
    if "out" in values:
        return rows.filter(left_out_at__isnull=False)
    return rows.filter(rule)


def _sides(request: HttpRequest) -> list[Choice]:
    rows = Constituency.objects.filter(archived_at=None, pk__in=SeatRule.objects.values("constituency")).order_by(
        "position"
    )
    return [(row.code, row.label, row.root_code.lower()) for row in rows]


def _lacks(rows: Any, values: list[str]) -> Any:
    """Without a complete side of these constituencies."""
    empty = DelegationSeats.objects.filter(constituency__code__in=values, role="delegate", taken__lt=F("seats"))
    return rows.filter(pk__in=empty.values("delegation"))


def _named(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        if name := normalise(word):
            rows = rows.filter(Q(country__search_text__contains=name) | Q(organization__search_text__contains=name))
    return rows


class DelegationFilters(FilterBar):
    search = Search(_("Find a country or an institution"), apply=_named)
    facets: Sequence[Facet] = (
        Facet("where", _("State"), _wheres, _where, icon="checks"),
        Facet("lacks", _("Lacks"), _sides, _lacks, icon="users-group"),
    )


def _delegation(row: Any) -> Any:
    line: Line = row.line
    if row.left_out_at:
        word = cells.badge("rest", _t("left out"))
    elif line.is_complete:
        word = cells.badge("ok", _t("complete"))
    else:
        word = cells.badge(
            "bad" if not line.proposed else "warn", _t("%(n)s missing") % {"n": formats.number(line.missing)}
        )
    return cells.format_html(
        "{}<div>{}</div>", cells.link(url_of("delegation_detail", row.uid), row.label, "name gs-strong"), word
    )


def _side(code: str) -> Callable[[Any], Any]:
    def shown(row: Any) -> Any:
        side: Side | None = row.line.sides.get(code)
        if side is None:
            return cells.dim(_t("no seat"))
        others = ", ".join(f"{name} {taken}/{seats}" for name, taken, seats in side.others)
        filled = cells.format_html(
            '<b class="num">{}</b> {}',
            _t("%(n)s of %(of)s") % {"n": side.taken, "of": side.seats},
            cells.badge(side.kind, side.words()),
        )
        return cells.format_html("{}{}", filled, cells.why(others))

    return shown


def _side_words(code: str) -> Callable[[Any], str]:
    def told(row: Any) -> str:
        side: Side | None = row.line.sides.get(code)
        return f"{side.taken}/{side.seats} {side.words()}" if side else ""

    return told


def _asked(row: Any) -> Any:
    if row.asked is None:
        return cells.dim(_t("not yet"))
    return cells.when(row.asked, "day")


class DelegationTable(Table):
    default_sort = "name"
    file_name = "delegations"
    page_size = 100

    def prepare(self, rows: list[Any]) -> None:
        for line in lines_of(rows):
            line.delegation.line = line  # type: ignore[attr-defined]


def delegations_table(request: StaffRequest, event: str) -> DelegationTable:
    row = get_object_or_404(Event.objects.visible_to(request.user), uid=event)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = (
        Delegation.objects.visible_to(request.user, action).filter(event=row).select_related("country", "organization")
    )
    if "out" not in request.GET.getlist("where"):
        rows = rows.taking_part()
    rows = rows.annotate(of_name=Coalesce("country__sort_key", "organization__sort_key"), asked=_last_asked())
    filters = DelegationFilters(request, rows)
    table = DelegationTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))
    sides = Constituency.objects.filter(pk__in=row.delegations.values("seats__constituency")).order_by("position", "pk")
    table.columns = (  # type: ignore[misc]
        Column("name", _("Delegation"), sort=["of_name", "id"], value="label", html=_delegation),
        *(
            Column(f"side_{one.code.lower()}", one.label, html=_side(one.code), value=_side_words(one.code))
            for one in sides
        ),
        Column(
            "women",
            _("Women"),
            value=lambda row: row.line.shares.words(),
            html=lambda row: cells.text(row.line.shares.words()),
        ),
        Column("asked", _("Asked"), value=lambda row: row.asked, html=_asked),
    )
    return table


def _last_asked() -> Any:
    return Max("nominators__asked_at")


# --- who was named --------------------------------------------------------------------------------------------------------
def _states(request: HttpRequest) -> list[Choice]:
    return [(value, str(label), STATES[value]) for value, label in Nomination.State.choices]


def _found(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        name = normalise(word)
        rows = rows.filter(
            Q(name__icontains=word) | Q(function__icontains=word) | Q(delegation__country__search_text__contains=name)
            | Q(delegation__organization__search_text__contains=name)
        )  # fmt: skip
    return rows


class NominationFilters(FilterBar):
    search = Search(_("Find somebody"), apply=_found)
    facets: Sequence[Facet] = (
        Facet("state", _("State"), _states, lambda rows, values: rows.filter(state__in=values), icon="checks", count_by="state"),
        Facet("role", _("Role"), lambda request: [(v, str(w)) for v, w in Role.choices], lambda rows, values: rows.filter(role__in=values), icon="id-badge-2", count_by="role"),
        Facet("side", _("Constituency"), _sides, lambda rows, values: rows.filter(constituency__code__in=values), icon="users-group"),
    )  # fmt: skip


def _who(row: Nomination) -> Any:
    said = " ".join(part for part in (row.honorific, row.name) if part)
    return cells.who(said, url_of("nomination_detail", row.uid), below=row.function)


def _state(row: Nomination) -> Any:
    late = [step for step in row.steps.all() if step.is_late]
    word = cells.badge(STATES[row.state], str(row.get_state_display()))
    if row.state == "accepted" and row.registration and row.registration.state == "waiting":
        return cells.format_html("{}{}", word, cells.why(_t("on the event’s waiting list")))
    return cells.format_html("{}{}", word, cells.why(_t("%(n)s late") % {"n": len(late)})) if late else word


def _email(row: Nomination) -> str:
    return row.email


class NominationTable(Table):
    columns = (
        Column("name", _("Who"), sort=["name", "id"], value="name", html=_who),
        Column("delegation", _("Delegation"), value=lambda row: row.delegation.label, html=lambda row: cells.link(url_of("delegation_detail", row.delegation.uid), row.delegation.label)),
        Column("side", _("Constituency"), value=lambda row: row.constituency.label),
        Column("role", _("Role"), value=lambda row: str(row.get_role_display())),
        Column("state", _("State"), value=lambda row: str(row.get_state_display()), html=_state),
        Column("named_by", _("Named by"), value=lambda row: row.named_by.label if row.named_by else _t("us")),
        Column("created_at", _("Named"), sort=["created_at", "id"], html=lambda row: cells.when(row.created_at, "day")),
        Column("honorific", _("Form of address"), value="honorific"),
        Column("function", _("Function"), value="function"),
        Column("email", _("E-mail"), value=_email),
        Column("gender", _("Gender"), value=lambda row: str(row.get_gender_display())),
        Column("passport_name", _("Name in the passport"), value="passport_name"),
        Column("reason", _("Why sent back"), value="reason"),
    )  # fmt: skip
    shown = 7
    default_sort = "-created_at"
    file_name = "delegates"


def nominations_table(request: StaffRequest, event: str) -> NominationTable:
    row = get_object_or_404(Event.objects.visible_to(request.user), uid=event)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Nomination.objects.visible_to(request.user, action).filter(delegation__event=row)
    rows = rows.select_related(
        "delegation__country", "delegation__organization", "constituency", "named_by__organization", "registration"
    ).prefetch_related("steps__task")
    filters = NominationFilters(request, rows)
    return NominationTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


# --- steps ----------------------------------------------------------------------------------------------------------------
def _stages(request: HttpRequest) -> list[Choice]:
    return [
        ("late", _t("late"), "bad"),
        ("told", _t("they say it is done"), "warn"),
        ("open", _t("open")),
        ("done", _t("done"), "ok"),
    ]


def _in_stages(rows: Any, values: list[str]) -> Any:
    is_open, rule = Q(task__done_at=None, task__dropped_at=None, task__isnull=False), Q()
    if "late" in values:
        rule |= is_open & Q(due_on__lt=timezone.localdate())
    if "told" in values:
        rule |= is_open & Q(told_at__isnull=False)
    if "open" in values:
        rule |= is_open
    if "done" in values:
        rule |= Q(task__done_at__isnull=False)
    return rows.filter(rule)


def _of_whom(rows: Any, text: str) -> Any:
    for word in text.split()[:8]:
        rows = rows.filter(
            Q(nomination__name__icontains=word)
            | Q(nomination__delegation__country__search_text__contains=normalise(word))
        )
    return rows


class StepFilters(FilterBar):
    search = Search(_("Find somebody"), apply=_of_whom)
    facets: Sequence[Facet] = (Facet("stage", _("State"), _stages, _in_stages, icon="checks"),)


def _stage(row: Step) -> Any:
    if row.is_done:
        return cells.badge("ok", _t("done"))
    if row.task is None or not row.task.is_open:
        return cells.badge("rest", _t("dropped"))
    word = cells.badge("bad", _t("late")) if row.is_late else cells.badge("wait", _t("open"))
    return cells.format_html("{}{}", word, cells.why(_t("they say it is done") if row.told_at else ""))


class StepTable(Table):
    columns = (
        Column("due_on", _("By"), sort=["due_on", "id"], html=lambda row: cells.when(row.due_on)),
        Column("title", _("What"), value=lambda row: row.text("en")),
        Column("who", _("Who"), value=lambda row: row.nomination.name, html=lambda row: cells.link(url_of("nomination_detail", row.nomination.uid), row.nomination.name)),
        Column("delegation", _("Delegation"), value=lambda row: row.nomination.delegation.label),
        Column("state", _("State"), value=lambda row: "done" if row.is_done else "late" if row.is_late else "open", html=_stage),
        Column("sees", _("Who sees to it"), value=lambda row: row.task.assignee.name if row.task else ""),
    )  # fmt: skip
    default_sort = "due_on"
    file_name = "steps"


def steps_table(request: StaffRequest, event: str) -> StepTable:
    row = get_object_or_404(Event.objects.visible_to(request.user), uid=event)
    action = Action.EXPORT if request.GET.get("export") else Action.SEE
    rows = Step.objects.visible_to(request.user, action).filter(
        nomination__delegation__event=row, nomination__state="accepted"
    )
    rows = rows.select_related(
        "nomination__delegation__country", "nomination__delegation__organization", "task__assignee"
    )
    filters = StepFilters(request, rows)
    return StepTable(request, filters.queryset, filters=filters, may_export=request.user.may(Action.EXPORT))


def _of_event(part: str) -> Callable[[Any], str]:
    return lambda given: reverse(part, args=[given["event"]])


register(Source("delegations", _("Delegations"), _of_event("delegation_list"), delegations_table))
register(Source("nominations", _("Named for delegations"), _of_event("nomination_list"), nominations_table))
register(Source("delegate_steps", _("Steps of delegates"), _of_event("delegate_step_list"), steps_table))
