"""The frame of all benches: what is printed, when it fails, and whose database is used."""

import json

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from crm import bench
from crm.bench import Bar, Result


def counting(size: int) -> Result:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_database(), (SELECT count(*) FROM contacts_country)")
        name, countries = cursor.fetchone()
    return Result({"database": name, "countries": countries}, [Bar("size", size, 10)])


@pytest.fixture
def counter(monkeypatch):
    monkeypatch.setattr(bench, "_BENCHES", {})
    bench.register("counter", f"{__name__}:counting", size=3)


def databases() -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT datname FROM pg_database")
        return {name for (name,) in cursor.fetchall()}


@pytest.mark.parametrize(
    ("bar", "ok"),
    [
        (Bar("p95", 150, 150), True),
        (Bar("p95", 150.1, 150), False),
        (Bar("ratio", 1.5, 1.5, at_least=True), True),
        (Bar("ratio", 1.49, 1.5, at_least=True), False),
    ],
)
def test_bar_is_met_up_to_its_limit(bar, ok):
    assert bar.ok is ok


@pytest.mark.django_db(transaction=True)
def test_bench_prints_one_object_from_a_database_that_is_gone_afterwards_and_exits_1_for_a_bar_not_met(counter, capsys):
    own = connection.settings_dict["NAME"]

    with pytest.raises(CommandError, match="counter size") as caught:
        call_command("bench", "counter", "--size", "11", "--json")

    assert caught.value.returncode == 1
    shown = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert list(shown) == ["bench", "size", "machine", "figures", "bars"]
    assert (shown["bench"], shown["size"], shown["figures"]["countries"]) == ("counter", 11, 249)
    assert shown["bars"] == [{"name": "size", "value": 11, "limit": 10, "ok": False}]
    assert shown["figures"]["database"].startswith("bench_")
    assert shown["figures"]["database"] not in databases()  # others may be at it in the same cluster
    assert connection.settings_dict["NAME"] == own


def test_an_unknown_bench_is_named(counter):
    with pytest.raises(CommandError, match="no bench called cpu. There are: counter"):
        call_command("bench", "cpu")
