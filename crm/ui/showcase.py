"""Invented content for the page that shows every component in every state."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django import forms
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from crm.accounts.requests import StaffRequest
from crm.accounts.rules import Role
from crm.jobs.models import Job
from crm.ui.charts import Chart, Series
from crm.ui.filters import Facet, FilterBar, Search
from crm.ui.inline import InlineField
from crm.ui.tables import Column, Table
from crm.ui.today import Need


class SampleForm(forms.Form):
    """One of each kind of field."""

    name = forms.CharField(label=_("Name"), help_text=_("As it stands on letters."), max_length=120)
    acronym = forms.CharField(label=_("Acronym"), required=False, max_length=20)
    email = forms.EmailField(label=_("E-mail"))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices)
    starts_on = forms.DateField(label=_("First day"), widget=forms.DateInput(attrs={"type": "date"}), required=False)
    note = forms.CharField(label=_("Note"), widget=forms.Textarea(attrs={"rows": 3}), required=False)
    languages = forms.MultipleChoiceField(
        label=_("Languages"),
        choices=[("en", "English"), ("fr", "Français"), ("ar", "العربية")],
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    basis = forms.ChoiceField(
        label=_("Lawful basis"),
        choices=[("consent", _("consent")), ("interest", _("legitimate interest"))],
        widget=forms.RadioSelect,
    )
    file = forms.FileField(label=_("File"), required=False)
    agree = forms.BooleanField(label=_("Write to me once a month"), help_text=_("You can leave with one click."))


class NameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)


class UserFilters(FilterBar):
    search = Search(
        _("Find a colleague"), lambda users, text: users.filter(Q(name__icontains=text) | Q(email__icontains=text))
    )
    facets = [
        Facet(
            "role",
            _("Role"),
            choices=Role.choices,
            apply=lambda users, values: users.filter(grants__role__in=values).distinct(),
            icon="shield",
            count_by="grants__role",
        ),
        Facet(
            "state",
            _("State"),
            choices=[("active", _("active"), "ok"), ("closed", _("closed"), "wait")],
            apply=lambda users, values: users.filter(is_active=values[0] == "active"),
            multiple=False,
        ),
    ]


class UserTable(Table):
    columns = [
        Column("name", _("Name"), sort=["name"]),
        Column("email", _("E-mail"), sort=["email"]),
        Column("roles", _("Roles")),
        Column("created_at", _("Since"), sort=["created_at"], css="num"),
    ]
    default_sort = "name"
    row_template = "crm/ui/_sample_row.html"
    file_name = "colleagues"
    page_size = 5


def inline_field(request: StaffRequest) -> InlineField:
    return InlineField(
        "sample",
        _("Name of the institution"),
        reverse("components_inline"),
        lambda: request.session.get("sample", "Ministère du Travail, Tchad"),
    )


def context(request: StaffRequest) -> dict[str, Any]:
    now = timezone.now()
    bad = SampleForm({"name": "", "email": "hery@", "role": "planner", "languages": ["fr"]})
    bad.add_error(
        None, _("This institution is in the directory already. Nothing was saved; look below for what to change.")
    )
    return {
        "form": SampleForm(),
        "bad_form": bad,
        "inline": inline_field(request),
        "crumbs": [(_("Mailings"), "#x"), ("Coverage below 20 %: what your ministry can do", "#x")],
        "tabs": _tabs(),
        "outcomes": _outcomes(),
        "needs": _needs(now),
        "timeline": _timeline(now),
        "jobs": _jobs(now),
        "times": [now - gap for gap in _GAPS],
        "constituencies": CONSTITUENCIES,
        "positions": POSITIONS,
        "bars": Chart(
            "bar",
            labels=[f"{9 + i // 6:02}:{i % 6}0" for i in range(24)],
            series=[
                Series(
                    str(_("clicks")),
                    [8, 22, 44, 62, 68, 58, 61, 50, 42, 37, 33, 30, 26, 24, 20, 18, 14, 13, 11, 9, 8, 7, 6, 5],
                ),
                Series(
                    str(_("replies")), [0, 1, 2, 3, 4, 3, 3, 2, 2, 2, 1, 1, 1, 1, 1, 1, 0, 1, 1, 0, 0, 0, 0, 0], "cso"
                ),
            ],
        ),
        "lines": Chart(
            "line",
            labels=[str(year) for year in range(2015, 2026)],
            series=[Series("Kenya", [10.4, 10.1, 10.1, 10.2, 10.0, 9.8, 9.6, 9.4, 9.0, 9.0, None])],
            unit=" %",
        ),
        "map": Chart(
            "map",
            name=str(_("Covered by at least one benefit")),
            unit=" %",
            points=[
                {"country": "148", "label": "Chad", "value": 2.5, "url": "#x"},
                {"country": "686", "label": "Senegal", "value": 18.9, "url": "#x"},
                {"country": "404", "label": "Kenya", "value": 9.0, "url": "#x"},
                {"country": "788", "label": "Tunisia", "value": 50.2, "url": "#x"},
                {"country": "188", "label": "Costa Rica", "value": 72.0, "url": "#x"},
            ],
        ),
        "spark": [44, 42, 43, 40, 41, 38, 37, 37, 32, 33, 31, 30],
    }


_GAPS = [
    dt.timedelta(seconds=20),
    dt.timedelta(minutes=5),
    dt.timedelta(hours=3),
    dt.timedelta(days=1),
    dt.timedelta(days=4),
    dt.timedelta(days=60),
    dt.timedelta(days=800),
    -dt.timedelta(minutes=131),
    -dt.timedelta(days=3),
]

CONSTITUENCIES = [
    ("gov", _("Government")), ("emp", _("Employers")), ("wrk", _("Workers")), ("ssi", _("Social security")),
    ("cso", _("Civil society")), ("igo", _("International")), ("don", _("Donors")), ("ind", _("Individual supporters")),
]  # fmt: skip
POSITIONS = [
    ("p1", _("Opposed")), ("p2", _("Sceptical")), ("p3", _("Unaware")), ("p4", _("Neutral")),
    ("p5", _("Interested")), ("p6", _("Supportive")), ("p7", _("Champion")),
]  # fmt: skip


def _tabs() -> list[dict[str, Any]]:
    return [
        {"label": _("English"), "url": "#x", "current": True, "badge": "ok"},
        {"label": _("French"), "url": "#x", "badge": "warn"},
        {"label": _("People"), "url": "#x", "count": 1284, "icon": "users"},
    ]


def _outcomes() -> list[dict[str, Any]]:
    return [
        {"kind": "ok", "count": 6120, "label": _("accepted"), "url": "#x"},
        {"kind": "rest", "count": 3690, "label": _("waiting"), "url": "#x"},
        {"kind": "warn", "count": 140, "label": _("deferred, will be tried again"), "url": "#x"},
        {"kind": "bad", "count": 22, "label": _("failed"), "url": "#x"},
        {"kind": "wait", "count": 438, "label": _("skipped, with reasons"), "url": "#x"},
        {"kind": "odd", "count": 2, "label": _("uncertain"), "url": "#x"},
    ]


def _needs(now: dt.datetime) -> list[Need]:
    return [
        Need("shield-check", "Approve “Coverage below 20 %: what your ministry can do”",
             "Chidi Okafor asked at 08:40. 1,284 people in 10 countries, 3 languages. Sends at 12:00 Lusaka time.",
             "#x", "Review", now + dt.timedelta(minutes=130), "blue", is_due=True),
        Need("player-pause", "“Invitation: Tripartite round table” paused itself",
             "gov.test deferred 31 of 40 messages: “450 too many connections”. 412 are waiting; nothing is lost.",
             "#x", "Look", now - dt.timedelta(hours=2), "warn"),
        Need("message-reply", "Fatou Ndiaye replied",
             "“We will nominate two delegates this week.” Workers’ confederation, Senegal.",
             "#x", "Answer", now - dt.timedelta(days=1), "ok"),
        Need("mail-off", "36 addresses bounced yesterday", "The ministries of Chad and Niger changed their domain.",
             "#x", "See them", now - dt.timedelta(days=3), "bad"),
    ]  # fmt: skip


def _timeline(now: dt.datetime) -> list[dict[str, Any]]:
    return [
        {"icon": "message-reply", "kind": "ok", "title": _("Replied to “Newsletter, November”"),
         "body": "“We will nominate two delegates this week.”", "at": now - dt.timedelta(hours=3), "url": "#x"},
        {"icon": "click", "kind": "blue", "title": _("Clicked “Guidelines for extending coverage”"), "at": now - dt.timedelta(hours=26)},
        {"icon": "mail", "title": _("Got “Newsletter, November”"), "body": _("Accepted by gov.test at the second attempt."),
         "at": now - dt.timedelta(hours=27)},
        {"icon": "user-check", "title": _("General Secretary, Confédération nationale"), "actor": "Chidi Okafor",
         "at": now - dt.timedelta(days=40)},
    ]  # fmt: skip


def _jobs(now: dt.datetime) -> list[Job]:
    began = now - dt.timedelta(seconds=41)
    return [
        Job(title="Importing ministries.csv", state="queued"),
        Job(title="Importing ministries.csv", state="running", done_count=0, phase="reading the file", started_at=began),
        Job(title="Importing ministries.csv", state="running", done_count=6120, total_count=10000, started_at=began, phase="matching people"),
        Job(title="Importing ministries.csv", state="done", done_count=10000, total_count=10000, started_at=began, finished_at=now, result_url="#x"),
        Job(title="Importing ministries.csv", state="failed", done_count=412, total_count=10000, started_at=began, finished_at=now,
            error="Line 413 has 9 columns where the head has 8. Nothing of the file was applied; correct the line and upload it again."),
        Job(title="Importing ministries.csv", state="cancelled", done_count=4000, total_count=10000, started_at=began, finished_at=now),
    ]  # fmt: skip
