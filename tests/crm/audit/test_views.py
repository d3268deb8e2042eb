"""Undo from a toast."""

import pytest

from crm.audit import services
from crm.audit.models import AuditEntry


@pytest.fixture
def entry(planner, monkeypatch):
    """A change of the planner's name by the planner, that can be undone."""

    def restore(*, uid, values, expected, actor):
        planner.name = values["name"]
        planner.save(update_fields=["name"])

    monkeypatch.setitem(services._UNDO, "user", restore)
    before, planner.name = planner.name, "Changed"
    planner.save(update_fields=["name"])
    return services.record(verb="user.edited", target=planner, actor=planner, changes=[("name", before, "Changed")])


def test_undo_puts_back_and_goes_back(entry, planner, sign_in):
    answer = sign_in(planner).post(
        f"/undo/{entry.uid}/", headers={"Referer": "http://testserver/directory/people/?q=a"}
    )

    planner.refresh_from_db()
    assert planner.name == "Planner"
    assert answer.headers["Location"] == "http://testserver/directory/people/?q=a"
    assert AuditEntry.objects.get(undoes=entry).actor == planner


def test_undo_from_a_toast_reloads_the_page(entry, planner, sign_in):
    answer = sign_in(planner).post(f"/undo/{entry.uid}/", headers={"HX-Request": "true"})

    assert (answer.status_code, answer.headers["HX-Refresh"]) == (204, "true")


def test_undo_does_not_send_people_to_another_site(entry, planner, sign_in):
    answer = sign_in(planner).post(f"/undo/{entry.uid}/", headers={"Referer": "https://evil.example/"})

    assert answer.headers["Location"] == "/"


def test_undo_twice_says_so_and_changes_nothing(entry, planner, sign_in):
    client = sign_in(planner)
    client.post(f"/undo/{entry.uid}/")

    answer = client.post(f"/undo/{entry.uid}/")

    assert answer.status_code == 409
    assert "undone already" in answer.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_undo_of_anothers_change_is_not_found(entry, editor, planner, sign_in, method):
    answer = getattr(sign_in(editor), method)(f"/undo/{entry.uid}/")

    assert answer.status_code == (405 if method == "get" else 404)
    planner.refresh_from_db()
    assert planner.name == "Changed"
