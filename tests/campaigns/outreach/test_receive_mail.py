"""`manage.py receive_mail`: what a mail server pipes in is filed once, and kept by the mail server when it cannot be."""

import io
import os
import subprocess
import sys
from types import SimpleNamespace

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.db import OperationalError

from campaigns.delivery.addresses import return_path
from campaigns.management.commands import receive_mail
from campaigns.outreach.models import InboundMessage

RAW = b"From: a@people.test\r\nSubject: Re: hello\r\n\r\n\xe9 answer\r\n"
OURS = "r-1@bounce.campaign.test"


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ORIGINAL_RECIPIENT", "RECIPIENT", "SENDER"):
        monkeypatch.delenv(name, raising=False)


def give(monkeypatch: pytest.MonkeyPatch, raw: bytes, **options: str | None) -> None:
    monkeypatch.setattr(receive_mail.sys, "stdin", SimpleNamespace(buffer=io.BytesIO(raw)))
    call_command("receive_mail", **{"recipient": None, "sender": None, **options})


def test_message_is_filed_as_it_came_and_once(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2):
        give(monkeypatch, RAW, recipient=OURS, sender="a@people.test")

    message = InboundMessage.objects.get()
    assert (bytes(message.raw), message.recipient, message.sender, message.state) == (RAW, OURS, "a@people.test", "new")


def test_second_try_with_another_mbox_line_is_the_same_message(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    for at in (b"09:00:00", b"09:05:00"):
        give(
            monkeypatch,
            b"From a@people.test Tue Nov  3 " + at + b" 2026\n" + RAW,
            recipient=OURS,
            sender="a@people.test",
        )

    assert bytes(InboundMessage.objects.get().raw) == RAW


@pytest.mark.parametrize(
    ("variables", "headers", "recipient", "sender"),
    [
        ({"ORIGINAL_RECIPIENT": "b.x@bounce.campaign.test", "RECIPIENT": "gs@host.test", "SENDER": "z@y.test"}, b"", "b.x@bounce.campaign.test", "z@y.test"),
        ({"RECIPIENT": "b.x@bounce.campaign.test", "SENDER": "MAILER-DAEMON"}, b"Return-Path: <no@x.test>\n", "b.x@bounce.campaign.test", ""),
        ({}, b"Return-Path: <>\nDelivered-To: b.y@bounce.campaign.test\nTo: other@x.test\n", "b.y@bounce.campaign.test", ""),
        ({}, b"Return-Path: <Z@y.test>\nTo: Us <r.y@bounce.campaign.test>\n", "r.y@bounce.campaign.test", "Z@y.test"),
        ({}, b"X-Original-To: catch-all@x.test\nTo: SIGNED\n", "SIGNED", "a@people.test"),
        ({}, b"", "", "a@people.test"),
    ],
)  # fmt: skip
def test_envelope_is_taken_from_where_the_mail_server_writes_it(
    db: None, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], headers: bytes, recipient: str, sender: str
) -> None:
    signed = return_path(7, 3)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)

    give(monkeypatch, headers.replace(b"SIGNED", signed.encode()) + RAW)

    message = InboundMessage.objects.get()
    assert (message.recipient, message.sender) == (recipient.replace("SIGNED", signed), sender)


@pytest.mark.parametrize("raw", [b"", b" \r\n"])
def test_nothing_is_filed_of_nothing(db: None, monkeypatch: pytest.MonkeyPatch, raw: bytes) -> None:
    with pytest.raises(CommandError, match="no message") as refused:
        give(monkeypatch, raw)

    assert (refused.value.returncode, InboundMessage.objects.count()) == (65, 0)


def test_too_large_a_message_is_refused(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(receive_mail, "MAX_BYTES", len(RAW) - 1)

    with pytest.raises(CommandError, match="larger than") as refused:
        give(monkeypatch, RAW)

    assert (refused.value.returncode, InboundMessage.objects.count()) == (65, 0)


@pytest.mark.parametrize("error", [OperationalError("gone"), OSError("no space"), ValueError("a mistake of ours")])
def test_the_mail_server_keeps_what_cannot_be_filed(monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    def away(**values: object) -> None:
        raise error

    monkeypatch.setattr(receive_mail, "take_in", away)

    with pytest.raises(CommandError, match="give it again") as refused:
        give(monkeypatch, RAW)

    assert refused.value.returncode == 75


def test_exit_code_is_75_while_the_database_is_away() -> None:
    environ = {
        **os.environ,
        "DATABASE_URL": "postgresql://groundswell:x@127.0.0.1:9/none",
        "REDIS_URL": "redis://127.0.0.1:9",
    }
    command = [
        sys.executable,
        str(settings.BASE_DIR / "manage.py"),
        "receive_mail",
        "--recipient",
        OURS,
        "--sender",
        "",
    ]

    done = subprocess.run(command, input=RAW, capture_output=True, env=environ, timeout=120, check=False)

    assert (done.returncode, done.stdout) == (75, b"")
    assert b"give it again" in done.stderr
