"""A few members of a mailing's segment, to look at a preview through their eyes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models.expressions import RawSQL
from django.db.models.functions import Length
from django.utils.translation import gettext as _

from campaigns.mailings.answers import answers_of, example_answers
from campaigns.mailings.bound import example_values
from campaigns.mailings.copies import example_line, line_of
from campaigns.mailings.fields import EXAMPLES, Scalar
from campaigns.mailings.models import Mailing
from campaigns.mailings.references import stem_of
from contacts.directory.models import IndicatorValue, Membership, Organization, Person
from contacts.directory.reference import COVERAGE
from contacts.greetings.queries import texts_for
from contacts.greetings.wording import Addressed, address
from contacts.segments.compiler import compile_segment
from crm.accounts.models import User

SHOWN = 20


@dataclass(frozen=True)
class Member:
    """One who would read it; note: what makes him worth a look."""

    uid: UUID
    name: str
    note: str
    language: str = ""


def members(mailing: Mailing, user: User, words: str = "") -> list[Member]:
    """Up to 20 members of the segment that `user` may see; without words, also the one with the longest name and one
    whose fields are mostly empty."""
    if mailing.segment is None:
        return []
    found = _base(mailing, user)
    if words:
        return [_member(row) for row in found.search(words).order_by("sort_key", "pk")[:SHOWN]]
    shown = [_member(row) for row in found.order_by("sort_key", "pk")[:SHOWN]]
    special = [
        _member(row, note)
        for row, note in [
            (found.annotate(_length=Length("name")).order_by("-_length", "pk").first(), _("longest name")),
            (_emptiest(found), _("empty fields")),
        ]
        if row is not None
    ]
    seen = {member.uid for member in special}
    return [*dict.fromkeys(special), *(member for member in shown if member.uid not in seen)]


def _base(mailing: Mailing, user: User) -> Any:
    compiled = compile_segment(mailing.segment, mailing.scope_countries)
    inside = RawSQL(compiled.sql, compiled.params)  # noqa: S611 the compiler's own SQL, values are parameters
    model = Person if compiled.alias == "p" else Organization
    return model.objects.visible_to(user).filter(pk__in=inside)


def _relations(mailing: Mailing, organization: Organization | None, language: str) -> dict[str, Scalar]:
    from campaigns.delivery.relations import relations_of  # delivery stands above mailings

    return relations_of(mailing, organization.pk if organization else None, language)


def _emptiest(found: Any) -> Person | Organization | None:
    if found.model is Person:
        without = found.exclude(pk__in=Membership.objects.current().values("person_id"))
        return without.order_by("pk").first() or found.filter(honorific_prefix="").order_by("pk").first()
    return found.filter(acronym="").order_by("pk").first()


def _member(row: Person | Organization, note: str = "") -> Member:
    return Member(row.uid, row.name, note, row.language)


def fields_of(mailing: Mailing, user: User, uid: str, language: str) -> dict[str, Scalar]:
    """The merge fields of one person or organization, as far as the directory knows them today; examples if there is none."""
    person = Person.objects.visible_to(user).filter(uid=uid).select_related("country").first() if uid else None
    organization = None
    if person is None and uid:
        organization = Organization.objects.visible_to(user).filter(uid=uid).select_related("country").first()
        if organization is None:
            return example_fields(mailing, language)
    if person is None and organization is None:
        return example_fields(mailing, language)
    post_title, form_id = "", None
    if person is not None:
        held = Membership.objects.current().filter(person=person).select_related("organization__country", "post")
        membership = held.order_by("-is_primary", "pk").first()
        if membership is not None:
            organization = membership.organization
            post_title = _named(membership.post, language) if membership.post else membership.role
            form_id = membership.post.form_of_address_id if membership.post else None
    country = (person.country if person else None) or (organization.country if organization else None)
    figure = (
        IndicatorValue.objects.filter(indicator__code=COVERAGE, country=country).order_by("-year").first()
        if country
        else None
    )
    stem = stem_of(mailing)
    copies = line_of(mailing, person, organization, language)
    addressed = address(_addressed(person, organization, form_id, language), language, texts_for([language]))
    return {
        "person.name": _named(person, language) if person else "",
        "person.given_name": person.given_name if person else "",
        "person.family_name": person.family_name if person else "",
        "person.honorific": person.honorific_prefix if person else "",
        "person.greeting": addressed["greeting"],
        "person.formal_name": addressed["formal"],
        "person.pronunciation": person.pronunciation if person else "",
        "post.title": post_title,
        "organization.name": _named(organization, language) if organization else "",
        "organization.acronym": organization.acronym if organization else "",
        "reference": stem.reference(1) if stem else "",
        "country.name": _named(country, language) if country else "",
        "country.coverage": float(figure.value) if figure else None,
        "country.coverage_year": figure.year if figure else None,
        "sender.name": mailing.sender.name if mailing.sender else "",
        **example_values(mailing, language),
        **_relations(mailing, organization, language),
        **answers_of(mailing, person.pk if person else None, organization.pk if organization else None, language),
        **({"copy.to": copies} if copies else {}),
    }


def _addressed(
    person: Person | None, organization: Organization | None, form_id: int | None, language: str
) -> Addressed:
    if person is None:
        return Addressed(name="", is_person=False)
    return Addressed(
        name=_named(person, language),
        given_name=person.given_name,
        family_name=person.family_name,
        gender=person.gender,
        honorific=person.honorific_prefix,
        own_greeting=person.greeting,
        own_language=person.language or (organization.language if organization else ""),
        form_id=form_id,
    )


def example_fields(mailing: Mailing, language: str) -> dict[str, Scalar]:
    """Somebody invented, greeted in this language."""
    given, family = str(EXAMPLES["person.given_name"]), str(EXAMPLES["person.family_name"])
    who = Addressed(name=f"{given} {family}", given_name=given, family_name=family, gender="female")
    addressed = address(who, language, texts_for([language]))
    own = {"person.greeting": addressed["greeting"], "person.formal_name": addressed["formal"]}
    stem = stem_of(mailing)
    own["reference"] = stem.reference(1) if stem else ""
    if mailing.copies_to_id:
        own["copy.to"] = example_line(mailing, language)
    return {
        **EXAMPLES,
        **own,
        **example_values(mailing, language),
        **example_answers(mailing, language),
        "sender.name": mailing.sender.name if mailing.sender else EXAMPLES["sender.name"],
    }


def _named(row: object, language: str) -> str:
    names = getattr(row, "names", {})
    return str(names.get(language) or row)
