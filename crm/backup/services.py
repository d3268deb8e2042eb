"""Make a backup, and restore one into an empty database.

A backup is a tar file with manifest.json first: when, by which version, at which migrations. Then database.dump (pg_dump's custom
format, one consistent snapshot), media/… and keys.json. With a passphrase the whole file is sealed (sealing.py).
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import logging
import os
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.utils import timezone

from crm.accounts.models import Installation
from crm.backup import sealing, tools
from crm.backup.archive import FORMAT, Archive
from crm.durable import sync_folder
from crm.errors import Conflict, Invalid, Unavailable

logger = logging.getLogger(__name__)
KEYS = ("SECRET_KEY", "TRACKING_KEYS", "ADDRESS_KEYS", "DATA_KEYS")
_RINGS = KEYS[1:]
AFTER_RESTORE: list[
    Callable[[datetime], object]
] = []  # what else must happen: erasures are replayed, mailings stand still, by the features that know of them


def after_restore(step: Callable[[datetime], object]) -> None:
    """Have `step(made_at)` run when a backup of that time was restored and the database is of this version; it says what it did."""
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
    """Write one file, readable by its owner only. It appears under its name when it is whole, never half. Then it is noted that
    a backup was made, for `groundswell_backup_age_seconds`.

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
    _note()
    return target


def _note() -> None:
    """When the last backup was finished. The file is whole without it: an error here must not look like one of the backup."""
    try:
        connection.close_if_unusable_or_obsolete()  # it may have idled for as long as the file took
        Installation.current()
        Installation.objects.update(backed_up_at=timezone.now())
    except DatabaseError as error:
        logger.warning("The backup is whole, but that it was made could not be noted: %s", error)


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

    All of the file is read first, and none of it is unpacked: dump and uploads go where they belong. Uploads that are there already
    are kept; those that came go again when the database does not come back. Then the migrations of this version run, and what
    `after_restore` was given.
    Raises Conflict for a database with tables, Invalid for a file that is not whole, a wrong passphrase or keys that do not fit,
    Unavailable for a file that cannot be read, no room for uploads, and what pg_restore says.
    """
    if connection.introspection.table_names():
        raise Conflict(
            "The database is not empty, and a restore writes over nothing. Point DATABASE_URL at a new one.",
            code="not_empty",
        )
    say("reading the backup")
    archive = Archive(source, passphrase)
    manifest, kept = archive.check()
    _check_keys(manifest, kept)
    say("restoring the uploads")
    added: list[Path] = []
    try:
        _restore_media(archive, added)
        say("restoring the database")
        _restore_database(archive)
    except (
        BaseException
    ):  # an interruption, too: uploads without their rows would be nobody's, and no erasure would find them
        for path in added:
            path.unlink(missing_ok=True)
        raise
    say("bringing the database up to this version")
    call_command("migrate", interactive=False, verbosity=0)
    found = Restored(made_at=manifest["made_at"], rows=_count_rows(), files=len(added))
    for step in AFTER_RESTORE:
        found.steps.append(str(step(datetime.fromisoformat(found.made_at))))
    return found


def _check_keys(manifest: dict[str, Any], kept: dict[str, str]) -> None:
    """Without the old keys, links in sent mail, suppressions and secrets would be dead: say which are missing, before anything."""
    missing = {
        name: [key_id for key_id in ids if key_id not in getattr(settings, name)]
        for name, ids in manifest["key_ids"].items()
    }
    missing = {name: ids for name, ids in missing.items() if ids}
    if not missing and kept:
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
    found = Archive(source, passphrase).keys()
    if not found:
        raise Invalid("This backup was made without keys.")
    return {key: found[key] for key in KEYS if key in found}


def _restore_media(archive: Archive, added: list[Path]) -> None:
    """Bring back what is missing, and say in `added` what that was. A file that is there is newer than the backup, or the same: it
    stays (the erasure log above all)."""
    for path, content in archive.media():
        target = Path(settings.MEDIA_ROOT) / path
        try:
            if not target.exists():
                _place(content, target)
                added.append(target)
        except OSError as error:
            raise Unavailable(
                f"{target} cannot be written: {error.strerror or error}. Nothing was restored."
                " Make room, or let this process write there, and begin again."
            ) from error


def _place(content: IO[bytes], target: Path) -> None:
    """Under its name when it is whole, never half: the next attempt would hold half of it for the file."""
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{os.getpid()}.restored")
    try:
        with draft.open("wb") as file:
            shutil.copyfileobj(content, file)
        draft.rename(target)
    finally:
        draft.unlink(missing_ok=True)


def _restore_database(archive: Archive) -> None:
    connection.close()
    try:
        with archive.dump() as dump:
            tools.run(
                "pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction",
                f"--dbname={settings.DATABASES['default']['NAME']}", given=dump,
            )  # fmt: skip
    except Unavailable as error:
        raise Unavailable(f"{error.message} Nothing was restored.") from error


def _count_rows() -> int:
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
        cursor.execute(
            "SELECT coalesce(sum(reltuples), 0)::bigint FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
            " AND reltuples > 0"
        )
        return int(cursor.fetchone()[0])
