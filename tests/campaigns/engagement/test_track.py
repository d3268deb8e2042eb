"""The real `track` process under granian, over HTTP."""

import contextlib
import http.client
import os
import signal
import threading
import time
from urllib.parse import urlsplit

import pytest
from django.conf import settings as django_settings
from django.test import Client

from campaigns.delivery.models import Delivery
from campaigns.engagement import alive, links
from campaigns.engagement.drain import drain
from campaigns.engagement.models import DeliveryEngagement, Engagement
from contacts.consent.models import ConsentEvent, ConsentState, Suppression
from contacts.consent.services import grant_consent
from contacts.directory.models import Person
from tests.campaigns.engagement.tracker import database_url, tracking
from tests.campaigns.ledger import delivery, sent_mailing


@pytest.fixture
def tracker(tmp_path, transactional_db):
    with tracking(tmp_path / "spool") as running:
        yield running


def eventually(ask, seconds=10):
    deadline = time.monotonic() + seconds
    while not ask() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert ask()


def subscribed_row():
    mailing = sent_mailing()
    row = delivery(mailing)
    person = Person.objects.get(pk=row.person_id)
    grant_consent(subject=person, topic=mailing.topic, lawful_basis="consent", source="test")
    return mailing, row, person


def test_click_is_on_disk_before_its_answer_and_goes_on_to_the_destination(tracker):
    url = "https://example.org/é?a=1&b=%20c#d"

    status, headers, _ = tracker.ask("GET", links.click_url(7, 12, 3, url))

    written = b"".join(path.read_bytes() for path in (tracker.spool / "hits").iterdir())
    assert (status, headers["location"]) == (302, "https://example.org/%C3%A9?a=1&b=%20c#d")
    assert written.count(b"]\n") == 1
    assert b",7,12,3," in written
    assert "set-cookie" not in headers


def test_it_gives_a_sign_of_life_beside_its_spool_again_and_again(tracker):
    eventually(lambda: alive.age(tracker.spool) is not None)
    os.utime(tracker.spool / alive.NAME, (0, 0))

    eventually(lambda: alive.age(tracker.spool) < 1000, seconds=30)


def test_pixel_is_an_image_and_counts(tracker):
    status, headers, body = tracker.ask("GET", links.open_url(7, None))

    assert (status, headers["content-type"], body[:3]) == (200, "image/gif", b"GIF")
    assert headers["cache-control"] == "no-store"


@pytest.mark.parametrize("kind", ["c", "o", "u"])
def test_changed_link_is_a_friendly_404_in_the_readers_language(tracker, kind):
    made = {
        "c": links.click_url(7, 12, 3, "https://example.org/"),
        "o": links.open_url(7, 1),
        "u": links.unsubscribe_url(7, 1),
    }
    good = urlsplit(made[kind]).path.removesuffix(".gif")
    changed = good[:12] + ("A" if good[12] != "A" else "B") + good[13:]

    status, headers, body = tracker.ask("POST" if kind == "u" else "GET", changed)

    assert (status, "location" in headers) == (404, False)
    assert "Ce lien ne fonctionne pas" in body.decode()
    assert not (tracker.spool / "hits").exists()


def test_crawling_every_link_by_get_changes_no_state(tracker, client):
    mailing, row, person = subscribed_row()
    before = (
        list(ConsentEvent.objects.values()), list(ConsentState.objects.values()), list(Suppression.objects.values()),
        list(Delivery.objects.values()),
    )  # fmt: skip
    made = [
        links.click_url(mailing.pk, row.seq, 1, "https://example.org/"), links.open_url(mailing.pk, row.seq),
        links.unsubscribe_url(mailing.pk, row.seq),
    ]  # fmt: skip

    answers = [tracker.ask(method, url) for method in ("GET", "HEAD") for url in made]
    leads_to = answers[2][1]["location"]
    page = Client().get(urlsplit(leads_to).path, follow=True)

    assert [status for status, _, _ in answers] == [302, 200, 302] * 2
    assert page.status_code == 200
    assert page.redirect_chain[0][0].startswith(f"{django_settings.BASE_URL}/p/")
    assert before == (
        list(ConsentEvent.objects.values()), list(ConsentState.objects.values()), list(Suppression.objects.values()),
        list(Delivery.objects.values()),
    )  # fmt: skip
    assert not DeliveryEngagement.objects.filter(unsubscribed_at__isnull=False).exists()


def test_one_click_post_is_committed_when_it_is_acknowledged(tracker):
    mailing, row, person = subscribed_row()

    answers = [
        tracker.ask("POST", links.unsubscribe_url(mailing.pk, row.seq), body="List-Unsubscribe=One-Click")
        for _ in range(2)
    ]

    assert [(status, "location" in headers, "set-cookie" in headers) for status, headers, _ in answers] == [
        (200, False, False)
    ] * 2
    assert "désinscrit" in answers[0][2].decode()
    assert ConsentState.objects.get(subject_uid=person.uid, topic=mailing.topic).is_granted is False
    assert ConsentEvent.objects.filter(action="withdraw").count() == 1
    assert DeliveryEngagement.objects.get(mailing_id=mailing.pk, seq=row.seq).unsubscribed_at is not None


def test_unsubscribe_hears_503_while_the_database_is_down_and_links_go_on(tmp_path, db):
    nowhere = database_url(HOST=str(tmp_path), PORT="5432")

    with tracking(tmp_path / "spool", DATABASE_URL=nowhere) as running:
        status, headers, _ = running.ask("POST", links.unsubscribe_url(7, 1), body="List-Unsubscribe=One-Click")
        click, _, _ = running.ask("GET", links.click_url(7, 1, 1, "https://example.org/"))

    assert (status, headers["retry-after"]) == (503, "30")
    assert click == 302


def test_kill_9_in_the_middle_loses_nothing_that_was_acknowledged(tracker):
    mailing = sent_mailing()
    rows = [delivery(mailing) for _ in range(4)]
    acknowledged = []

    def press(row):
        with contextlib.suppress(OSError, http.client.HTTPException):
            while True:
                status, _, _ = tracker.ask("GET", links.click_url(mailing.pk, row.seq, 1, "https://example.org/"))
                acknowledged.append(status)

    threads = [threading.Thread(target=press, args=(row,)) for row in rows]
    for thread in threads:
        thread.start()
    eventually(lambda: len(acknowledged) > 150)
    os.killpg(tracker.process.pid, signal.SIGKILL)
    for thread in threads:
        thread.join()
    tracker.process.wait(10)
    folder = tracker.spool / "hits"
    kept = {path.name: path.read_bytes() for path in folder.iterdir()}

    drained = drain(folder)
    for name, data in kept.items():  # as if the drain had died before it removed them
        (folder / name).write_bytes(data)
    again = drain(folder)

    assert set(acknowledged) == {302}
    assert drained >= len(acknowledged)
    assert drained - len(acknowledged) <= len(rows)  # on disk, and killed before the answer
    assert (again, Engagement.objects.count()) == (0, drained)
