"""A row's cells as values that the directory can keep, with every column that a query or an index needs computed here."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from babel import Locale
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from contacts.consent.addresses import address_hash, address_key
from contacts.directory.models import Constituency, Country
from contacts.importing.reading import Row
from crm.errors import Invalid
from crm.ui.searchtext import acronyms, normalise, searchable, sorting
from crm.ui.tables import FORMULA_STARTS

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

GENDERS = {
    "female": "f female woman femme feminin mujer femenino ms mrs mme sra",
    "male": "m male man homme masculin h hombre masculino mr m. sr",
    "other": "other x autre otro non-binary nonbinary diverse",
}
CONSTITUENCY_WORDS = {
    "GOV": "government ministry gouvernement ministere gobierno ministerio public",
    "EMP": "employer employers employeurs empleadores empleador employers' patronat",
    "WRK": "worker workers union unions syndicat syndicats sindicato sindicatos travailleurs trabajadores",
    "SSI": "ssi social-security securite-sociale seguridad-social",
    "CSO": "cso ngo ong civil-society societe-civile sociedad-civil association",
    "IGO": "igo international un onu",
    "DON": "donor donors donateur donante bailleur",
}
LIMITS = {"name": 300, "given_name": 150, "family_name": 150, "honorific": 60, "pronunciation": 200, "phone": 320, "organization": 300,
          "acronym": 40, "website": 200, "post": 300}  # fmt: skip
DATES = ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%Y-%m", "%Y")
# values that many rows share: each text of such a column is read once, and remembered
SHARED = {"given_name", "family_name", "honorific", "gender", "language", "organization", "acronym", "constituency", "country", "website",
          "post", "started_on", "tags"}  # fmt: skip
REMEMBERED = 20_000  # texts; memory does not grow with the file
_website = URLValidator(schemes=["http", "https"])


class BadRow(Exception):
    """The row is left out; the message says why."""


@dataclass
class RowReader:
    """Turns rows into values. Made once for a run: its tables of names are read from the database then."""

    mapping: Mapping[int, str]
    width: int
    default_country: str = ""
    default_constituency: int | None = None
    default_language: str = ""
    countries: Mapping[str, str] = field(default_factory=lambda: country_names())
    constituencies: Mapping[str, int] = field(default_factory=lambda: constituency_names())
    languages: Mapping[str, str] = field(default_factory=lambda: language_names())
    _keys: dict[tuple[str | None, ...], tuple[str, str]] = field(default_factory=dict)
    _names: dict[tuple[str, str, str], tuple[str, str, str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        # of a column whose texts many rows share: what each of them was read as, by the cell as it stands
        self._columns: list[tuple[int, str, dict[str, Any] | None, Callable[[str, str], Any]]] = [
            (index, target, {} if target in SHARED else None, getattr(self, f"_read_{target}", self._read_text))
            for index, target in self.mapping.items()
        ]

    def values(self, row: Row) -> dict[str, Any]:
        """The row's values by name, only those that it has. Raises BadRow."""
        cells = row.cells
        width = len(cells)
        if width > self.width and any(cell.strip() for cell in cells[self.width :]):
            raise BadRow(
                _("The row has %(count)d cells and the table %(width)d columns. Is there a separator too many?")
                % {"count": width, "width": self.width}
            )
        found: dict[str, Any] = {}
        for index, target, known, read in self._columns:
            if index >= width or not (cell := cells[index]):
                continue
            if known is None:
                value = _read_cell(cell, target, read)
            elif cell in known:
                value = known[cell]
            else:
                value = _read_cell(cell, target, read)
                if len(known) > REMEMBERED:
                    known.clear()
                known[cell] = value
            if value is not None:
                found[target] = [*found.get("tags", []), *value] if target == "tags" else value
        return self._complete(found)

    def _key(self, name: str, acronym: str | None = None) -> tuple[str, str]:
        """The normal form of a name that many rows share, and what it is found by as an institution's."""
        known = self._keys.get((name, acronym))
        if known is None:
            if len(self._keys) > REMEMBERED:
                self._keys.clear()
            found_by = searchable(name, acronym, also=acronyms(name))
            known = self._keys[name, acronym] = sorting(name)[:300], found_by
        return known

    def _name(self, name: str, given: str, family: str) -> tuple[str, str, str]:
        """What somebody is sorted by, the words of that in order, and what they are found by; people share names more than one would think."""
        known = self._names.get((name, given, family))
        if known is None:
            if len(self._names) > REMEMBERED:
                self._names.clear()
            key = (sorting(family, given) if family else sorting(name))[:300]
            known = self._names[name, given, family] = key, " ".join(sorted(set(key.split()))), searchable(name)
        return known

    def _complete(self, v: dict[str, Any]) -> dict[str, Any]:
        value = v.get
        email, name, organization, post = value("email"), value("name"), value("organization"), value("post")
        if email is not None:
            try:
                v["email_key"] = address_key(email)
            except Invalid as error:
                raise BadRow(error.message) from None
        given, family = value("given_name", ""), value("family_name", "")
        if not name and (given or family):
            v["name"] = name = f"{given} {family}".strip()
        if name:
            v["sort_key"], v["words"], v["search_text"] = self._name(name, given, family)
        if organization:
            v["organization_key"], v["organization_search"] = self._key(organization, value("acronym"))
            v.setdefault("constituency", self.default_constituency)
        elif not name:
            raise BadRow(_("The row names neither a person nor an organization."))
        elif post:
            raise BadRow(_("“%(post)s” is a post, and the row does not say in which organization.") % {"post": post})
        if post:
            v["post_key"] = self._key(post)[0]
        if self.default_country:
            v.setdefault("country", self.default_country)
        if self.default_language:
            v.setdefault("language", self.default_language)
        return v

    # --- one reader for each target that is not plain text
    def _read_text(self, text: str, target: str) -> str:
        limit = LIMITS.get(target)
        if limit and len(text) > limit:
            raise BadRow(
                _("“%(text)s…” has %(count)d characters; %(limit)d fit there.")
                % {"text": text[:40], "count": len(text), "limit": limit}
            )
        return text

    def _read_email(self, text: str, _target: str) -> str:
        return text.removeprefix("mailto:").strip("<> ;,")

    def _read_country(self, text: str, _target: str) -> str:
        return _known(self.countries, text, gettext_lazy("“%(text)s” is not a country that we know."))

    def _read_constituency(self, text: str, _target: str) -> int:
        return _known(
            self.constituencies,
            text,
            gettext_lazy("“%(text)s” is not a constituency. Use a code such as WRK, or its name."),
        )

    def _read_language(self, text: str, _target: str) -> str:
        return _known(
            self.languages, text, gettext_lazy("“%(text)s” is not a language that we know. Use a code such as fr.")
        )

    def _read_gender(self, text: str, _target: str) -> str:
        word = normalise(text).strip(".")
        for gender, words in GENDERS.items():
            if word in words.split():
                return gender
        raise BadRow(_("“%(text)s” is not a gender that we can read. Use female, male or other.") % {"text": text[:40]})

    def _read_website(self, text: str, _target: str) -> str:
        url = text if re.match(r"https?://", text, re.I) else f"https://{text}"
        try:
            _website(url)
        except ValidationError:
            raise BadRow(_("“%(text)s” is not the address of a website.") % {"text": text[:80]}) from None
        return self._read_text(url, "website")

    def _read_started_on(self, text: str, _target: str) -> str:
        for pattern in DATES:
            try:
                return dt.datetime.strptime(text, pattern).date().isoformat()  # noqa: DTZ007 a date that means a day
            except ValueError:
                continue
        raise BadRow(_("“%(text)s” is not a date. Use year-month-day, such as 2026-03-31.") % {"text": text[:40]})

    def _read_tags(self, text: str, _target: str) -> list[str]:
        tags = list(dict.fromkeys(" ".join(tag.split()) for tag in re.split(r"[;,|]", text) if tag.strip()))
        if any(len(tag) > 60 for tag in tags):
            raise BadRow(_("A tag has more than 60 characters."))
        return tags


def _read_cell(cell: str, target: str, read: Callable[[str, str], Any]) -> Any:
    """What a cell means, None when it is empty. Raises BadRow."""
    text = cell.strip() if target == "note" else " ".join(cell.split())
    if text[:1] == "'" and text[1:2] in FORMULA_STARTS:
        text = text[1:]  # the apostrophe by which our own files make a formula harmless
    return read(text, target) if text else None


def with_hash(values: dict[str, Any]) -> dict[str, Any]:
    """Add what protects an address: the keyed hash of its normal form."""
    if "email_key" in values:
        values["email_hash"] = address_hash(values["email_key"]).hex()
    return values


def _known(table: Mapping[str, Any], text: str, sentence: StrOrPromise) -> Any:
    found = table.get(normalise(text)) if len(text) < 200 else None
    if found is None:
        raise BadRow(str(sentence) % {"text": text[:80]})
    return found


def country_names() -> dict[str, str]:
    """Normalised names and codes → alpha-2: CLDR's names in four languages, ISO's official and common ones."""
    import pycountry  # slow to load

    names: dict[str, str] = {}
    for country in pycountry.countries:
        for attribute in ("name", "official_name", "common_name"):
            if text := getattr(country, attribute, ""):
                names[normalise(text)] = country.alpha_2
    known = set()
    for row in Country.objects.all():
        known.add(row.code)
        for text in (row.code, row.alpha3, row.name, *map(str, row.names.values())):
            names[normalise(text)] = row.code
    names |= {key: code for key, code in {"uk": "GB", "ivory coast": "CI", "drc": "CD", "rdc": "CD"}.items()}
    return {key: code for key, code in names.items() if code in known}


def constituency_names() -> dict[str, int]:
    """Normalised codes, names and usual words → id."""
    names: dict[str, int] = {}
    rows: Sequence[Constituency] = list(Constituency.objects.order_by("-is_fixed", "pk"))
    for row in reversed(rows):
        for text in (row.name, *map(str, row.names.values()), row.code):
            names[normalise(text)] = row.pk
    for row in rows:
        for word in CONSTITUENCY_WORDS.get(row.code, "").split():
            names.setdefault(normalise(word.replace("-", " ")), row.pk)
    return names


def language_names() -> dict[str, str]:
    """Normalised codes and names (in en, fr, es, ar and in itself for the four) → base language code."""
    names: dict[str, str] = {}
    for speaker in ("ar", "es", "fr", "en"):
        for code, text in Locale(speaker).languages.items():
            if re.fullmatch(r"[a-z]{2,3}", str(code)):
                names[normalise(str(text))] = str(code)
    for code in [str(code) for code in Locale("en").languages]:
        if re.fullmatch(r"[a-z]{2,3}", code):
            names[code] = code
    for region in ("fr-ca", "fr-fr", "fr-be", "fr-ch", "en-us", "en-gb", "es-es", "es-mx", "ar-eg", "pt-br", "pt-pt"):
        names[region] = region.split("-")[0]
    return names
