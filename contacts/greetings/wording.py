"""From the table of forms to what stands in a letter: the same rules in Python, for one person, and in SQL, for all.

The greeting of somebody is the first of: their own (in the language that they read), the form of their post, the general form.
Within a form a text that is missing for a gender is the one for a gender not known; a language that no form knows has the
bare name, for a greeting in another language would be worse. What stands before a name (`honorific_prefix`) is the person's
own when there is one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

FEMALE, MALE, UNKNOWN, OFFICE = "female", "male", "unknown", "office"
SLOTS = (FEMALE, MALE, UNKNOWN, OFFICE)
KINDS = ("greeting", "formal")
PLACES = ("name", "given_name", "family_name")
_PLACE = re.compile(r"\{(\w*)\}")
_BARE = {"greeting": "{name},", "formal": "{name}"}


@dataclass(frozen=True)
class Addressed:
    """Who is written to. `name` in the letter's language; empty for an office."""

    name: str
    given_name: str = ""
    family_name: str = ""
    gender: str = ""
    honorific: str = ""
    own_greeting: str = ""
    own_language: str = ""
    form_id: int | None = None
    is_person: bool = True


def wrong_places(text: str) -> list[str]:
    """What stands in braces and is none of PLACES."""
    return [found for found in _PLACE.findall(text) if found not in PLACES]


def base(language: str) -> str:
    return language.split("-")[0]


def table(forms: Iterable[Any], languages: Iterable[str]) -> dict[str, str]:
    """`language/form id/slot/kind` → text, complete for each language: no look-up falls through. Form 0 is the general one.

    forms: FormOfAddress rows, the general one among them. One that is archived has the words of the general one: posts keep it.
    """
    rows = list(forms)
    general = next((row for row in rows if row.is_general), None)
    found: dict[str, str] = {}
    for language in languages:
        for form in [None, *rows]:
            own = general if form is None or form.archived_at else form
            for slot in SLOTS:
                for kind in KINDS:
                    key = f"{language}/{form.pk if form else 0}/{slot}/{kind}"
                    found[key] = _text(own, general, base(language), slot, kind)
    return found


def _text(form: Any, general: Any, language: str, slot: str, kind: str) -> str:
    for row in (form, general):
        texts = (row.texts.get(language) if row else None) or {}
        for place in (slot, UNKNOWN):
            text: str = texts.get(place, {}).get(kind, "")
            if text and not (slot == OFFICE and _PLACE.search(text)):
                return text
    return "" if slot == OFFICE else _BARE[kind]


def slot_of(who: Addressed) -> str:
    if not who.is_person:
        return OFFICE
    return who.gender if who.gender in (FEMALE, MALE) else UNKNOWN


def address(who: Addressed, language: str, texts: dict[str, str]) -> dict[str, str]:
    """{"greeting", "formal"} of one person. texts: `table(…)` with this language."""
    key = f"{language}/{who.form_id or 0}/{slot_of(who)}"
    greeting = _filled(texts.get(f"{key}/greeting", ""), who)
    if who.own_greeting and base(who.own_language or language) == base(language):
        greeting = who.own_greeting
    formal = _filled(texts.get(f"{key}/formal", ""), who)
    if who.honorific:
        formal = f"{who.honorific} {who.name}"
    return {"greeting": greeting, "formal": formal}


def _filled(text: str, who: Addressed) -> str:
    for place, value in [
        ("{name}", who.name),
        ("{given_name}", who.given_name or who.name),
        ("{family_name}", who.family_name or who.name),
    ]:
        text = text.replace(place, value)
    return text


# --- the same in SQL --------------------------------------------------------------------------------------------------
# Columns that a query has to carry: the person's gender and own greeting, and the form of the post.
COLUMNS_SQL = (
    "coalesce(p.gender, '') AS gender, coalesce(p.greeting, '') AS own_greeting, po.form_of_address_id AS form_id"
)


def address_sql(*, kind: str, name: str, texts: str) -> str:
    """One expression over the columns person_id, gender, own_greeting, form_id, own_language, variant_language, given_name,
    family_name and honorific_prefix. name: SQL of the name in the letter's language; texts: SQL of `table(…)` as jsonb."""
    slot = f"CASE WHEN person_id IS NULL THEN '{OFFICE}' WHEN gender IN ('{FEMALE}', '{MALE}') THEN gender ELSE '{UNKNOWN}' END"
    text = f"coalesce({texts} ->> (variant_language || '/' || coalesce(form_id, 0) || '/' || {slot} || '/{kind}'), '')"
    for place, value in [
        ("{name}", name),
        ("{given_name}", f"coalesce(nullif(given_name, ''), {name})"),
        ("{family_name}", f"coalesce(nullif(family_name, ''), {name})"),
    ]:
        text = f"replace({text}, '{place}', {value})"
    if kind == "formal":
        return f"CASE WHEN honorific_prefix <> '' THEN honorific_prefix || ' ' || {name} ELSE {text} END"
    reads_it = "split_part(coalesce(own_language, variant_language), '-', 1) = split_part(variant_language, '-', 1)"
    return f"CASE WHEN own_greeting <> '' AND {reads_it} THEN own_greeting ELSE {text} END"
