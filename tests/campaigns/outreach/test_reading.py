from email.message import EmailMessage

import pytest

from campaigns.outreach.reading import own_words, read_message
from crm.local.mailbox import letters


def original():
    message = EmailMessage()
    message["From"] = "Campaign <news@campaign.test>"
    message["To"] = "Awa <awa@ministry.test>"
    message["Subject"] = "Coverage"
    message["Message-ID"] = "<ours@campaign.test>"
    message["Reply-To"] = "r.x@bounce.test"
    message.set_content("Hello")
    return message


def dsn(status, action="failed", code=""):
    return (
        "From: MAILER-DAEMON@mx.test\nSubject: Undelivered\nMIME-Version: 1.0\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\n\n--b\n\nSorry.\n'
        f"--b\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.test\n\n"
        f"Final-Recipient: rfc822; awa@ministry.test\nAction: {action}\nStatus: {status}\nDiagnostic-Code: smtp; {code}\n"
        "\n--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <ours@campaign.test>\n\n--b--\n"
    ).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        ("5.1.1", "550 5.1.1 unknown user", "hard_bounce"),
        ("5.2.1", "550 5.2.1 disabled", "hard_bounce"),
        ("5.2.2", "552 5.2.2 mailbox full", "soft_bounce"),
        ("5.7.1", "550 5.7.1 blocked by policy", "soft_bounce"),
        ("5.3.4", "552 5.3.4 message too big", "soft_bounce"),
        ("4.4.7", "delivery time expired", "soft_bounce"),
        ("5.0.0", "550 no", "hard_bounce"),
    ],
)
def test_delivery_status_notification_is_hard_only_when_the_address_is_gone(status, code, kind):
    found = read_message(dsn(status, code=code), sender="")

    assert (found.kind, found.feedback, found.status, found.reason) == ("bounce", kind, status, code)
    assert found.about == ("<ours@campaign.test>",)


def test_notification_of_delay_is_no_bounce():
    assert read_message(dsn("4.4.1", action="delayed"), sender="").kind == "auto"


def test_bounce_from_before_the_standard_is_known_by_its_text():
    raw = (
        b"From: MAILER-DAEMON@old.test\nTo: b@bounce.test\nSubject: failure notice\n\n"
        b"Hi. This is the qmail-send program at old.test.\n"
        b"I'm afraid I wasn't able to deliver your message to the following addresses.\n"
        b"This is a permanent error; I've given up. Sorry it didn't work out.\n\n"
        b"<awa@ministry.test>:\n192.0.2.1 does not like recipient.\n"
        b"Remote host said: 550 5.1.1 User unknown\nGiving up on 192.0.2.1.\n\n--- Below this line is a copy of the message.\n"
    )

    found = read_message(raw, sender="")

    assert (found.kind, found.feedback, found.status) == ("bounce", "hard_bounce", "5.1.1")


@pytest.mark.parametrize("character", ["bounce", "softbounce", "reply", "vacation", "complain"])
def test_letters_of_the_local_mailbox_are_understood(character):
    letter = letters.WRITERS[character](original(), "b.x@bounce.test", f"{character}+awa@ministry.test")
    found = read_message(letter.raw, sender=letter.sender)

    kinds = {
        "bounce": ("bounce", "hard_bounce"),
        "softbounce": ("bounce", "soft_bounce"),
        "reply": ("reply", None),
        "vacation": ("auto", None),
        "complain": ("complaint", "complaint"),
    }
    assert (found.kind, found.feedback) == kinds[character]
    assert "<ours@campaign.test>" in found.about


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-replied", "X-Autoreply: yes", "Precedence: bulk"])
def test_automatic_reply_is_told_apart(header):
    raw = f"From: a@b.test\nSubject: Out of office\n{header}\n\nI am away.\n".encode()

    assert read_message(raw, sender="a@b.test").kind == "auto"
    assert read_message(b"From: a@b.test\nAuto-Submitted: no\n\nHello\n", sender="a@b.test").kind == "reply"


def test_html_reply_is_read_as_text():
    raw = b"From: a@b.test\nContent-Type: text/html; charset=latin-1\n\n<p>D\xe9j\xe0 vu<br>oui</p><script>x()</script>"

    assert read_message(raw, sender="a@b.test").text == "Déjà vu\noui"


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe\x00", b"Content-Type: multipart/mixed\n\n", b"Content-Type: text/plain; charset=nope\n\nx"]
)
def test_broken_messages_are_read_without_an_error(raw):
    assert read_message(raw, sender="a@b.test").kind in {"reply", "auto"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Yes, gladly.\n\nOn Mon, 2 Nov 2026, Campaign <n@c.test> wrote:\n> Hello", "Yes, gladly."),
        ("Oui\n\nLe lundi 2 novembre, Campagne a écrit :\n> Bonjour", "Oui"),
        ("> only a quote", "> only a quote"),
        ("Five is > four\nreally", "Five is > four\nreally"),
    ],
)
def test_own_words_leave_the_quote_out(text, words):
    assert own_words(text) == words
