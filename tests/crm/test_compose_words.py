"""Commands for the compose file that operators copy from a page: services, options and paths in them are those that there are."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import get_commands, load_command_class

ROOT = Path(__file__).resolve().parents[2]
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs" / "operators").glob("*.md"))]
BACKUP = (ROOT / "docs" / "operators" / "backup.md").read_text()
_COMMAND = re.compile(r"docker compose (?:--project-directory \S+ )?((?:exec|run|up|cp|down|logs|ps|build)\b[^`\n]*)")
_OURS = "python manage.py "


def commands(text: str) -> list[list[str]]:
    """Words of each command, without what the shell does around it."""
    lines = text.replace("\\\n", " ").replace(" && docker", "\ndocker")
    return [shlex.split(words.partition(" < ")[0], comments=True) for words in _COMMAND.findall(lines)]


ALL = sorted({tuple(command) for page in PAGES for command in commands(page.read_text())})


def named(command: tuple[str, ...]) -> tuple[str, list[str]]:
    """Service, and what is run in it, of an exec or a run."""
    words = [word for word in command[1:] if word not in {"-T", "--rm", "--no-deps"}]
    return words[0], words[1:]


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command)[:60])
def test_services_and_options_exist(command: tuple[str, ...]) -> None:
    verb = command[0]

    if verb in {"exec", "run"}:
        service, words = named(command)
        assert service in SERVICES
        if " ".join(words).startswith(_OURS):
            given = [word.replace("…", "x") for word in words[3:]]
            parser = load_command_class(get_commands()[words[2]], words[2]).create_parser("manage.py", words[2])
            parser.parse_args(given)  # SystemExit names what it does not know
    elif verb == "cp":
        assert command[1].partition(":")[0] in SERVICES
    else:
        assert {word for word in command[1:] if not word.startswith("-")} <= {*SERVICES}
    if verb == "run":  # alone it starts `migrate` first, and what it leaves behind is a container
        assert {"--rm", "--no-deps"} <= {*command}


@pytest.mark.parametrize("command", ALL, ids=lambda command: " ".join(command)[:60])
def test_paths_lie_in_a_volume_of_the_service(command: tuple[str, ...]) -> None:
    if command[0] not in {"exec", "run", "cp"}:
        return
    service = command[1].partition(":")[0] if command[0] == "cp" else named(command)[0]
    mounted = {volume.partition(":")[2] for volume in SERVICES[service].get("volumes", [])}

    assert [path for path in re.findall(r"/data/\w+", " ".join(command)) if path not in mounted] == []


def test_restore_goes_beside_what_is_there_and_takes_its_name() -> None:
    section = BACKUP.partition("### With the compose file")[2].partition("```\n")[2].partition("```")[0]
    steps = commands(section)
    live = re.search(r"/(\w+)$", SERVICES["worker"]["environment"]["DATABASE_URL"])

    assert [step[0] for step in steps] == ["down", "up", "exec", "run", "exec", "run", "up"]
    assert {*steps[1][1:]} - {"-d", "--wait"} == {
        name for name in SERVICES if name in SERVICES["worker"]["depends_on"]
    } - {"migrate"}
    made = steps[2][-1]
    assert steps[3][-2:] == ["--into", made]
    assert live and [step for step in steps[4] if step.startswith("ALTER")] == [
        f"ALTER DATABASE {live[1]} RENAME TO replaced",
        f"ALTER DATABASE {made} RENAME TO {live[1]}",
    ]
    assert (
        steps[2][2:4] == ["createdb", "--username"]
        and steps[2][4] == SERVICES["postgres"]["environment"]["POSTGRES_USER"]
    )
    assert "-v" not in steps[0] and "--volumes" not in steps[0]
    assert {"backups:/data/backups", "media:/data/media", "erasures:/data/erasures"} <= {*SERVICES["worker"]["volumes"]}
