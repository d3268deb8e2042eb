"""Keyset pages: together they are the whole list, whatever the order, the gaps and the direction of reading."""

import datetime as dt
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import RequestFactory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crm.jobs.models import Job
from crm.ui.paging import Total, capped_total, paginate

NOW = dt.datetime(2026, 11, 23, 9, 0, tzinfo=dt.UTC)
ORDERS = [
    ["title"],
    ["-title"],
    ["total_count"],
    ["-total_count"],
    ["state", "-created_at"],
    ["-started_at", "title"],
    [],
]


def jobs(rows):
    Job.objects.all().delete()
    for title, total, minutes in rows:
        started = None if minutes is None else NOW + dt.timedelta(minutes=minutes, microseconds=minutes)
        Job.objects.create(kind="test", title=title, total_count=total, started_at=started)


def page_at(url, sort, size):
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    return paginate(RequestFactory().get("/list/", query), Job.objects.all(), sort=sort, size=size)


def read_all(sort, size):
    page = page_at("", sort, size)
    pages = [page]
    while page.next_url:
        page = page_at(page.next_url, sort, size)
        pages.append(page)
    return pages


@pytest.mark.django_db
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(
        st.tuples(st.sampled_from(["", "a", "b", "é"]), st.none() | st.integers(0, 3), st.none() | st.integers(0, 2)),
        max_size=14,
    ),
    sort=st.sampled_from(ORDERS),
    size=st.integers(1, 5),
)
def test_pages_together_are_the_whole_list_forwards_and_backwards(rows, sort, size):
    jobs(rows)

    pages = read_all(sort, size)

    shown = [row.pk for page in pages for row in page]
    assert sorted(shown) == sorted(Job.objects.values_list("pk", flat=True))
    assert len(set(shown)) == len(shown)
    assert all(len(page) == size for page in pages[:-1])
    back = [[row.pk for row in pages[-1]]]
    page = pages[-1]
    while page.previous_url:
        page = page_at(page.previous_url, sort, size)
        back.insert(0, [row.pk for row in page])
    assert [pk for part in back for pk in part] == shown


def test_rows_without_a_value_come_last_in_both_directions(db):
    jobs([("none", None, None), ("low", 1, None), ("high", 2, None)])

    up = [row.title for row in page_at("", ["total_count"], 10)]
    down = [row.title for row in page_at("", ["-total_count"], 10)]

    assert up == ["low", "high", "none"]
    assert down == ["high", "low", "none"]


def test_page_stays_where_it_is_when_rows_are_added_before_it(db):
    jobs([("b", 1, None), ("c", 1, None), ("d", 1, None)])
    second = page_at("", ["title"], 2).next_url

    Job.objects.create(kind="test", title="a")

    assert [row.title for row in page_at(second, ["title"], 2)] == ["d"]


@pytest.mark.parametrize(
    "cursor",
    ["", "x", "AAAA", "bnVsbA", "W10", "WyJ0aXRsZSxwayIsMSwyLDNd", "WyJ0aXRsZSxwayIsIlx1MDAwMCIsMV0", "é" * 300],
)
def test_broken_cursor_shows_the_first_page(db, cursor):
    jobs([("a", 1, None), ("b", 1, None)])

    page = paginate(RequestFactory().get("/list/", {"after": cursor}), Job.objects.all(), sort=["title"], size=1)

    assert [row.title for row in page] == ["a"]
    assert not page.previous_url


def test_cursor_of_another_order_shows_the_first_page(db):
    jobs([("a", 2, None), ("b", 1, None), ("c", 3, None)])
    second_by_title = page_at("", ["title"], 1).next_url

    assert [row.title for row in page_at(second_by_title, ["total_count"], 1)] == ["b"]


def test_links_keep_the_other_parameters(db):
    jobs([("a", 1, None), ("b", 1, None)])

    page = paginate(RequestFactory().get("/list/", {"q": "a b", "after": "x"}), Job.objects.all(), size=1)

    assert parse_qs(urlsplit(page.next_url).query)["q"] == ["a b"]


def test_total_is_counted_only_so_far(db):
    jobs([("a", 1, None)] * 5)

    assert capped_total(Job.objects.all(), cap=10) == Total(5, is_capped=False)
    assert str(capped_total(Job.objects.all(), cap=3)) == "3+"


def test_one_page_costs_one_query_and_its_total_one_more(db, django_assert_num_queries):
    jobs([("a", 1, None), ("b", 1, None), ("c", 1, None)])

    with django_assert_num_queries(2):
        page = page_at("", ["title"], 2)
        assert page.summary == "2 of 3"
    with django_assert_num_queries(1):
        assert page_at("", ["title"], 5).summary == "3 in all"
