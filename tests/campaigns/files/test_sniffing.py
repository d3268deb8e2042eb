"""What letters may carry, by content; what pretends, hides or explodes is refused with a sentence."""

import zipfile

import pytest

from campaigns.files.sniffing import KINDS, safe_name, sniff
from crm.errors import Invalid
from tests.campaigns.files.making import PDF, archive, office, picture, png_that_says

ICS = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nEND:VCALENDAR\r\n"
ODT = archive(
    {"mimetype": "application/vnd.oasis.opendocument.text", "content.xml": "<o/>"}, compression=zipfile.ZIP_STORED
)


@pytest.mark.parametrize(
    ("name", "content", "ending"),
    [
        ("a.pdf", PDF, "pdf"),
        ("A.PDF", PDF, "pdf"),
        ("a.docx", office(), "docx"),
        ("a.xlsx", office("spreadsheetml.sheet.main+xml"), "xlsx"),
        ("a.pptx", office("presentationml.presentation.main+xml"), "pptx"),
        ("a.odt", ODT, "odt"),
        ("a.png", picture(), "png"),
        ("a.jpeg", picture("JPEG"), "jpg"),
        ("a.ics", ICS, "ics"),
        ("a.csv", "name;país\nAna;Perú\n".encode(), "csv"),
        ("a.txt", "\ufeffhello مرحبا".encode(), "txt"),
    ],
)
def test_what_is_taken(name, content, ending):
    assert sniff(content, name) == KINDS[ending]


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("a.pdf", b"", "is empty"),
        ("a.exe", b"MZ\x90\0" + b"\0" * 100, "of no type that letters may carry"),
        ("a.svg", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "of no type"),
        ("a.txt", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "of no type"),
        ("a.txt", b"\xef\xbb\xbf <!DOCTYPE html><script>alert(1)</script>", "of no type"),
        ("a.csv", b"\xff\xfe\0n", "of no type"),
        ("a.txt", b"a\0b", "of no type"),
        ("a.html", b"hello", "of no type"),
        ("a.zip", archive({"a.txt": "x"}), "of no type"),
        ("a.docx", archive({"a.txt": "x"}), "of no type"),
        ("a.jar", archive({"META-INF/MANIFEST.MF": "x"}), "of no type"),
        ("a.gif", b"GIF89a" + b"\0" * 40, "of no type"),
        ("report.exe", PDF, "does not say what the file is: its content is PDF"),
        ("a.docx", PDF, "its content is PDF"),
        ("a.pdf", picture(), "its content is PNG"),
        ("a.pdf", PDF + b"<script>alert(1)</script>", "goes on behind the end of its PDF"),
        ("a.pdf", b"%PDF-1.7\nhalf of it", "does not end like one"),
        ("a.pdf", PDF + archive({"evil.class": "x"}), "holds an archive behind its content"),
        ("a.png", picture() + archive({"evil.class": "x"}), "holds an archive behind its content"),
        ("a.jpg", picture("JPEG") + archive({"evil.class": "x"}), "holds an archive behind its content"),
        ("a.png", picture() + b"<?php system('id');", "goes on behind the end of its picture"),
        ("a.png", picture()[:-30] + b"\0\0\0\0IEND\xaeB`\x82", "damaged"),
        ("a.png", png_that_says(60_000, 60_000), "more than 50 million pixels"),
        ("a.docx", office(**{"word/vbaProject.bin": b"x"}), "holds macros"),
        ("a.docx", office("wordprocessingml.document.macroEnabled.main+xml"), "holds macros"),
        ("a.docx", office() + b"<script>", "damaged|behind its content"),
        ("a.docx", office()[:-40], "damaged"),
        ("a.docx", office(**{"../../etc/cron.d/x": b"x"}), "a part with an unsafe name"),
        ("a.docx", office(**{"word/media/bomb.bin": b"\0" * 30_000_000}), "would unpack to far more"),
        ("a.docx", archive({f"p{n}": "" for n in range(5_001)}), "would unpack to far more"),
        ("a.ics", b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\n", "damaged"),
    ],
)
def test_what_is_refused(name, content, sentence):
    import re

    with pytest.raises(Invalid) as refused:
        sniff(content, name)

    assert re.search(sentence, refused.value.message), refused.value.message
    assert refused.value.code in ("file_refused",)


def test_parts_that_overlap_are_refused():
    content = bytearray(office(**{"word/big.xml": "x" * 50_000}))
    at = content.rfind(b"PK\x01\x02")  # the last part's entry says that it is as long as ten files
    content[at + 20 : at + 24] = (len(content) * 10).to_bytes(4, "little")

    with pytest.raises(Invalid):
        sniff(bytes(content), "a.docx")


@pytest.mark.parametrize(
    ("name", "ending", "safe"),
    [
        ("Rapport 2026.pdf", "pdf", "Rapport 2026.pdf"),
        ("../../etc/passwd.txt", "txt", "passwd.txt"),
        ("C:\\Users\\ana\\plan.docx", "docx", "plan.docx"),
        ("invoice\u202efdp.exe.pdf", "pdf", "invoicefdp.exe.pdf"),
        ("a\r\nBcc: x@y.z.txt", "txt", "aBcc- x@y.z.txt"),
        ("....pdf", "pdf", "file.pdf"),
        ("خطة العمل.pdf", "pdf", "خطة العمل.pdf"),
        ("x" * 300 + ".pdf", "pdf", "x" * 92 + ".pdf"),
        ('a"b;c%2e.PDF', "pdf", "a-b-c-2e.pdf"),
    ],
)
def test_names_are_safe(name, ending, safe):
    assert safe_name(name, KINDS[ending]) == safe
