"""The audience's SQL greets exactly as the rules in Python do, within its one statement; what is frozen stays."""

import itertools

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.delivery.audience import members
from campaigns.delivery.members import audience_sql
from campaigns.delivery.models import Delivery
from campaigns.mailings.recipients import fields_of
from contacts.consent.services import grant_consent
from contacts.directory.models import Person
from contacts.directory.services import edit_person
from contacts.greetings.models import FormOfAddress
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.factories import (
    ContactPointFactory,
    MembershipFactory,
    OrganizationFactory,
    PostFactory,
    SegmentFactory,
    VariantFactory,
)

pytestmark = pytest.mark.django_db
GREETED = "<p>{{ person.greeting }}</p><p>{{ person.formal_name }}</p>"


def test_every_case_is_as_the_rules_say(mailing, admin):
    VariantFactory(mailing=mailing, language="fr", position=2)
    VariantFactory(mailing=mailing, language="sw", position=3)
    posts = [None, *[PostFactory(form_of_address=form) for form in FormOfAddress.objects.all()[:3]]]
    cases = itertools.product(
        posts, ["", "female", "male", "other"], ["en", "fr", "sw"], ["", "Chère {name}"], ["", "Dr"]
    )
    for number, (post, gender, language, own, title) in enumerate(cases, start=1):
        family = "" if number % 7 == 0 else f"O’{number} {{x}}"
        person = subscriber(
            mailing.topic, number, gender=gender, language=language, greeting=own, honorific_prefix=title,
            family_name=family, name=f"Ada {number}", pronunciation="AH-dah" if number % 3 else "",
        )  # fmt: skip
        if post:
            MembershipFactory(person=person, post=post)

    found = members(mailing, limit=500)

    assert len(found) == 4 * 4 * 3 * 2 * 2
    uids = dict(Person.objects.values_list("pk", "uid"))
    for member in found:
        wanted = fields_of(mailing, admin, str(uids[member.person_id]), member.language)
        for path in ("person.greeting", "person.formal_name", "person.pronunciation"):
            assert member.fields[path] == wanted[path], (path, member)


def test_an_institutions_letter_greets_its_head_else_its_office(mailing):
    mailing.segment = SegmentFactory(
        selects="organizations",
        tree={"version": 1, "op": "all", "rules": [{"field": "country", "operator": "any_of", "value": ["ZM"]}]},
    )
    mailing.save()
    ministry = OrganizationFactory(language="en")
    minister = FormOfAddress.objects.get(name="Minister")
    post = PostFactory(organization=ministry, is_head=True, form_of_address=minister)
    ContactPointFactory(person=None, post=post, value="minister@gov.test")
    union = OrganizationFactory(language="en")
    ContactPointFactory(person=None, organization=union, value="info@union.test")
    for row in (ministry, union):
        grant_consent(subject=row, topic=mailing.topic, lawful_basis="public_task", source="test")

    found = {member.address: member.fields["person.greeting"] for member in members(mailing)}

    assert found == {"minister@gov.test": "Dear Minister,", "info@union.test": "Dear colleagues,"}


def test_what_was_frozen_stays_whatever_changes_later(mailing):
    mailing.variants.update(body_html=GREETED)
    person = subscriber(mailing.topic, 1, gender="female", family_name="Banda")
    to_sending(mailing)

    edit_person(person=person, actor=None, changes={"greeting": "Dear friend,"})

    assert Delivery.objects.get(mailing_id=mailing.pk).fields["person.greeting"] == "Dear Ms Banda,"


def test_who_is_not_greeted_carries_nothing(mailing):
    subscriber(mailing.topic, 1)

    sql, _params = audience_sql(mailing, fields={"country.name"})

    assert "greeting" not in sql and "gender" not in sql


def test_greeting_more_people_asks_no_more_questions(mailing):
    subscriber(mailing.topic, 1)
    with CaptureQueriesContext(connection) as one:
        members(mailing)
    for number in range(2, 5):
        subscriber(mailing.topic, number)
    with CaptureQueriesContext(connection) as four:
        members(mailing)

    assert len(one) == len(four)
