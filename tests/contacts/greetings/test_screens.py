"""The table of forms on its settings screen, the greeting on a person's page, the form of a post."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.directory.services import create_post, edit_post
from contacts.greetings.models import FormOfAddress
from contacts.greetings.services import remove_form, save_form
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid
from tests.factories import MembershipFactory, OrganizationFactory, PersonFactory, PostFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client(admin, sign_in):
    return sign_in(admin)


@pytest.fixture
def minister() -> FormOfAddress:
    return FormOfAddress.objects.get(name="Minister")


def posted(client, row, **values):
    page = client.get(reverse("form_of_address_edit", args=[row.uid]))
    data = {name: page.context["form"][name].value() or "" for name in page.context["form"].fields}
    return client.post(reverse("form_of_address_edit", args=[row.uid]), data | values)


def test_an_administrator_changes_a_greeting(client, minister):
    answer = posted(client, minister, greeting_female_fr="Madame la Ministre, chère amie,")

    assert answer.status_code == 302
    minister.refresh_from_db()
    assert minister.texts["fr"]["female"]["greeting"] == "Madame la Ministre, chère amie,"
    assert minister.texts["fr"]["male"]["greeting"] == "Monsieur le Ministre,"
    assert AuditEntry.objects.filter(verb="form_of_address.edited", object_uid=minister.uid).count() == 1


def test_a_place_that_nobody_knows_is_refused_with_a_sentence(client, minister):
    answer = posted(client, minister, greeting_male_en="Dear {surname},")

    assert answer.status_code == 422
    assert "“{surname}” is nothing that we know of a person" in answer.content.decode()
    with pytest.raises(Invalid):
        save_form(form=minister, actor=None, texts={"en": {"male": {"greeting": "{x}", "formal": ""}}})
    minister.refresh_from_db()
    assert minister.texts["en"]["male"]["greeting"] == "Mr Minister,"


def test_saving_without_a_change_leaves_no_trace(client, minister):
    assert posted(client, minister).status_code == 302

    assert not AuditEntry.objects.filter(verb="form_of_address.edited").exists()


def test_a_new_form_is_found_by_new_posts(client):
    client.post(
        reverse("form_of_address_create"),
        {"name": "Judge", "title_words": "judge, juge", "greeting_unknown_en": "Your Honour,"},
    )

    post = create_post(actor=None, organization=OrganizationFactory(), name="Juge du travail")

    assert post.form_of_address.name == "Judge"


def test_two_forms_cannot_have_one_name(minister):
    with pytest.raises(Conflict):
        save_form(form=None, actor=None, name="Minister", title_words=[], texts={})


def test_removing_a_form_leaves_its_posts_with_the_general_one(minister):
    post = PostFactory(form_of_address=minister)

    remove_form(form=minister, actor=None)
    remove_form(form=minister, actor=None)

    post.refresh_from_db()
    assert post.form_of_address is None
    assert AuditEntry.objects.filter(verb="form_of_address.removed").count() == 1
    with pytest.raises(Conflict):
        remove_form(form=FormOfAddress.objects.get(is_general=True), actor=None)


def test_the_form_of_a_post_can_be_changed_and_the_change_undone(client, admin, minister):
    post = PostFactory(name="Chargée d’affaires")

    entry = edit_post(post=post, actor=admin, changes={"form_of_address": minister})
    assert post.form_of_address == minister
    client.post(reverse("undo", args=[entry.uid]))

    post.refresh_from_db()
    assert post.form_of_address is None


def test_a_persons_page_shows_the_greeting_and_takes_another_one(client, minister):
    person = PersonFactory(language="fr", gender="female")
    MembershipFactory(person=person, post=PostFactory(form_of_address=minister))

    assert "Madame la Ministre," in client.get(reverse("person_detail", args=[person.uid])).content.decode()
    client.post(reverse("person_edit", args=[person.uid, "greeting"]), {"greeting": "Chère Ada,", "seen": "{}"})

    person.refresh_from_db()
    assert person.greeting == "Chère Ada,"
    assert "Chère Ada, (their own)" in client.get(reverse("person_detail", args=[person.uid])).content.decode()


def test_the_list_asks_the_same_number_of_questions_for_more_forms(client):
    client.get(reverse("form_of_address_list"))
    with CaptureQueriesContext(connection) as before:
        client.get(reverse("form_of_address_list"))
    for number in range(3):
        PostFactory(form_of_address=FormOfAddress.objects.create(name=f"Form {number}"))
    with CaptureQueriesContext(connection) as after:
        client.get(reverse("form_of_address_list"))

    assert len(after) == len(before), [q["sql"][:200] for q in after]
