from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from campaigns.interactions.services import log_interaction
from contacts.directory.models import Organization, Person
from contacts.segments.compiler import compile_tree
from tests.factories import MembershipFactory, OrganizationFactory

pytestmark = pytest.mark.django_db


def found(selects, field, operator, value=None):
    rule = {"field": field, "operator": operator} | ({} if value is None else {"value": value})
    compiled = compile_tree({"version": 1, "op": "all", "rules": [rule]}, selects=selects, scope_countries=None)
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        keys = [row[0] for row in cursor.fetchall()]
    model = Person if selects == "people" else Organization
    return sorted(model.objects.filter(pk__in=keys).values_list("name", flat=True))


def test_segments_ask_for_the_last_two_way_contact_and_how_often(outreach):
    now = timezone.now()
    often, once, never = (OrganizationFactory(name=name) for name in ("Often", "Once", "Never"))
    awa = MembershipFactory(person__name="Awa", organization=often).person
    MembershipFactory(person__name="Bob", organization=never)
    for days in (1, 3, 200):
        log_interaction(actor=outreach, kind="call", organizations=[often], people=[awa], at=now - timedelta(days=days))
    log_interaction(actor=outreach, kind="letter", organizations=[once], is_two_way=False, at=now - timedelta(days=5))

    assert found("organizations", "two_way_contact", "within", 30) == ["Often"]
    assert found("organizations", "two_way_contact", "not_within", 30) == ["Never", "Once"]
    assert found("organizations", "two_way_contact", "never") == ["Never", "Once"]
    assert found("organizations", "contacts_logged", "within", 30) == ["Often", "Once"]
    assert found("organizations", "contacts_logged", "at_least_times", [2, 30]) == ["Often"]
    assert found("organizations", "contacts_logged", "fewer_times", [2, 30]) == ["Never", "Once"]
    assert found("people", "two_way_contact", "ever") == ["Awa"]
    assert found("people", "contacts_logged", "fewer_times", [1, 365]) == ["Bob"]
