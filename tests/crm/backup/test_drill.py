"""The drill: a database with data in it is backed up, and comes back from the file into an empty one, row for row."""

import contextlib
import io
import json
import os
import stat
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils import timezone

from campaigns.delivery.auditing import audit
from campaigns.delivery.models import Delivery, DeliveryChunk
from campaigns.mailings.models import Mailing
from contacts.consent.erasure.services import erase_now, request_erasure
from contacts.directory.models import ContactPoint, Person
from crm import bench
from crm.accounts.models import Installation
from crm.backup import sealing
from crm.backup.services import keys_in, make_backup, restore_backup
from crm.errors import Conflict, Invalid, Unavailable
from tests.campaigns.ledger import delivery, finish, sent_mailing
from tests.factories import ContactPointFactory, GrantFactory, MailingFactory, PersonFactory, UserFactory

ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.django_db(transaction=True)


@contextlib.contextmanager
def database(name, like=""):
    """A database that this process and the programs it calls use meanwhile: empty, or as another one is."""
    own, url = connection.settings_dict["NAME"], os.environ["DATABASE_URL"]
    name = f"{name}_{os.getpid()}"
    bench._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    connection.close()  # a database that somebody is connected to cannot be copied
    bench._administer(f"CREATE DATABASE {name}" + (f" TEMPLATE {like}" if like else ""))
    bench._use(name)
    try:
        yield name
    finally:
        connection.close()
        bench._use(own)
        os.environ["DATABASE_URL"] = url
        bench._administer(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def contents():
    """Table → (rows, a digest of them), for every table with rows; what a restore itself does is left out."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_class c WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f"SELECT count(*), coalesce(md5(string_agg(t::text, '' ORDER BY t::text)), '') FROM \"{table}\" t"
            )
            rows, digest = cursor.fetchone()
            if rows:
                found[table] = (rows, digest)
    return found


@pytest.fixture
def filled(tmp_path, settings):
    """An installation with people, a mailing that was sent, a user and an upload."""
    settings.MEDIA_ROOT = tmp_path / "media"
    settings.ERASURE_LOG = tmp_path / "elsewhere" / "erasures.jsonl"
    (settings.MEDIA_ROOT / "images").mkdir(parents=True)
    (settings.MEDIA_ROOT / "images" / "قطاع.png").write_bytes(b"\x89PNG picture")
    with database("drill_source", like=connection.settings_dict["NAME"]):
        UserFactory(email="ana@example.org")
        mailing = sent_mailing(name="Newsletter")
        for number in range(1, 6):
            person = PersonFactory(name=f"Person {number} \\N \t“x”")
            ContactPointFactory(person=person, value=f"private{number}@example.org")
            delivery(mailing, person=person, address=f"p{number}@example.org")
        finish(mailing)
        yield mailing


def test_drill_brings_every_row_and_every_upload_back(filled, tmp_path, settings):
    before, began = contents(), timezone.now()
    make_backup(target=tmp_path / "a.backup")
    assert began <= Installation.current().backed_up_at <= timezone.now()
    settings.MEDIA_ROOT = tmp_path / "other-media"

    with database("drill_target"):
        restored = restore_backup(source=tmp_path / "a.backup")
        after = contents()
        audited = audit(filled)

    assert after == before
    assert restored.files == 1
    assert (settings.MEDIA_ROOT / "images" / "قطاع.png").read_bytes() == b"\x89PNG picture"
    assert audited.problems == [] and audited.counts["accepted"] == 5


def test_drill_sealed_needs_its_passphrase_and_shows_nothing_without(filled, tmp_path):
    sealed, passphrase = tmp_path / "b.backup", "four rivers and a bridge"
    make_backup(target=sealed, passphrase=passphrase)

    with database("drill_target"):
        for wrong in ("", "not the one at all"):
            with pytest.raises(Invalid):
                restore_backup(source=sealed, passphrase=wrong)
        assert connection.introspection.table_names() == []
        restore_backup(source=sealed, passphrase=passphrase)
        assert Person.objects.count() == 5

    assert b"private1@example.org" not in sealed.read_bytes()
    assert stat.S_IMODE(sealed.stat().st_mode) == 0o600


def test_restore_erases_again_whoever_was_erased_since(filled, tmp_path):
    make_backup(target=tmp_path / "c.backup")
    person = ContactPoint.objects.get(value="private1@example.org").person
    actor = UserFactory()
    GrantFactory(user=actor, role="admin")
    erase_now(request_erasure(person=person, actor=actor, reason="request"))

    with database("drill_target"):
        restored = restore_backup(source=tmp_path / "c.backup")
        back = Person.objects.get(uid=person.uid)

        assert back.erased_at is not None
        assert not ContactPoint.objects.filter(value="private1@example.org").exists()
        assert restored.steps == ["1 erasure replayed.", "No mailing was under way."]


def test_restore_lets_no_mailing_go_on_that_was_under_way(filled, tmp_path):
    going = MailingFactory(name="Half sent", state="sending", audience_count=1)
    waiting = delivery(going, state="pending")
    Mailing.objects.filter(pk=going.pk).update(frozen_at=timezone.now())
    DeliveryChunk.objects.create(
        mailing_id=going.pk, first_seq=1, last_seq=1, due_at=timezone.now(), counts={"pending": 1}
    )
    make_backup(target=tmp_path / "h.backup")

    with database("drill_target"):
        restored = restore_backup(source=tmp_path / "h.backup")
        back = Mailing.objects.get(pk=going.pk)

        assert restored.steps[1].startswith("1 mailing paused, 0 held")
        assert (back.state, back.state_reason[:27]) == ("paused", "Restored from the backup of")
        assert Delivery.objects.get(mailing_id=going.pk, seq=waiting.seq).state == "uncertain"
        assert audit(back).problems == []


def test_restore_writes_over_nothing(filled, tmp_path):
    make_backup(target=tmp_path / "d.backup")

    Installation.objects.update(backed_up_at=None)
    with pytest.raises(Conflict, match="not empty"):
        restore_backup(source=tmp_path / "d.backup")
    with pytest.raises(Conflict, match="exists already"):
        make_backup(target=tmp_path / "d.backup")
    assert Installation.current().backed_up_at is None

    assert Person.objects.count() == 5


def test_restore_refuses_keys_that_do_not_fit_and_shows_them(filled, tmp_path, settings):
    make_backup(target=tmp_path / "e.backup")
    kept = keys_in(source=tmp_path / "e.backup")
    settings.TRACKING_KEYS = {"new": b"n" * 32}

    with database("drill_target"):
        with pytest.raises(Invalid, match="TRACKING_KEYS"):
            restore_backup(source=tmp_path / "e.backup")
        assert connection.introspection.table_names() == []

    assert kept["SECRET_KEY"] == settings.SECRET_KEY
    assert kept["ADDRESS_KEYS"].startswith(next(iter(settings.ADDRESS_KEYS)) + ":")


def _tar(path, **members):
    with tarfile.open(path, "w") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name.replace("__", "/").replace("_dot_", "."))
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


def _harmed(path, harm):
    """The backup, damaged in one way."""
    if harm == "not a tar":
        path.write_bytes(b"hello " * 1000)
    elif harm == "half":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif harm == "between two files":
        with tarfile.open(path) as tar:
            end = tar.getmembers()[-1].offset
        path.write_bytes(path.read_bytes()[:end])
    elif harm == "leads out":
        _tar(path, **{"..__..__evil": b"x"})
    else:
        with tarfile.open(path) as tar:
            manifest = json.loads(tar.extractfile("manifest.json").read())
        manifest["format"] = 99 if harm == "other format" else manifest["format"]
        _tar(path, manifest_dot_json=json.dumps(manifest).encode(), database_dot_dump=b"something else")
    return path


def test_restore_refuses_a_file_that_is_not_whole(filled, tmp_path):
    whole = make_backup(target=tmp_path / "f.backup").read_bytes()

    with database("drill_target"):
        harms = ("not a tar", "half", "between two files", "other database", "other format", "leads out")
        for number, harm in enumerate(harms):
            path = tmp_path / f"{number}.backup"
            path.write_bytes(whole)
            with pytest.raises(Invalid):
                restore_backup(source=_harmed(path, harm))
            assert connection.introspection.table_names() == [], harm


def test_restore_unpacks_nothing(filled, tmp_path, settings, monkeypatch):
    """In a container /tmp is small and all else is read-only: whatever the size of a backup, it goes where it belongs at once."""
    passphrase = "four rivers and a bridge"
    made = make_backup(target=tmp_path / "big.backup", passphrase=passphrase)
    settings.MEDIA_ROOT = tmp_path / "other-media"
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no such folder"))
    before = sorted(made.parent.iterdir())

    with database("drill_target"):
        assert "SECRET_KEY" in keys_in(source=made, passphrase=passphrase)
        assert restore_backup(source=made, passphrase=passphrase).files == 1
        assert Person.objects.count() == 5

    assert [path for path in sorted(made.parent.iterdir()) if path not in before] == [settings.MEDIA_ROOT]
    assert [path.name for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == ["قطاع.png"]


def test_restore_that_fails_half_way_leaves_nothing(filled, tmp_path, settings):
    make_backup(target=tmp_path / "h.backup")
    settings.MEDIA_ROOT = tmp_path / "no-folder"
    settings.MEDIA_ROOT.write_text("a file stands where the folder has to be")

    with database("drill_target") as name:
        with pytest.raises(Unavailable, match="Nothing was restored.*begin again") as refused:
            restore_backup(source=tmp_path / "h.backup")
        assert str(settings.MEDIA_ROOT) in str(refused.value)
        assert connection.introspection.table_names() == []

        settings.MEDIA_ROOT.unlink()
        settings.MEDIA_ROOT.mkdir()
        (settings.MEDIA_ROOT / "own.png").write_bytes(b"was there")
        _forbid_changes(name, "on")
        with pytest.raises(Unavailable, match="pg_restore.*Nothing was restored"):
            restore_backup(source=tmp_path / "h.backup")
        assert connection.introspection.table_names() == []
        assert [path.name for path in settings.MEDIA_ROOT.rglob("*") if path.is_file()] == ["own.png"]

        _forbid_changes(name, "off")
        assert restore_backup(source=tmp_path / "h.backup").files == 1


def _forbid_changes(name, word):
    """From the next connection on."""
    bench._administer(f"ALTER DATABASE {name} SET default_transaction_read_only = {word}")
    connection.close()


def test_a_backup_that_cannot_be_read_is_said_so(tmp_path):
    with pytest.raises(Unavailable, match="cannot be read.*Nothing was restored"):
        keys_in(source=tmp_path)


def test_keys_are_shown_without_reading_the_rest(filled, tmp_path, settings):
    passphrase = "four rivers and a bridge"
    (settings.MEDIA_ROOT / "large").write_bytes(os.urandom(3 * sealing.CHUNK))
    whole = make_backup(target=tmp_path / "j.backup", passphrase=passphrase)
    whole.write_bytes(whole.read_bytes()[: -sealing.CHUNK])

    assert keys_in(source=whole, passphrase=passphrase)["SECRET_KEY"] == settings.SECRET_KEY
    with database("drill_target"):
        with pytest.raises(Invalid, match="cut short or changed"):
            restore_backup(source=whole, passphrase=passphrase)
        assert connection.introspection.table_names() == []


def test_commands_make_and_restore_a_sealed_backup(filled, tmp_path, settings):
    """As cron and the page of the compose file have it: the passphrase by the standard input, into a database beside the one in use."""
    secret = tmp_path / "passphrase"
    secret.write_text("four rivers and a bridge\n")
    short = tmp_path / "short"
    short.write_text("abc\n")
    with pytest.raises(CommandError, match="shorter than 12"):
        call_command("backup", str(tmp_path / "g.backup"), passphrase_file=short)
    made = _manage("backup", str(tmp_path / "g.backup"), "--passphrase-file", "-", word=secret, settings=settings)
    assert made.returncode == 0, made.stderr

    own = connection.settings_dict["NAME"]
    with database("drill_target") as name:
        bench._use(own)
        words = ["restore", str(tmp_path / "g.backup"), "--passphrase-file", "-", "--into"]
        refused = _manage(*words, "not_there", word=secret, settings=settings)
        said = _manage(*words, name, word=secret, settings=settings)
        bench._use(name)

        assert refused.returncode == 1 and '"not_there" does not exist' in refused.stderr
        assert "nothing was restored" in refused.stderr and "Traceback" not in refused.stderr
        assert said.returncode == 0, said.stderr
        assert "Restored the backup of" in said.stdout and "0 erasures replayed." in said.stdout
        assert Person.objects.count() == 5
    assert timezone.now().isoformat()[:4] in said.stdout


def _manage(*words, word, settings):
    folder = word.parent
    with word.open() as given:
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT, stdin=given, capture_output=True, text=True, check=False,
            env=os.environ | {
                "DATABASE_URL": bench._renamed(os.environ["DATABASE_URL"], "groundswell", connection.settings_dict["NAME"]),
                "MEDIA_ROOT": str(folder / "m"), "ERASURE_LOG": str(folder / "e.jsonl"), "LOCAL_DIR": str(settings.LOCAL_DIR),
            },
        )  # fmt: skip
