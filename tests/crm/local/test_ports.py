"""Which ports a run uses, and what is said when one is taken."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from crm.local import ports
from crm.local.places import LocalServiceError

HOST = "127.0.0.1"


@pytest.fixture
def block(monkeypatch: pytest.MonkeyPatch) -> int:
    """Two blocks of ports that nothing uses, in place of 8000 and 8010; each parallel worker looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    start = 21_000 + 500 * (worker % 16)
    for first in range(start, start + 500, 20):
        if all(ports._free(HOST, first + offset) for offset in (*range(4), *range(10, 14))):
            monkeypatch.setattr(ports, "DEFAULT", first)
            return first
    raise AssertionError("no free ports on this machine")


@pytest.fixture
def taken(block: int) -> Iterator[int]:
    with socket.create_server((HOST, block)):
        yield block


def numbers(chosen: ports.Ports) -> list[int]:
    return [chosen.web, chosen.track, chosen.mailbox, chosen.smtp]


def test_default_is_a_block_of_four(block: int, tmp_path: Path) -> None:
    chosen = ports.choose({}, host=HOST, remembered=tmp_path / "ports.json")

    assert numbers(chosen) == [block, block + 1, block + 2, block + 3]
    assert chosen.notice == ""


def test_port_that_was_asked_for_and_is_taken_is_an_error_with_a_way_out(taken: int, tmp_path: Path) -> None:
    with pytest.raises(LocalServiceError) as refused:
        ports.choose({"PORT": str(taken)}, host=HOST, remembered=tmp_path / "ports.json")

    assert str(refused.value) == (
        f"Port {taken} is taken by another program, so nothing was started. Choose another one: make run PORT={taken + 10}"
    )


def test_second_checkout_takes_the_next_block_says_so_and_keeps_it(taken: int, tmp_path: Path) -> None:
    chosen = ports.choose({}, host=HOST, remembered=tmp_path / "ports.json")

    assert numbers(chosen) == [taken + 10, taken + 11, taken + 12, taken + 13]
    assert f"Port {taken} is taken" in chosen.notice
    assert "make run PORT=" in chosen.notice
    again = ports.choose({}, host=HOST, remembered=tmp_path / "ports.json")
    assert (again.web, again.notice) == (taken + 10, "")


def test_other_ports_can_be_named_one_by_one(block: int, tmp_path: Path) -> None:
    environ = {"PORT": str(block), "SMTP_PORT": str(block + 10), "MAILBOX_PORT": ""}

    chosen = ports.choose(environ, host=HOST, remembered=tmp_path / "ports.json")

    assert numbers(chosen) == [block, block + 1, block + 2, block + 10]


def test_next_block_that_holds_a_port_named_for_something_else_is_passed_over(taken: int, tmp_path: Path) -> None:
    chosen = ports.choose({"SMTP_PORT": str(taken + 10)}, host=HOST, remembered=tmp_path / "ports.json")

    assert numbers(chosen) == [taken + 20, taken + 21, taken + 22, taken + 10]


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({"PORT": "eighty"}, "PORT is 'eighty'; a port number"),
        ({"PORT": "70000"}, "PORT is '70000'; a port number"),
        ({"PORT": "8100", "SMTP_PORT": "8100"}, "must be four different numbers"),
    ],
)
def test_nonsense_is_refused_in_a_sentence(environ: dict[str, str], said: str, tmp_path: Path) -> None:
    with pytest.raises(LocalServiceError, match=said):
        ports.choose(environ, host=HOST, remembered=tmp_path / "ports.json")
