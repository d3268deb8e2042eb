"""`manage.py classify_mail`, as a mail server or a person runs it."""

import json
import os
import subprocess
import sys

import pytest
from django.conf import settings
from django.core.management import call_command

from tests.campaigns.outreach.mail.corpus import RAW


def run(raw: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    """Where no database and no Valkey can be reached."""
    environ = {
        **os.environ,
        "DATABASE_URL": "postgresql://nobody@192.0.2.1:9/none",
        "REDIS_URL": "redis://192.0.2.1:9",
        "PYTHONIOENCODING": "ascii",
    }
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), "classify_mail", *arguments]
    return subprocess.run(command, input=raw, capture_output=True, env=environ, timeout=60, check=False)


@pytest.mark.parametrize(
    ("raw", "arguments", "kind", "recipients"),
    [
        (RAW["postfix-unknown"], [], "hard", ["lindiwe@ministry.example.za"]),
        (RAW["dsn-utf8-address"], [], "hard", ["ünsal@örnek.example.tr"]),
        (RAW["arf-not-spam"], [], "none", []),
        (RAW["reply"], ["--sender", ""], "auto_reply", []),
        (RAW["reply"], ["--sender", "awa@ministry.example.sn"], "reply", []),
        (b"", [], "none", []),
        (b"\x00\xff" * 100_000, ["--sender=<>"], "none", []),
        # what flufl.bounce trips over: no author, and one that is not ASCII
        (b"Subject: failure notice\n\n<a@b.example.org>:\n550 5.1.1 unknown\n", [], "hard", ["a@b.example.org"]),
        (b"From: \xff MAILER-DAEMON\nSubject: failure notice\nContent-Description: \xfe\n\nNo.\n", [], "soft", []),
    ],
)
def test_one_line_of_json_and_success_without_any_service(
    raw: bytes, arguments: list[str], kind: str, recipients: list[str]
) -> None:
    done = run(raw, *arguments)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.count(b"\n") == 1
    assert json.loads(done.stdout) == {"kind": kind, "recipients": recipients}


def test_it_is_among_the_commands(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    import io
    from types import SimpleNamespace

    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(RAW["domino"])))

    call_command("classify_mail", sender=None)

    assert capsys.readouterr().out == '{"kind": "hard", "recipients": ["fatou@agence.example.sn"]}\n'
