"""The people's screens: list, facets, file, quick-add, page, inline edits."""

import json
from datetime import date

import pytest
from django.urls import reverse

from contacts.directory.models import Membership, Person, UidAlias
from crm.audit.models import AuditEntry
from crm.ids import new_uid
from tests.factories import (
    ContactPointFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    TagFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def zambia_only():
    """An outreach officer for Zambia."""
    user = UserFactory()
    GrantFactory(user=user, role="outreach", is_everywhere=False, countries=["ZM"])
    return user


def names(response) -> list[str]:
    return [row.name for row in response.context["table"].rows]


# --- list ---------------------------------------------------------------------------------------------------------------
def test_list_shows_people_with_where_they_are(sign_in, viewer):
    post = PostFactory(name="Minister of Labour", organization__name="Ministry of Labour")
    person = MembershipFactory(post=post, person__name="Ana Phiri").person
    ContactPointFactory(person=person, value="ana@gov.test", status="bouncing")

    page = sign_in(viewer).get(reverse("person_list")).content.decode().replace("<wbr>", "")

    for text in (
        "Ana Phiri",
        "Minister of Labour",
        "Ministry of Labour",
        "Government",
        "Zambia",
        "ana@gov.test",
        "bouncing",
    ):
        assert text in page


def test_list_has_the_same_number_of_queries_with_one_row_and_with_three(
    sign_in, viewer, django_assert_max_num_queries, django_assert_num_queries
):
    client = sign_in(viewer)
    MembershipFactory(post=PostFactory())
    client.get(reverse("person_list"))
    with django_assert_max_num_queries(25) as one:
        client.get(reverse("person_list"))
    for _ in range(2):
        MembershipFactory(post=PostFactory())

    with django_assert_num_queries(len(one)):
        client.get(reverse("person_list"))


def test_list_leaves_out_whom_the_user_may_not_see(sign_in, zambia_only):
    PersonFactory(name="Here")
    PersonFactory(name="Elsewhere", country__code="TD")
    works_here = OrganizationFactory(country__code="CH", countries_of_work=["ZM", "TD"])
    MembershipFactory(organization=works_here, person__name="Visitor", person__country__code="CH")
    former = OrganizationFactory(country__code="CH", countries_of_work=["ZM"])
    MembershipFactory(organization=former, person__name="Former", person__country__code="CH", ended_on=date(2025, 1, 1))

    assert sorted(names(sign_in(zambia_only).get(reverse("person_list")))) == ["Here", "Visitor"]


def test_list_is_narrowed_by_words_and_facets(sign_in, viewer):
    chad = MembershipFactory(
        organization__constituency__code="WRK",
        organization__country__code="TD",
        person__name="Zoé N’Djamena",
        person__country__code="TD",
    ).person
    chad.tags.add(tag := TagFactory())
    MembershipFactory(person__name="Other")
    single = PersonFactory(name="Single", country__code="FR", language="fr")
    client, url = sign_in(viewer), reverse("person_list")

    assert names(client.get(url, {"q": "zoe"})) == [chad.name]
    assert names(client.get(url, {"constituency": "WRK"})) == [chad.name]
    assert names(client.get(url, {"constituency": "IND"})) == [single.name]
    assert sorted(names(client.get(url, {"country": ["TD", "FR"]}))) == [single.name, chad.name]
    assert names(client.get(url, {"region": "017"})) == [chad.name]
    assert names(client.get(url, {"tag": tag.pk})) == [chad.name]
    assert names(client.get(url, {"language": "fr"})) == [single.name]
    assert names(client.get(url, {"q": "nobody"})) == []


def test_email_facet_finds_who_can_be_written_to(sign_in, viewer):
    reachable = ContactPointFactory(person__name="Reachable").person
    bouncing = ContactPointFactory(status="bouncing", person__name="Bouncing").person
    silent = PersonFactory(name="Silent")
    client, url = sign_in(viewer), reverse("person_list")

    assert names(client.get(url, {"email": "active"})) == [reachable.name]
    assert names(client.get(url, {"email": ["bouncing", "none"]})) == sorted([bouncing.name, silent.name])


@pytest.mark.parametrize(
    "query", ["tag=x", "tag=99999999999999999999999", "organization=1", "after=%%%", "country=%00", "q=%00"]
)
def test_nonsense_in_the_url_shows_a_list(sign_in, viewer, query):
    assert sign_in(viewer).get(f"{reverse('person_list')}?{query}").status_code == 200


def test_facet_counts_come_as_a_fragment_of_their_own(sign_in, viewer):
    MembershipFactory(organization__constituency__code="WRK", person__name="Ana")
    MembershipFactory(organization__constituency__code="WRK", ended_on=date(2025, 1, 1))

    response = sign_in(viewer).get(reverse("person_list"), {"facet": "constituency"}, headers=HTMX)

    counts = {option.value: option.count for option in response.context["facet"].options}
    assert (counts["WRK"], counts["GOV"], counts["IND"]) == (1, 0, 1)


def test_people_of_one_institution(sign_in, viewer):
    membership = MembershipFactory(person__name="Inside")
    PersonFactory()

    response = sign_in(viewer).get(reverse("person_list"), {"organization": membership.organization.uid})

    assert names(response) == ["Inside"]
    assert membership.organization.name in response.content.decode()


# --- file ---------------------------------------------------------------------------------------------------------------
def test_export_is_a_logged_file_of_the_filtered_list(sign_in, planner):
    ContactPointFactory(person__name="=HYPERLINK(1)", value="a@people.test")
    PersonFactory(name="Filtered out", country__code="TD")

    response = sign_in(planner).get(reverse("person_list"), {"country": "ZM", "export": "csv"})

    text = b"".join(response.streaming_content).decode("utf-8-sig")
    assert "'=HYPERLINK(1)" in text and "a@people.test" in text and "Filtered out" not in text
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor) == ("list.exported", planner)


def test_export_is_refused_without_the_permission(sign_in, viewer):
    response = sign_in(viewer).get(reverse("person_list"), {"export": "csv"})

    assert response.status_code == 403
    assert not AuditEntry.objects.exists()


# --- bulk ---------------------------------------------------------------------------------------------------------------
def test_selected_people_get_a_tag(sign_in, planner, outreach):
    chosen, _other = PersonFactory(), PersonFactory()
    data = {"pick": [str(chosen.uid)], "tag_name": "Round table"}

    assert sign_in(outreach).post(reverse("person_tag"), data).status_code == 403
    sign_in(planner).post(reverse("person_tag"), data)

    assert list(Person.objects.filter(tags__name="Round table")) == [chosen]


def test_all_that_match_get_a_tag(sign_in, planner):
    PersonFactory(country__code="TD")
    inside = [PersonFactory(), PersonFactory()]

    sign_in(planner).post(reverse("person_tag"), {"all": "1", "_country": "ZM", "tag_name": "x"})

    assert list(Person.objects.filter(tags__name="x").order_by("pk")) == inside


# --- quick-add ----------------------------------------------------------------------------------------------------------
def test_quick_add_makes_a_person_in_a_post(sign_in, outreach):
    post = PostFactory(name="Minister of Labour", names={"fr": "Ministre du Travail"})
    data = {
        "given_name": "Zara",
        "family_name": "Ali",
        "email": "zara@gov.test",
        "organization": str(post.organization.uid),
        "role": "ministre du travail",
    }

    response = sign_in(outreach).post(reverse("person_create"), data)

    person = Person.objects.get()
    assert response.headers["Location"] == reverse("person_detail", args=[person.uid])
    assert Membership.objects.get().post == post
    assert person.contact_points.get().value == "zara@gov.test"


def test_quick_add_takes_an_organization_by_its_exact_name(sign_in, outreach):
    organization = OrganizationFactory(name="Ministère du Travail")
    OrganizationFactory(name="Ministère du Travail et des Lois sociales")

    sign_in(outreach).post(reverse("person_create"), {"given_name": "Zara", "organization_q": "ministere du travail"})

    assert Membership.objects.get().organization == organization


def test_quick_add_offers_choices_when_several_fit(sign_in, outreach):
    OrganizationFactory(name="Ministry of Labour")
    OrganizationFactory(name="Ministry of Health")

    response = sign_in(outreach).post(reverse("person_create"), {"given_name": "Zara", "organization_q": "ministry"})

    assert response.status_code == 422
    assert "Ministry of Health" in response.content.decode()
    assert not Person.objects.exists()


def test_quick_add_hints_at_somebody_with_the_same_name_and_adds_anyway_when_told(sign_in, outreach):
    there = PersonFactory(given_name="Zara", family_name="Ali", name="Zara Ali")
    client, url = sign_in(outreach), reverse("person_create")
    data = {"given_name": "zara", "family_name": "ALI"}

    response = client.post(url, data)

    assert response.status_code == 422
    assert reverse("person_detail", args=[there.uid]) in response.content.decode()
    assert Person.objects.count() == 1
    client.post(url, {**data, "add_anyway": "on"})
    assert Person.objects.count() == 2


def test_hint_while_typing_knows_the_address(sign_in, outreach):
    point = ContactPointFactory(value="zara@gov.test", person__name="Zara Ali")

    response = sign_in(outreach).get(reverse("person_duplicates"), {"email": "ZARA@gov.test"}, headers=HTMX)

    assert response.context["same"] == [point.person]


def test_hint_tells_nothing_about_people_the_user_may_not_see(sign_in, zambia_only):
    ContactPointFactory(value="zara@gov.test", person__country__code="TD")

    response = sign_in(zambia_only).get(reverse("person_duplicates"), {"email": "zara@gov.test"}, headers=HTMX)

    assert response.context["same"] == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({}, "needs a name"),
        ({"given_name": "Zara", "email": "zara at home"}, "is not an e-mail address"),
        ({"given_name": "Zara", "organization": "not-a-uid"}, "Choose again"),
        ({"given_name": "Zara", "organization_q": "Nowhere"}, "No organization is called “Nowhere”"),
    ],
)
def test_quick_add_says_what_is_wrong_and_keeps_what_was_typed(sign_in, outreach, data, words):
    response = sign_in(outreach).post(reverse("person_create"), data)

    assert response.status_code == 422
    assert words in response.content.decode()
    assert not Person.objects.exists()


def test_an_officer_of_one_country_adds_people_there_only(sign_in, zambia_only):
    abroad = OrganizationFactory(country__code="TD")
    client, url = sign_in(zambia_only), reverse("person_create")

    assert client.post(url, {"given_name": "Zara", "organization": str(abroad.uid)}).status_code == 422
    assert client.post(url, {"given_name": "Zara", "country": "TD"}).status_code == 422
    assert client.post(url, {"given_name": "Zara"}).status_code == 422
    assert not Person.objects.exists()
    client.post(url, {"given_name": "Zara", "country": "ZM"})
    assert Person.objects.get().country_id == "ZM"


def test_quick_add_in_the_dialog_has_no_shell(sign_in, outreach):
    response = sign_in(outreach).get(reverse("person_create"), headers={**HTMX, "X-Modal": "1"})

    page = response.content.decode()
    assert "gs-modal-h" in page and "gs-side" not in page


# --- page ---------------------------------------------------------------------------------------------------------------
def test_page_shows_posts_past_and_present_addresses_and_coverage_with_its_source(sign_in, viewer):
    person = PersonFactory(name="Ana Phiri", country__code="TD")
    MembershipFactory(person=person, post=PostFactory(name="Minister", organization__country__code="TD"))
    MembershipFactory(
        person=person, post=PostFactory(name="Adviser"), ended_on=date(2023, 5, 1), started_on=date(2020, 1, 1)
    )
    ContactPointFactory(person=person, value="ana@gov.test")

    page = sign_in(viewer).get(reverse("person_detail", args=[person.uid])).content.decode()

    for text in ("Ana Phiri", "Minister", "Adviser", "ana@gov.test", "2.5", "2022", "ILO", "CC BY 4.0"):
        assert text in page


def test_page_needs_few_queries_however_much_there_is(sign_in, planner, django_assert_max_num_queries):
    person = PersonFactory()
    for _ in range(4):
        MembershipFactory(person=person, post=PostFactory(), is_primary=False)
        ContactPointFactory(person=person)
    client, url = sign_in(planner), reverse("person_detail", args=[person.uid])
    client.get(url)

    with django_assert_max_num_queries(25):
        client.get(url)


def test_outsider_and_other_countries_get_404(sign_in, zambia_only, outsider):
    person = PersonFactory(country__code="TD")
    url = reverse("person_detail", args=[person.uid])

    assert sign_in(zambia_only).get(url).status_code == 404
    assert sign_in(outsider).get(url).status_code == 403
    assert sign_in(zambia_only).post(reverse("person_archive", args=[person.uid])).status_code == 404


def test_an_old_uid_of_a_merged_person_redirects(sign_in, viewer):
    person, old = PersonFactory(), new_uid()
    UidAlias.objects.create(old_uid=old, new_uid=person.uid, object_type="person")

    response = sign_in(viewer).get(reverse("person_detail", args=[old]))

    assert (response.status_code, response.headers["Location"]) == (301, reverse("person_detail", args=[person.uid]))


def test_aliases_that_run_in_a_circle_are_not_found(sign_in, viewer):
    one, two = new_uid(), new_uid()
    UidAlias.objects.create(old_uid=one, new_uid=two, object_type="person")
    UidAlias.objects.create(old_uid=two, new_uid=one, object_type="person")

    assert sign_in(viewer).get(reverse("person_detail", args=[one])).status_code == 404


# --- edits in place -------------------------------------------------------------------------------------------------------
def edit(client, person, name, **data):
    return client.post(reverse("person_edit", args=[person.uid, name]), data, headers=HTMX)


def test_inline_edit_saves_and_offers_undo(sign_in, outreach):
    person = PersonFactory(note="old")

    response = edit(sign_in(outreach), person, "note", note="new", seen=json.dumps({"note": "old"}))

    person.refresh_from_db()
    assert (response.status_code, person.note) == (200, "new")
    entry = AuditEntry.objects.get()
    assert reverse("undo", args=[entry.uid]) in response.headers["HX-Trigger"]


def test_inline_edit_of_what_somebody_changed_keeps_the_text_and_tells(sign_in, outreach):
    person = PersonFactory(note="theirs")
    client = sign_in(outreach)

    response = edit(client, person, "note", note="mine", seen=json.dumps({"note": "old"}))

    page = response.content.decode()
    person.refresh_from_db()
    assert (response.status_code, person.note) == (422, "theirs")
    assert "changed this to “theirs”" in page and "mine" in page
    seen = json.loads(response.context["edit"].form["seen"].value())
    assert edit(client, person, "note", note="mine", seen=json.dumps(seen)).status_code == 200
    person.refresh_from_db()
    assert person.note == "mine"


@pytest.mark.parametrize("seen", ["", "{", "[]", '"x"', "null"])
def test_broken_seen_values_do_no_harm(sign_in, outreach, seen):
    person = PersonFactory(note="old")

    assert edit(sign_in(outreach), person, "note", note="new", seen=seen).status_code == 200


def test_an_unknown_field_is_not_found(sign_in, outreach):
    person = PersonFactory()

    assert edit(sign_in(outreach), person, "erased_at", erased_at="2020-01-01").status_code == 404


def test_editing_is_for_those_who_may(sign_in, viewer):
    person = PersonFactory(note="old")

    assert edit(sign_in(viewer), person, "note", note="new").status_code == 403
    person.refresh_from_db()
    assert person.note == "old"


def test_tags_are_edited_as_words(sign_in, outreach):
    person = PersonFactory()

    edit(sign_in(outreach), person, "tags", tags="pensions, child benefits,,")

    assert sorted(person.tags.values_list("name", flat=True)) == ["child benefits", "pensions"]


def test_archive_takes_out_of_the_list_and_undo_brings_back(sign_in, outreach):
    person = PersonFactory()
    client = sign_in(outreach)

    client.post(reverse("person_archive", args=[person.uid]))

    assert names(client.get(reverse("person_list"))) == []
    client.post(reverse("undo", args=[AuditEntry.objects.get().uid]))
    assert names(client.get(reverse("person_list"))) == [person.name]
