"""Tables: order, cells, selection, and files in which no formula runs."""

import csv
import datetime as dt
import io
from types import SimpleNamespace

import pytest
from django.http import QueryDict
from django.test import RequestFactory
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from crm.accounts.models import User
from crm.audit.models import AuditEntry
from crm.errors import Invalid, NotAllowed
from crm.ui.filters import FilterBar, Search
from crm.ui.tables import Column, Table, csv_lines, neutral, selected
from tests.factories import UserFactory


class Colleagues(Table):
    columns = [
        Column("name", "Name", sort=["name"]),
        Column("email", "E-mail", sort=["email"], export=lambda user: f"={user.email}"),
        Column("actions", "", export=None),
    ]
    default_sort = "name"
    file_name = "Colleagues"


class Filters(FilterBar):
    search = Search("Find", lambda users, text: users.filter(name__icontains=text))


def request_for(user, **query):
    request = RequestFactory().get("/list/", query)
    request.user = user
    return request


def posted(user, **data):
    request = RequestFactory().post("/list/")
    request.user = user
    request.POST = QueryDict(mutable=True)
    for name, values in data.items():
        request.POST.setlist(name, values)
    return request


@pytest.fixture
def people(db):
    return [UserFactory(name=name, email=f"{name}@example.org") for name in ("bea", "ana", "cid")]


@pytest.mark.parametrize(
    ("sort", "names"),
    [("", ["ana", "bea", "cid"]), ("-name", ["cid", "bea", "ana"]), ("nonsense; drop", ["ana", "bea", "cid"])],
)
def test_order_is_one_of_the_declared_ones(people, sort, names):
    table = Colleagues(request_for(people[0], sort=sort), User.objects.all())

    assert [row.name for row in table.rows] == names


def test_head_links_turn_the_order_around(people):
    name, email, actions = Colleagues(request_for(people[0], q="x"), User.objects.all()).head

    assert (name.aria_sort, name.sort_url) == ("ascending", "/list/?q=x&sort=-name")
    assert (email.aria_sort, email.sort_url) == ("", "/list/?q=x&sort=email")
    assert actions.sort_url == ""


def test_csv_has_every_row_in_order_and_is_logged(people):
    table = Colleagues(request_for(people[0], export="csv"), User.objects.all(), may_export=True)
    table.page_size = 1

    response = table.csv_response()
    text = b"".join(response).decode()

    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff")))) == [
        ["Name", "E-mail"],
        ["ana", "'=ana@example.org"],
        ["bea", "'=bea@example.org"],
        ["cid", "'=cid@example.org"],
    ]
    assert response["Content-Disposition"].startswith('attachment; filename="colleagues-2')
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor, entry.object_type) == ("list.exported", people[0], "user")


def test_csv_is_in_the_zone_of_its_reader_even_when_written_later(people):
    class Times(Table):
        columns = [Column("since", "Since", value=lambda user: dt.datetime(2026, 11, 22, 22, 30, tzinfo=dt.UTC))]

    with timezone.override("Africa/Lusaka"):
        response = Times(request_for(people[0]), User.objects.all(), may_export=True).csv_response()

    assert b"2026-11-23 00:30:00+02:00" in b"".join(response)


def test_csv_without_permission_is_refused_and_not_logged(people):
    table = Colleagues(request_for(people[0], export="csv"), User.objects.all())

    assert table.csv_url == ""
    with pytest.raises(NotAllowed):
        table.csv_response()
    assert not AuditEntry.objects.exists()


@given(st.text(max_size=20))
def test_no_cell_begins_like_a_formula_and_the_text_survives(text):
    cell = neutral(text)

    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert cell in (text, f"'{text}")


@given(st.lists(st.lists(st.text(max_size=8), min_size=2, max_size=2), max_size=5))
def test_csv_reads_back_as_the_same_cells(rows):
    text = "".join(csv_lines(["a", "b"], rows)).removeprefix("\ufeff")

    assert list(csv.reader(io.StringIO(text, newline=""))) == [["a", "b"], *([neutral(v) for v in row] for row in rows)]


@pytest.mark.parametrize(("value", "cell"), [(-3, "-3"), (2.5, "2.5"), (None, ""), (["a", "b"], "a; b"), ("-3", "'-3")])
def test_numbers_are_no_formulas(value, cell):
    assert neutral(value) == cell


def test_selection_is_what_was_picked_among_the_allowed(people):
    ana, bea, cid = sorted(people, key=lambda user: user.name)
    allowed = User.objects.exclude(pk=cid.pk)

    found = selected(posted(ana, pick=[str(bea.uid), str(cid.uid)]), allowed)

    assert list(found) == [bea]


def test_selection_of_all_follows_the_filters_it_was_made_from(people):
    found = selected(posted(people[0], all=["1"], _q=["b"], pick=[]), User.objects.all(), filters=Filters)

    assert [user.name for user in found] == ["bea"]


@pytest.mark.parametrize("picked", [[], ["not a uid"]])
def test_selection_that_names_nothing_is_refused_in_words(people, picked):
    with pytest.raises(Invalid) as refusal:
        list(selected(posted(people[0], pick=picked), User.objects.all()))

    assert refusal.value.message.endswith(".")


def test_cells_follow_a_path_over_nothing():
    column = Column("country", "Country", value="country.name")

    assert column.cell(SimpleNamespace(country=None)) is None
    assert column.cell(SimpleNamespace(country=SimpleNamespace(name="Chad"))) == "Chad"
