"""The table of forms on its settings screen, the greeting on a person's page, the form of a post."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from contacts.directory.models import Person
from contacts.directory.services import create_post, edit_post
from contacts.greetings.models import FormOfAddress
from contacts.greetings.queries import address_of, form_for_title
from contacts.greetings.services import archive_form, restore_form, save_form
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid, NotAllowed
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


def test_archived_form_addresses_its_posts_as_everybody_until_it_is_brought_back(client, minister):
    person = MembershipFactory(
        post=PostFactory(name="Minister", form_of_address=minister),
        person=PersonFactory(language="fr", gender="female"),
    ).person
    before = address_of(person, "fr")["greeting"]

    client.post(reverse("form_of_address_archive", args=[minister.uid]))

    assert address_of(person, "fr")["greeting"] != before == "Madame la Ministre,"
    assert address_of(person, "fr") == address_of(
        Person.objects.get(pk=PersonFactory(name=person.name, gender="female").pk), "fr"
    )
    assert form_for_title(["Minister"]) is None
    page = client.get(reverse("form_of_address_list"))
    assert [row["form"] for row in page.context["archived"]] == [minister]
    assert minister not in [row["form"] for row in page.context["rows"]] and "1 post" in page.content.decode()
    client.post(reverse("form_of_address_archive", args=[minister.uid]), {"is_archived": "false"})
    assert address_of(person, "fr")["greeting"] == before
    assert form_for_title(["Minister"]) == minister


def test_archiving_twice_is_once_and_the_general_form_stays(minister):
    assert archive_form(form=minister, actor=None) and archive_form(form=minister, actor=None) is None
    assert restore_form(form=minister, actor=None) and restore_form(form=minister, actor=None) is None
    general = FormOfAddress.objects.get(is_general=True)
    with pytest.raises(Conflict, match="always stays"):
        archive_form(form=general, actor=None)
    with pytest.raises(IntegrityError, match="form_of_address_general_stays"), transaction.atomic():
        FormOfAddress.objects.filter(pk=general.pk).update(archived_at=timezone.now())


def test_every_change_of_a_form_is_undone(client, admin, minister, viewer):
    def state():
        return FormOfAddress.objects.values_list("name", "title_words", "texts", "archived_at").get(pk=minister.pk)

    before = state()
    archived = archive_form(form=minister, actor=admin)
    client.post(reverse("undo", args=[archived.uid]))
    assert state() == before
    posted(client, minister, greeting_female_fr="Chère Ministre,", title_words="minister, ministerin")
    edited = AuditEntry.objects.get(verb="form_of_address.edited")
    assert state() != before
    page = client.get(reverse("activity_entry", args=[edited.uid])).content.decode()
    assert "Undo" in page
    with pytest.raises(NotAllowed):
        undo(entry=edited, actor=viewer)
    undo(entry=edited, actor=admin)
    assert state() == before
    made = save_form(form=None, actor=admin, name="Judge", title_words=["judge"], texts={})
    undo(entry=AuditEntry.objects.get(verb="form_of_address.created"), actor=admin)
    made.refresh_from_db()
    assert made.archived_at is not None and form_for_title(["Judge"]) is None


def test_form_that_was_changed_since_or_whose_name_is_taken_is_left_as_it_is(admin, minister):
    save_form(form=minister, actor=admin, name="Secretary")
    renamed = AuditEntry.objects.get(verb="form_of_address.edited")
    save_form(form=None, actor=admin, name="Minister", title_words=[], texts={})
    with pytest.raises(Conflict, match="Another form has this name by now"):
        undo(entry=renamed, actor=admin)
    save_form(form=minister, actor=admin, name="Third")
    with pytest.raises(Conflict, match="changed again since"):
        undo(entry=renamed, actor=admin)
    minister.refresh_from_db()
    assert minister.name == "Third"


def test_name_of_an_archived_form_is_not_given_twice(admin, minister):
    archive_form(form=minister, actor=admin)
    with pytest.raises(Conflict, match="Bring that one back"):
        save_form(form=None, actor=admin, name="Minister", title_words=[], texts={})


def test_post_keeps_its_archived_form_when_something_else_of_it_is_saved(client, minister):
    post, other = PostFactory(name="Minister", form_of_address=minister), PostFactory()
    archive_form(form=minister, actor=None)

    form = client.get(reverse("post_edit", args=[post.uid])).context["form"]
    offered = client.get(reverse("post_edit", args=[other.uid])).context["form"]
    client.post(
        reverse("post_edit", args=[post.uid]), {"name": "The Minister", "form_of_address": minister.pk, "seen": "{}"}
    )

    assert minister in form.fields["form_of_address"].queryset
    assert minister not in offered.fields["form_of_address"].queryset
    post.refresh_from_db()
    assert (post.name, post.form_of_address) == ("The Minister", minister)


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
