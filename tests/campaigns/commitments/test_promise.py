"""The public page: an institution says how its commitment stands, and staff decide."""

from __future__ import annotations

import re
import threading
from datetime import date, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from campaigns.commitments import linking
from campaigns.commitments.models import CommitmentUpdate
from crm.audit.models import AuditEntry
from crm.errors import Conflict, Invalid
from crm.ids import new_uid
from tests.factories import CommitmentFactory, GrantFactory, OrganizationFactory, UserFactory

pytestmark = pytest.mark.django_db
SAID = {"progress": "done", "text": "It is in the gazette", "link": "https://gazette.example.org/7", "written_by": "A. Diallo, Director"}  # fmt: skip


@pytest.fixture
def link(planner):
    row = CommitmentFactory(text="Publish the draft", organization__name="Ministry", organization__language="fr")
    return linking.make_link(commitment=row, actor=planner)


def path(link) -> str:
    return reverse("promise", args=[linking.token_of(link)])


def test_page_needs_no_account_sets_no_cookie_and_is_in_four_languages(link):
    client = Client()

    page = client.get(path(link))

    assert (page.status_code, page.cookies, page.headers["Content-Language"]) == (200, {}, "fr")
    assert "Où en est votre engagement" in page.content.decode() and "Publish the draft" in page.content.decode()
    for code, words in {"en": "How does your commitment stand?", "es": "¿Cómo va su compromiso?", "ar": "أين وصل التزامكم؟"}.items():  # fmt: skip
        assert words in client.get(f"{path(link)}?lang={code}").content.decode()
    assert 'dir="rtl"' in client.get(f"{path(link)}?lang=ar").content.decode()
    assert page.headers["Referrer-Policy"] == "no-referrer"


def test_looking_changes_nothing_and_sending_waits_for_staff(link):
    client = Client()
    key = re.search(r'name="key" value="([^"]+)"', client.get(path(link)).content.decode())[1]  # type: ignore[index]
    assert not CommitmentUpdate.objects.exists()

    for _ in range(2):  # a double click
        assert client.post(path(link), {**SAID, "key": key}).status_code == 200

    update = CommitmentUpdate.objects.get()
    link.commitment.refresh_from_db()
    assert (update.state, update.written_by, link.commitment.state) == ("waiting", "A. Diallo, Director", "open")


@pytest.mark.parametrize(
    "wrong",
    [{"progress": ""}, {"progress": "perhaps"}, {"progress": "late", "text": " "}, {"link": "javascript:1"}, {"new_due_on": "soon"}, {"text": "x" * 1_000_000}],
    ids=["nothing", "unknown", "no-words", "link", "date", "megabyte"],
)  # fmt: skip
def test_wrong_input_is_told_and_kept_on_the_page(link, wrong):
    answer = Client().post(f"{path(link)}?lang=en", {**SAID, **wrong})

    assert answer.status_code == 422
    assert "Nothing was sent; what you wrote is kept here." in answer.content.decode()
    assert "A. Diallo, Director" in answer.content.decode()
    assert not CommitmentUpdate.objects.exists()


def test_a_guessed_a_changed_and_a_revoked_link(link, planner):
    token = linking.token_of(link)
    body, key_id, mac = token.split(".")
    other = linking.token_of(linking.make_link(commitment=CommitmentFactory(), actor=planner)).split(".")[0]
    for wrong in ("x", "x.y.z", f"{other}.{key_id}.{mac}", f"{body}.{key_id}.{mac[:-2]}AA", token + ".x"):
        assert Client().get(reverse("promise", args=[wrong])).status_code == 404
        assert Client().post(reverse("promise", args=[wrong]), SAID).status_code == 404

    linking.revoke_link(commitment=link.commitment, actor=planner)

    gone = Client().post(f"{path(link)}?lang=en", SAID)
    assert (gone.status_code, "This link is over" in gone.content.decode()) == (410, True)
    assert "Publish the draft" not in gone.content.decode()
    assert not CommitmentUpdate.objects.exists()
    with pytest.raises(Conflict):  # an old page, sent after the link went
        linking.take_update(link=link, progress="done", text="x")
    again = linking.make_link(commitment=link.commitment, actor=planner)
    assert again != link
    assert Client().get(path(again)).status_code == 200


def test_more_than_a_person_writes_is_stopped(link):
    codes = [Client().post(path(link), {**SAID, "text": f"No. {n}"}).status_code for n in range(11)]

    assert codes == [200] * 10 + [429]
    assert CommitmentUpdate.objects.count() == 10


def test_hostile_words_are_words(link, sign_in, planner):
    Client().post(path(link), {**SAID, "text": "<img src=x onerror=alert(1)>\u202e", "written_by": "<b>Boss</b>"})

    page = sign_in(planner).get(reverse("update_list")).content.decode()

    assert "<img src=x" not in page and "<b>Boss</b>" not in page
    assert "&lt;img src=x" in page


# --- what staff make of it
def test_accepted_it_settles_and_somebody_else_verifies(link, planner, outreach, sign_in):
    Client().post(path(link), SAID)
    update = CommitmentUpdate.objects.get()

    sign_in(planner).post(reverse("update_accept", args=[update.uid]))
    sign_in(outreach).post(reverse("update_accept", args=[update.uid]))  # a second tab

    row = link.commitment
    row.refresh_from_db()
    assert (row.state, row.settled_by, row.outcome, row.outcome_link) == ("kept", planner, SAID["text"], SAID["link"])
    assert row.heard_on == timezone.localdate()
    assert AuditEntry.objects.filter(verb="commitment.update_accepted").count() == 1
    sign_in(outreach).post(reverse("commitment_verify", args=[row.uid]))
    row.refresh_from_db()
    assert row.verified_by == outreach


def test_a_later_date_moves_it_and_cannot_breaks_it(planner):
    moved, broken = CommitmentFactory(), CommitmentFactory()
    later = moved.due_on + timedelta(days=30)
    one = linking.take_update(link=linking.make_link(commitment=moved, actor=planner), progress="late", text="Elections", new_due_on=later)  # fmt: skip
    two = linking.take_update(link=linking.make_link(commitment=broken, actor=planner), progress="cannot", text="No money")  # fmt: skip

    linking.accept_update(update=one, actor=planner)
    linking.accept_update(update=two, actor=planner)

    moved.refresh_from_db()
    broken.refresh_from_db()
    assert (moved.due_on, moved.state) == (later, "open")
    assert (broken.state, broken.outcome) == ("broken", "No money")


def test_left_aside_with_a_reason_nothing_changes(link, planner):
    update = linking.take_update(link=link, progress="done", text="All done")
    with pytest.raises(Invalid, match="Say why"):
        linking.decline_update(update=update, actor=planner, reason=" ")

    linking.decline_update(update=update, actor=planner, reason="The gazette has nothing")

    update.refresh_from_db()
    link.commitment.refresh_from_db()
    assert (update.state, update.reason, link.commitment.state) == ("declined", "The gazette has nothing", "open")
    assert linking.accept_update(update=update, actor=planner) is None


@pytest.mark.django_db(transaction=True)
def test_sent_twice_at_the_same_moment_it_is_kept_once(planner):
    made = linking.make_link(commitment=CommitmentFactory(), actor=planner)
    barrier, found, key = threading.Barrier(3), [], new_uid()

    def send() -> None:
        try:
            barrier.wait()
            found.append(linking.take_update(link=made, progress="on_track", form_key=key).pk)
        except Exception as error:  # told by the test
            found.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=send) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert found == [CommitmentUpdate.objects.get().pk] * 3


def test_updates_of_other_countries_do_not_exist(planner):
    officer = UserFactory()
    GrantFactory(user=officer, role="outreach", is_everywhere=False, countries=["ZM"])
    hidden = CommitmentFactory(organization=OrganizationFactory(country__code="TD"), drive__countries=["ZM", "TD"])
    linking.take_update(link=linking.make_link(commitment=hidden, actor=planner), progress="on_track")

    assert list(CommitmentUpdate.objects.visible_to(officer)) == []
    assert CommitmentUpdate.objects.visible_to(planner).count() == 1
    assert hidden.due_on > date(2027, 1, 1)


def test_what_institutions_said_is_decided_by_the_api_too(link, api, outreach, viewer):
    late = CommitmentUpdate.objects.create(
        commitment=link.commitment, progress="late", received_at=timezone.now(), new_due_on="2027-09-01"
    )
    other = CommitmentUpdate.objects.create(commitment=link.commitment, progress="done", received_at=timezone.now())
    client = api(outreach)

    assert len(api(viewer).get("/commitment-updates?state=waiting").json()["data"]) == 2
    api(viewer).post(f"/commitment-updates/{late.uid}/accept", status=403)
    assert client.post(f"/commitment-updates/{late.uid}/accept", status=200).json()["state"] == "accepted"
    client.post(f"/commitment-updates/{other.uid}/decline", {}, status=422)
    declined = client.post(f"/commitment-updates/{other.uid}/decline", {"reason": "It is a draft"}, status=200).json()

    assert (declined["state"], declined["reason"]) == ("declined", "It is a draft")
    told = client.get(f"/commitments/{link.commitment.uid}").json()
    assert (told["due_on"], told["state"]) == ("2027-09-01", "open")
