"""Make a backup, and restore one into an empty database.

A backup is a tar file with manifest.json first: when, by which version, at which migrations. Then database.dump (pg_dump's custom
format, one consistent snapshot), media/… and keys.json. With a passphrase the whole file is sealed (sealing.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from django.conf import settings
from django.core.management import call_command
from django.db import connection

from crm.backup import sealing, tools
from crm.durable import sync_folder
from crm.errors import Conflict, Invalid

FORMAT = 1
KEYS = ("SECRET_KEY", "TRACKING_KEYS", "ADDRESS_KEYS", "DATA_KEYS")
_RINGS = KEYS[1:]
AFTER_RESTORE: list[
    Callable[[], object]
] = []  # what else must happen: erasures are replayed, by the feature that knows them


def after_restore(step: Callable[[], object]) -> None:
    """Have `step()` run when a backup was restored and the database is of this version."""
    if step not in AFTER_RESTORE:
        AFTER_RESTORE.append(step)


@dataclass
class Restored:
    """What came back."""

    made_at: str
    rows: int
    files: int
    steps: list[str] = field(default_factory=list)


# --- there ----------------------------------------------------------------------------------------------------------
def make_backup(*, target: Path, passphrase: str = "", with_keys: bool = True) -> Path:
    """Write one file, readable by its owner only. It appears under its name when it is whole, never half.

    Raises Conflict when `target` exists, Unavailable when pg_dump cannot be found or fails.
    """
    if target.exists():
        raise Conflict(f"{target} exists already, and a backup is never written over.", code="exists")
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        with tempfile.TemporaryDirectory(dir=target.parent) as folder:
            dump = Path(folder) / "database.dump"
            tools.run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={dump}")
            descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                _write(cast(BinaryIO, file), dump, passphrase, with_keys)
                file.flush()
                os.fsync(file.fileno())
        os.link(draft, target)  # unlike a rename, it fails when somebody else made the file meanwhile
        sync_folder(target.parent)
    finally:
        draft.unlink(missing_ok=True)
    return target


def _write(file: BinaryIO, dump: Path, passphrase: str, with_keys: bool) -> None:
    sealer = sealing.Sealer(file, passphrase) if passphrase else None
    with tarfile.open(fileobj=cast(Any, sealer or file), mode="w|") as tar:
        _add(tar, "manifest.json", json.dumps(_manifest(dump, with_keys), indent=1).encode())
        if with_keys:
            _add(tar, "keys.json", json.dumps(_keys()).encode())
        tar.add(dump, "database.dump")
        for path in _media_files():
            with contextlib.suppress(FileNotFoundError):  # an export may expire while we look
                tar.add(path, f"media/{path.relative_to(settings.MEDIA_ROOT)}", recursive=False)
    if sealer:
        sealer.close()


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode, member.mtime = len(data), 0o600, int(datetime.now(UTC).timestamp())
    tar.addfile(member, io.BytesIO(data))


def _manifest(dump: Path, with_keys: bool) -> dict[str, Any]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT app, max(name) FROM django_migrations GROUP BY app ORDER BY app")
        migrations = dict(cursor.fetchall())
    return {
        "format": FORMAT,
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "migrations": migrations,
        "postgresql": connection.pg_version,  # type: ignore[attr-defined]
        "database_sha256": _sha256(dump),
        "has_keys": with_keys,
        "key_ids": {name: list(getattr(settings, name)) for name in _RINGS},
    }


def _keys() -> dict[str, str]:
    rings = {
        name: ",".join(f"{key_id}:{key.hex()}" for key_id, key in getattr(settings, name).items()) for name in _RINGS
    }
    return {"SECRET_KEY": settings.SECRET_KEY, **rings}


def _media_files() -> Iterator[Path]:
    root = Path(settings.MEDIA_ROOT)
    return (path for path in sorted(root.rglob("*")) if path.is_file() and not path.is_symlink())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


# --- and back ---------------------------------------------------------------------------------------------------------
def restore_backup(*, source: Path, passphrase: str = "", say: Callable[[str], object] = lambda text: None) -> Restored:
    """Restore into the empty database that DATABASE_URL names; nothing is touched when something does not fit.

    Uploads that are there already are kept. Then the migrations of this version run, and what `after_restore` was given.
    Raises Conflict for a database with tables, Invalid for a file that is not whole, a wrong passphrase or keys that do not fit.
    """
    if connection.introspection.table_names():
        raise Conflict(
            "The database is not empty, and a restore writes over nothing. Point DATABASE_URL at a new one.",
            code="not_empty",
        )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        say("reading the backup")
        _unpack(source, folder, passphrase)
        manifest = _read_manifest(folder)
        _check_keys(manifest, folder)
        say("restoring the database")
        connection.close()
        tools.run(
            "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
            f"--dbname={settings.DATABASES['default']['NAME']}", str(folder / "database.dump"),
        )  # fmt: skip
        say("restoring the uploads")
        files = _restore_media(folder / "media")
    say("bringing the database up to this version")
    call_command("migrate", interactive=False, verbosity=0)
    found = Restored(made_at=manifest["made_at"], rows=_count_rows(), files=files)
    for step in AFTER_RESTORE:
        found.steps.append(str(step()))
    return found


def _unpack(source: Path, folder: Path, passphrase: str) -> None:
    if sealing.is_sealed(source):
        if not passphrase:
            raise Invalid("This backup is sealed. Give the file with its passphrase: --passphrase-file.")
        plain = folder / "plain.tar"
        with source.open("rb") as file, plain.open("wb") as out:
            for chunk in sealing.opened(file, passphrase):
                out.write(chunk)
        source = plain
    try:
        with tarfile.open(source, mode="r:") as tar:
            _take_out(tar, folder)
    except (tarfile.TarError, EOFError) as error:
        raise Invalid(f"This is not a whole backup of Groundswell ({error}). Nothing was restored.") from error


def _take_out(tar: tarfile.TarFile, folder: Path) -> None:
    """Plain files only, each below `folder`. (tarfile's own filter is not in every Python 3.11.)"""
    for member in tar:
        path = Path(member.name)
        content = tar.extractfile(member) if member.isreg() else None
        if content is None or path.is_absolute() or ".." in path.parts:
            raise Invalid(
                f"This backup holds “{member.name}”, which no backup of Groundswell does. Nothing was restored."
            )
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as file:
            shutil.copyfileobj(content, file)


def _read_manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads((folder / "manifest.json").read_text())
        is_whole = manifest["database_sha256"] == _sha256(folder / "database.dump")
    except (OSError, ValueError, KeyError) as error:
        raise Invalid("This is not a backup of Groundswell: its manifest cannot be read.") from error
    if manifest.get("format") != FORMAT:
        raise Invalid(
            f"This backup has the format {manifest.get('format')}; this version reads format {FORMAT}. Use the version that made it."
        )
    if not is_whole:
        raise Invalid("The database in this backup is not the one that was written. Nothing was restored.")
    return manifest


def _check_keys(manifest: dict[str, Any], folder: Path) -> None:
    """Without the old keys, links in sent mail, suppressions and secrets would be dead: say which are missing, before anything."""
    missing = {
        name: [key_id for key_id in ids if key_id not in getattr(settings, name)]
        for name, ids in manifest["key_ids"].items()
    }
    missing = {name: ids for name, ids in missing.items() if ids}
    stored = folder / "keys.json"
    if not missing and stored.exists():
        kept = json.loads(stored.read_text())
        missing = {
            name: ["other keys under the same ids"]
            for name in _RINGS
            if not {*kept[name].split(",")} <= {f"{i}:{key.hex()}" for i, key in getattr(settings, name).items()}
        }
    if missing:
        names = "; ".join(f"{name} ({', '.join(ids)})" for name, ids in missing.items())
        raise Invalid(
            f"Keys of this backup are not set here: {names}. Set them first, before your own with a comma;"
            " `manage.py restore --show-keys` prints those in the backup. Nothing was restored.",
            code="keys_missing",
        )


def keys_in(*, source: Path, passphrase: str = "") -> dict[str, str]:
    """The keys that a backup holds, as the environment wants them. Raises Invalid when it holds none."""
    with tempfile.TemporaryDirectory() as name:
        _unpack(source, Path(name), passphrase)
        path = Path(name) / "keys.json"
        if not path.exists():
            raise Invalid("This backup was made without keys.")
        found: dict[str, str] = json.loads(path.read_text())
    return {key: found[key] for key in KEYS if key in found}


def _restore_media(folder: Path) -> int:
    """Copy what is missing. A file that is there is newer than the backup, or the same: it stays (the erasure log above all)."""
    files = 0
    for path in sorted(folder.rglob("*")) if folder.exists() else []:
        target = Path(settings.MEDIA_ROOT) / path.relative_to(folder)
        if path.is_file() and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, target)
            files += 1
    return files


def _count_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT coalesce(sum(reltuples), 0)::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND reltuples > 0"
        )
        return int(cursor.fetchone()[0])
