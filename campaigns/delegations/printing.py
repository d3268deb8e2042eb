"""Letters of delegates and the official list as PDF, in the language of whoever reads them. All texts come as data."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from django.http import HttpResponse
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns.delegations.models import ROLES, DelegateLetter, Nomination, Paper
from campaigns.events.models import Event
from campaigns.events.telling import place_of, when_of
from campaigns.mailings.letters import labels, long_date, place_and_date
from contacts.greetings.models import FormOfAddress
from contacts.greetings.queries import FormFinder
from contacts.greetings.wording import Addressed, address, table
from crm.accounts.models import Installation
from crm.paper import pdf
from crm.ui.public import LANGUAGES
from crm.ui.searchtext import normalise

TEMPLATE = Path(__file__).with_name("letters.typ")
LIST = Path(__file__).with_name("participants.typ")
MOST, MOST_LISTED = 500, 5000  # letters in one file; people on the list
SUBJECTS_OF = (
    "nomination__delegation__event__composition__sender", "nomination__delegation__event__country", "nomination__delegation__country",
    "nomination__delegation__organization", "nomination__constituency", "nomination__organization", "nomination__person",
)  # fmt: skip


def letters_pdf(letters: Sequence[DelegateLetter], *, language: str = "") -> bytes:
    """Each on pages of its own, in `language`, else in that of the delegate. letters: with SUBJECTS_OF."""
    forms = list(FormOfAddress.objects.all())
    finder = FormFinder(forms)
    spoken = {row.pk: _spoken(language or row.nomination.language) for row in letters}
    texts = table(forms, set(spoken.values()))
    house = Installation.current()
    return pdf(TEMPLATE, letters=[_letter(row, spoken[row.pk], finder, texts, house) for row in letters])


def participants_pdf(event: Event, rows: Sequence[Nomination], language: str) -> bytes:
    """The official list: who is accepted, by delegation and constituency, delegates first. rows: with their delegation, constituency and
    country."""
    with translation.override(language):
        return pdf(LIST, list=participants(event, rows, language))


def participants(event: Event, rows: Sequence[Nomination], language: str) -> dict[str, Any]:
    """As the page of paper gets it; delegations in the order of their names in this language."""
    found: dict[int, list[Nomination]] = {}
    for row in sorted(rows, key=lambda row: (row.constituency.position, ROLES.index(row.role), row.pk)):
        found.setdefault(row.delegation_id, []).append(row)
    groups = sorted(found.values(), key=lambda people: normalise(people[0].delegation.label))
    house = Installation.current()
    return {
        "lang": language,
        "rtl": translation.get_language_bidi(),
        "title": _("List of delegates"),
        "about": [
            _apart(str(event.names.get(language) or event.name)), when_of(event, language), _apart(place_of(event)),
            ngettext("%(n)s delegation", "%(n)s delegations", len(groups)) % {"n": len(groups)},
        ],
        "footer": _("As of %(day)s · %(who)s") % {"day": long_date(timezone.localdate(), language), "who": _apart(house.name)},
        "nobody": _("Nobody is accepted yet."),
        "delegations": [
            {"name": people[0].delegation.label, "count": str(len(people)), "sides": [
                {"name": str(side.label), "people": [_listed(row) for row in people if row.constituency_id == side.pk]}
                for side in {row.constituency_id: row.constituency for row in people}.values()
            ]}
            for people in groups
        ],
    }  # fmt: skip


def _listed(row: Nomination) -> dict[str, str]:
    name = " ".join(part for part in (row.honorific, row.name) if part)
    return {"name": _apart(name), "function": _apart(row.function), "role": str(row.get_role_display())}


def pdf_answer(content: bytes, name: str) -> HttpResponse:
    """Shown by the browser; nobody keeps it."""
    answer = HttpResponse(content, content_type="application/pdf")
    answer["Content-Disposition"] = f'inline; filename="{name}.pdf"'
    answer["Cache-Control"] = "no-store"
    answer["X-Robots-Tag"] = "noindex"
    answer["Referrer-Policy"] = "no-referrer"
    return answer


def _spoken(language: str) -> str:
    """The nearest language that letters are written in."""
    code = language.split("-")[0]
    return code if code in LANGUAGES else "en"


def _letter(
    letter: DelegateLetter, language: str, finder: FormFinder, texts: dict[str, str], house: Installation
) -> dict[str, Any]:
    row, event = letter.nomination, letter.nomination.delegation.event
    composition = event.composition
    sender = composition.sender
    with translation.override(language):
        words = labels(language)
        addressed = _address(row, language, finder, texts)
        about = {"event": _apart(event.names.get(language) or event.name), "delegation": _apart(row.delegation.label)}
        is_visa = letter.kind == Paper.VISA
        own_words = str(composition.letter_texts.get(language) or "")
        return {
            "lang": language,
            "rtl": translation.get_language_bidi(),
            "house": house.name,
            "address": _apart(" · ".join(line.strip() for line in house.postal_address.splitlines() if line.strip())),
            "dated": place_and_date(sender.places.get(language, "") if sender else "", long_date(letter.on, language), language),
            "reference": f"{words['reference']} {_apart(letter.reference)}",
            "to": [_("To the consular services")] if is_visa else [*addressed["lines"], about["delegation"]],
            "subject": f"{words['subject']} {(_('Visa for %(name)s') % {'name': _apart(row.name)}) if is_visa else about['event']}",
            "greeting": _("Dear Sir or Madam,") if is_visa else addressed["greeting"],
            "body": [*(_visa(about) if is_visa else _invitation(about)), *_paragraphs(own_words)],
            "facts": [[label, _apart(text)] for label, text in _facts(row, is_visa, language) if text],
            "closing": [
                _("We would be grateful if the visa could be given in time for the journey.") if is_visa
                else _("We would be honoured by your participation."),
                _("Please accept the assurances of our highest consideration."),
            ],
            "signature": [line.strip() for line in _signature(sender, language, house).splitlines() if line.strip()],
            "questions": (_("Questions about this letter: %(email)s") % {"email": _apart(sender.reply_to or sender.email)}) if sender else "",
        }  # fmt: skip


def _apart(text: str) -> str:
    """A text that may run the other way than the letter, kept together (Unicode's isolates): 4 route des Morillons, in Arabic."""
    return f"\u2068{text}\u2069" if text and translation.get_language_bidi() else text


def _invitation(about: dict[str, str]) -> list[str]:
    return [
        _("We have the honour of inviting you to %(event)s, as a member of the delegation of %(delegation)s.") % about
    ]


def _visa(about: dict[str, str]) -> list[str]:
    return [_("We confirm that the person named below takes part in %(event)s, in the delegation of %(delegation)s.") % about]  # fmt: skip


def _facts(row: Nomination, is_visa: bool, language: str) -> list[tuple[str, str]]:
    event = row.delegation.event
    found = [
        (_("Name as in the passport") if row.passport_name else _("Full name"), row.passport_name or row.name),
        (_("Function"), row.function),
        (_("Institution"), str(row.organization.label) if row.organization else ""),
    ]
    return [
        *(found if is_visa else []),
        (_("When"), when_of(event, language)),
        (_("Where"), place_of(event)),
        (_("Takes part for"), str(row.constituency.label)),
        (_("In the delegation as"), str(row.get_role_display())),
    ]


def _address(row: Nomination, language: str, finder: FormFinder, texts: dict[str, str]) -> dict[str, Any]:
    """How they are greeted, and what stands above the letter. Their function says which form of address theirs is."""
    person = row.person
    is_known = person is not None and person.name == row.name
    gender = row.gender or (person.gender if person else "")
    form = finder.form_for([row.function])
    words = address(
        Addressed(
            name=row.name, given_name=person.given_name if person and is_known else "",
            family_name=person.family_name if person and is_known else "", gender=gender, honorific=row.honorific,
            own_greeting=person.greeting if person else "", own_language=person.language if person else "", form_id=form.pk if form else None,
        ),
        language,
        texts,
    )  # fmt: skip
    return {"greeting": words["greeting"], "lines": [line for line in (words["formal"], row.function) if line]}


def _signature(sender: Any, language: str, house: Installation) -> str:
    if sender is None:
        return house.name
    return str(sender.signatures.get(language) or f"{sender.name}\n{house.name}")


def _paragraphs(text: str) -> list[str]:
    return [part.strip() for part in text.replace("\r", "").split("\n\n") if part.strip()]
