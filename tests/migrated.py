"""A database as the migrations leave it: made once for a cluster, then copied by whoever needs one, in a second instead of twenty.

It is named by what the migrations are made of: their files, and the modules of ours that those import. A change of any of
these makes a new one, and drops those before.
"""

from __future__ import annotations

import ast
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
from psycopg import sql

from crm.backup.tools import program
from crm.local.places import ROOT

APPS = ("crm", "contacts", "campaigns")
PREFIX = "migrated_"
_LOCK = 7_031_402  # any number that nothing else here locks


def copy(url: str, name: str) -> str:
    """A new database `name` in the cluster of `url`, in place of one that is there; returns its URL."""
    with psycopg.connect(url, autocommit=True) as connection:
        template = _ensure(connection, url)
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(sql.Identifier(name), sql.Identifier(template))
        )
    return renamed(url, name)


def pour(url: str, into: str) -> None:
    """The same into an empty database of another cluster."""
    with psycopg.connect(url, autocommit=True) as connection:
        template = _ensure(connection, url)
    dump = [program("pg_dump"), "--format=custom", "--no-owner", "--dbname", renamed(url, template)]
    with subprocess.Popen(dump, stdout=subprocess.PIPE) as poured:
        restore = [program("pg_restore"), "--no-owner", "--exit-on-error", "--single-transaction", "--dbname", into]
        subprocess.run(restore, stdin=poured.stdout, check=True)
    assert poured.returncode == 0


def renamed(url: str, name: str) -> str:
    """The URL of another database of the same cluster."""
    before, _, query = url.partition("?")
    return f"{before.rpartition('/')[0]}/{name}" + (f"?{query}" if query else "")


def _ensure(connection: psycopg.Connection, url: str) -> str:
    """The template's name. Of several processes that want it the first makes it, and the others wait."""
    name = PREFIX + _digest()
    connection.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
    try:
        there = {
            row[0]
            for row in connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'migrated\\_%%'", [])
        }
        if name not in there:
            for other in there:  # of migrations that are no more
                connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(other)))
            making = f"{PREFIX}making"
            connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(making)))
            _migrate(renamed(url, making))
            connection.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(making), sql.Identifier(name))
            )
    finally:
        connection.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])
    return name


def _migrate(url: str) -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), "migrate", "--verbosity", "0"],
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr


def _digest() -> str:
    digest = hashlib.sha256()
    for path in sorted(_sources()):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:16]


def _sources() -> set[Path]:
    """The migrations, what they import of ours, and the data beside that."""
    found: set[Path] = set()
    waiting = [path for app in APPS for path in (ROOT / app / "migrations").glob("*.py")]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        found.update(file for file in (path.parent / "data").glob("*") if file.is_file())
        waiting += [file for name in _imports(path) if name.split(".")[0] in APPS for file in _files(name)]
    return found


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _files(module: str) -> Iterator[Path]:
    place = ROOT.joinpath(*module.split("."))
    yield from (file for file in (place.with_suffix(".py"), place / "__init__.py") if file.is_file())
