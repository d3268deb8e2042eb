"""Files as they come: encodings, separators, and everything that is broken, with the line."""

import csv
import io

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from contacts.importing.reading import CELL_LIMIT, BadFile, Format, almost_utf8, begins_at, check, detect, read_rows
from contacts.importing.targets import columns_of, propose

TEXT = "Nom;E-mail;Institution\nÉlodie Ngoñi;e@example.org;Ministère du Travail\nZoë;z@example.org;Café\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "file.csv"


def cells(path, how=None):
    return [row.cells for row in read_rows(path, how or detect(path))]


@pytest.mark.parametrize(
    ("encoding", "found"),
    [
        ("utf-8", "utf-8"),
        ("utf-8-sig", "utf-8"),
        ("utf-16", "utf-16"),
        ("utf-16-le", "utf-16-le"),
        ("utf-16-be", "utf-16-be"),
        ("utf-32", "utf-32"),
        ("latin-1", "cp1252"),
        ("cp1252", "cp1252"),
    ],
)
def test_encoding_is_detected(path, encoding, found):
    path.write_bytes(TEXT.encode(encoding))

    how = detect(path)

    assert (how.encoding, how.delimiter, how.has_header) == (found, ";", True)
    assert cells(path)[0] == ["Nom", "E-mail", "Institution"]
    assert cells(path)[1] == ["Élodie Ngoñi", "e@example.org", "Ministère du Travail"]


def test_latin1_bytes_that_windows_does_not_have_are_read(path):
    path.write_bytes("Name,Town\nAda,\x81\xe9\n".encode("latin-1"))

    assert detect(path).encoding == "latin-1"


def test_arabic_windows_text_is_detected(path):
    text = "الاسم,البريد\n" + "وزارة العمل والضمان الاجتماعي,info@example.org\n" * 20
    path.write_bytes(text.encode("cp1256"))

    assert cells(path)[1][0] == "وزارة العمل والضمان الاجتماعي"


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_separator_and_line_ends_are_detected(path, delimiter, end):
    path.write_bytes(end.join(delimiter.join(row) for row in (["Name", "Note"], ["Ada", "x"], ["Eve", "y"])).encode())

    assert detect(path).delimiter == delimiter
    assert cells(path) == [["Name", "Note"], ["Ada", "x"], ["Eve", "y"]]


def test_a_comma_in_text_does_not_beat_the_separator(path):
    path.write_text("Name;Post\nBanda, Ada;Minister, acting\nPhiri, Bob;Adviser\n")

    assert detect(path).delimiter == ";"


def test_excels_own_separator_line_is_understood(path):
    path.write_text("sep=|\nName|E-mail\nAda|a@example.org\n")

    how = detect(path)

    assert (how.delimiter, how.has_header) == ("|", True)
    assert [row.line for row in read_rows(path, how)] == [2, 3]


@pytest.mark.parametrize("above", ["Contacts of 2026;;\n", "sep=;\nContacts\nas of March;\n\n", "\n\nContacts;;\n"])
def test_titles_above_the_header_are_passed_over_and_lines_stay_those_of_the_file(path, above):
    path.write_text(above + "Name;E-mail;Town\nAda;a@example.org;Lusaka\n")
    first = above.count("\n") + 1

    how = detect(path)

    assert (how.begins, how.has_header, how.delimiter) == (first, True, ";")
    assert [row.line for row in read_rows(path, how)] == [first, first + 1]
    assert check(path, how) == 1
    assert begins_at(path, Format("utf-8", ";", has_header=False)) == 1, "who says that it has none gets every row"


@pytest.mark.parametrize(
    "text",
    [
        "Ada;;\nBob;b@example.org;Lusaka\nEve;e@example.org;Lusaka\n",
        "Name;Town\nAda;\nBob;Lusaka\n",
        "Name\nAda\n",
        "Name;;\nAda;x;\n",
    ],
)
def test_a_first_row_with_little_in_it_is_no_title(path, text):
    path.write_text(text)

    assert detect(path).begins == 1


def test_a_file_without_a_header_is_noticed(path):
    path.write_text("Ada Banda,a@example.org\nBob Phiri,b@example.org\n")

    assert detect(path).has_header is False
    assert check(path, detect(path)) == 2


def test_lines_are_counted_over_cells_of_several_lines(path):
    path.write_text('Name,Note\nAda,"one\ntwo\nthree"\n\nEve,x\n')

    assert [(row.line, row.cells[0]) for row in read_rows(path, detect(path))] == [(1, "Name"), (2, "Ada"), (6, "Eve")]


def refusal(path, how=None):
    with pytest.raises(BadFile) as refused:
        check(path, how or detect(path))
    return refused.value


def test_an_unclosed_quotation_mark_is_refused_with_its_line(path):
    path.write_text("Name,Note\n" + "Ada,x\n" * 7 + 'Eve,"open\n' + "Bob,y\n" * 50)

    error = refusal(path)

    assert error.line == 9
    assert "line 9 is never closed" in error.message


def test_a_stray_quotation_mark_is_refused_with_its_line(path):
    path.write_text('Name,Note\nAda,x\nEve,"a "quoted" word"\nBob,y\n')

    assert refusal(path).line == 3


def test_a_nul_is_refused_with_its_line(path):
    path.write_bytes(b"Name,Note\nAda,x\nE\0ve,y\n")

    error = refusal(path)

    assert error.line == 3 and "NUL" in error.message


def test_a_cell_of_ten_megabytes_is_refused_with_its_line(path):
    path.write_bytes(b"Name,Note\nAda,x\nEve," + b"a" * 10_000_000 + b"\n")
    plain = refusal(path)
    path.write_bytes(b'Name,Note\nAda,x\nEve,"' + b"a b\n" * 2_500_000 + b'"\n')
    quoted = refusal(path)
    path.write_bytes(b"Name,Note\nAda,x\nEve," + b"a" * (CELL_LIMIT + 1) + b"\n")
    just = refusal(path)

    assert [error.line for error in (plain, quoted, just)] == [3, 3, 3]
    assert "64 KB" in just.message


def test_bytes_of_another_encoding_are_refused_with_their_line(path):
    path.write_bytes(b"Name,Note\n" + b"Ada,x\n" * 40_000 + b"E\xe9e,y\n" + b"Bob,x\n" * 10)

    assert detect(path).encoding == "cp1252"
    assert refusal(path, Format("utf-8", ",")).line == 40_002


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ("Name\nZoé\nCôte\n".encode() + b"Zo\xe9\n", (4, 1)),
        ("Name\nZoé\n".encode() + b"Ada\nZ\x80o\n" + "Côte\nçà\n".encode() + b"\xff\n", (4, 2)),
        ("Name\nZoé\n".encode() + b"Ada\x81\n", (3, 1)),  # Latin-1
        (b"Name\nZo\xe9\nC\xf4te\n", None),
        (b"Name\nAda\nZo\xe9\n", None),
        ("Name\nZoé\n".encode(), None),
    ],
)
def test_utf8_with_some_broken_bytes_is_told_with_its_line(path, content, found):
    path.write_bytes(content)

    assert almost_utf8(path, detect(path)) == found


def test_a_text_cut_in_the_middle_of_a_letter_is_refused(path):
    path.write_bytes("Name\nAda\nZoé".encode()[:-1])

    assert refusal(path, Format("utf-8", ",")).line == 3


def test_too_many_columns_are_refused(path):
    path.write_text("a,b\n1," + "," * 300 + "\n")
    assert refusal(path).line == 2

    path.write_text(",".join(f"c{number}" for number in range(10_000)) + "\n" + "," * 9_999 + "\n")
    assert (refusal(path).line, "10000 cells" in refusal(path).message) == (1, True)


def test_a_row_that_runs_over_very_many_lines_is_refused_with_its_line(path):
    """Each cell is short, so that only the row as a whole is too much."""
    path.write_text('Name,Note\nAda,"x' + '\n","x' * 1_000_000 + '"\n')

    assert "Is a quotation mark missing" in refusal(path).message


@pytest.mark.parametrize("mark", ['sep="', "sep=\r", "sep="])
def test_a_separator_line_that_names_none_is_a_row_like_others(path, mark):
    path.write_bytes(f"{mark}\r\nName,Town\r\nAda,Lusaka\r\n".encode())

    assert (detect(path).delimiter, detect(path).separator_line) == (",", False)


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n"])
def test_separator_line_with_each_line_end_has_a_header_below_it(path, end):
    path.write_bytes(end.join(["sep=;", "Name;Town", "Ada;Lusaka", ""]).encode())

    assert (detect(path).has_header, cells(path)) == (True, [["Name", "Town"], ["Ada", "Lusaka"]])


def test_mixed_line_ends_and_line_ends_of_other_kinds_within_cells(path):
    path.write_bytes("Name;Note\r\nAda;one\u2028two\nBob;x\x0by\rEve;z\x85\r\r\nZoe;1\n".encode())

    assert detect(path) == Format("utf-8", ";", has_header=True)
    assert [row.cells[0] for row in read_rows(path, detect(path))] == ["Name", "Ada", "Bob", "Eve", "Zoe"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\xef\xbb\xbf", "empty"),
        (b" \r\n\r\n", "empty"),
        (b"Name,E-mail\n", "no rows below"),
        (b"PK\x03\x04\x14\x00\x06\x00", "Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1", "old Excel workbook"),
        (b"%PDF-1.7\n", "PDF"),
        (b"\x1f\x8b\x08\x00", "compressed"),
        (b"\x89PNG\r\n\x1a\n", "image"),
        (bytes(range(256)) * 40, "NUL"),
    ],
)
def test_what_is_no_table_is_refused_with_a_sentence(path, content, words):
    path.write_bytes(content)

    assert words in refusal_of_all(path)


def refusal_of_all(path):
    with pytest.raises(BadFile) as refused:
        check(path, detect(path))
    return refused.value.message


# Any table that csv writes reads back as it was, but for rows that are blank, in each dialect and encoding.
_cell = st.text(st.characters(exclude_characters="\0\ufeff", exclude_categories=["Cs"]), max_size=12)
_tables = st.lists(st.lists(_cell, min_size=2, max_size=5), min_size=1, max_size=8)


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    table=_tables,
    delimiter=st.sampled_from([",", ";", "\t", "|"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-32"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL]),
    end=st.sampled_from(["\n", "\r\n"]),
)
def test_what_csv_writes_reads_back(path, table, delimiter, encoding, quoting, end):
    # csv leaves a lone carriage return unquoted when lines end otherwise: such a file says nothing definite
    assume(quoting == csv.QUOTE_ALL or end == "\r\n" or "\r" not in "".join(map("".join, table)))
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end).writerows(table)
    path.write_bytes(out.getvalue().encode(encoding))

    how = Format(encoding.removesuffix("-sig"), delimiter, has_header=False)

    assert cells(path, how) == [row for row in table if any(cell.strip() for cell in row)]


# --- what columns mean ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("header", "target"),
    [
        ("E-mail", "email"),
        ("Courriel", "email"),
        ("Correo electrónico", "email"),
        ("Full_Name", "name"),
        ("Prénom", "given_name"),
        ("APELLIDOS", "family_name"),
        ("Organisation", "organization"),
        ("Pays", "country"),
        ("Cargo", "post"),
        ("Since", "started_on"),
        ("Favourite colour", ""),
    ],
)
def test_header_proposes_a_target(header, target):
    assert propose(header, ["something"]) == target


def test_values_propose_a_target_where_the_header_does_not():
    assert propose("", ["a@example.org", "b@example.org"]) == "email"
    assert propose("Site", ["https://example.org"]) == "website"
    assert propose("Number", ["+260 211 123456"]) == "phone"
    assert propose("Number", ["12", "13"]) == ""


def test_duplicate_headers_are_told_apart_and_not_proposed():
    columns = columns_of(["Name", "E-mail", "e-mail"], [["Ada", "a@example.org", "b@example.org"]], has_header=True)

    assert [column.label for column in columns] == ["Name", "E-mail (column 2)", "e-mail (column 3)"]
    assert [column.proposed for column in columns] == ["name", "", ""]
    assert [column.samples for column in columns] == [["Ada"], ["a@example.org"], ["b@example.org"]]


def test_nom_is_the_family_name_only_beside_a_given_name():
    alone = columns_of(["Nom", "Courriel"], [], has_header=True)
    beside = columns_of(["Nom", "Prénom"], [], has_header=True)

    assert [column.proposed for column in alone] == ["name", "email"]
    assert [column.proposed for column in beside] == ["family_name", "given_name"]
