"""Secrets at rest: what PostgreSQL holds, who can open it, and how keys are changed."""

import json
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import FieldError
from django.core.management import CommandError, call_command
from django.db import IntegrityError, connection, transaction

from campaigns.mailings.models import Transport
from crm import encryption
from crm.errors import Unavailable
from crm.secrets import local_secrets
from tests.factories import TransportFactory

SECRET = "smtp://me:secret-word@mail.example.org:587"
OLD, NEW = {"d1": b"o" * 32}, {"d2": b"n" * 32}


@pytest.fixture(autouse=True)
def keys(settings) -> Iterator[None]:
    settings.DATA_KEYS = dict(OLD)
    yield


def stored(transport: Transport) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT url FROM campaigns_transport WHERE id = %s", [transport.pk])
        return str(cursor.fetchone()[0])


@pytest.mark.django_db
def test_database_never_holds_the_text(settings) -> None:
    transport = TransportFactory(url=SECRET)

    assert stored(transport).startswith("enc:d1:")
    assert "secret-word" not in stored(transport)
    assert Transport.objects.get(pk=transport.pk).url == SECRET
    assert stored(TransportFactory(url="")) == ""


@pytest.mark.django_db
def test_same_text_is_stored_differently_each_time() -> None:
    assert stored(TransportFactory(url=SECRET)) != stored(TransportFactory(url=SECRET))


@pytest.mark.django_db
def test_text_in_the_clear_is_refused_by_the_database() -> None:
    transport = TransportFactory(url=SECRET)

    with (
        pytest.raises(IntegrityError, match="transport_url_is_encrypted"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE campaigns_transport SET url = %s WHERE id = %s", [SECRET, transport.pk])


@pytest.mark.django_db
def test_it_cannot_be_searched_by() -> None:
    with pytest.raises(FieldError):
        list(Transport.objects.filter(url=SECRET))


def test_missing_wrong_and_tampered_keys_are_told_apart(settings) -> None:
    sealed = encryption.encrypt(SECRET, place="a.b")

    with pytest.raises(Unavailable) as elsewhere:
        encryption.decrypt(sealed, place="a.c")
    settings.DATA_KEYS = dict(NEW)
    with pytest.raises(Unavailable) as missing:
        encryption.decrypt(sealed, place="a.b")
    settings.DATA_KEYS = {"d1": b"x" * 32}
    with pytest.raises(Unavailable) as wrong:
        encryption.decrypt(sealed, place="a.b")
    with pytest.raises(Unavailable) as broken:
        encryption.decrypt("enc:d1:!!!", place="a.b")

    assert [error.value.code for error in (missing, wrong, elsewhere, broken)] == [
        "data_key_missing",
        "data_key_wrong",
        "data_key_wrong",
        "data_key_wrong",
    ]
    assert "d1" in missing.value.message


@pytest.mark.django_db
def test_old_keys_read_and_a_command_moves_all_to_the_new_one(settings) -> None:
    transport = TransportFactory(url=SECRET)
    settings.DATA_KEYS = {**NEW, **OLD}
    assert Transport.objects.get().url == SECRET
    assert stored(transport).startswith("enc:d1:")

    told = StringIO()
    call_command("reencrypt", stdout=told)
    again = StringIO()
    call_command("reencrypt", stdout=again)

    assert told.getvalue().startswith("1 secrets") and again.getvalue().startswith("0 secrets")
    settings.DATA_KEYS = dict(NEW)
    assert Transport.objects.get().url == SECRET


@pytest.mark.django_db
def test_command_without_the_old_key_changes_nothing_and_names_it(settings) -> None:
    transport = TransportFactory(url=SECRET)
    settings.DATA_KEYS = dict(NEW)

    with pytest.raises(CommandError, match="d1"):
        call_command("reencrypt")

    assert stored(transport).startswith("enc:d1:")


@pytest.mark.django_db
def test_migration_encrypts_what_stands_in_the_clear() -> None:
    transport = TransportFactory(url="")
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE campaigns_transport DROP CONSTRAINT transport_url_is_encrypted")
        cursor.execute("UPDATE campaigns_transport SET url = %s", [SECRET])
        assert Transport.objects.get().url == SECRET

        assert encryption.encrypt_table(cursor, table="campaigns_transport", column="url") == 1
        assert encryption.encrypt_table(cursor, table="campaigns_transport", column="url") == 0

    assert stored(transport).startswith("enc:d1:")
    assert Transport.objects.get().url == SECRET


def test_laptop_that_has_secrets_gets_the_ones_it_lacks(tmp_path: Path) -> None:
    (tmp_path / "secrets.json").write_text(json.dumps({"SECRET_KEY": "kept", "TRACKING_KEYS": "k1:aa"}))

    found = local_secrets(tmp_path)

    assert (found["SECRET_KEY"], found["TRACKING_KEYS"]) == ("kept", "k1:aa")
    assert found["DATA_KEYS"].startswith("d1:")
    assert local_secrets(tmp_path) == found
    assert (tmp_path / "secrets.json").stat().st_mode & 0o077 == 0
