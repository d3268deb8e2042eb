"""What a `manage.py` command finds in its environment."""

from pathlib import Path

import psycopg
import pytest

from crm.local import children, environment, leftovers
from crm.local.environment import local_services
from crm.local.places import LocalServiceError


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(environment, "LOCAL", tmp_path / "local")
    return tmp_path / "local"


def test_command_without_a_database_gets_one_and_stops_what_it_started(home: Path) -> None:
    environ: dict[str, str] = {}

    with local_services(["manage.py", "shell"], environ):
        assert environ["LOCAL"] == "true"
        with psycopg.connect(environ["DATABASE_URL"]) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert environ["REDIS_URL"].startswith("unix:///")

    assert children.living_in(home / "postgres") == []


@pytest.mark.parametrize(("command", "code"), [("receive_mail", 75), ("shell", "no PostgreSQL here")])
def test_command_that_finds_no_database_says_so_and_a_mail_server_tries_again(
    home: Path, monkeypatch: pytest.MonkeyPatch, command: str, code: int | str
) -> None:
    def breaks(**values: object) -> None:
        raise LocalServiceError("no PostgreSQL here")

    monkeypatch.setattr(environment.services, "ensure", breaks)

    with pytest.raises(SystemExit) as ended, local_services(["manage.py", command], {}):
        pass

    assert ended.value.code == code


def test_command_beside_a_run_uses_its_addresses(home: Path) -> None:
    home.mkdir()
    leftovers.write_down(home, [], BASE_URL="http://localhost:8010", EMAIL_URL="smtp://127.0.0.1:8013", state="ready")
    environ = {"EMAIL_URL": "smtp://relay.example.org"}

    with local_services(["manage.py", "help"], environ):
        assert environ["BASE_URL"] == "http://localhost:8010"
        assert environ["EMAIL_URL"] == "smtp://relay.example.org"


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_URL_FILE"])
def test_named_database_is_used_as_it_is(home: Path, name: str) -> None:
    environ = {name: "postgresql://server/groundswell"}

    with local_services(["manage.py", "migrate"], environ):
        assert environ == {name: "postgresql://server/groundswell"}

    assert not home.exists()


def test_commands_that_need_no_database_start_none(home: Path) -> None:
    environ: dict[str, str] = {}

    with local_services(["manage.py", "help"], environ):
        assert "DATABASE_URL" in environ

    assert not (home / "postgres").exists()


def test_service_that_cannot_start_ends_the_command_with_a_sentence(home: Path) -> None:
    (home / "postgres").mkdir(parents=True)

    with pytest.raises(SystemExit, match="holds no PostgreSQL cluster"), local_services(["manage.py", "shell"], {}):
        raise AssertionError("not reached")
