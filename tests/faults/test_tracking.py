"""Each hit that was answered counts once, whatever dies: the consumer, Valkey, PostgreSQL, and `track` itself. Then the audit."""

import sys
import threading
import time

import pytest
from django.db import OperationalError, connection

from campaigns.engagement.links import MailingLinks
from campaigns.engagement.loading import ask
from campaigns.engagement.models import DeliveryEngagement, Engagement
from campaigns.engagement.spool import waiting_files
from tests.campaigns.engagement.tracker import tracking

pytestmark = pytest.mark.xdist_group("faults")
PEOPLE, HITS, CONNECTIONS = 40, 4000, 20
_CONSUMER = """
import logging, pathlib, sys, time, django
django.setup()
from django.db import DatabaseError, connection
from campaigns.engagement.drain import drain
while True:
    try:
        drain(pathlib.Path(sys.argv[1]), limit=1)
    except DatabaseError:
        connection.close()
    time.sleep(0.02)
"""


class Load(threading.Thread):
    """People who click while the test breaks things. An answer that is not the way on to the link's destination fails."""

    def __init__(self, port, paths, *, pause=0.5):
        super().__init__(daemon=True)
        self.port, self.paths, self.answered, self.problem = port, paths, 0, None
        self.pause = pause
        self.turn = threading.Event()

    def run(self):
        step = 200
        try:
            for first in range(0, len(self.paths), step):
                _seconds, times = ask(self.port, CONNECTIONS, self.paths[first : first + step])
                self.answered += len(times)
                self.turn.wait(self.pause)  # people come for as long as things break; then all at once
        except Exception as problem:
            self.problem = problem


@pytest.fixture
def mailing(ground):
    """One that left, by the same worker as in every other fault."""
    mailing = ground.send(PEOPLE)
    ground.finished(mailing)
    return mailing


def paths_of(mailing):
    links = MailingLinks(mailing.pk)
    urls = (links.click(n % PEOPLE + 1, n % 3 + 1, "https://campaign.test/guide") for n in range(HITS))
    return ["/" + url.split("/", 3)[3] for url in urls]


def start_consumer(ground, spool):
    ground.start("consumer", sys.executable, "-c", _CONSUMER, str(spool / "hits"))


def test_answered_hits_count_once_while_everything_behind_them_dies(ground, mailing, tmp_path):
    with tracking(tmp_path, DATABASE_URL=ground.pair.database_url, REDIS_URL=ground.pair.redis_url) as tracker:
        load = Load(tracker.port, paths_of(mailing))
        load.start()
        for number in range(10):
            start_consumer(ground, tmp_path)
            ground.wait_for(lambda n=number: load.answered >= n * 200 or not load.is_alive(), "people go on clicking")
            time.sleep(0.3)  # somewhere in the middle of a file, or between two
            ground.kill9("consumer")
        ground.pair.valkey.flush()
        ground.pair.valkey.kill9()
        connection.close()
        ground.pair.pg.kill9()
        start_consumer(ground, tmp_path)
        assert load.is_alive(), "the kills came too late to mean anything"
        load.turn.set()
        load.join(60)
        assert (load.problem, load.answered) == (None, HITS)
        time.sleep(1.5)  # the last file is handed over while nobody can take it in
        ground.pair.valkey.start()
        ground.pair.pg.start()

        everything_counts_once(ground, mailing, tmp_path)


def everything_counts_once(ground, mailing, spool):
    written = Engagement.objects.filter(mailing_id=mailing.pk)
    ground.wait_for(lambda: _count(written) >= HITS and not waiting_files(spool / "hits"), "all is taken in")
    ground.kill9("consumer")
    assert written.count() == written.values("hit_id").distinct().count() == HITS
    totals = DeliveryEngagement.objects.filter(mailing_id=mailing.pk)
    assert sum(row.human_clicks + row.machine_clicks + row.unknown_clicks for row in totals) == HITS
    found = ground.audit(mailing)
    assert (found["lost"], found["duplicates"], found["counts"]["accepted"]) == (0, 0, PEOPLE)


def _count(rows):
    try:
        return rows.count()
    except OperationalError:  # it is on its way
        connection.close()
        return 0
