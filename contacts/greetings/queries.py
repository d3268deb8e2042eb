"""Questions asked of the table of forms: small, read whole."""

from __future__ import annotations

import re
from collections.abc import Iterable

from contacts.directory.models import Membership, Person
from contacts.greetings.models import FormOfAddress
from contacts.greetings.wording import Addressed, address, table
from crm.ui.searchtext import latin


def texts_for(languages: Iterable[str]) -> dict[str, str]:
    """The whole table for these languages; one query."""
    return table(FormOfAddress.objects.all(), languages)


def form_for_title(titles: Iterable[str], forms: Iterable[FormOfAddress] | None = None) -> FormOfAddress | None:
    """The form whose words one of a post's titles begins with; the longest words win. None: the general form."""
    return FormFinder(forms).form_for(titles)


class FormFinder:
    """The table of forms made ready once, to look up the titles of many posts."""

    def __init__(self, forms: Iterable[FormOfAddress] | None = None) -> None:
        self._words = [
            (len(wanted), re.compile(rf"{re.escape(wanted)}(?!\w)"), form)
            for form in (FormOfAddress.objects.active() if forms is None else forms)
            for wanted in map(latin, form.title_words)
            if wanted and getattr(form, "archived_at", None) is None  # a migration's rows are older than archiving
        ]

    def form_for(self, titles: Iterable[str]) -> FormOfAddress | None:
        shown = [latin(title) for title in titles if title]
        best: tuple[int, FormOfAddress] | None = None
        for length, words, form in self._words:
            if any(words.match(title) for title in shown):
                best = max(best or (0, form), (length, form), key=lambda found: found[0])
        return best[1] if best else None


def address_of(person: Person, language: str) -> dict[str, str]:
    """{"greeting", "formal"} of a person today, through the current primary membership."""
    held = person.memberships.filter(is_primary=True, ended_on=None).select_related("post").first()
    return address_by(person, held, language)


def address_by(person: Person, held: Membership | None, language: str) -> dict[str, str]:
    """The same through `held`, which was read with its post; one query."""
    return address(
        Addressed(
            name=str(person.names.get(language) or person.name),
            given_name=person.given_name,
            family_name=person.family_name,
            gender=person.gender,
            honorific=person.honorific_prefix,
            own_greeting=person.greeting,
            own_language=person.language,
            form_id=held.post.form_of_address_id if held and held.post else None,
        ),
        language,
        texts_for([language]),
    )
