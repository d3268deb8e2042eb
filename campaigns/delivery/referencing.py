"""Letters found by their reference numbers."""

from __future__ import annotations

from collections.abc import Iterator

from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from campaigns.delivery.models import Delivery, Outcome
from campaigns.mailings.models import Mailing
from campaigns.mailings.references import Stem, halves
from contacts.directory.models import Organization, Person
from crm.accounts.models import User
from crm.ui.search import Hit, SearchSource


def find_letters(user: User, words: str, limit: int) -> Iterator[Hit]:
    """The letter of a whole reference; for a part of one, the mailings whose references begin so."""
    mailings = (
        Mailing.objects.visible_to(user)
        .exclude(reference_stem="")
        .only("uid", "name", "reference_stem", "reference_digits")
    )
    found = halves(words)
    if found:
        stem, seq = found
        for mailing in mailings.filter(reference_stem__iexact=stem)[:limit]:
            hit = _letter(user, mailing, seq)
            if hit:
                yield hit
                return
    if len(words.strip()) >= 3:
        for mailing in mailings.filter(reference_stem__istartswith=words.strip()).order_by("-pk")[:limit]:
            yield Hit(f"{mailing.reference_stem}…", reverse("mailing_detail", args=[mailing.uid]), mailing.name)


def _letter(user: User, mailing: Mailing, seq: int) -> Hit | None:
    row = Delivery.objects.filter(mailing_id=mailing.pk, seq=seq).first()
    if row is None or row.state == Outcome.SKIPPED or row.copy_of:  # a copy shows the number of its letter
        return None
    person = Person.objects.visible_to(user).filter(pk=row.person_id or 0).first()
    organization = Organization.objects.visible_to(user).filter(pk=row.organization_id or 0).first()
    if person is None and organization is None:  # of a country that is not theirs
        return None
    reference = Stem(mailing.reference_stem, mailing.reference_digits).reference(seq)
    url = (
        reverse("person_detail", args=[person.uid])
        if person
        else reverse("organization_detail", args=[organization.uid])  # type: ignore[union-attr]
    )
    return Hit(reference, url, f"{person or organization} · {mailing.name}")


SOURCE = SearchSource("letter", _("Letters"), "writing", find_letters, order=45)
