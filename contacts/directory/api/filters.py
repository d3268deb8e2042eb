"""Filters of people and organizations: plain ones by name, and the whole registry of segment fields by rules."""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from contacts.consent.addresses import address_key
from contacts.directory.lists import by_email
from contacts.directory.models import ContactPoint
from contacts.directory.queries import find_tag
from contacts.segments.compiler import compile_segment, compile_tree
from contacts.segments.models import Segment
from crm.accounts.models import User
from crm.api import filters
from crm.api.problems import bad_query
from crm.errors import Invalid

CODE = r"^[A-Za-z]{2}$"
EXAMPLE_TREE = {
    "version": 1,
    "op": "all",
    "rules": [
        {"field": "constituency", "operator": "any_of", "value": ["GOV"]},
        {"field": "language", "operator": "any_of", "value": ["fr"]},
    ],
}


def by_rules(rows: Any, tree: Any, selects: str) -> Any:
    """`rows` that the tree selects. Raises Invalid whose fields are places in the tree: `filter.rules.0.rules.1`."""
    try:
        compiled = compile_tree(tree, selects)
    except Invalid as error:
        errors = [(_place(path), text) for path, text in error.data.get("errors", ())]
        raise Invalid(error.message, code=error.code, errors=errors) from error
    return rows.filter(pk__in=RawSQL(compiled.sql, compiled.params))  # noqa: S611 made by the compiler, values apart


def _place(path: str) -> str:
    return ".".join(["filter", *(f"rules.{number}" for number in path.split(".") if number)])


def by_segment(selects: str) -> Any:
    def apply(rows: Any, uid: Any, user: User) -> Any:
        segment = Segment.objects.visible_to(user).filter(uid=uid, selects=selects).first()
        if segment is None:
            raise bad_query("segment", _("There is no such segment of %(things)s.") % {"things": selects})
        compiled = compile_segment(segment)
        return rows.filter(pk__in=RawSQL(compiled.sql, compiled.params))  # noqa: S611 the same

    return apply


def _email(rows: Any, text: str, user: User) -> Any:
    try:
        key = address_key(text)
    except Invalid as error:
        raise bad_query("email", error.message) from error
    owner = f"{rows.model._meta.model_name}_id"
    found = ContactPoint.objects.emails().filter(address_key=key, **{f"{owner}__isnull": False})
    return rows.filter(pk__in=found.values(owner))


def _external(rows: Any, text: str, user: User) -> Any:
    system, colon, key = text.partition(":")
    if not colon or not key:
        raise bad_query("external_id", _("Write it as system:key, such as erp:P-1042."))
    return rows.filter(external_ids__system=system, external_ids__key=key)


def _tagged(rows: Any, names: list[str], user: User) -> Any:
    """A name that a tag once had still finds it."""
    tags = [tag.pk for tag in map(find_tag, names) if tag is not None]
    return rows.filter(pk__in=rows.model.objects.filter(tags__in=tags).values("pk"))


def _archived(rows: Any, value: bool, user: User) -> Any:
    return rows.filter(archived_at__isnull=not value)


def common(selects: str) -> list[filters.Filter]:
    return [
        filters.text("q", "Words of the name, whatever their accents or script.", lambda rows, text, user: rows.search(text), example="ndiaye"),
        filters.codes("country", "ISO 3166-1 alpha-2, one or several.", lambda rows, codes, user: rows.filter(country_id__in=[c.upper() for c in codes]), pattern=CODE, example="SN"),
        filters.codes("constituency", "Codes of constituencies, with those below them: GOV, EMP, WRK, SSI, CSO, IGO, DON…", lambda rows, codes, user: rows.of_constituencies(codes), example="GOV"),
        filters.codes("tag", "Has one of these tags.", _tagged, pattern=r"^[^,]{1,60}$", example="speaker"),
        filters.text("email", "Has exactly this e-mail address.", _email, example="amina@ministry.example"),
        filters.text("external_id", "What another system calls it, as system:key.", _external, example="erp:P-1042"),
        filters.moment("updated_since", "Changed at or after this time.", lambda rows, at, user: rows.filter(updated_at__gte=at)),
        filters.flag("archived", "true: only archived ones. Without it, only those that are not.", _archived),
        filters.uid("segment", "Whom this segment selects now.", by_segment(selects)),
        filters.rules("filter", "The rules of a segment, as JSON. For long ones, and for people, there is POST /people/query.", lambda rows, tree, user: by_rules(rows, tree, selects), '{"version":1,"op":"all","rules":[{"field":"language","operator":"any_of","value":["fr"]}]}'),
    ]  # fmt: skip


def person_filters() -> list[filters.Filter]:
    return [
        *common("people"),
        filters.codes("language", "Preferred language.", lambda rows, codes, user: rows.filter(language__in=codes), pattern=r"^[a-z-]{2,8}$", example="fr"),
        filters.choice("email_state", "State of the e-mail address.", ["active", "bouncing", "invalid", "complained", "none"], lambda rows, values, user: by_email(rows, values)),
        filters.uid("organization", "Belongs to this organization now.", lambda rows, uid, user: rows.filter(pk__in=rows.model.objects.filter(memberships__organization__uid=uid, memberships__ended_on=None).values("pk"))),
    ]  # fmt: skip


def organization_filters() -> list[filters.Filter]:
    def works_in(rows: Any, codes: list[str], user: User) -> Any:
        upper = [code.upper() for code in codes]
        return rows.filter(Q(country_id__in=upper) | Q(countries_of_work__overlap=upper))

    return [
        *common("organizations"),
        filters.codes("works_in", "Is, or works, in one of these countries.", works_in, pattern=CODE, example="SN"),
        filters.uid("parent", "Is part of this organization.", lambda rows, uid, user: rows.filter(parent__uid=uid)),
    ]  # fmt: skip
