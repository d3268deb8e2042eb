"""`manage.py take_in`: what a mail server pipes in is filed once, and kept by the mail server when it cannot be."""

import io
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import OperationalError

from campaigns.management.commands import take_in
from campaigns.outreach.models import InboundMessage

RAW = b"From: a@people.test\r\nSubject: Re: hello\r\n\r\n\xe9 answer\r\n"


def give(monkeypatch: pytest.MonkeyPatch, raw: bytes, **options: str) -> None:
    monkeypatch.setattr(take_in.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    call_command("take_in", recipient="r-1@bounce.campaign.test", **options)


def test_message_is_filed_as_it_came_and_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        give(monkeypatch, RAW, sender="a@people.test")

    message = InboundMessage.objects.get()
    assert (bytes(message.raw), message.recipient, message.sender, message.state) == (
        RAW,
        "r-1@bounce.campaign.test",
        "a@people.test",
        "new",
    )


@pytest.mark.parametrize("raw", [b"", b" \r\n"])
def test_nothing_is_filed_of_nothing(db: None, monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    with pytest.raises(CommandError, match="no message") as refused:
        give(monkeypatch, raw)

    assert (refused.value.returncode, InboundMessage.objects.count()) == (1, 0)


def test_too_large_a_message_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(take_in, "MAX_BYTES", len(RAW) - 1)

    with pytest.raises(CommandError, match="larger than"):
        give(monkeypatch, RAW)

    assert not InboundMessage.objects.exists()


def test_the_mail_server_keeps_it_while_the_database_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def away(**values: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(take_in, "take_in", away)

    with pytest.raises(CommandError, match="give the message again") as refused:
        give(monkeypatch, RAW)

    assert refused.value.returncode == 75
