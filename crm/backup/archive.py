"""Read a backup from one end to the other, as often as is needed, and unpack nothing.

A backup may be larger than any folder for temporary files: in a container that is a small part of the memory. So what is in it goes
from the file to where it belongs: the dump into pg_restore, uploads to their place. A sealed one is opened anew by each reading.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from crm.backup import sealing
from crm.errors import Invalid, Unavailable

FORMAT = 1
MANIFEST, KEYS, DUMP, MEDIA = "manifest.json", "keys.json", "database.dump", "media/"
_END = bytes(2 * tarfile.BLOCKSIZE)  # two empty blocks end a tar file


class Archive:
    """A backup in a file. Each method reads it anew, and raises Invalid for one that is not whole, Unavailable for one that cannot be read."""

    def __init__(self, source: Path, passphrase: str = "") -> None:
        self.source, self._passphrase = source, passphrase

    def check(self) -> tuple[dict[str, Any], dict[str, str]]:
        """Read all of it: the manifest, and the keys ({} where it holds none). What follows a whole one can be trusted."""
        small: dict[str, bytes] = {}
        digest = ""
        with _spoken():
            for name, content in self._members():
                if name == DUMP:
                    digest = hashlib.file_digest(cast(Any, content), "sha256").hexdigest()
                elif name in (MANIFEST, KEYS):
                    small[name] = content.read()
                else:
                    while content.read(sealing.CHUNK):
                        pass
        manifest = _manifest(small.get(MANIFEST, b""))
        if manifest["database_sha256"] != digest:
            raise Invalid("The database in this backup is not the one that was written. Nothing was restored.")
        return manifest, json.loads(small.get(KEYS, b"{}"))

    def keys(self) -> dict[str, str]:
        """The keys, which stand at the beginning: no more than that is read. {} where it holds none."""
        with _spoken():
            for name, content in self._members():
                if name == KEYS:
                    found: dict[str, str] = json.loads(content.read())
                    return found
                if name != MANIFEST:
                    break
        return {}

    @contextlib.contextmanager
    def dump(self) -> Iterator[IO[bytes]]:
        """The database in pg_dump's custom format, as a stream."""
        with _spoken():
            members = self._members()  # held: with it the file would be closed
            yield next(content for name, content in members if name == DUMP)

    def media(self) -> Iterator[tuple[Path, IO[bytes]]]:
        """Uploads: path below MEDIA_ROOT and its content, to be read before the next one is asked for."""
        with _spoken():
            for name, content in self._members():
                if name.startswith(MEDIA):
                    yield Path(name.removeprefix(MEDIA)), content

    def _members(self) -> Iterator[tuple[str, IO[bytes]]]:
        """Plain files that a backup of ours may hold, each once at most. (tarfile's own filter is not in every Python 3.11.)"""
        seen = set()
        with self._plain() as reader, tarfile.open(fileobj=cast(Any, reader), mode="r|", bufsize=sealing.CHUNK) as tar:
            for member in tar:
                path = Path(member.name)
                content = tar.extractfile(member) if member.isreg() else None
                is_ours = member.name in (MANIFEST, KEYS, DUMP) or member.name.startswith(MEDIA)
                if content is None or not is_ours or ".." in path.parts or path.is_absolute() or path in seen:
                    raise Invalid(
                        f"This backup holds “{member.name}”, which no backup of Groundswell does. Nothing was restored."
                    )
                seen.add(path)
                yield member.name, content
            reader.finish()

    @contextlib.contextmanager
    def _plain(self) -> Iterator[_Reader]:
        try:
            is_sealed = sealing.is_sealed(self.source)
            file = self.source.open("rb")
        except OSError as error:
            raise _unreadable(self.source, error) from error
        if is_sealed and not self._passphrase:
            file.close()
            raise Invalid("This backup is sealed. Give the file with its passphrase: --passphrase-file.")
        with file:
            yield _Reader(self._chunks(file, is_sealed))

    def _chunks(self, file: BinaryIO, is_sealed: bool) -> Iterator[bytes]:
        try:
            if is_sealed:
                yield from sealing.opened(file, self._passphrase)
            else:
                yield from iter(lambda: file.read(sealing.CHUNK), b"")
        except OSError as error:
            raise _unreadable(self.source, error) from error


class _Reader:
    """What tarfile reads from. It knows how the file ended."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks, self._held, self._last = chunks, bytearray(), b""

    def read(self, size: int = sealing.CHUNK) -> bytes:
        while len(self._held) < size and (chunk := next(self._chunks, b"")):
            self._held += chunk
        found = bytes(self._held[:size])
        del self._held[:size]
        self._last = (self._last + found)[-len(_END) :]
        return found

    def finish(self) -> None:
        """Read what is left: only the end of a sealed file says that it is whole, and only tar's end that no upload is missing."""
        while self.read():
            pass
        if self._last != _END:
            raise Invalid("The file was cut short or changed after it was written. Nothing was restored.")


def _manifest(data: bytes) -> dict[str, Any]:
    try:
        manifest: dict[str, Any] = json.loads(data)
        needed = manifest["format"], manifest["database_sha256"], manifest["key_ids"], manifest["made_at"]
    except (ValueError, KeyError, TypeError) as error:
        raise Invalid("This is not a backup of Groundswell: its manifest cannot be read.") from error
    if needed[0] != FORMAT:
        raise Invalid(
            f"This backup has the format {needed[0]}; this version reads format {FORMAT}. Use the version that made it."
        )
    return manifest


@contextlib.contextmanager
def _spoken() -> Iterator[None]:
    try:
        yield
    except (tarfile.TarError, EOFError) as error:
        raise Invalid(f"This is not a whole backup of Groundswell ({error}). Nothing was restored.") from error


def _unreadable(source: Path, error: OSError) -> Unavailable:
    return Unavailable(f"{source} cannot be read: {error.strerror or error}. Nothing was restored.")
