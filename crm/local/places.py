"""Where the local services keep their files: everything under `.local/`, sockets in a path short enough for the kernel."""

import hashlib
import os
import pwd
import shutil
import stat
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LOCAL = Path(os.environ.get("LOCAL_DIR") or ROOT / ".local").absolute()

# sockaddr_un holds 108 bytes with the closing NUL on Linux and 104 on macOS; the lower bound serves both.
SOCKET_PATH_LIMIT = 103
_LONGEST_SOCKET_NAME = ".s.PGSQL.5432"


class LocalServiceError(Exception):
    """A local service cannot do what was asked; the message is a sentence for the person at the terminal."""


def private_directory(path: Path) -> Path:
    """Make `path` (and its parents) with access for its owner only, and return it."""
    path.mkdir(parents=True, exist_ok=True)
    path.chmod(0o700)
    return path


def socket_directory(home: Path) -> Path:
    """The folder for the sockets of the services kept in `home`: inside it, or a short one in /tmp when it is too deep."""
    inside = home / "run"
    if len(os.fsencode(inside / _LONGEST_SOCKET_NAME)) <= SOCKET_PATH_LIMIT:
        return private_directory(inside)
    return owned_short_directory(home)


def owned_short_directory(home: Path) -> Path:
    """A folder in /tmp whose name follows from `home`; refused when somebody else made it first."""
    path = _short_directory(home)
    path.mkdir(mode=0o700, exist_ok=True)
    found = path.lstat()
    owners = {os.getuid()} if os.getuid() else {0, nobody().pw_uid}
    if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners or found.st_mode & 0o077:
        raise LocalServiceError(
            f"{path} belongs to somebody else, so no socket was put there. Remove it and start again."
        )
    return path


def _short_directory(home: Path) -> Path:
    base = Path("/tmp") if Path("/tmp").is_dir() else Path(tempfile.gettempdir())  # noqa: S108 - its owner is checked
    return base / f"groundswell-{os.getuid()}-{digest(home)}"


def discard_short_directory(home: Path) -> None:
    """Remove that folder, if it is there and ours."""
    path = _short_directory(home)
    if path.is_dir() and not path.is_symlink() and path.lstat().st_uid in {os.getuid(), nobody().pw_uid}:
        shutil.rmtree(path, ignore_errors=True)


def nobody() -> pwd.struct_passwd:
    """The user that owns nothing: PostgreSQL runs as it where we are root and may not use a namespace."""
    return pwd.getpwnam("nobody")


def digest(home: Path) -> str:
    """A short name for `home`, for what must be kept outside of it."""
    return hashlib.sha256(os.fsencode(home)).hexdigest()[:12]


def wheel_directory(package: str) -> Path:
    """The folder of an installed package, found without importing it."""
    from importlib.util import find_spec

    spec = find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise LocalServiceError(
            f"The package {package} is not installed. Run `make setup`, or set DATABASE_URL and REDIS_URL."
        )
    return Path(next(iter(spec.submodule_search_locations)))


def open_log(path: Path) -> int:
    """Open a log for appending, keeping one older file once it has grown past 10 MB; returns the descriptor."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.stat().st_size > 10_000_000:
        path.replace(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)


def last_lines(path: Path, count: int = 12) -> str:
    """The end of a log, for the error message that quotes it."""
    try:
        return "\n".join(path.read_text(errors="replace").splitlines()[-count:])
    except OSError:
        return ""
