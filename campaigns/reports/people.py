"""Each number opens its people: one list, narrowed by what the number counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from django.db.models import F, QuerySet
from django.db.models.functions import Left
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.history import cancelled_because
from campaigns.delivery.models import Delivery, Feedback, Outcome, SkipReason
from campaigns.engagement.models import DeliveryEngagement, Engagement
from campaigns.mailings.models import Mailing
from campaigns.mailings.references import stem_of
from contacts.directory.models import Constituency, Country, Organization, Person
from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Action
from crm.ui.filters import Facet, FilterBar
from crm.ui.sources import Source, register
from crm.ui.tables import Column, Table

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

BOUNCES = [Feedback.Kind.HARD_BOUNCE, Feedback.Kind.SOFT_BOUNCE]
Narrow = Callable[[QuerySet[Delivery], int], QuerySet[Delivery]]


@dataclass(frozen=True)
class Who:
    """A number of the report: what it is called above its list, and which rows it counted."""

    title: StrOrPromise
    narrow: Narrow


def _state(state: Outcome) -> Narrow:
    return lambda rows, mailing_id: rows.filter(state=state)


def _engaged(**conditions: Any) -> Narrow:
    def narrow(rows: QuerySet[Delivery], mailing_id: int) -> QuerySet[Delivery]:
        found = DeliveryEngagement.objects.filter(mailing_id=mailing_id, **conditions)
        return rows.filter(seq__in=found.values("seq"))

    return narrow


def _tracked(**conditions: Any) -> Narrow:
    """People whose clicks are counted one by one; nobody else is ever listed as having clicked."""
    inner = _engaged(**conditions)
    return lambda rows, mailing_id: inner(rows, mailing_id).filter(is_tracked=True)


def _came_back(*kinds: Feedback.Kind) -> Narrow:
    def narrow(rows: QuerySet[Delivery], mailing_id: int) -> QuerySet[Delivery]:
        return rows.filter(seq__in=Feedback.objects.filter(mailing_id=mailing_id, kind__in=kinds).values("seq"))

    return narrow


def _opened(rows: QuerySet[Delivery], mailing_id: int) -> QuerySet[Delivery]:
    found = DeliveryEngagement.objects.filter(mailing_id=mailing_id)
    found = found.filter(human_opens__gt=0) | found.filter(first_click_at__isnull=False)
    return rows.filter(seq__in=found.values("seq"), is_tracked=True)


def _only_machines(rows: QuerySet[Delivery], mailing_id: int) -> QuerySet[Delivery]:
    found = DeliveryEngagement.objects.filter(
        mailing_id=mailing_id, first_click_at__isnull=True, machine_clicks__gt=0, unknown_clicks=0
    )
    return rows.filter(seq__in=found.values("seq"))


WHO: dict[str, Who] = {
    "audience": Who(_("The whole audience"), lambda rows, mailing_id: rows),
    **{
        outcome.value: Who(label, _state(outcome))
        for outcome, label in {
            Outcome.PENDING: _("Waiting to be sent"),
            Outcome.IN_FLIGHT: _("In flight now"),
            Outcome.DEFERRED: _("Deferred, will be tried again"),
            Outcome.ACCEPTED: _("Accepted by the recipient’s server"),
            Outcome.FAILED: _("Failed"),
            Outcome.SKIPPED: _("Skipped, with reasons"),
            Outcome.CANCELLED: _("Cancelled before they were sent"),
            Outcome.UNCERTAIN: _("Uncertain: sent once, and nobody knows whether it arrived"),
        }.items()
    },
    "copies": Who(_("Visible copies"), lambda rows, _m: rows.filter(copy_of__isnull=False)),
    "clicked": Who(_("People who clicked"), _tracked(first_click_at__isnull=False)),
    "machines": Who(_("Clicked by machines only"), _only_machines),
    "opened": Who(_("Opened, at best guess"), _opened),
    "replied": Who(_("People who replied"), _engaged(replied_at__isnull=False)),
    "unsubscribed": Who(_("Unsubscribed"), _engaged(unsubscribed_at__isnull=False)),
    "bounced": Who(_("Bounced later"), _came_back(*BOUNCES)),
    "complained": Who(_("Complained"), _came_back(Feedback.Kind.COMPLAINT)),
    "untracked": Who(
        _("Accepted, not tracked one by one"), lambda rows, _m: rows.filter(state="accepted", is_tracked=False)
    ),
}


def rows_of(mailing: Mailing, request: StaffRequest, who: str) -> QuerySet[Delivery]:
    """The deliveries that a number counted. A user whose grants are limited to countries sees those of their countries."""
    # uid: what a ticked row is known by
    rows: QuerySet[Any] = Delivery.objects.filter(mailing_id=mailing.pk).annotate(uid=F("seq"))
    codes = request.user.scope(Action.EXPORT if request.GET.get("export") else Action.SEE).countries
    if codes is not None:
        rows = rows.filter(country_code__in=codes)
    rows = WHO[who].narrow(rows, mailing.pk)
    link = request.GET.get("link", "")
    if link.isdecimal() and len(link) < 9 and who == "clicked":
        hits = Engagement.objects.filter(
            mailing_id=mailing.pk, kind="click", hit_class="human", link_number=min(int(link), 32767), seq__isnull=False
        )
        rows = rows.filter(seq__in=hits.values("seq"))
    return _of_reason(rows, mailing.pk, request.GET.get("reason", "").replace("\x00", ""), request.GET.get("kind", ""))


def _of_reason(rows: QuerySet[Delivery], mailing_id: int, reason: str, kind: str) -> QuerySet[Delivery]:
    if not reason:
        return rows
    if kind in BOUNCES:
        said = Feedback.objects.filter(mailing_id=mailing_id, kind=kind)
        return rows.filter(seq__in=(said.filter(reason=reason) | said.filter(reason="", status=reason)).values("seq"))
    if kind == "skipped":
        return rows.filter(skip_reason=reason)
    return (
        rows.annotate(said=Left("reply_text", 300)).filter(said=reason)  # a long reply is grouped by its beginning
        if not reason.isdecimal()
        else rows.filter(reply_text="", reply_code=int(reason[:4]))
    )


def _constituencies(request: Any) -> list[tuple[str, str, str]]:
    rows = Constituency.objects.order_by("position", "code")
    return [(row.code, row.label, row.root_code.lower()) for row in rows]


def _countries(request: Any) -> list[tuple[str, str]]:
    return [(row.code, row.label) for row in Country.objects.order_by("sort_key")]


class PeopleFilters(FilterBar):
    facets = [
        Facet("constituency", _("Constituency"), choices=_constituencies, icon="users-group", count_by="constituency_code",
              apply=lambda rows, values: rows.filter(constituency_code__in=values)),
        Facet("country", _("Country"), choices=_countries, icon="world", count_by="country_code",
              apply=lambda rows, values: rows.filter(country_code__in=values)),
    ]  # fmt: skip


def _because(row: Any) -> str:
    """Why it is where it is, in words; of a copy also that it is one."""
    words = _outcome_because(row)
    if row.copy_of is None:
        return words
    return "; ".join(filter(None, [str(_("visible copy")), words]))


def _outcome_because(row: Any) -> str:
    if row.state == Outcome.SKIPPED:
        return "; ".join(str(SkipReason(reason).label) for reason in [row.skip_reason, *row.skip_also] if reason)
    if row.feedback:
        return "; ".join(f"{each.get_kind_display()}: {each.reason or each.status}" for each in row.feedback)
    if row.state == Outcome.CANCELLED:
        return cancelled_because(row.reply_text)
    said = " ".join(filter(None, [str(row.reply_code or ""), row.reply_text]))
    return said if row.state != Outcome.ACCEPTED else ""


class PeopleTable(Table):
    columns: ClassVar = [
        Column("person", _("Person"), export=lambda row: row.who),
        Column("organization", _("Organization"), export=lambda row: row.organization.name if row.organization else ""),
        Column("constituency", _("Constituency"), export="constituency_code"),
        Column("country", _("Country"), export="country_code"),
        Column("outcome", _("Outcome"), export=lambda row: str(Outcome(row.state).label)),
        Column("why", _("Why"), export=_because),
        Column("did", _("What they did"), export=lambda row: ", ".join(row.did)),
        Column("address", _("Address"), export=lambda row: ", ".join(filter(None, [row.address, row.reference]))),
    ]
    row_template = "campaigns/reports/_person_row.html"
    file_name = "mailing"

    @property
    def sort(self) -> list[str]:
        return ["seq"]

    def prepare(self, rows: list[Any]) -> None:
        """People, institutions, countries, engagement and feedback of a page, by one query each."""
        people = Person.objects.only("uid", "name", "names").in_bulk({row.person_id for row in rows if row.person_id})
        organizations = Organization.objects.only("uid", "name", "names").in_bulk(
            {row.organization_id for row in rows if row.organization_id}
        )
        countries = Country.objects.only("name", "names").in_bulk(
            {row.country_code for row in rows if row.country_code}
        )
        mailing_id = rows[0].mailing_id if rows else 0
        mailing = Mailing.objects.only("reference_stem", "reference_digits").filter(pk=mailing_id).first()
        stem = stem_of(mailing) if mailing and mailing.reference_stem else None
        seqs = [row.seq for row in rows]
        engaged = {row.seq: row for row in DeliveryEngagement.objects.filter(mailing_id=mailing_id, seq__in=seqs)}
        returned: dict[int, list[Feedback]] = {}
        for each in Feedback.objects.filter(mailing_id=mailing_id, seq__in=seqs).order_by("at"):
            returned.setdefault(each.seq, []).append(each)
        for row in rows:
            row.person, row.organization = people.get(row.person_id), organizations.get(row.organization_id)
            row.reference = stem.reference(row.shown_seq) if stem and row.state != Outcome.SKIPPED else ""
            row.who = row.person.name if row.person else ""
            row.country = countries.get(row.country_code)
            row.feedback = returned.get(row.seq, [])
            row.engagement = engaged.get(row.seq)
            row.did = did(row)
            row.because = _because(row)


def did(row: Any) -> list[str]:
    """What somebody did with the message, as far as it is counted."""
    found: list[str] = []
    engaged = row.engagement
    if engaged:
        if engaged.first_click_at and row.is_tracked:
            found.append(str(_("clicked")))
        if engaged.replied_at:
            found.append(str(_("replied")))
        if engaged.unsubscribed_at:
            found.append(str(_("unsubscribed")))
    if row.state == Outcome.ACCEPTED and not row.is_tracked:
        found.append(str(_("not tracked one by one")))
    return found


SOURCE = "mailing_people"


def asked_for(request: StaffRequest) -> str:
    """Which number the list is behind."""
    who = request.GET.get("who", "")
    return who if who in WHO else "audience"


def people_table(request: StaffRequest, mailing: str) -> PeopleTable:
    """The rows behind one number of a mailing's report, on the page and in a file."""
    mailings = Mailing.objects.visible_to(request.user)
    found = get_object_or_404(mailings.defer("frozen_with"), uid=mailing)
    filters = PeopleFilters(request, rows_of(found, request, asked_for(request)))
    may_export = Mailing.objects.visible_to(request.user, Action.EXPORT).filter(pk=found.pk).exists()
    table = PeopleTable(
        request, filters.queryset, filters=filters, may_export=may_export and request.user.may(Action.EXPORT)
    )
    table.file_name = found.name  # type: ignore[misc]
    return table


def _url(given: Mapping[str, str]) -> str:
    return reverse("mailing_report_people", args=[given["mailing"]])


register(Source(SOURCE, _("People of a mailing"), _url, people_table))
