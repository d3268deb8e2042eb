import datetime as dt
import json

import pytest
from django.utils import timezone

from campaigns.engagement import drain as draining
from campaigns.engagement.drain import drain
from campaigns.engagement.models import DeliveryEngagement, Engagement, EngagementDay
from campaigns.engagement.partitions import make_partitions
from campaigns.engagement.spool import new_hit, read_hits
from tests.campaigns.engagement.test_classify import BROWSER
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
        patch.setattr(draining.Batch, "_write_people", fail)
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
        writer.rotate()
        return taken

    names, waiting = asyncio.run(write())

    assert names[0].endswith(".open")
    assert waiting == 0
    assert drain(tmp_path) == 1


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
