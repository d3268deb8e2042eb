"""Large counts are remembered, small ones never are, and a cache that does not answer costs time only."""

import uuid

import pytest

from crm.accounts.models import User
from crm.ui.large_counts import remembered
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db


def count(rows, *, large, what="test"):
    return remembered(what, rows, rows.count, seconds=60, is_large=lambda n: n >= large)


@pytest.fixture
def name():
    """Nothing that another run asked for."""
    made = str(uuid.uuid4())
    UserFactory.create_batch(2, name=made)
    return made


def test_a_large_count_is_told_again_without_a_query(name, django_assert_num_queries):
    rows = User.objects.filter(name=name)
    assert count(rows, large=2) == 2
    UserFactory(name=name)

    with django_assert_num_queries(0):
        assert count(User.objects.filter(name=name), large=2) == 2

    assert count(User.objects.filter(name=name, email__contains="@"), large=2) == 3, "another question"
    assert count(rows, large=2, what="else") == 3, "another count"


def test_a_small_count_is_always_made(name):
    rows = User.objects.filter(name=name)
    assert count(rows, large=3) == 2
    UserFactory(name=name)

    assert count(rows, large=4) == 3


def test_what_can_have_no_rows_is_counted_without_a_key(name):
    assert count(User.objects.filter(pk__in=[]), large=0) == 0


def test_a_cache_that_does_not_answer_means_counting(name, settings):
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "unix:///nowhere/valkey.sock"}}
    rows = User.objects.filter(name=name)
    assert count(rows, large=2) == 2
    UserFactory(name=name)

    assert count(rows, large=2) == 3
