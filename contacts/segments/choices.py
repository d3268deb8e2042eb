"""What may be chosen in a rule: constituencies, countries, regions, organizations, languages, tags, topics, segments, lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from typing import Any

from babel import Locale
from babel.core import get_global
from django.db.models import Model, QuerySet
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from contacts.consent.models import Topic
from contacts.directory.models import Constituency, Country, Organization, Region, Tag
from contacts.directory.queries import find_tag
from contacts.directory.reference import CONSTITUENCIES as REFERENCE
from contacts.directory.reference import INDIVIDUAL
from contacts.greetings.models import FormOfAddress
from contacts.segments.models import ContactList, Segment
from contacts.segments.registry import PEOPLE, Choice, Text
from contacts.segments.tree import uids
from crm.accounts.models import User
from crm.ui.searchtext import normalise


@dataclass(frozen=True, eq=False)
class Rows:
    """Choices that are rows of a table. `value` names the column that the tree writes; `key` the one that SQL compares."""

    rows: Callable[[str], QuerySet[Any]]
    value: str
    key: str = "pk"
    is_short: bool = False
    narrow: bool = False  # offer only what the user may see
    label: Callable[[Any], str] = str
    colour: Callable[[Any], str] = lambda row: ""
    note: Callable[[Any], str] = lambda row: ""
    said: Callable[[Any], str] = lambda row: ""

    def _choice(self, row: Model) -> Choice:
        return Choice(
            value=str(getattr(row, self.value)),
            label=self.label(row),
            key=getattr(row, self.key),
            colour=self.colour(row),
            note=self.note(row),
            said=self.said(row),
        )

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        wanted: list[Any] = list(values)
        if self.value == "uid":
            wanted = uids(wanted)
        rows = self.rows(selects).filter(**{f"{self.value}__in": wanted})
        return {choice.value: choice for choice in map(self._choice, rows)}

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        rows = self.rows(selects)
        if self.narrow and user is not None:
            rows = rows.visible_to(user)  # type: ignore[attr-defined]
        if any(f.name == "archived_at" for f in rows.model._meta.get_fields()):
            rows = rows.filter(archived_at__isnull=True)
        for word in normalise(text).split():
            column = "search_text" if hasattr(rows.model, "search_text") else "name"
            rows = rows.filter(**{f"{column}__contains" if column == "search_text" else "name__icontains": word})
        return [self._choice(row) for row in rows[:limit]]


@dataclass(frozen=True, eq=False)
class Tags(Rows):
    """Tags by name. A rule goes on meaning its tag after it was renamed, or merged into another."""

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        asked = list(values)
        found = super().get(asked, selects)
        merged = set(
            self.rows(selects).filter(name__in=found, merged_into__isnull=False).values_list("name", flat=True)
        )
        for value in asked:
            if value in merged or value not in found:
                tag = find_tag(value)
                if tag is not None:
                    found[value] = Choice(value, tag.name, tag.pk)
        return found


@dataclass(frozen=True, eq=False)
class Fixed:
    """Choices that the program knows."""

    load: Callable[[], dict[str, Text]]
    is_short: bool = True

    def get(self, values: Iterable[str], selects: str) -> dict[str, Choice]:
        known = self.load()
        return {value: Choice(value, str(known[value]), value) for value in values if value in known}

    def find(self, text: str, *, user: User | None, selects: str, limit: int = 30) -> list[Choice]:
        words = normalise(text).split()
        found = [
            Choice(value, str(label), value)
            for value, label in self.load().items()
            if all(word in normalise(str(label), value) for word in words)
        ]
        return found if self.is_short else found[:limit]


@cache
def _languages(locale: str) -> dict[str, str]:
    """Languages that are official somewhere, by name; the campaign's usual ones first."""
    spoken = {code.split("_")[0] for land in get_global("territory_languages").values() for code, about in land.items() if about.get("official_status")}  # fmt: skip
    names = Locale.parse(locale).languages
    first = ["en", "fr", "es", "ar", "pt", "ru", "zh"]
    rest = sorted((code for code in spoken if code in names and code not in first), key=lambda c: normalise(names[c]))
    return {code: names[code] for code in [*first, *rest]}


def languages() -> dict[str, Text]:
    return dict(_languages((get_language() or "en").split("-")[0]))


def many(row: Constituency) -> str:
    """*workers’ organizations* for a constituency with the name it came with; one that staff renamed keeps its label."""
    if row.name != {code: name for code, _fixed, name, *_names in REFERENCE}.get(row.code):
        return row.label
    return {
        "GOV": _("governments"),
        "EMP": _("employers’ organizations"),
        "WRK": _("workers’ organizations"),
        "SSI": _("social security institutions"),
        "CSO": _("civil society organizations"),
        "IGO": _("international organizations"),
        "DON": _("donor governments"),
        "RES": _("research"),
        "MED": _("the media"),
        INDIVIDUAL: _("no institution (individual supporters)"),
    }.get(row.code, row.label)


CONSTITUENCIES = Rows(
    lambda selects: Constituency.objects.exclude(**({} if selects == PEOPLE else {"code": INDIVIDUAL})).order_by("position", "sort_key"),
    "code", key="code", is_short=True, label=lambda row: row.label, colour=lambda row: row.root_code.lower(), said=many,
)  # fmt: skip
COUNTRIES = Rows(lambda selects: Country.objects.order_by("sort_key"), "code", label=lambda row: row.label)
REGIONS = Rows(lambda selects: Region.objects.order_by("sort_key"), "code", is_short=True, label=lambda row: row.label)
ORGANIZATIONS = Rows(
    lambda selects: Organization.objects.select_related("country").order_by("sort_key", "id"), "uid", narrow=True,
    label=lambda row: row.label, note=lambda row: row.country.label if row.country else "",
)  # fmt: skip
LANGUAGES = Fixed(languages, is_short=False)
TAGS = Tags(lambda selects: Tag.objects.order_by("name"), "name")
FORMS_OF_ADDRESS = Rows(lambda selects: FormOfAddress.objects.all(), "uid", is_short=True)
TOPICS = Rows(
    lambda selects: Topic.objects.order_by("position", "sort_key"), "code", is_short=True, label=lambda row: row.label
)
SEGMENTS = Rows(lambda selects: Segment.objects.filter(selects=selects).order_by("sort_key", "id"), "uid", narrow=True)
LISTS = Rows(lambda selects: ContactList.objects.filter(selects=selects).order_by("sort_key", "id"), "uid", narrow=True)


def address_states() -> dict[str, Text]:
    return {
        "usable": _("usable"),
        "bouncing": _("bouncing"),
        "invalid": _("invalid or complained"),
        "none": _("none"),
    }


ADDRESS_STATES = Fixed(address_states)
