"""The filter bar: the URL says all of it, and each chip takes one thing away."""

import pytest
from django.test import RequestFactory

from crm.accounts.models import User
from crm.ui.filters import Facet, FilterBar, Search
from tests.factories import GrantFactory, UserFactory


class Filters(FilterBar):
    search = Search("Find", lambda users, text: users.filter(name__icontains=text))
    facets = [
        Facet(
            "role",
            "Role",
            choices=[("editor", "Editor", "gov"), ("viewer", "Viewer")],
            apply=lambda users, values: users.filter(grants__role__in=values),
            count_by="grants__role",
        ),
        Facet(
            "state",
            "State",
            choices=lambda request: [("open", "Open"), ("closed", "Closed")],
            apply=lambda users, values: users.filter(is_active=values[0] == "open"),
            multiple=False,
        ),
    ]


def bar(**query):
    return Filters(RequestFactory().get("/people/", query), User.objects.order_by("name"))


@pytest.fixture
def people(db):
    for name, role in (("ana", "editor"), ("bea", "viewer"), ("bob", "editor")):
        GrantFactory(user=UserFactory(name=name), role=role)


def test_words_and_facets_narrow_together(people):
    assert [user.name for user in bar(q=" B ", role=["editor", "viewer"]).queryset] == ["bea", "bob"]
    assert [user.name for user in bar(q="b", role="editor").queryset] == ["bob"]
    assert [user.name for user in bar().queryset] == ["ana", "bea", "bob"]


def test_chips_take_one_value_away_and_leave_the_rest(people):
    filters = bar(q="b", role=["editor", "viewer"], sort="-name", after="x")

    assert [(chip.value, chip.remove_url) for chip in filters.chips] == [
        ("Editor", "/people/?q=b&role=viewer&sort=-name"),
        ("Viewer", "/people/?q=b&role=editor&sort=-name"),
    ]
    assert filters.clear_url == "/people/?sort=-name"
    assert filters.kept == [("sort", "-name")]


def test_counts_of_a_facet_ignore_its_own_choice_but_not_the_others(people):
    filters = bar(facet="role", role="editor", q="b")

    facet = filters.asked_facet()

    assert facet is not None
    assert [(option.value, option.count, option.is_on) for option in facet.options] == [
        ("editor", 1, True),
        ("viewer", 1, False),
    ]


def test_options_are_not_counted_until_the_facet_is_opened(people, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert [option.count for option in bar(role="editor").bound[0].options] == [None, None]


def test_facet_of_one_answer_takes_the_first(people):
    assert bar(state=["closed", "open"]).bound[1].values == ["closed"]


def test_zero_bytes_reach_no_query(people):
    assert [user.name for user in bar(q="b\x00e", role="edi\x00tor").queryset] == []


def test_facet_cannot_take_a_name_of_the_list():
    with pytest.raises(ValueError, match="sort"):
        Facet("sort", "Sort", choices=[], apply=lambda queryset, values: queryset)


class Long(FilterBar):
    facets = [
        Facet(
            "name",
            "Name",
            choices=[(f"n{i}", f"Name {i}") for i in range(30)],
            apply=lambda users, values: users.filter(name__in=values),
            count_by="name",
        )
    ]


def test_long_list_is_left_out_until_it_is_opened(db):
    request = RequestFactory().get("/people/", {"name": "n3", "q": "x"})

    page = Long(request, User.objects.all()).bound[0]
    opened = Long(RequestFactory().get("/people/", {"name": "n3", "facet": "name"}), User.objects.all()).asked_facet()

    assert [option.value for option in page.shown] == ["n3"]
    assert page.page_url == "/people/?name=n3&q=x&facet=name"
    assert opened is not None
    assert len(opened.shown) == 30


def test_choices_of_a_long_facet_are_read_only_when_they_are_shown(django_assert_num_queries, people):
    class Long(FilterBar):
        facets = [
            Facet(
                "name",
                "Name",
                choices=lambda request: [(user.name, user.name) for user in User.objects.order_by("name")],
                apply=lambda users, values: users.filter(name__in=values),
                count_by="name",
                is_long=True,
            )
        ]

    def facet_of(**query):
        return Long(RequestFactory().get("/people/", query), User.objects.order_by("name"))

    with django_assert_num_queries(0):
        closed = facet_of()
        assert (closed.bound[0].shown, closed.bound[0].is_cut, closed.bound[0].is_empty, closed.chips) == (
            [],
            True,
            False,
            [],
        )
    with django_assert_num_queries(1):
        chosen = facet_of(name="bea")
        assert [option.value for option in chosen.bound[0].shown] == ["bea"]
        assert ([chip.value for chip in chosen.chips], chosen.bound[0].is_cut) == (["bea"], True)
    opened = facet_of(facet="name", name="bea").asked_facet()
    assert [(option.value, option.count) for option in opened.shown] == [("bea", 1), ("ana", 1), ("bob", 1)]
    assert not opened.is_cut
