"""A person's data, handed over: all of it, of nobody else, for a few days, and whoever takes it is logged."""

import datetime as dt
import json
from pathlib import Path

import pytest
from django.urls import reverse
from django.utils import timezone

from contacts.consent.erasure import exporting
from contacts.consent.erasure import services as erasing
from contacts.consent.models import DataExport
from contacts.directory.models import Person
from crm.audit.models import AuditEntry
from crm.errors import NotAllowed
from crm.jobs.models import Job
from crm.jobs.services import run_job
from tests.contacts.consent.erasing import ADDRESS, NAME, OLD_ADDRESS, PHONE, everything
from tests.factories import CountryFactory, GrantFactory, PersonFactory, UserFactory

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("folder")]


@pytest.fixture
def world(admin):
    return everything(admin)


def made_by(client, person) -> DataExport:
    answer = client.post(reverse("data_export_start", args=[person.uid]))
    assert answer.status_code == 302
    run_job(Job.objects.get(kind="consent.export").pk)
    return DataExport.objects.get()


def test_everything_about_them_and_nobody_else(world, planner, sign_in):
    client = sign_in(planner)
    made = made_by(client, world.zenobia)

    page = client.get(reverse("data_export_detail", args=[made.uid])).content.decode()
    assert "To read" in page and "For machines" in page
    answer = client.get(reverse("data_export_file", args=[made.uid, "json"]))
    assert answer["Content-Disposition"].startswith("attachment;")
    found = json.loads(answer.content)

    assert (found["format"], found["version"], found["uid"]) == ("groundswell.personal-data", 1, str(world.zenobia.uid))
    data = found["data"]
    assert {name for name, rows in data.items() if rows} >= {
        "person", "contact_points", "memberships", "lists", "consent", "consent_now", "opt_in", "deliveries", "engagement",
        "feedback", "inbound", "interactions", "audit", "imports", "partner_account", "partner_sign_ins",
    }  # fmt: skip
    assert data["person"][0]["name"] == NAME and data["person"][0]["tags"] == ["speaker"]
    assert {row["value"] for row in data["contact_points"]} == {ADDRESS.title(), PHONE}
    assert {row["organization"] for row in data["memberships"]} == {"Ministry of Labour"}
    assert [row["list"] for row in data["lists"]] == ["Speakers"]
    assert len(data["consent"]) == 2 and data["consent"][0]["topic"] == world.topic.code
    assert {row["mailing"] for row in data["deliveries"]} == {world.mailing.name, world.next_mailing.name}
    assert data["imports"][0]["line"] == 2 and ADDRESS in [cell["text"] for cell in data["imports"][0]["cells"]]
    assert "bob" not in json.dumps(data["imports"])
    assert data["engagement"][0]["network_address"] == "192.0.2.77"
    assert [(row["what"], row["said"]) for row in data["partner_sign_ins"]] == [
        ("partneraccount.opened", NAME), ("sign_in.done", "code · 192.0.2.77 · browser of hers"), ("two_step.renamed", "Phone of hers → Zenobia’s"),
        ("session", "192.0.2.77 · Mozilla/5.0 of hers"),
    ]  # fmt: skip
    assert any(NAME in row["message"] for row in data["inbound"])
    assert any(OLD_ADDRESS in json.dumps(row) for row in data["audit"])
    assert "bob@quill" not in answer.content.decode() and "Bob Banda" not in answer.content.decode()


def test_the_readable_file_stands_alone(world, planner, sign_in):
    client = sign_in(planner)
    made = made_by(client, world.zenobia)

    text = client.get(reverse("data_export_file", args=[made.uid, "html"])).content.decode()

    assert NAME in text and "Ministry of Labour" in text and "Messages sent to them" in text
    assert (
        "<script" not in text and "http" not in text.replace("https://", "").replace("http://", "").split("<body>")[0]
    )


def test_the_printed_file_has_every_part_and_takes_nothing_for_markup(world, planner, sign_in):
    Person.objects.filter(pk=world.zenobia.pk).update(note="#panic[no] $x$ *bold* \\ ] ❄ 李 محمد")
    client = sign_in(planner)
    made = made_by(client, world.zenobia)

    answer = client.get(reverse("data_export_file", args=[made.uid, "pdf"]))

    assert answer["Content-Type"] == "application/pdf"
    assert answer["Content-Disposition"] == f'attachment; filename="personal-data-{made.uid}.pdf"'
    assert answer.content.startswith(b"%PDF-") and answer.content.rstrip().endswith(b"%%EOF")
    assert "/pdf" in client.get(reverse("data_export_detail", args=[made.uid])).content.decode()


def test_exports_made_before_there_was_paper_offer_none(world, planner, sign_in):
    client = sign_in(planner)
    made = made_by(client, world.zenobia)
    made.printed.delete(save=True)

    assert "/pdf" not in client.get(reverse("data_export_detail", args=[made.uid])).content.decode()
    assert client.get(reverse("data_export_file", args=[made.uid, "pdf"])).status_code == 409
    assert client.get(reverse("data_export_file", args=[made.uid, "html"])).status_code == 200


def test_who_takes_it_is_logged(world, planner, sign_in):
    client = sign_in(planner)
    made = made_by(client, world.zenobia)
    for kind in ("json", "html"):
        client.get(reverse("data_export_file", args=[made.uid, kind]))

    taken = AuditEntry.objects.filter(verb="person.export_downloaded", object_uid=world.zenobia.uid, actor=planner)
    assert sorted(taken.values_list("summary", flat=True)) == ["html", "json"]
    assert AuditEntry.objects.filter(verb="person.export_requested", actor=planner).count() == 1


def test_the_files_go_after_some_days(world, planner, sign_in):
    client = sign_in(planner)
    made = made_by(client, world.zenobia)
    files = [Path(getattr(made, name).path) for name in ("machine", "readable", "printed")]
    assert made.expires_at - made.ready_at == dt.timedelta(days=7)

    assert exporting.expire() == 0 and all(path.exists() for path in files)
    assert exporting.expire(now=timezone.now() + dt.timedelta(days=8)) == 1

    assert not any(path.exists() for path in files)
    assert client.get(reverse("data_export_file", args=[made.uid, "json"])).status_code == 409
    assert "These files are gone" in client.get(reverse("data_export_detail", args=[made.uid])).content.decode()


def test_a_late_download_is_refused_before_the_files_went(world, planner, sign_in):
    client = sign_in(planner)
    made = made_by(client, world.zenobia)
    DataExport.objects.update(expires_at=timezone.now() - dt.timedelta(seconds=1))

    assert client.get(reverse("data_export_file", args=[made.uid, "json"])).status_code == 409


def test_erasure_takes_the_files_along(world, admin, planner, sign_in):
    made = made_by(sign_in(planner), world.zenobia)
    files = [Path(getattr(made, name).path) for name in ("machine", "readable", "printed")]

    erasing.erase_now(erasing.request_erasure(person=world.zenobia, reason="request", actor=admin))

    assert not DataExport.objects.exists() and not any(path.exists() for path in files)
    with pytest.raises(NotAllowed):
        exporting.request_export(person=world.zenobia, actor=admin)


@pytest.mark.parametrize("role", ["editor", "outreach", "viewer", "approver"])
def test_only_those_who_may_export_personal_data(role, request, planner, sign_in):
    user, ada = request.getfixturevalue(role), PersonFactory()
    made = made_by(sign_in(planner), ada)

    assert sign_in(user).post(reverse("data_export_start", args=[ada.uid])).status_code == 403
    assert sign_in(user).get(reverse("data_export_file", args=[made.uid, "json"])).status_code == 403


def test_out_of_scope_is_not_found(planner, sign_in):
    user, far = UserFactory(), PersonFactory(country=CountryFactory(code="MW"))
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    made = made_by(sign_in(planner), far)

    assert sign_in(user).post(reverse("data_export_start", args=[far.uid])).status_code == 404
    assert sign_in(user).get(reverse("data_export_file", args=[made.uid, "html"])).status_code == 404
