"""Merge fields: the flat, dotted names that a template may use. A delivery carries a copy of their values."""

from __future__ import annotations

import re
from dataclasses import dataclass
from difflib import get_close_matches

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Scalar = str | int | float | bool | None
ANSWER = "answer."  # before the key of a question; which form's, is a setting of the mailing
_ANSWER = re.compile(r"answer\.[a-z][a-z0-9_]{0,39}")


@dataclass(frozen=True)
class MergeField:
    path: str
    label: str | Promise
    example: Scalar
    is_link: bool = False  # an address made by us: may stand alone in a link


FIELDS: dict[str, MergeField] = {
    field.path: field
    for field in [
        MergeField("person.name", _("Full name"), "Fatou Ndiaye"),
        MergeField("person.given_name", _("Given name"), "Fatou"),
        MergeField("person.family_name", _("Family name"), "Ndiaye"),
        MergeField("person.honorific", _("Title before the name"), "Ms"),
        MergeField("person.greeting", _("Greeting, in their language"), "Dear Ms Ndiaye,"),
        MergeField("person.formal_name", _("Name with title"), "Ms Fatou Ndiaye"),
        MergeField("person.pronunciation", _("How the name is said"), "fa-TOO n-JAI"),
        MergeField("post.title", _("Title of the post"), "Secretary-General"),
        MergeField("organization.name", _("Institution"), "National Confederation of Workers"),
        MergeField("organization.acronym", _("Institution, short"), "NCW"),
        MergeField("country.name", _("Country"), "Senegal"),
        MergeField("country.coverage", _("Coverage, per cent"), 18.9),
        MergeField("country.coverage_year", _("Year of that figure"), 2020),
        MergeField("ask.name", _("What the drive asks, its first ask"), "Adopt a national action plan"),
        MergeField("position.stance", _("Where the institution stands on it, as a code"), "supportive"),
        MergeField("commitment.text", _("Its next open commitment in the drive"), "A draft plan before the council"),
        MergeField("commitment.due_on", _("When that is due"), "2027-03-01"),
        MergeField("contact.last_on", _("Day of the last two-way contact"), "2026-10-12"),
        MergeField("contact.touches", _("Touches in 90 days"), 3),
        MergeField(
            "network.name",
            _("Network of the campaign in which their institution is"),
            "Friends of Social Security for All",
        ),
        MergeField("network.member_since", _("Since when it is a member"), "2026-03-14"),
        MergeField(
            "delegation.event", _("Event to which their institution sends delegates"), "Conference on social protection"
        ),
        MergeField("delegation.names_until", _("Until when it can name them"), "2026-05-29"),
        MergeField("delegation.empty_seats", _("Its seats of delegates without a name"), 2),
        MergeField("owner.name", _("Who looks after the institution"), "Fatou Diop"),
        MergeField("reference", _("Reference number"), "GC/2026/0012/57"),
        MergeField("sender.name", _("Sender's name"), "Global Campaign"),
        MergeField("event.name", _("Event"), "National dialogue on social protection"),
        MergeField("event.when", _("When the event is"), "Tuesday, 9 June 2026, 09:00–17:00 (Dakar)"),
        MergeField("event.place", _("Where the event is"), "King Fahd Palace, Dakar"),
        MergeField("event.answer_by", _("Last day to answer for the event"), "29 May 2026"),
        MergeField(
            "event.answer_url", _("Their own link to answer for the event"), "https://example.org/answer", is_link=True
        ),
        MergeField("event.page_url", _("The event's public page"), "https://example.org/meet/dialogue", is_link=True),
        MergeField("unsubscribe_url", _("Unsubscribe link"), "https://example.org/unsubscribe", is_link=True),
        MergeField("preferences_url", _("Preferences link"), "https://example.org/preferences", is_link=True),
    ]
}
EXAMPLES: dict[str, Scalar] = {path: field.example for path, field in FIELDS.items()}


def is_answer(path: str) -> bool:
    return _ANSWER.fullmatch(path) is not None


def is_known(path: str) -> bool:
    """Whether a template may name it. Whether the mailing's form asks such a question is for whoever has the mailing."""
    return path in FIELDS or is_answer(path)


def is_link(path: str) -> bool:
    return path in FIELDS and FIELDS[path].is_link


def answers_in(text: str) -> set[str]:
    """Paths of answers that stand somewhere in a text."""
    return set(_ANSWER.findall(text))


def nearest(path: str) -> str:
    """The known field that `path` most likely means, or an empty string."""
    found = get_close_matches(path.lower(), FIELDS, n=1, cutoff=0.5)
    if found:
        return found[0]
    last = path.lower().rpartition(".")[2]
    return next((known for known in FIELDS if known.endswith("." + last) or known == last), "")
