"""Workbooks as they come: sheets, titles above the header, dates, numbers, formulas; and what is not taken."""

import datetime as dt
import io
import zipfile

import pytest
import xlsxwriter
from django.core.files.uploadedfile import SimpleUploadedFile

from contacts.directory.models import Person
from contacts.importing import services, workbooks
from contacts.importing.reading import BadFile, read_rows
from tests.contacts.importing.steps import apply, dry_run, outcomes

pytestmark = pytest.mark.django_db
HEAD = ["Name", "E-mail", "Phone", "Organization", "Country", "Constituency", "Since"]


def book(fill, **sheets):
    place = io.BytesIO()
    made = xlsxwriter.Workbook(place, {"in_memory": True, "default_date_format": "dd/mm/yyyy"})
    fill(made)
    made.close()
    return place.getvalue()


def table(rows, name="People", first=0):
    def fill(made):
        sheet = made.add_worksheet(name)
        for number, row in enumerate(rows, start=first):
            for column, value in enumerate(row):
                sheet.write(number, column, value)

    return fill


def upload(content, actor, name="people.xlsx"):
    return services.upload_import(file=SimpleUploadedFile(name, content), actor=actor)


def rows_of(run):
    from pathlib import Path

    return [(row.line, row.cells) for row in read_rows(Path(run.file.path), run.format)]


def test_numbers_dates_and_formulas_are_read_as_people_see_them(planner, folder):
    def fill(made):
        table([["Name", "Number", "Ratio", "Since", "At", "Sum", "Yes"]])(made)
        sheet = made.worksheets()[0]
        sheet.write_row(1, 0, ["Ada\nBanda", 260211, 0.25])
        sheet.write_datetime(1, 3, dt.datetime(2025, 3, 31))
        sheet.write_datetime(1, 4, dt.datetime(2025, 3, 31, 14, 30))
        sheet.write_formula(1, 5, "=1+1", None, 2)
        sheet.write_boolean(1, 6, True)

    run = upload(book(fill), planner)

    assert rows_of(run)[1] == (
        2, ["Ada Banda", "260211", "0.25", "2025-03-31", "2025-03-31 14:30:00", "2", "yes"],
    )  # fmt: skip


def test_the_whole_way_with_lines_of_the_workbook(planner, folder):
    ada = ["Ada Banda", "ada@example.org", 260211, "Ministry", "Zambia", "GOV", dt.date(2025, 3, 31)]
    rows = [["List of contacts"], [], HEAD, ada, [], ["Bob", "no address", "", "", "", "", ""]]
    run = upload(book(table(rows)), planner)
    assert run.columns == HEAD and run.options["rows"] == 2

    run = services.save_mapping(run=run, mapping={int(i): t for i, t in run.mapping.items()}, options={})
    assert list(folder.rglob("*.book"))
    run = apply(dry_run(run, planner), planner)

    assert not list(folder.rglob("*.book")), "its other sheets are nobody's business any more"
    assert outcomes(run) == [(4, "created"), (6, "rejected")]
    membership = Person.objects.get().memberships.get()
    assert (membership.organization.name, membership.started_on) == ("Ministry", dt.date(2025, 3, 31))
    assert Person.objects.get().contact_points.get(kind="phone").value == "260211"


def test_the_fullest_sheet_is_read_and_another_can_be_chosen(planner, folder):
    def fill(made):
        table([["About this file"]], "About")(made)
        table([HEAD, ["Ada"], ["Bob"]], "People")(made)
        table([["Organization", "Country"], ["Ministry", "ZM"]], "Places")(made)
        made.add_worksheet("Empty")
        table([["Secret"]] * 9, "Hidden")(made)
        made.worksheets()[-1].hide()

    run = upload(book(fill), planner)
    assert (run.options["sheet"], run.options["sheets"]) == ("People", ["About", "People", "Places"])

    run = services.choose_sheet(run=run, sheet="Places")
    assert run.columns == ["Organization", "Country"] and run.options["rows"] == 1
    with pytest.raises(BadFile, match="no sheet called"):
        services.choose_sheet(run=run, sheet="Hidden")


def test_a_merged_header_stands_over_each_of_its_columns(planner, folder):
    def fill(made):
        sheet = made.add_worksheet()
        sheet.write(0, 0, "Name")
        sheet.merge_range(0, 1, 0, 2, "E-mail")
        sheet.write_row(1, 0, ["Ada", "a@example.org", "b@example.org"])

    assert upload(book(fill), planner).columns == ["Name", "E-mail (column 2)", "E-mail (column 3)"]


def test_a_title_that_is_merged_over_the_table_is_no_header(planner, folder):
    def fill(made):
        sheet = made.add_worksheet()
        sheet.merge_range(0, 0, 0, 2, "Contacts of 2026")
        sheet.write_row(1, 0, ["Name", "E-mail", "Town"])
        sheet.write_row(2, 0, ["Ada", "a@example.org", "Lusaka"])

    run = upload(book(fill), planner)

    assert (run.columns, run.options["rows"]) == (["Name", "E-mail", "Town"], 1)


def test_what_is_merged_over_several_people_is_said_of_each_of_them(planner, folder):
    def fill(made):
        sheet = made.add_worksheet()
        sheet.merge_range(0, 0, 1, 0, "Organization")
        sheet.merge_range(0, 1, 0, 2, "Contact")
        sheet.write_row(1, 1, ["Name", "E-mail"])
        sheet.merge_range(2, 0, 4, 0, "Ministry of Labour")
        sheet.write_row(2, 1, ["Ada", "a@example.org"])
        sheet.write_row(3, 1, ["Bob", "b@example.org"])
        sheet.write_row(5, 1, ["Eve", "e@example.org"])

    run = upload(book(fill), planner)

    assert run.columns == ["Organization", "Name", "E-mail"]
    assert rows_of(run)[1:] == [
        (3, ["Ministry of Labour", "Ada", "a@example.org"]),
        (4, ["Ministry of Labour", "Bob", "b@example.org"]),
        (6, ["", "Eve", "e@example.org"]),
    ]


def test_days_of_the_1904_system_are_the_days_that_people_see(planner, folder):
    def fill(made):
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["Name", "Since"])
        sheet.write(1, 0, "Ada")
        sheet.write_datetime(1, 1, dt.datetime(2025, 3, 31))

    place = io.BytesIO()
    made = xlsxwriter.Workbook(place, {"in_memory": True, "default_date_format": "dd/mm/yyyy", "date_1904": True})
    fill(made)
    made.close()

    assert rows_of(upload(place.getvalue(), planner))[1] == (2, ["Ada", "2025-03-31"])


def test_a_formula_without_a_result_is_an_empty_cell_and_never_computed(planner, folder):
    def fill(made):
        sheet = made.add_worksheet()
        sheet.write_row(0, 0, ["Name", "E-mail", "Note"])
        sheet.write(1, 0, "Ada")
        sheet.write_formula(1, 1, '=HYPERLINK("https://evil.test","x")', None, "")
        sheet.write_formula(1, 2, "=1/0", None, "#DIV/0!")

    [_header, (line, cells)] = rows_of(upload(book(fill), planner))

    assert (line, cells[:2]) == (2, ["Ada", ""]) and "evil" not in "".join(cells)


def test_a_table_that_begins_in_the_middle_of_the_sheet_is_found(planner, folder):
    def fill(made):
        sheet = made.add_worksheet()
        sheet.write_row(3, 2, ["Name", "E-mail"])
        sheet.write_row(5, 2, ["Ada", "a@example.org"])

    assert rows_of(upload(book(fill), planner)) == [
        (4, ["", "", "Name", "E-mail"]),
        (6, ["", "", "Ada", "a@example.org"]),
    ]


def archive(**parts):
    place = io.BytesIO()
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in parts.items():
            made.writestr(name.replace("__", "/"), content)
    return place.getvalue()


GOOD = book(table([["Name"], ["Ada"]]))
BIG_CELL = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData><row r="1"><c r="A1" t="inlineStr"><is><t>Name</t></is></c></row><row r="2"><c r="A2" t="inlineStr"><is><t>%s</t></is></c></row></sheetData></worksheet>'


def with_part(content, **parts):
    place = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            if name.replace("/", "__").replace(".", "_") not in parts:
                new.writestr(name, old.read(name))
        for name, part in parts.items():
            new.writestr(name.replace("__", "/").replace("_xml", ".xml").replace("_bin", ".bin"), part)
    return place.getvalue()


def random_text(size):
    import random

    return "".join(random.Random(1).choices("abcdefghijklmnopqrstuvwxyz ", k=size)).encode()  # noqa: S311


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PK\x03\x04 and no more", "damaged"),
        (GOOD[: len(GOOD) // 2], "damaged"),
        (archive(readme="hello"), "ZIP archive and not a workbook"),
        (with_part(GOOD, xl__worksheets__sheet1_xml=b"<broken"), "cannot be read"),
        (with_part(GOOD, xl__worksheets__bomb_xml=b"\0" * 50_000_000), "50 MB|51 MB"),
        (with_part(GOOD, xl__vbaProject_bin=b"macro"), "macros"),
        (with_part(GOOD, xl__worksheets__sheet1_xml=BIG_CELL % random_text(10_000_000)), "64 KB"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old Excel workbook"),
        (book(lambda made: made.add_worksheet()), "no sheet with anything in it"),
        (book(table([HEAD])), "no rows below it"),
        (book(table([["x"] * 300, ["y"] * 300])), "300 columns"),
    ],
    ids=["no-zip", "cut", "archive", "broken-part", "bomb", "macros", "big-cell", "password", "old", "empty", "header-only", "wide"],
)  # fmt: skip
def test_a_hostile_workbook_is_refused_with_a_sentence(planner, folder, content, words):
    with pytest.raises(BadFile, match=words):
        upload(content, planner)

    assert [path for path in folder.rglob("imports/*")] == []


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
CORNERS = b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>2</v></c></row>'
STRINGS = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>Name</t></si><si><t>%s</t></si></sst>'
SHARED = b'<row r="1"><c r="A1" t="s"><v>0</v></c></row>' + b"".join(
    b'<row r="%d"><c r="A%d" t="s"><v>1</v></c></row>' % (row, row) for row in range(2, 60_000)
)


@pytest.mark.parametrize(
    "content",
    [
        with_part(GOOD, xl__worksheets__sheet1_xml=SHEET % CORNERS),
        with_part(
            GOOD,
            xl__worksheets__sheet1_xml=SHEET % SHARED,
            xl__sharedStrings_xml=STRINGS % random_text(60_000),
        ),
    ],
    ids=["cells-at-both-corners", "one-long-text-in-all-cells"],
)
def test_a_few_kilobytes_that_ask_for_all_memory_are_refused_and_end_nobody(planner, folder, content):
    assert len(content) < 1_000_000

    with pytest.raises(BadFile, match="more memory or time"):
        upload(content, planner)

    assert [path for path in folder.rglob("imports/*")] == []
    assert upload(GOOD, planner).options["rows"] == 1


def test_what_unpacks_to_too_much_is_not_opened(planner, folder, settings):
    settings.IMPORT_MAX_UNPACKED_BYTES = 1000
    with pytest.raises(BadFile, match="It was not opened"):
        upload(GOOD, planner)


def test_discarding_removes_the_workbook_too(planner, folder, django_capture_on_commit_callbacks):
    run = upload(GOOD, planner)
    with django_capture_on_commit_callbacks(execute=True):
        services.discard_import(run=run, actor=planner)

    assert [path for path in folder.rglob("imports/*")] == []


def test_header_is_found_below_titles():
    assert (
        workbooks._header_row(iter([["Contacts 2026", "", ""], ["", "", ""], ["Name", "Mail", "Town"], ["x", "", ""]]))
        == 2
    )
