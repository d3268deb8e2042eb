"""`make check`: the gate that no library has, and that failures are told."""

import subprocess
from pathlib import Path

import pytest

from crm.local import check


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("see /home/awa/groundswell/notes", "a path of one machine"),
        ("index https://pypi.example.org/simple", "the address of a package registry"),
        ('"resolved": "somewhere"', "an address in a lock file"),
    ],
)
def test_text_that_names_a_machine_is_found(tmp_path: Path, text: str, meaning: str) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "note.md").write_text(f"fine\n{text}\n")

    assert check.machine_names(tmp_path) == (False, f"note.md:2: {meaning}")


def test_ignored_files_and_ordinary_addresses_are_fine(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / ".gitignore").write_text(".local\n")
    (tmp_path / ".local").write_text("/home/awa/groundswell/")
    (tmp_path / "note.md").write_text("http://localhost:8000 and /path/to/python\n")

    assert check.machine_names(tmp_path) == (True, "")


def test_all_gates_run_and_one_failure_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    gates = {"first": lambda: (False, "line 7 is wrong"), "second": lambda: (True, "")}
    monkeypatch.setattr(check, "GATES", gates)

    assert check.main([]) == 1
    said = capsys.readouterr().out
    assert "FAIL first" in said
    assert "     line 7 is wrong" in said
    assert "ok   second" in said
    assert check.main(["second"]) == 0
    assert check.main(["third"]) == 2
