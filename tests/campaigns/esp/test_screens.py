"""Settings of mailing services: a form for each, keys that are never shown again, and a test to oneself."""

import json

import pytest
from django.urls import reverse

from campaigns.esp.catalogue import SERVICES
from campaigns.mailings.models import Transport
from crm.audit.models import AuditEntry
from tests.campaigns.esp.service import settings_of
from tests.factories import SenderFactory, TransportFactory

pytestmark = pytest.mark.django_db
GIVEN = {"name": "Letters", "max_connections": "4", "per_second": "", "leaves_from": "include:spf.mtasv.net"}


@pytest.fixture
def screens(sign_in, admin):
    return sign_in(admin)


def test_all_services_are_offered_and_each_has_its_form(screens):
    page = screens.get(reverse("service_choice")).content.decode()

    for service in SERVICES.values():
        assert reverse("service_create", args=[service.code]) in page
        form = screens.get(reverse("service_create", args=[service.code])).content.decode()
        for each in service.all_settings:
            assert f'name="{each.name}"' in form


def test_a_service_is_added_and_its_key_is_never_shown(screens):
    answer = screens.post(reverse("service_create", args=["postmark"]), {**GIVEN, "server_token": "very-secret-1"})

    row = Transport.objects.get(name="Letters")
    assert answer.headers["Location"] == reverse("service_detail", args=[row.uid])
    assert (row.kind, row.service, row.settings_of_service["server_token"]) == ("service", "postmark", "very-secret-1")
    assert len(row.settings_of_service["webhook"]) >= 32
    for url in ("service_detail", "service_edit"):
        assert "very-secret-1" not in screens.get(reverse(url, args=[row.uid])).content.decode()
    detail = screens.get(reverse("service_detail", args=[row.uid])).content.decode()
    assert f"/services/{row.uid}/events/" in detail
    assert "very-secret-1" not in json.dumps(
        [list(entry.changes.values()) for entry in AuditEntry.objects.all()], default=str
    )


def test_dots_keep_what_is_stored_and_another_key_is_written_down_as_another(screens):
    row = TransportFactory(
        kind="service", service="postmark", service_settings=settings_of("https://api.postmark.test/")
    )
    url = reverse("service_edit", args=[row.uid])

    screens.post(url, {**GIVEN, "server_token": "•••", "api_url": "https://eu.postmark.test/"})
    row.refresh_from_db()
    assert row.settings_of_service["server_token"] == "secret-token"
    assert row.settings_of_service["api_url"] == "https://eu.postmark.test/"
    assert row.settings_of_service["webhook"] == "hook-password"

    screens.post(url, {**GIVEN, "server_token": "another"})
    row.refresh_from_db()
    assert row.settings_of_service["server_token"] == "another"
    assert "another one" in json.dumps(list(AuditEntry.objects.latest("pk").changes.values()), default=str)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"server_token": ""}, "required"),
        ({"server_token": "ключ"}, "other scripts"),
        ({"api_url": "http://plain.example/"}, "https://host/path"),
        ({"api_url": "nonsense"}, "https://host/path"),
        ({"max_connections": "0"}, "between 1 and 128"),
        ({"leaves_from": "not a host!"}, "no address"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_is_stored(screens, changes, sentence):
    answer = screens.post(
        reverse("service_create", args=["postmark"]), {**GIVEN, "server_token": "token", "api_url": "", **changes}
    )

    assert sentence in answer.content.decode()
    assert not Transport.objects.filter(kind="service").exists()


def test_a_test_to_oneself_goes_by_the_service(screens, transport, postmark, admin):
    admin.email = "admin@labour-office.net"
    admin.save()
    SenderFactory(email="us@labour-office.net")

    page = screens.post(reverse("service_test", args=[transport.uid]), follow=True).content.decode()
    assert "took a test to admin@labour-office.net" in page
    assert [m["To"] for m in postmark.messages] == ["admin@labour-office.net"]

    postmark.status = 401
    assert "401" in screens.post(reverse("service_test", args=[transport.uid]), follow=True).content.decode()


def test_the_list_of_transports_leads_to_both_kinds(screens, transport):
    page = screens.get(reverse("transport_list")).content.decode()

    assert reverse("service_detail", args=[transport.uid]) in page
    assert "127.0.0.1" in page
    assert screens.get(reverse("transport_edit", args=[transport.uid])).headers["Location"] == reverse(
        "service_detail", args=[transport.uid]
    )


def test_a_code_of_no_service_is_not_found(screens):
    assert screens.get(reverse("service_create", args=["pigeon"])).status_code == 404


def test_an_installation_without_a_sender_is_told_so(screens, transport):
    assert (
        "Add a sender first"
        in screens.post(reverse("service_test", args=[transport.uid]), follow=True).content.decode()
    )
