import json
import random
from functools import cache

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaigns.outreach.mail.classify import classify
from campaigns.outreach.mail.parts import parse
from campaigns.outreach.mail.severity import is_hard
from tests.campaigns.outreach.mail.corpus import CORPUS, LETTERS, RAW

KINDS = {"hard", "soft", "complaint", "auto_reply", "reply", "none"}
NOTICE = b"From: MAILER-DAEMON@mx.example.org\nSubject: failure notice\n"


def verdict(raw: bytes, **kwargs: str | None) -> tuple[str, list[str]]:
    found = classify(raw, **kwargs).as_json()
    return found["kind"], found["recipients"]  # type: ignore[return-value]


def has_exact_shape(raw: bytes, **kwargs: str | None) -> bool:
    found = classify(raw, **kwargs).as_json()
    text = json.loads(json.dumps(found))
    assert list(text) == ["kind", "recipients"]
    assert text["kind"] in KINDS
    assert all(isinstance(one, str) and "@" in one and one == one.lower() for one in text["recipients"])
    assert len(set(text["recipients"])) == len(text["recipients"])
    assert text["kind"] in {"hard", "soft", "complaint"} or text["recipients"] == []
    return True


def test_every_letter_of_the_corpus_has_its_line() -> None:
    assert sorted(RAW) == sorted(path.stem for path in LETTERS.glob("*.eml"))
    assert {kind for _name, kind, _recipients in CORPUS} == KINDS


@pytest.mark.parametrize(("name", "kind", "recipients"), CORPUS, ids=[name for name, _kind, _recipients in CORPUS])
def test_letter_of_the_corpus(name: str, kind: str, recipients: list[str]) -> None:
    assert verdict(RAW[name]) == (kind, recipients)


@pytest.mark.parametrize("end", [b"\r\n", b"\r", b"\r\r\n"])
def test_line_ends_do_not_matter(end: bytes) -> None:
    for name, kind, recipients in CORPUS:
        assert verdict(RAW[name].replace(b"\n", end)) == (kind, recipients), name


def test_what_was_received_on_the_way_does_not_matter() -> None:
    way = b"Received: from a by b; Tue, 3 Nov 2026 09:00:00 +0000\nX-Spam-Status: No, score=-1\nDKIM-Signature: v=1; a=rsa;\n b=x\n"
    for name, kind, recipients in CORPUS:
        if name != "mbox-line-and-crlf":
            assert verdict(way + RAW[name]) == (kind, recipients), name


@pytest.mark.parametrize(
    ("raw", "kind"),
    [
        (b"", "none"),
        (b"\n\n", "none"),
        (b"hello", "none"),
        (b"\xff\xfe\x00\x01" * 1000, "none"),
        (b"\x89PNG\r\n\x1a\n" + bytes(5000), "none"),
        (b"Subject: x", "none"),
        (b"Content-Type: multipart/mixed\n\n", "none"),
        (
            b"From: \xff\xfe\nSubject: =?utf-8?b?!!!?= =?nope?q?=ZZ?=\nContent-Type: text/plain; charset=punycode\n\n\xff",
            "none",
        ),
    ],
)
def test_what_is_no_message_is_none(raw: bytes, kind: str) -> None:
    assert verdict(raw) == (kind, [])


def test_sender_of_the_envelope_decides_where_it_is_given() -> None:
    letter = b"From: Awa <awa@ministry.example.sn>\nIn-Reply-To: <1@x.org>\nSubject: Re: Coverage\n\nI am travelling.\n"

    assert verdict(letter) == ("reply", [])
    assert verdict(letter, sender="awa@ministry.example.sn") == ("reply", [])
    assert verdict(letter, sender="") == ("auto_reply", [])
    assert verdict(letter, sender="<>") == ("auto_reply", [])
    assert verdict(b"Return-Path: <>\n" + letter) == ("auto_reply", [])


@pytest.mark.parametrize(
    ("said", "hard"),
    [
        ("550 5.1.1 unknown user", True),
        ("550 no", True),
        ("550 5.4.1 Recipient address rejected: Access denied", True),
        ("554 5.7.1 <a@b.org>: Recipient address rejected: Access denied", False),
        ("550 5.7.1 <a@b.org>: Recipient address rejected: user unknown", True),
        ("550 5.1.1 sender verify failed", False),
        ("550 Requested action not taken: mailbox unavailable", True),
        ("450 4.2.0 mailbox unavailable", False),
        ("550 5.2.1 This account is disabled", True),
        ("550 5.0.0 Message rejected as spam", False),
        ("552 5.2.2 over quota", False),
        ("550 5.1.1 user unknown, or mailbox is full", False),
        ("553 sorry, that domain isn't in my list of allowed rcpthosts", True),
        ("550 5.4.6 mail loop", False),
        ("550 5.4.310 DNS domain does not exist", True),
        ("550-5.7.26 This mail has been blocked because the sender is unauthenticated", False),
        ("550 5.7.1 Unable to relay", False),
        ("421 4.7.0 try again later", False),
        ("554 5.4.7 message expired", False),
        ("host mx.example.org[192.0.2.55]: no route to host", False),
        ("Host or domain name not found", True),
    ],
)
def test_hard_is_what_is_said_of_the_address(said: str, hard: bool) -> None:
    assert is_hard(words=said) is hard


AWAY = [
    "Out of office",
    "Out of Office: Re: Coverage",
    "Out-of-office reply",
    "OOO",
    "OOO until 9 Nov",
    "[Auto-Reply] Coverage",
    "[Out of office] Coverage",
    "AUTO: Jane Doe is out of the office",
    "Auto: Coverage",
    "Autoreply: x",
    "Auto-reply: x",
    "Automatic reply: Coverage",
    "Automated response: Coverage",
    "Auto Response",
    "I'm out of the office",
    "I’m away until Monday",
    "I am on leave",
    "On leave until Monday",
    "On annual leave",
    "On vacation",
    "On maternity leave",
    "Annual leave",
    "Away from the office",
    "Away until 9 November",
    "Currently out of the office",
    "Jane Doe is on leave",
    "Jane is currently away from her desk",
    "Vacation",
    "Vacation reply",
    "Not in the office",
    "Thank you for your email",
    "Thank you for contacting the Ministry",
    "Réponse automatique : Couverture",
    "Réponse automatique d'absence du bureau",
    "Reponse automatique",
    "Absence",
    "Absent du bureau",
    "Absente du 1 au 9 novembre",
    "Je suis absent",
    "Je suis actuellement absente",
    "Message d'absence",
    "Notification d'absence",
    "En congé",
    "En congés jusqu'au 9 novembre",
    "En mission",
    "Hors du bureau",
    "Accusé de réception",
    "Respuesta automática: Cobertura",
    "Respuesta automatica",
    "Fuera de la oficina",
    "Fuera de oficina",
    "Estoy fuera de la oficina",
    "Ausente",
    "Ausencia temporal",
    "De vacaciones",
    "Mensaje automático",
    "رد تلقائي: التغطية",
    "الرد التلقائي",
    "رد آلي",
    "رسالة تلقائية",
    "خارج المكتب",
    "أنا خارج المكتب",
    "في إجازة",
    "إجازة سنوية",
    "Abwesenheitsnotiz",
    "Automatische Antwort: Coverage",
    "Resposta automática: x",
    "Risposta automatica: x",
    "Fuori sede",
    "Automatisch antwoord: x",
    "Автоответ: x",
    "自动回复: x",
    "Please confirm your message",
]
ABOUT_IT = [
    "Re: Out of office hours",
    "RE: Automatic reply: x",
    "Coverage for all",
    "Away with poverty: a proposal",
    "On leave policies for informal workers",
    "Vacation pay and social security",
    "Question about absence benefits",
    "Absence benefits: a question",
    "Automatic enrolment: our experience",
    "Autonomous workers",
    "Vacaciones pagadas: una pregunta",
    "Holiday entitlements",
    "Thank you",
    "Urlaubsgeld und Sozialversicherung",
    "Maternity leave: our position",
    "Annual leave regulations",
    "Congés payés",
    "Ausländische Arbeitnehmer",
    "Out of pocket payments",
    "En congrès",
    "Mission en octobre",
    "إجازة الأمومة: موقفنا",
]


def answered(subject: str) -> str:
    """What a message without any header of a program is."""
    head = "From: a@people.example.org\nIn-Reply-To: <1@x.org>\nContent-Type: text/plain; charset=utf-8\n"
    return verdict(f"{head}Subject: {subject}\n\nUntil then.\n".encode())[0]


@pytest.mark.parametrize("subject", AWAY)
def test_automatic_reply_is_told_by_how_its_subject_begins(subject: str) -> None:
    assert answered(subject) == "auto_reply"
    assert answered(f"Re: {subject}") == "reply"


@pytest.mark.parametrize("subject", ABOUT_IT)
def test_somebody_who_writes_about_leave_and_automation_is_a_person(subject: str) -> None:
    assert answered(subject) == "reply"


def test_ten_megabytes_are_read_by_their_beginning() -> None:
    reply = b"From: a@people.example.org\nSubject: Re: x\nIn-Reply-To: <1@x.org>\nContent-Type: multipart/mixed; boundary=b\n\n"
    attachment = b"--b\n\nSee the file.\n--b\nContent-Type: application/pdf\nContent-Transfer-Encoding: base64\n\n"

    assert verdict(reply + attachment + b"QUJD" * 2_600_000 + b"\n--b--\n") == ("reply", [])
    assert verdict(NOTICE + b"\n<a@people.example.org>: 550 5.1.1 unknown\n" + b"x " * 5_000_000) == (
        "hard",
        ["a@people.example.org"],
    )


@cache
def hostile() -> dict[str, bytes]:
    nested = NOTICE
    for level in range(3000):
        nested += b"Content-Type: multipart/mixed; boundary=b%d\n\n--b%d\n" % (level, level)
    blocks = b"Final-Recipient: rfc822; a@people.example.org\nAction: failed\nStatus: 5.1.1\n" * 30_000
    report = b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\n\n--b\nContent-Type: message/delivery-status\n\n"
    html = NOTICE + b"Content-Type: text/html\n\n"
    return {
        "many headers": b"X-A: b\n" * 300_000 + NOTICE + b"\nhi",
        "one long header": b"Subject: " + b"(" * 2_000_000 + b"\n" + NOTICE + b"\nhi",
        "a header folded for ever": b"Subject: a\n" + b" b\n" * 600_000 + NOTICE + b"\nhi",
        "encoded words": b"Subject: " + b"=?utf-8?q?a" * 200_000 + b"\n\nhi",
        "parameters": b"Content-Type: multipart/mixed" + b'; a="\\' * 100_000 + b"\n\nhi",
        "deep": nested + b"\nhello",
        "many parts": NOTICE + b"Content-Type: multipart/mixed; boundary=b\n\n" + b"--b\n\nx\n" * 300_000,
        "many recipients": NOTICE + report + blocks + b"\n--b--",
        "many tags": html + b"<b a=1><p>" * 1_000_000,
        "no tags": html + b"<" * 5_000_000,
        "scripts": html + b"<script>" * 500_000,
        "addresses": NOTICE + b"\n" + b"a@" * 4_000_000,
        "lines": NOTICE + b"\n" + b"\n" * 4_000_000,
        "carriage returns": NOTICE + b"\n" + b"\r" * 4_000_000,
        "noise": random.Random(1).randbytes(4_000_000),
    }


@pytest.mark.parametrize("name", list(hostile()))
def test_hostile_message_has_an_answer(name: str) -> None:
    assert has_exact_shape(hostile()[name], sender="")


def test_parts_and_levels_have_a_limit() -> None:
    assert sum(1 for _part in parse(hostile()["many parts"]).walk()) == 200
    assert sum(1 for _part in parse(hostile()["deep"]).walk()) <= 13


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=3000), st.sampled_from([None, "", "a@people.example.org"]))
def test_any_bytes_have_an_answer(raw: bytes, sender: str | None) -> None:
    assert has_exact_shape(raw, sender=sender)


PIECES = [
    b"\n", b"\n\n", b": ", b"--x\n", b"--x--", b"\x00", b"\xff", b'"', b"<>", b"@", b"=?utf-8?b?4pi=?=", b"Content-Type: multipart/report; boundary=x\n",
    b"Content-Transfer-Encoding: base64\n", b"Final-Recipient: rfc822;", b"Action: failed\n", b"Status: 5.1.1\n", b"550 5.1.1 ", b"charset=idna",
]  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.data_too_large])
@given(
    st.sampled_from(sorted(RAW)),
    st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 60), st.sampled_from(PIECES)), max_size=6),
    st.booleans(),
)
def test_letters_cut_and_mixed_have_an_answer(name: str, changes: list[tuple[int, int, bytes]], is_null: bool) -> None:
    raw = RAW[name]
    for at, length, piece in changes:
        at %= len(raw) + 1
        raw = raw[:at] + piece + raw[at + length :]

    assert has_exact_shape(raw, sender="" if is_null else None)
