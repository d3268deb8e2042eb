"""Many people in one request. Who is there already is asked once for all rows; what changes goes through the services."""

from __future__ import annotations

from collections import Counter
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from contacts.consent.addresses import address_key
from contacts.directory import services
from contacts.directory.aliases import resolve
from contacts.directory.api.base import DirectoryResource
from contacts.directory.api.serializers import UpsertRow
from contacts.directory.models import ContactPoint, ExternalId, Person
from contacts.directory.services.tags import names_of
from crm.accounts.rules import Action
from crm.api.problems import Problem, problem_of
from crm.errors import Conflict, Invalid, NotAllowed

EMAIL = "email"


def upsert_people(*, view: DirectoryResource, match: str, rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Add or change each row; a row that cannot be used leaves the others alone."""
    wanted = [_key(match, row) for row in rows]
    found = _by_email(wanted) if match == EMAIL else _by_system(match, wanted)
    twice = {key for key, times in Counter(key for key in wanted if key).items() if times > 1}
    results = []
    for index, (row, key) in enumerate(zip(rows, wanted, strict=True)):
        try:
            with transaction.atomic():
                if not key:
                    raise Invalid(_("The row has no “%(match)s” to be found by.") % {"match": match}, code="no_key")
                if key in twice:
                    raise Conflict(_("Two rows have the same “%(match)s”.") % {"match": match}, code="key_twice")
                people = found.get(key, [])
                status, person = _write(view, match, row, people)
            results.append({"index": index, "status": status, "uid": str(person.uid)})
        except Exception as error:  # problem_of knows which are told to the client, and logs the others
            results.append({"index": index, "status": "failed", "uid": None, **_told(problem_of(error))})
    counts = Counter(result["status"] for result in results)
    return {name: counts[name] for name in ("created", "updated", "unchanged", "failed")} | {"results": results}


def _told(problem: Problem) -> dict[str, Any]:
    body = problem.body()
    return {name: body[name] for name in ("code", "detail", "fields") if name in body}


def _key(match: str, row: dict[str, Any]) -> str:
    """What the row is found by; empty when it has nothing."""
    if match == EMAIL:
        try:
            return address_key(str(row.get("email", "")))
        except Invalid:
            return ""
    keys = row.get("external_ids")
    return str(keys.get(match) or "") if isinstance(keys, dict) else ""


def _by_email(keys: list[str]) -> dict[str, list[Person]]:
    points = ContactPoint.objects.emails().filter(address_key__in={key for key in keys if key}, person__erased_at=None)
    found: dict[str, list[Person]] = {}
    for point in points.filter(person__isnull=False).select_related("person"):
        if point.person and point.person not in found.setdefault(point.address_key, []):
            found[point.address_key].append(point.person)
    return found


def _by_system(system: str, keys: list[str]) -> dict[str, list[Person]]:
    rows = ExternalId.objects.filter(system=system, key__in={key for key in keys if key}, person__isnull=False)
    return {row.key: [row.person] for row in rows.select_related("person") if row.person}


def _write(view: DirectoryResource, match: str, row: dict[str, Any], people: list[Person]) -> tuple[str, Person]:
    live = [person for person in people if person.archived_at is None]
    if len(live) > 1:
        raise Conflict(_("Several people have this address. Say which by an external id."), code="ambiguous")
    serializer = UpsertRow(data=row, context={"view": view, "request": view.request}, partial=True)
    if strange := sorted(str(name) for name in row if name not in serializer.fields):
        raise Invalid(_("“%(name)s” is not a field here.") % {"name": strange[0][:60]}, code="unknown_field")
    serializer.is_valid(raise_exception=True)
    data = dict(serializer.validated_data)
    if not people:
        return "created", _add(view, data)
    person = live[0] if live else people[0]
    person = resolve(Person.objects.all(), person.uid) if person.archived_at else person
    if not Person.objects.visible_to(view.user, Action.BULK).filter(pk=person.pk).exists():
        raise NotAllowed(_("This person is outside your countries."))
    return ("updated" if _change(view, person, data) else "unchanged"), person


def _add(view: DirectoryResource, data: dict[str, Any]) -> Person:
    more: dict[str, Any] = {name: data.pop(name) for name in ("tags", "external_ids") if name in data}
    view.stay_in_reach(data.get("country"), data.get("organization"))
    person = services.create_person(actor=view.user, **data)
    view.extras(person, more)
    return person


def _change(view: DirectoryResource, person: Person, data: dict[str, Any]) -> bool:
    """Whether anything is different now. An address or a membership that is there already is left alone."""
    email, organization, role = data.pop("email", ""), data.pop("organization", None), data.pop("role", "")
    tags, keys = data.pop("tags", None), data.pop("external_ids", None)
    changed = False
    if keys:
        changed |= services.set_external_ids(target=person, keys=keys, actor=view.user) is not None
    if tags is not None and sorted(tags, key=str.casefold) != names_of(person):
        changed |= services.set_tags(target=person, names=tags, actor=view.user) is not None
    if email and not person.contact_points.emails().filter(address_key=address_key(email)).exists():
        services.add_contact_point(actor=view.user, person=person, value=email)
        changed = True
    if organization and not person.memberships.current().filter(organization=organization).exists():
        services.start_membership(person=person, actor=view.user, organization=organization, role=role)
        data.pop("country", None)  # follows the membership
        changed = True
    return (services.edit_person(person=person, actor=view.user, changes=data) is not None) or changed
