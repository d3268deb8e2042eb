import datetime as dt
import json

import pytest
from django.utils import timezone

from campaigns.delivery.models import Delivery
from campaigns.engagement import drain as draining
from campaigns.engagement import intake
from campaigns.engagement.drain import drain
from campaigns.engagement.models import DeliveryEngagement, Engagement, EngagementDay
from campaigns.engagement.partitions import make_partitions
from campaigns.engagement.spool import EPOCH, new_hit, read_hits
from tests.campaigns.engagement.test_classify import BROWSER, CORPUS, NOON, hit_of
from tests.campaigns.ledger import delivery, sent_mailing

pytestmark = pytest.mark.django_db


@pytest.fixture
def mailing(db):
    return sent_mailing()


@pytest.fixture
def row(mailing):
    return delivery(mailing, at=timezone.now() - dt.timedelta(hours=1))


def line(row, **changes):
    values = {
        "kind": "click", "mailing_id": row.mailing_id, "seq": row.seq, "number": 1, "ip": "192.0.2.7", "method": "GET",
        "agent": BROWSER, "purpose": "", "by_user": True, "has_language": True,
    }  # fmt: skip
    return new_hit(**(values | changes))


def spool(folder, *lines, name="1.ready"):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(b"".join(lines))


def counts(row):
    found = DeliveryEngagement.objects.get(mailing_id=row.mailing_id, seq=row.seq)
    return found.human_clicks, found.machine_clicks, found.unknown_clicks, found.human_opens, found.machine_opens


def test_drain_writes_hits_and_everything_that_follows(tmp_path, row):
    spool(tmp_path, line(row), line(row, number=2), line(row, kind="open", number=None), line(row, agent="curl/8"))

    assert drain(tmp_path) == 4

    assert list(tmp_path.iterdir()) == []
    assert counts(row) == (2, 1, 0, 1, 0)
    first = Engagement.objects.filter(kind="click", hit_class="human").earliest("at")
    assert DeliveryEngagement.objects.get().first_click_at == first.at
    assert (first.link_number, first.reason, first.ip) == (1, "browser", "192.0.2.7")
    assert EngagementDay.objects.get(person_id=row.person_id).human_clicks == 2
    from contacts.directory.models import Person

    assert (
        Person.objects.get(pk=row.person_id).last_engaged_at
        == Engagement.objects.filter(kind="click", hit_class="human").latest("at").at
    )


@pytest.mark.parametrize("way", ["as they are", "one by one"])
def test_whole_corpus_in_one_file_is_judged_as_each_hit_by_itself(tmp_path, mailing, way):
    """Sets and single hits are judged by the same rules, whichever way the lines come in."""
    first = delivery(mailing, at=NOON)
    rest = range(first.seq + 1, first.seq + len(CORPUS))
    values = {field.attname: getattr(first, field.attname) for field in Delivery._meta.concrete_fields}
    Delivery.objects.bulk_create(Delivery(**(values | {"seq": seq, "address_key": f"{seq}@x.org"})) for seq in rest)
    hits = [hit_of(row, mailing_id=mailing.pk, seq=first.seq + n) for n, row in enumerate(CORPUS)]
    lines = [
        f'["{h.id}",{(h.at - EPOCH) // dt.timedelta(microseconds=1)},"{h.kind[0]}",{h.mailing_id},{h.seq},'
        f'{"null" if h.number is None else h.number},"{h.ip}","{h.method}","{h.agent}","{h.purpose}",{h.by_user:d},'
        f"{h.has_language:d}]\n".encode()
        for h in hits
    ]
    spool(tmp_path, *lines, *([b"nonsense\n"] if way == "one by one" else []))

    assert drain(tmp_path) == len(CORPUS)

    found = Engagement.objects.order_by("seq").values_list("hit_class", "reason")
    assert list(found) == [(row["verdict"], row["reason"]) for row in CORPUS]


def test_agent_with_quotes_and_backslashes_and_an_address_that_is_none(tmp_path, row):
    odd = 'Odd "one" \\ [x]\t' + BROWSER
    spool(tmp_path, line(row, agent=odd, ip="fe80::1%eth0"), line(row, number=2, agent="", ip="nowhere"))

    assert drain(tmp_path) == 2

    assert set(Engagement.objects.values_list("user_agent", "ip")) == {(odd, None), ("", None)}


def test_second_file_adds_to_what_the_first_counted(tmp_path, row):
    """Also when the first one's hits went in time: nothing is counted again from them."""
    spool(tmp_path, line(row), line(row, kind="open", number=None))
    drain(tmp_path)
    at = DeliveryEngagement.objects.get().first_click_at
    Engagement.objects.all().delete()

    spool(tmp_path, line(row, number=2), line(row, agent="curl/8"))
    drain(tmp_path)

    assert counts(row) == (2, 1, 0, 1, 0)
    assert DeliveryEngagement.objects.get().first_click_at == at


def test_hits_drained_twice_count_once(tmp_path, row):
    """The drain died after its commit and before the file was gone."""
    lines = [line(row), line(row, number=2)]
    spool(tmp_path, *lines)
    assert drain(tmp_path) == 2

    spool(tmp_path, *lines, line(row))

    assert drain(tmp_path) == 1
    assert Engagement.objects.count() == 3
    assert counts(row) == (3, 0, 0, 0, 0)
    assert EngagementDay.objects.get().human_clicks == 3


def test_failure_before_the_commit_keeps_the_file_and_changes_nothing(tmp_path, row, monkeypatch):
    spool(tmp_path, line(row))

    def fail(*_):
        raise RuntimeError("died here")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(intake.Batch, "_taken_back", fail)
        drain(tmp_path)
    assert Engagement.objects.count() == 0
    assert drain(tmp_path) == 1


def test_torn_last_line_and_nonsense_are_left_out(tmp_path, row):
    spool(tmp_path, line(row), b"nonsense\n", line(row, number=2), line(row)[:40], name="1.open")

    assert drain(tmp_path) == 2


def test_file_that_is_still_written_is_left_alone(tmp_path, row):
    import asyncio

    from campaigns.engagement.spool import Writer

    async def write():
        writer = Writer(tmp_path)
        await writer.append(line(row))
        taken = [path.name for path in tmp_path.iterdir()], len(draining.waiting_files(tmp_path))
        writer.close()
        return taken

    names, waiting = asyncio.run(write())

    assert [name for name in names if name.endswith(".open")]
    assert waiting == 0
    assert drain(tmp_path) == 1


def test_room_that_a_killed_writer_did_not_need_holds_no_hits(tmp_path, row):
    """Its file and the spare one are full of zeros behind what was written; a hole among lines costs no other."""
    spool(tmp_path, line(row), line(row, number=2), b"\0" * 5000, name="1.open")
    spool(tmp_path, line(row), b"\0" * 50 + line(row), line(row, number=2), b"\0" * 5000, name="2.spare")
    spool(tmp_path, b"\0" * 5000, name="3.spare")

    assert drain(tmp_path) == 5
    assert list(tmp_path.iterdir()) == []


def test_late_honeypot_takes_back_what_counted_as_human(tmp_path, row):
    spool(tmp_path, line(row))
    drain(tmp_path)
    assert counts(row) == (1, 0, 0, 0, 0)

    spool(tmp_path, line(row, number=0))
    drain(tmp_path)

    assert counts(row) == (0, 2, 0, 0, 0)
    assert DeliveryEngagement.objects.get().first_click_at is None
    assert EngagementDay.objects.get().human_clicks == 0


def test_untracked_people_count_in_totals_only(tmp_path, mailing):
    row = delivery(mailing, is_tracked=False, at=timezone.now() - dt.timedelta(hours=1))
    spool(tmp_path, line(row, seq=None), line(row))  # the second cannot come from our links

    assert drain(tmp_path) == 2

    assert list(Engagement.objects.values_list("seq", "ip", "hit_class")) == [(None, None, "human")] * 2
    assert DeliveryEngagement.objects.count() == 0
    assert EngagementDay.objects.count() == 0


def test_hit_without_a_delivery_is_kept_and_moves_nobody(tmp_path, mailing):
    values = json.loads(new_hit(kind="open", mailing_id=mailing.pk, seq=99, number=None, ip="x", method="GET", agent="",
                                purpose="", by_user=False, has_language=False))  # fmt: skip
    spool(tmp_path, json.dumps(values).encode() + b"\n")

    assert drain(tmp_path) == 1
    assert DeliveryEngagement.objects.count() == 0


def test_time_of_a_hit_survives_the_spool_to_the_microsecond():
    before = timezone.now()
    [hit] = read_hits(new_hit(kind="click", mailing_id=1, seq=1, number=1, ip="", method="GET", agent="", purpose="",
                              by_user=False, has_language=False))  # fmt: skip

    assert before <= hit.at <= timezone.now()


def test_partitions_are_made_ahead_and_once():
    made = make_partitions(today=dt.date(2031, 11, 15))

    assert made == ["engagement_2031_11", "engagement_2031_12", "engagement_2032_01", "engagement_2032_02"]
    assert make_partitions(today=dt.date(2031, 12, 1)) == ["engagement_2032_03"]


def test_a_write_that_takes_long_does_not_keep_the_next_and_the_file_is_handed_over_after_both(tmp_path, monkeypatch):
    import asyncio
    import threading

    from campaigns.engagement import spool

    let_go, write = threading.Event(), spool._Draft.write

    def slow(self, data, at):
        if b'"first"' in data:
            assert let_go.wait(10)
        write(self, data, at)

    monkeypatch.setattr(spool._Draft, "write", slow)

    async def talk():
        writer = spool.Writer(tmp_path)
        first = asyncio.create_task(writer.append(b'["first"]\n'))
        await asyncio.sleep(0)
        await asyncio.wait_for(writer.append(b'["second"]\n'), 10)
        writer.rotate()
        assert not first.done() and not list(tmp_path.glob("*.ready"))
        (written,) = tmp_path.glob("*.open")
        assert spool.lines_of(written.read_bytes()) == b'["second"]\n'  # as if it had died here
        let_go.set()
        await first
        writer.close()

    asyncio.run(talk())
    (file,) = spool.waiting_files(tmp_path)
    assert spool.lines_of(file.read_bytes()) == b'["first"]\n["second"]\n'


def test_half_a_line_and_the_rest_of_another_do_not_become_one(tmp_path, row):
    whole = [line(row, number=number) for number in (1, 2, 3)]
    spool(tmp_path, b"\n" + whole[0] + whole[1][:90], bytes(300), whole[1][90:], b"\n" + whole[2], bytes(50))

    assert drain(tmp_path) == 2
    assert sorted(Engagement.objects.values_list("link_number", flat=True)) == [1, 3]
