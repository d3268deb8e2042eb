"""Making `.venv/` and `static/`: what is skipped, and what is said when it cannot be done."""

import sys
from pathlib import Path

import pytest

from crm.local import bootstrap


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project in place of this one; commands are noted, not run."""
    monkeypatch.setattr(bootstrap, "ROOT", str(tmp_path))
    monkeypatch.setattr(bootstrap, "VENV", str(tmp_path / ".venv"))
    monkeypatch.setattr(bootstrap, "PYTHON", sys.executable)
    monkeypatch.setattr(bootstrap, "LOGS", str(tmp_path / ".local" / "log"))
    (tmp_path / "requirements").mkdir()
    (tmp_path / "requirements" / "base.txt").write_text("django==5.2\n")
    return tmp_path


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch, project: Path) -> list[str]:
    ran: list[str] = []

    def note(command: list[str], log: str, cwd: str = "", env: dict[str, str] | None = None) -> bool:
        ran.append(" ".join(command))
        (project / ".venv").mkdir(exist_ok=True)
        return True

    monkeypatch.setattr(bootstrap, "run", note)
    return ran


def test_second_start_installs_nothing_and_a_changed_lock_installs_again(project: Path, commands: list[str]) -> None:
    assert bootstrap.main(["venv"]) == 0
    assert [command for command in commands if "--require-hashes" not in command] == [commands[0]]
    first = len(commands)

    assert bootstrap.main(["venv"]) == 0
    assert len(commands) == first

    (project / "requirements" / "base.txt").write_text("django==5.2.1\n")
    assert bootstrap.main(["venv"]) == 0
    assert len(commands) == 2 * first


def test_pip_installs_the_same_hashed_files_where_uv_does_not_work(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[str] = []

    def without_uv(command: list[str], log: str, cwd: str = "", env: dict[str, str] | None = None) -> bool:
        ran.append(" ".join(command))
        (project / ".venv").mkdir(exist_ok=True)
        return "uv" not in command[0]

    monkeypatch.setattr(bootstrap, "run", without_uv)

    assert bootstrap.main(["venv"]) == 0
    assert ran[-1].endswith("pip install --quiet --disable-pip-version-check --require-hashes "
                            "-r requirements/base.txt -r requirements/dev.txt")  # fmt: skip


def test_missing_network_is_a_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "run", lambda command, log, **more: "venv" in command)

    assert bootstrap.main(["venv"]) == 1
    assert "could not be installed, so nothing was started. Is there a network" in capsys.readouterr().err
    assert not (project / ".venv" / ".groundswell").exists()


def test_old_python_is_a_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (99, 0))

    assert bootstrap.main(["venv"]) == 1
    assert "Groundswell needs Python 3.11 or newer" in capsys.readouterr().err


def test_uv_is_told_what_pip_is_set_to_use(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://mirror.example.org/simple")
    monkeypatch.setenv("PIP_CERT", "/etc/certificates.crt")
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("UV_DEFAULT_INDEX", raising=False)

    environment = bootstrap.uv_environment()

    assert environment["UV_DEFAULT_INDEX"] == "http://mirror.example.org/simple"
    assert environment["SSL_CERT_FILE"] == "/etc/certificates.crt"


def test_front_end_is_built_again_only_when_its_sources_change(
    project: Path, commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "node", lambda: "node")
    monkeypatch.setattr(bootstrap, "npm", lambda: ["npm"])
    source = project / "frontend" / "src" / "main.js"
    (project / "frontend" / "node_modules").mkdir(parents=True)
    source.parent.mkdir()
    source.write_text("1")
    (project / "frontend" / "package.json").write_text("{}")

    bootstrap.main(["assets"])
    assert commands == ["npm ci --no-audit --no-fund --loglevel=error", "npm run build"]
    bootstrap.main(["assets"])
    assert len(commands) == 2

    source.write_text("2")
    bootstrap.main(["assets"])
    assert commands[2:] == ["npm run build"]
