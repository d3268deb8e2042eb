"""The frame of all benches: what is printed, when it fails, and whose database is used."""

import json
import os
from contextlib import nullcontext

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


def which_process(size: int) -> Result:
    if size != 1:
        raise ValueError("no such size")
    return Result({"process": os.getpid()})


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


@pytest.mark.django_db(transaction=True)
def test_each_of_several_benches_has_a_process_of_its_own_and_one_that_fails_says_so(monkeypatch, capfd):
    monkeypatch.setattr(bench, "_BENCHES", {})
    monkeypatch.setattr(bench, "scratch_database", nullcontext)  # to migrate two is most of a minute
    bench.register("first", f"{__name__}:which_process", size=1)
    bench.register("second", f"{__name__}:which_process", size=1)

    call_command("bench", "all", "--json")

    shown = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert [each["bench"] for each in shown] == ["first", "second"]
    assert len({os.getpid(), *(each["figures"]["process"] for each in shown)}) == 3
    with pytest.raises(RuntimeError, match="failed; see above"):
        call_command("bench", "all", "--size", "2")
    assert "no such size" in capfd.readouterr().err


def test_an_unknown_bench_is_named(counter):
    with pytest.raises(CommandError, match="no bench called cpu. There are: counter"):
        call_command("bench", "cpu")
