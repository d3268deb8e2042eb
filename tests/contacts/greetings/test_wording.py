"""The rules of greeting, for one person; the audience's SQL is held to the same in tests/campaigns/delivery."""

import pytest

from contacts.greetings.models import FormOfAddress
from contacts.greetings.queries import address_of, form_for_title, texts_for
from contacts.greetings.wording import Addressed, address
from tests.factories import MembershipFactory, PersonFactory, PostFactory

pytestmark = pytest.mark.django_db


def form(name: str) -> FormOfAddress:
    return FormOfAddress.objects.get(name=name)


def greeted(language: str, **who: object) -> dict[str, str]:
    values = {"name": "Fatou Ndiaye", "given_name": "Fatou", "family_name": "Ndiaye", **who}
    return address(Addressed(**values), language, texts_for([language]))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("language", "gender", "greeting", "formal"),
    [
        ("fr", "female", "Madame la Ministre,", "S.E. Mme Fatou Ndiaye"),
        ("fr", "male", "Monsieur le Ministre,", "S.E. M. Fatou Ndiaye"),
        ("fr", "", "Madame la Ministre, Monsieur le Ministre,", "S.E. Fatou Ndiaye"),
        ("fr", "other", "Madame la Ministre, Monsieur le Ministre,", "S.E. Fatou Ndiaye"),
        ("en", "female", "Madam Minister,", "H.E. Ms Fatou Ndiaye"),
        ("en", "", "Dear Minister,", "H.E. Fatou Ndiaye"),
        ("es", "male", "Señor Ministro:", "Excmo. Sr. Fatou Ndiaye"),
        ("es", "", "Excelencia:", "S.E. Fatou Ndiaye"),
        ("ar", "female", "معالي الوزيرة،", "معالي السيدة Fatou Ndiaye"),
        ("fr-BE", "female", "Madame la Ministre,", "S.E. Mme Fatou Ndiaye"),
    ],
)
def test_a_minister_is_greeted_by_language_and_gender(language, gender, greeting, formal):
    found = greeted(language, gender=gender, form_id=form("Minister").pk)

    assert found == {"greeting": greeting, "formal": formal}


def test_whoever_has_no_form_is_greeted_like_everybody():
    assert greeted("en", gender="male") == {"greeting": "Dear Mr Ndiaye,", "formal": "Mr Fatou Ndiaye"}
    assert greeted("en") == {"greeting": "Dear Fatou Ndiaye,", "formal": "Fatou Ndiaye"}


def test_an_office_is_greeted_without_a_name():
    nobody = {"name": "", "given_name": "", "family_name": "", "is_person": False}

    assert greeted("en", **nobody) == {"greeting": "Dear colleagues,", "formal": ""}
    assert greeted("en", **nobody, form_id=form("Minister").pk)["greeting"] == "Dear Minister,"


def test_a_language_without_forms_has_the_bare_name_and_no_foreign_words():
    assert greeted("sw", gender="female", form_id=form("Minister").pk) == {
        "greeting": "Fatou Ndiaye,",
        "formal": "Fatou Ndiaye",
    }
    assert greeted("sw", name="", is_person=False) == {"greeting": "", "formal": ""}


def test_an_own_greeting_goes_first_in_its_language_and_an_own_title_stays():
    own = {"own_greeting": "Chère Fatou,", "own_language": "fr", "gender": "female", "honorific": "Dr"}

    assert greeted("fr", **own) == {"greeting": "Chère Fatou,", "formal": "Dr Fatou Ndiaye"}
    assert greeted("en", **own)["greeting"] == "Dear Ms Ndiaye,"


def test_a_missing_family_name_is_no_hole():
    assert greeted("en", gender="female", family_name="")["greeting"] == "Dear Ms Fatou Ndiaye,"


@pytest.mark.parametrize(
    ("titles", "name"),
    [
        (["Minister of Labour"], "Minister"),
        (["Labour and Employment", "Ministre du Travail"], "Minister"),
        (["MINISTRA de Trabajo"], "Minister"),
        (["Directrice générale"], "Director General"),
        (["directrice generale adjointe"], "Director General"),
        (["Secretary-General"], "Secretary General"),
        (["Ministry liaison"], None),
        (["Deputy Minister"], None),
        ([""], None),
    ],
)
def test_a_title_finds_its_form(titles, name):
    found = form_for_title(titles)

    assert (found.name if found else None) == name


def test_a_person_is_greeted_by_the_post_held_now():
    person = PersonFactory(given_name="Awa", family_name="Sow", gender="female", language="fr")
    MembershipFactory(person=person, post=PostFactory(form_of_address=form("Minister")))

    assert address_of(person, "fr")["greeting"] == "Madame la Ministre,"
