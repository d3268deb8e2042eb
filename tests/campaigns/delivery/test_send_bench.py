"""What the engine is measured against does what it says: a baseline that sends nothing would flatter the engine."""

import os
from email import message_from_bytes
from email.policy import default

import pytest

from campaigns.delivery.bench_peers import Postfix, celery_like, smtplib_rate
from campaigns.delivery.bench_usage import Usage, database_seconds, side_by_side
from campaigns.delivery.queries import counts
from campaigns.delivery.send_bench import Round, best_of
from campaigns.mailings.models import Variant
from tests.campaigns.delivery.building import subscriber, to_sending, use


def test_postfix_is_found_in_a_folder_or_not_at_all(monkeypatch, tmp_path):
    programs = tmp_path / "usr" / "sbin"
    programs.mkdir(parents=True)
    monkeypatch.setenv("BENCH_POSTFIX", str(tmp_path))
    assert Postfix.find() is None
    for name in ("smtp-sink", "smtp-source"):
        (programs / name).write_text("#!/bin/sh\n")
        (programs / name).chmod(0o755)

    found = Postfix.find()

    assert found is not None
    assert (found.sink, found.env["LD_LIBRARY_PATH"]) == (
        str(programs / "smtp-sink"),
        str(tmp_path / "usr" / "lib" / "postfix"),
    )


@pytest.mark.django_db(transaction=True)
def test_a_plain_task_sends_the_same_page_with_tracked_links_and_says_so_in_the_ledger(mailing, sink):
    Variant.objects.filter(mailing=mailing).update(
        subject="To {{ person.name }}", body_html='<p>{{ person.name }} <a href="https://example.net/a">this</a></p>'
    )
    people = [subscriber(mailing.topic, number, name=f"Person {number}") for number in (1, 2)]
    use(mailing, sink)
    to_sending(mailing)

    celery_like(mailing.pk, sink.port, range(1))()

    assert counts(mailing.pk)["accepted"] == len(people) == len(sink.messages)
    messages = {to: message_from_bytes(raw, policy=default) for to, raw in sink.messages}
    first = messages["p1@people.test"]
    assert first["Subject"] == "To Person 1"
    assert first["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page, text = (first.get_body((kind,)).get_content() for kind in ("html", "plain"))
    assert ("Person 1" in page, "/c/" in page, "{{" in page + text) == (True, True, False)
    assert page != messages["p2@people.test"].get_body(("html",)).get_content()


def test_smtplib_sends_whole_messages_until_its_time_is_up(sink):
    rate, spent = smtplib_rate(sink.port, [("a@b.test", "c@d.test", b"Subject: x\r\n\r\nx\r\n")] * 10, seconds=0.001)

    assert rate > 0
    assert 0 < spent < 1
    assert len(sink.messages) % 10 == 0 < len(sink.messages)


def test_the_number_of_processes_whose_middle_round_is_best_decides():
    def one(processes, rate):
        return Round(processes, 100, 100, 100 / rate, Usage(0, 0), None, 0, 1, 1, 10_000, 1, 0)

    rounds = [one(2, 5000), one(3, 9000), one(2, 5200), one(3, 4000), one(2, 4900), one(3, 4100), one(1, 9999)]

    assert [(each.processes, round(each.rate)) for each in best_of(rounds)] == [(2, 5000), (2, 5200), (2, 4900)]
    assert [each.processes for each in best_of(rounds[1:2])] == [3]


@pytest.mark.django_db(transaction=True)
def test_processor_time_and_memory_of_workers_and_database_are_seen():
    before = database_seconds()

    usage = side_by_side([lambda: sum(range(300_000)) and None, lambda: os.getpid() and None])

    assert usage.seconds > 0
    assert usage.peak_mb > 10
    assert before is not None
    assert database_seconds() >= before
