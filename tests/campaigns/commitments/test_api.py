"""What only /commitments and /commitment-updates have to show: the institution's link, and what staff heard."""

from __future__ import annotations

import pytest
from django.test import Client

from campaigns.commitments.models import CommitmentLink, CommitmentUpdate
from crm.audit.models import AuditEntry
from tests.factories import CommitmentFactory

pytestmark = pytest.mark.django_db


def test_link_is_made_used_revoked_and_made_anew(api, outreach):
    client, row = api(outreach), CommitmentFactory()
    at = f"/commitments/{row.uid}"

    made = client.post(f"{at}/update-link").json()
    again = client.post(f"{at}/update-link").json()
    assert (again["url"], client.get(at).json()["has_update_link"]) == (made["url"], True)
    path = "/" + made["url"].split("/", 3)[3]
    assert Client().post(path, {"progress": "on_track", "text": "In print", "written_by": "A."}).status_code == 200
    [told] = client.get(f"/commitment-updates?commitment={row.uid}").json()["data"]
    assert (told["text"], told["state"]) == ("In print", "waiting")

    client.delete(f"{at}/update-link")
    client.delete(f"{at}/update-link")  # nothing is left to revoke, and that is fine
    assert client.get(at).json()["has_update_link"] is False
    Client().post(path, {"progress": "done", "text": "Once more"})
    assert CommitmentUpdate.objects.count() == 1
    assert client.post(f"{at}/update-link").json()["url"] != made["url"]
    verbs = AuditEntry.objects.filter(object_uid=row.uid, verb__startswith="commitment.link").order_by("pk")
    assert list(verbs.values_list("verb", flat=True)) == ["commitment.link_made", "commitment.link_revoked", "commitment.link_made"]  # fmt: skip


def test_link_is_for_those_who_log_and_is_not_told_to_readers(api, viewer, outreach):
    row = CommitmentFactory()
    url = api(outreach).post(f"/commitments/{row.uid}/update-link").json()["url"]

    reader = api(viewer)
    assert url.rsplit("/", 2)[1] not in reader.get(f"/commitments/{row.uid}").content.decode()
    reader.post(f"/commitments/{row.uid}/update-link", status=403)
    reader.delete(f"/commitments/{row.uid}/update-link", status=403)
    assert CommitmentLink.objects.filter(revoked_at=None).count() == 1


def test_what_staff_heard_counts_at_once(api, outreach, viewer):
    client, row = api(outreach), CommitmentFactory()
    body = {"commitment": str(row.uid), "progress": "late", "text": "They told me so in the corridor"}

    client.post("/commitment-updates", {**body, "text": ""}, status=422)
    api(viewer).post("/commitment-updates", body, status=403)
    made = client.post("/commitment-updates", body).json()

    row.refresh_from_db()
    assert (made["state"], made["text"], row.heard_on is not None) == ("accepted", body["text"], True)
    assert CommitmentUpdate.objects.count() == 1
