"""People and institutions by whatever somebody remembers of them."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from contacts.directory import searching
from contacts.directory.models import Organization, Person
from contacts.directory.searching import ranked, read
from contacts.directory.services import add_contact_point
from crm.ui.search import search
from crm.ui.searchtext import acronyms, normalise, searchable, typed_words
from tests.factories import GrantFactory, OrganizationFactory, PersonFactory, UserFactory

pytestmark = pytest.mark.django_db


def person(given: str, family: str, **more: Any) -> Person:
    return PersonFactory(name=f"{given} {family}", given_name=given, family_name=family, **more)


def names(text: str, limit: int = 10) -> list[str]:
    """What Ctrl-K finds; the list finds the same people."""
    found = [row.name for row in ranked(Person.objects.active(), text, owner="person", limit=limit)[0]]
    assert set(found) <= set(Person.objects.active().search(text).values_list("name", flat=True))
    return found


@pytest.mark.parametrize(
    ("given", "family", "typed"),
    [
        ("Jürgen", "Müller", ["muller", "Müller", "MUELLER", "jurgen mueller", "mülle"]),
        ("Jurgen", "Mueller", ["müller", "mueller", "Jürgen Müller"]),
        ("Jurgen", "Muller", ["müller", "muller"]),
        ("Søren", "Ångström", ["soren", "soeren", "angstrom", "aangstroem"]),
        ("Awa", "N’Diaye", ["ndiaye", "n'diaye", "N’Diaye", "diaye awa"]),
        ("Sean", "O'Brien", ["obrien", "o'brien", "O’Brien", "o'brien sean"]),
        ("José María", "Núñez", ["jose nunez", "nunez maria", "Núñez"]),
        ("Сергей", "Щербаков", ["Щербаков", "щербаков сергей", "sergey", "shcherbakov"]),
        ("Ελένη", "Παπαδάκη", ["Παπαδάκη", "παπαδακη", "papadaki"]),
        ("小龙", "李", ["李小龙"[0], "xiaolong", "小龙 李"]),
        ("محمد", "الأمين", ["محمد", "mhmd"]),
        ("Oyelaran", "Adébáyọ̀", ["adebayo", "oyelaran adebayo"]),
    ],
)
def test_accents_and_scripts(given: str, family: str, typed: list[str]) -> None:
    someone = person(given, family)
    person("Quite", "Another")
    for text in typed:
        assert names(text) == [someone.name], text


def test_a_mark_at_the_beginning_is_no_first_place_in_lists() -> None:
    """What was stored with marks before is mended by the same rule as what is stored now."""
    rows = [
        PersonFactory(name=name, given_name="", family_name="")
        for name in ("Zed", "أبو شقدم", "O'Brien", "Obama", "Obst")
    ]
    now = list(Person.objects.order_by("sort_key").values_list("name", flat=True))
    assert now.index("Obama") < now.index("O'Brien") < now.index("Obst") < now.index("Zed")
    kept = dict(Person.objects.values_list("pk", "sort_key"))
    for row in rows:
        Person.objects.filter(pk=row.pk).update(sort_key=normalise(row.name))
    assert Person.objects.order_by("sort_key").first() == rows[1]

    import_module("contacts.migrations.0029_sorted_without_marks").sort_again(None, connection.schema_editor())

    assert dict(Person.objects.values_list("pk", "sort_key")) == kept


def test_words_in_any_order_and_begun() -> None:
    someone = person("Thandiwe", "Mwale Banda")
    person("Thandiwe", "Phiri")
    for text in ("thandiwe mwale", "banda thandiwe", "mwa tha", "  BANDA   mwale ", "diwe wale"):
        assert names(text) == [someone.name], text


@pytest.mark.parametrize(
    "typed", ["Ouedrago", "ouedraogoo", "oudraogo", "Ouédarogo", "Uoedraogo", "fatuo ouedraogo", "ouedrago fatou"]
)
def test_a_letter_wrong(typed: str) -> None:
    someone = person("Fatou", "Ouédraogo")
    person("Quite", "Another")
    assert names(typed) == [someone.name]


def test_what_is_unlike_everything_finds_nobody() -> None:
    person("Fatou", "Ouédraogo")
    for text in ("xyzzy", "fatou xyzzy", "ou zz", "zz", "%", "_", "\\", "%%", "'", "\x00", "()"):
        assert names(text) == [], text


def test_an_exact_name_beats_a_typo_and_the_best_comes_first() -> None:
    exact = person("Ana", "Silva")
    begins = person("Anabela", "Silvaro")
    part = person("Juana", "Silva")
    later = person("Rosana", "Silva")
    like = person("Anna", "Silba")
    assert names("ana silva") == [exact.name, begins.name, later.name, part.name]  # the later change first among equals
    assert names("silva ana")[0] == exact.name
    assert names("anna silba") == [like.name]


def test_parts_of_addresses_and_numbers(planner: Any) -> None:
    someone, other = person("Awa", "Sow"), person("Quite", "Another")
    add_contact_point(actor=planner, person=someone, value="A.Ndiaye@Ministere.example")
    add_contact_point(actor=planner, person=other, value="quite@union.example")
    add_contact_point(actor=planner, person=someone, kind="phone", value="+221 77 123 45 67")
    add_contact_point(actor=planner, person=other, kind="phone", value="078 555 12 34")
    for text in (
        "a.ndiaye",
        "a.ndiaye@",
        "A.NDIAYE@ministere.example",
        "a.nd",
        "ministere.example",
        "@ministere",
        "ministere",
    ):
        assert names(text) == [someone.name], text
    for text in (
        "+221 77 123 45 67",
        "00221771234567",
        "77 123 45 67",
        "077 123 45 67",
        "1234567",
        "(77) 123-45-67",
        "+221771234567",
    ):
        assert names(text) == [someone.name], text
    for text in ("+221 78 555 12 34", "0785551234", "78-555"):
        assert names(text) == [other.name], text
    assert names("12") == [] and names("+") == [] and names("@") == []


def test_acronyms_stored_and_made(planner: Any) -> None:
    def found(text: str) -> list[str]:
        rows = ranked(Organization.objects.active(), text, owner="organization", limit=5)[0]
        assert {row.pk for row in rows} <= set(Organization.objects.search(text).values_list("pk", flat=True))
        return [row.name for row in rows]

    ituc = OrganizationFactory(name="International Trade Union Confederation", acronym="")
    ituc.names = {"fr": "Confédération syndicale internationale"}
    ituc.save()
    oecd = OrganizationFactory(name="Organisation for Economic Co-operation and Development", acronym="")
    stored = OrganizationFactory(name="Union générale des travailleurs", acronym="UGT-X")
    OrganizationFactory(name="Situcia Works", acronym="")
    assert found("ituc")[0] == found("ITUC")[0] == found("CSI")[0] == ituc.name
    assert found("oecd") == [oecd.name] and found("ugt-x") == [stored.name]
    # only the acronym is stored: the long name finds it
    short = OrganizationFactory(name="WFTU", acronym="")
    assert found("World Federation of Trade Unions") == [short.name]


def test_text_forms() -> None:
    assert acronyms("International Trade Union Confederation") == ("ituc",)
    assert acronyms("Department of State") == ("ds", "dos")
    assert acronyms("WFTU") == ()
    assert searchable("Jürgen Müller") == "jurgen muller jürgen müller juergen mueller"
    assert searchable("plain name") == "plain name"
    assert typed_words("Müller 李") == [("muller", "mueller", "müller"), ("li", "李")]
    assert read("+221 77 123").digits == ["22177123", "77123"] and read("ana 77").digits == []


def test_only_what_one_may_see_is_found(sign_in: Any) -> None:
    user = UserFactory()
    GrantFactory(user=user, role="viewer", is_everywhere=False, countries=["SN"])
    mine, theirs = person("Awa", "Sow", country__code="SN"), person("Awa", "Sowe", country__code="FR")
    archived = person("Awa", "Sowa", country__code="SN", archived_at="2026-01-01T00:00Z")
    hits = [hit.title for group in search(user, "awa sow") for hit in group.hits]
    assert mine.name in hits and theirs.name not in hits and archived.name not in hits
    page = sign_in(user).get(reverse("person_list"), {"q": "awa sow"}).content.decode()
    assert mine.name in page and theirs.name not in page


def test_a_search_that_takes_too_long_says_so_and_shows_what_it_has(
    sign_in: Any, viewer: Any, monkeypatch: Any
) -> None:
    someone = person("Awa", "Sow")
    containing = searching._containing

    def slow(*args: Any) -> list[int]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_sleep(5)")
        return containing(*args)

    monkeypatch.setattr(searching, "_containing", slow)
    monkeypatch.setattr(searching, "MILLISECONDS", 30)
    page = sign_in(viewer).get(reverse("search"), {"q": "sow"}).content.decode()
    assert someone.name in page and "Looking took too long and was stopped" in page
    assert someone.name in sign_in(viewer).get(reverse("person_list"), {"q": "sow"}).content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SHOW statement_timeout")
        assert cursor.fetchone() == ("0",)


def test_a_list_beyond_the_cap_is_still_whole(monkeypatch: Any) -> None:
    monkeypatch.setattr(searching, "LIST_CAP", 2)
    for n in range(4):
        person("Awa", f"Sow {n}")
    other = person("Quite", "Another")
    assert Person.objects.search("sow").count() == 4
    for row in [*Person.objects.all()]:
        add_contact_point(actor=None, person=row, value=f"p{row.pk}@union.example")
    assert Person.objects.search("union.example").count() == 5
    assert list(Person.objects.search("another")) == [other]


def test_a_list_by_a_very_common_word_asks_for_the_names_at_once(monkeypatch: Any) -> None:
    """Thousands of keys would be read and thrown away; what is expected is asked of the planner."""
    for number in range(3):
        person("Awa", f"Sow {number}")
    monkeypatch.setattr(searching, "_expected", lambda rows: 10**6)

    rows = Person.objects.active().search("awa")

    assert "= ANY" not in str(rows.query) and rows.count() == 3
    monkeypatch.undo()
    assert "= ANY" in str(Person.objects.active().search("awa").query)
