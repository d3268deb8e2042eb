"""How a file is read and what its header means next time, over the API."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.importing.models import ImportMapping, ImportRun
from tests.contacts.importing.test_workbooks import book, table
from tests.factories import ConstituencyFactory, GrantFactory, UserFactory

FILE = "Who;Where to write\nAmina;amina@people.test\nBéa;bea@people.test\n"


def take(client, content: bytes | str = FILE, name: str = "people.csv"):  # type: ignore[no-untyped-def]
    """(path, answer) of an upload."""
    content = content.encode() if isinstance(content, str) else content
    made = client.client.post("/api/v1/imports", {"file": SimpleUploadedFile(name, content)}).json()
    return f"/imports/{made['uid']}", made


@pytest.fixture
def colleague(db: None):  # type: ignore[no-untyped-def]
    user = UserFactory()
    GrantFactory(user=user, role="planner")
    return user


# --- how it is read -------------------------------------------------------------------------------------------------
def test_header_and_separator_are_said_and_columns_proposed_anew(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    path, made = take(client)
    assert (made["columns"], made["delimiter"], made["first_line"]) == (["Who", "Where to write"], ";", 1)

    without = client.patch(path, {"has_header": False}).json()
    comma = client.patch(path, {"has_header": True, "delimiter": ","}).json()
    western = client.patch(path, {"delimiter": ";", "encoding": "cp1252"}).json()

    assert without["has_header"] is False and "Who" not in without["columns"]
    assert (comma["has_header"], comma["columns"]) == (True, ["Who;Where to write"])
    assert (western["encoding"], western["columns"], western["state"]) == (
        "cp1252",
        ["Who", "Where to write"],
        "uploaded",
    )


def test_another_sheet_is_read(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    def fill(made):  # type: ignore[no-untyped-def]
        table([["Name"], ["Ada"], ["Bob"]], name="People")(made)
        table([["Title"], ["E-mail"], ["c@people.test"]], name="Others")(made)

    client = api(planner)
    path, made = take(client, book(fill), "people.xlsx")
    assert (made["sheet"], made["sheets"], made["columns"]) == ("People", ["People", "Others"], ["Name"])

    other = client.patch(path, {"sheet": "Others", "has_header": False}).json()
    lost = client.patch(path, {"sheet": "Lost"}, status=422).json()
    wrong = client.patch(path, {"encoding": "utf-8"}, status=422).json()

    assert (other["sheet"], other["has_header"]) == ("Others", False)
    assert lost["code"] == "bad_file" and list(wrong["fields"]) == ["encoding"]
    assert client.get(path).json()["sheet"] == "Others"


def test_reading_and_meaning_are_two_steps(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    path, made = take(client)

    both = client.patch(path, {"has_header": False, "mapping": {"0": "name"}}, status=422).json()
    neither = client.patch(path, {"language": "fr"}, status=422).json()

    assert (list(both["fields"]), list(neither["fields"])) == (["mapping"], ["mapping"])
    assert client.get(path).json() == made


def test_what_is_under_way_or_gone_is_not_read_again(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    path, _made = take(client)
    ImportRun.objects.update(state="applied")
    assert client.patch(path, {"has_header": False}, status=409).json()["code"] == "wrong_state"
    client.delete(path)

    assert client.patch(path, {"has_header": False}, status=409).json()["code"] == "wrong_state"
    assert client.patch(path, {"sheet": "People"}, status=409).json()["code"] == "wrong_state"


# --- what is remembered ---------------------------------------------------------------------------------------------
def test_mapping_is_remembered_when_asked_for(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    ConstituencyFactory(code="EMP")
    client = api(planner)
    mapping = {"0": "organization", "1": "email"}
    path, _made = take(client)
    client.patch(path, {"mapping": mapping})
    assert client.get("/import-mappings").json()["data"] == []

    client.patch(path, {"mapping": mapping, "language": "fr", "constituency": "EMP", "remember": True})
    (kept,) = client.get("/import-mappings").json()["data"]
    _path, again = take(client, "WHO,where to  write\nA,a@people.test\n")

    assert (kept["columns"], kept["mapping"]) == (["Who", "Where to write"], mapping)
    assert kept["defaults"] == {"country": "", "constituency": "EMP", "language": "fr", "overwrite": False}
    assert (kept["owner"], kept["is_shared"]) == (str(planner.uid), False)
    assert (again["mapping"], again["remembered"]) == (mapping, kept["uid"])


def test_what_cannot_be_remembered_is_said(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    path, _made = take(client)

    shared = client.patch(path, {"mapping": {"0": "name"}, "is_shared": True}, status=422).json()
    client.patch(path, {"has_header": False})
    headless = client.patch(path, {"mapping": {"0": "name"}, "remember": True}, status=422).json()

    assert list(shared["fields"]) == ["is_shared"]
    assert (headless["code"], list(headless["fields"])) == ("no_header", ["remember"])
    assert client.get(path).json()["state"] == "uploaded" and not ImportMapping.objects.exists()


def test_memory_is_ones_own_until_it_is_shared(api, planner, colleague, folder) -> None:  # type: ignore[no-untyped-def]
    client, other = api(planner), api(colleague)
    client.patch(take(client)[0], {"mapping": {"0": "organization"}, "remember": True})
    path = f"/import-mappings/{ImportMapping.objects.get().uid}"
    other.get(path, status=404)
    assert other.get("/import-mappings").json()["data"] == []

    etag = client.get(path).headers["ETag"]
    assert client.patch(path, {"is_shared": True}, If_Match=etag).json()["is_shared"] is True
    client.patch(path, {"is_shared": False}, If_Match=etag, status=412)

    assert take(other)[1]["mapping"] == {"0": "organization"}
    assert other.get(path).json()["owner"] == str(planner.uid)
    assert other.get("/import-mappings?mine=true").json()["data"] == []
    assert len(other.get("/import-mappings?mine=false").json()["data"]) == 1
    other.patch(path, {"is_shared": False}, status=403)
    other.delete(path, status=403)
    client.patch(path, {"is_shared": False})
    other.get(path, status=404)


def test_memory_is_forgotten_and_columns_are_proposed_from_their_names_again(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    client.patch(take(client)[0], {"mapping": {"0": "organization", "1": "email"}, "remember": True})
    path, made = take(client)

    client.delete(f"/import-mappings/{made['remembered']}")
    kept = client.get(path).json()
    fresh = client.patch(path, {"has_header": True}).json()

    assert kept["mapping"]["0"] == "organization"
    assert (fresh["mapping"], fresh["remembered"]) == ({"1": "email"}, None)
    client.get(f"/import-mappings/{made['remembered']}", status=404)


def test_who_may_not_import_has_no_memories(api, editor, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client = api(planner)
    client.patch(take(client)[0], {"mapping": {"0": "name"}, "remember": True, "is_shared": True})

    assert api(editor).get("/import-mappings", status=403).json()["code"]


def test_list_costs_as_many_queries_for_three_as_for_one(api, planner, folder) -> None:  # type: ignore[no-untyped-def]
    client, counted = api(planner), []
    constituency = ConstituencyFactory()

    def keep(number: int) -> None:
        ImportMapping.objects.create(
            owner=planner, signature=str(number), columns=["A"], options={"constituency": constituency.pk}
        )

    client.get("/import-mappings")
    for numbers in ((1,), (2, 3)):
        for number in numbers:
            keep(number)
        with CaptureQueriesContext(connection) as queries:
            client.get("/import-mappings")
        counted.append(len(queries))

    assert counted[0] == counted[1]
