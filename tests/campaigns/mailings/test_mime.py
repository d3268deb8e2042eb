"""The bytes of a message, read back by the standard library."""

import email
import email.policy
from collections.abc import Callable
from datetime import UTC, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campaigns.mailings.compiling import compile_writing
from campaigns.mailings.content import Writing
from campaigns.mailings.layouts import Frame
from campaigns.mailings.mime import encoded, mailbox, quoted, quoted_static, quoted_value

DATE = datetime(2026, 11, 23, 19, 0, tzinfo=UTC)


def raw(subject: str = "Hello", body: str = "<p>Dear {{ person.name }}</p>", language: str = "en", **options) -> bytes:
    compiled = compile_writing(Writing(language, subject, "", body), Frame("plain", "Org"))
    values = {
        "fields": {"person.name": "Fatou Ndiaye"},
        "to": ("Fatou Ndiaye", "fatou@example.org"),
        "from_": ("Global Campaign", "news@campaign.test"),
        "reply_to": "r+abc@bounce.test",
        "date": DATE,
        "message_id": "<1.2@campaign.test>",
        "unsubscribe_url": "https://t.test/u/1",
        "list_id": "policy.campaign.test",
        "feedback_id": "m1:policy:gs",
        **options,
    }
    return compiled.message(**values)


def read(message: bytes) -> EmailMessage:
    found = email.message_from_bytes(message, policy=email.policy.default)
    assert [part.defects for part in found.walk() if part.defects] == []
    assert isinstance(found, EmailMessage)
    return found


def test_message_has_the_headers_that_receivers_ask_for() -> None:
    found = read(raw())

    assert {
        name: found[name] for name in ("From", "To", "Subject", "Reply-To", "Message-ID", "List-Id", "Feedback-ID")
    } == {
        "From": "Global Campaign <news@campaign.test>",
        "To": "Fatou Ndiaye <fatou@example.org>",
        "Subject": "Hello",
        "Reply-To": "r+abc@bounce.test",
        "Message-ID": "<1.2@campaign.test>",
        "List-Id": "<policy.campaign.test>",
        "Feedback-ID": "m1:policy:gs",
    }
    assert found["Date"].datetime == DATE
    assert found["List-Unsubscribe"] == "<https://t.test/u/1>"
    assert found["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert found.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]


def test_message_is_the_same_bytes_each_time() -> None:
    assert raw() == raw()


def test_lines_are_short_and_end_in_crlf() -> None:
    message = raw(body=f"<p>{'x' * 5000} {'é' * 3000} {{{{ person.name }}}}</p>", fields={"person.name": "y" * 2000})

    assert max(len(line) for line in message.split(b"\r\n")) <= 78
    assert message.count(b"\n") == message.count(b"\r\n") == message.count(b"\r")
    assert message.isascii()


def test_any_script_survives() -> None:
    name = "فاطمة نداي"
    message = raw(
        "مرحبا {{ person.name }} — 你好 " + "long " * 30,
        "<p>{{ person.name }} — 你好</p>",
        "ar",
        fields={"person.name": name},
        to=(name, "f@example.org"),
        from_=("حملة الضمان الاجتماعي العالمية من أجل الجميع", "news@campaign.test"),
    )
    found = read(message)
    from_line = email.message_from_bytes(message)["From"]

    assert found["Subject"] == ("مرحبا " + name + " — 你好 " + "long " * 30).strip()
    assert found["To"].addresses[0].display_name == name
    # read by the older decoder: the newer one puts a space between encoded words of a name, against RFC 2047
    assert "حملة الضمان الاجتماعي العالمية من أجل الجميع" in str(make_header(decode_header(from_line)))
    for kind in ("plain", "html"):
        assert f"{name} — 你好" in found.get_body((kind,)).get_content()
    assert 'dir="rtl"' in found.get_body(("html",)).get_content()


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\r", "\u2028", "\x00", "\x85"])
def test_no_value_starts_a_header(break_: str) -> None:
    evil = f"x{break_}Bcc: evil@example.org{break_}{break_}<script>"
    found = read(
        raw(
            "Hi {{ person.name }}",
            fields={"person.name": evil},
            to=(evil, f"a@example.org{break_}Bcc: e@example.org"),
            from_=(evil, "news@campaign.test"),
            reply_to=f"r@x.test{break_}Bcc: e@example.org",
            list_id=f"l{break_}Bcc: e@example.org",
            headers={"X-Any": evil},
        )
    )

    assert found["Bcc"] is None
    assert len(found["To"].addresses) == 1
    assert [part.get_content_type() for part in found.iter_parts()] == ["text/plain", "text/html"]


def test_header_name_cannot_be_made_up() -> None:
    with pytest.raises(ValueError, match="header"):
        raw(headers={"X: y\r\nBcc": "z"})


def test_open_picture_and_trap_are_there_only_when_people_are_counted() -> None:
    def link(number: int, url: str) -> str:
        return f"https://t.test/c/{number}"

    counted = read(raw(open_url="https://t.test/o/1", link_url=link)).get_body(("html",)).get_content()
    not_counted = read(raw(link_url=link)).get_body(("html",)).get_content()

    assert "https://t.test/o/1" in counted and "https://t.test/c/0" in counted
    assert "<img" not in not_counted and "/c/0" not in not_counted


# also what is hard on lines: dots at their beginning, long runs without a space, signs that are encoded
TEXTS = st.one_of(st.text(max_size=120), st.text(st.sampled_from(".=a é\n"), max_size=260))


@pytest.mark.parametrize("encode", [quoted, quoted_value, quoted_static])
@settings(max_examples=200, deadline=None)
@given(st.lists(TEXTS, max_size=6))
def test_quoted_pieces_join_to_the_text(encode: Callable[[str], bytes], pieces: list[str]) -> None:
    import quopri

    joined = b"".join(encode(piece) for piece in pieces)

    plain = "".join(pieces).replace("\r\n", "\n").replace("\r", "\n")
    one_by_one = "".join(piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces)
    assert quopri.decodestring(joined).replace(b"\r\n", b"\n").decode() in (plain, one_by_one)
    assert all(len(line) <= 76 for line in joined.split(b"\r\n"))


def test_what_is_the_same_for_all_has_no_line_that_smtp_must_double() -> None:
    sheet = "<style>\n" + ".card{color:#123456;background:#ffffff;padding:12px 24px;margin:0 auto;border:1px solid}" * 9

    made = quoted_static(sheet + "\n." + "x" * 90)

    assert b"\n." not in made and not made.startswith(b".")


@settings(max_examples=150, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=120))
def test_header_words_read_back(text: str) -> None:
    header = email.message_from_string(f"Subject: {encoded(text, used=9)}\n\n", policy=email.policy.default)["Subject"]

    assert " ".join(str(header).split()) == " ".join(text.split())


def test_name_with_specials_is_quoted() -> None:
    assert mailbox('Ministry, "Labour"', "a@example.org") == '"Ministry, \\"Labour\\"" <a@example.org>'
