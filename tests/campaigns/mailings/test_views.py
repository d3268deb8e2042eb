"""Screens of mailings: what each role sees and may press, two tabs, previews in a frame of their own."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.mailings import services
from campaigns.mailings.approval import content_hash
from campaigns.mailings.models import Mailing, MailingTest, Sender, Transport
from campaigns.mailings.presenting import approval_panel
from campaigns.mailings.states import State
from crm.audit.models import AuditChange
from crm.ui import today
from tests.factories import (
    DriveFactory,
    GrantFactory,
    MailingFactory,
    MembershipFactory,
    PersonFactory,
    SegmentFactory,
    SenderFactory,
    TopicFactory,
    TransportFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def url(name: str, mailing: Mailing, *rest: str) -> str:
    return reverse(name, args=[mailing.uid, *rest])


def written(mailing: Mailing, **values: object) -> dict[str, object]:
    variant = mailing.variants.first()
    return {
        "subject": variant.subject,
        "preheader": "",
        "body_html": variant.body_html,
        "text": "",
        "version": mailing.content_version,
        **values,
    }


def test_list_asks_the_same_number_of_queries_for_one_row_and_for_three(viewer, sign_in) -> None:
    client: Client = sign_in(viewer)
    MailingFactory(state="sending", audience_count=10)
    client.get(reverse("mailing_list"))

    def count() -> int:
        with CaptureQueriesContext(
            connection,
        ) as queries:
            assert client.get(reverse("mailing_list")).status_code == 200
        return len(queries)

    one = count()
    MailingFactory(state="sending", audience_count=10)
    MailingFactory(state="paused", audience_count=10)

    assert count() == one <= 25


def test_list_is_narrowed_by_tab_words_and_drive(viewer, sign_in) -> None:
    client = sign_in(viewer)
    drive = DriveFactory()
    MailingFactory(name="Newsletter for Chad", drive=drive)
    MailingFactory(name="Budget debate", state="sending")

    def names(query: str) -> list[str]:
        return sorted(row.name for row in client.get(f"{reverse('mailing_list')}?{query}").context["table"].rows)

    assert names("") == ["Budget debate", "Newsletter for Chad"]
    assert names("tab=sending") == ["Budget debate"]
    assert names("q=chad") == ["Newsletter for Chad"]
    assert names(f"drive={drive.uid}") == ["Newsletter for Chad"]
    assert names("drive=nonsense") == []


def test_mailing_out_of_scope_does_not_exist(sign_in) -> None:
    user = UserFactory()
    GrantFactory(user=user, role="editor", is_everywhere=False, countries=["SN"])
    mailing = MailingFactory(drive=DriveFactory(countries=["ZM"]))
    client = sign_in(user)

    for name in ("mailing_detail", "mailing_edit", "mailing_settings", "mailing_preview"):
        assert client.get(url(name, mailing)).status_code == 404
    assert client.post(url("mailing_act", mailing, "cancel")).status_code == 404


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("role", ["editor", "approver", "viewer"])
def test_page_shows_the_next_step_in_every_state_to_every_role(state: str, role: str, sign_in, request) -> None:
    mailing = MailingFactory(state=state)
    response = sign_in(request.getfixturevalue(role)).get(url("mailing_detail", mailing))

    assert response.status_code == 200
    assert response.context["step"].title
    verbs = {button.verb for button in response.context["step"].buttons if button.verb}
    allowed = {
        "editor": {
            "draft": {"ask-review"}, "in_review": {"withdraw-review"}, "approved": {"send"}, "scheduled": {"unschedule"},
            "held": {"cancel"}, "sending": {"pause", "cancel"}, "paused": {"resume", "cancel"},
        },
        "approver": {"scheduled": {"unschedule"}, "sending": {"pause"}},
        "viewer": {},
    }  # fmt: skip
    assert verbs == allowed[role].get(state, set())


def test_created_mailing_opens_in_the_editor(editor, sign_in) -> None:
    TransportFactory(is_default=True)
    response = sign_in(editor).post(
        reverse("mailing_create"),
        {
            "name": "First",
            "drive": DriveFactory().pk,
            "language": "fr",
            "layout": "bulletin",
            "segment": "",
            "sender": "",
            "topic": "",
        },
    )

    mailing = Mailing.objects.get()
    assert response.headers["Location"] == url("mailing_edit", mailing)
    assert (mailing.layout, mailing.transport.is_default, mailing.variants.get().language) == ("bulletin", True, "fr")


def test_save_in_the_editor_answers_with_the_new_version(editor, sign_in) -> None:
    mailing = MailingFactory()

    response = sign_in(editor, **{"X-Editor": "1"}).post(
        url("mailing_edit", mailing), written(mailing, body_html="<p>Dear {{ person.name }}</p>")
    )

    assert response.json()["version"] == 2
    assert response.json()["text"] == "Dear {{ person.name }}\n"


def test_second_tab_keeps_its_text_and_sees_theirs(editor, planner, sign_in) -> None:
    mailing = MailingFactory()
    sign_in(planner).post(url("mailing_edit", mailing), written(mailing, subject="Theirs"))

    response = sign_in(editor).post(url("mailing_edit", mailing), written(mailing, subject="Mine"))

    page = response.content.decode()
    assert response.status_code == 409
    assert "Planner changed this mailing while you were writing" in page
    assert 'value="Mine"' in page and "Theirs" in page
    assert mailing.variants.get().subject == "Theirs"
    again = written(mailing, subject="Mine", version=response.context["form"].data["version"])
    sign_in(editor).post(url("mailing_edit", mailing), again)
    assert mailing.variants.get().subject == "Mine"


def test_refused_template_keeps_what_was_typed_and_says_the_line(editor, sign_in) -> None:
    mailing = MailingFactory()

    response = sign_in(editor).post(
        url("mailing_edit", mailing), written(mailing, body_html="<p>a</p><p>{{ person.nmae }}</p>")
    )

    assert response.status_code == 422
    assert "Line 2: Body: There is no field “person.nmae”. Did you mean “person.name”?" in response.content.decode()
    assert "person.nmae" in response.context["form"].data["body_html"]


def test_settings_refuse_a_time_that_the_clock_skips(editor, sign_in) -> None:
    mailing = MailingFactory()
    form = {
        "name": mailing.name, "drive": mailing.drive_id, "segment": mailing.segment_id, "sender": mailing.sender_id,
        "topic": mailing.topic_id, "transport": mailing.transport_id, "layout": "plain", "when": "at",
        "send_local": "2027-03-28T02:30", "send_zone": "Europe/Zurich", "max_lateness": 4, "contact_guard_days": 3,
        "fallback_languages": "en", "version": 1,
    }  # fmt: skip

    refused = sign_in(editor).post(url("mailing_settings", mailing), form)
    assert refused.status_code == 422
    assert "does not exist in Europe/Zurich" in refused.content.decode()

    sign_in(editor).post(url("mailing_settings", mailing), {**form, "send_local": "2027-03-28T03:30"})
    mailing.refresh_from_db()
    assert mailing.send_at.isoformat() == "2027-03-28T01:30:00+00:00"


def test_preview_is_a_page_that_may_do_nothing(viewer, sign_in) -> None:
    mailing = MailingFactory()

    response = sign_in(viewer).get(url("mailing_preview", mailing))

    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy and "sandbox" in policy and "img-src data:" in policy
    assert response.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert "Fatou Ndiaye" in response.content.decode()


def test_preview_shows_what_is_typed_as_a_member_of_the_segment(editor, sign_in) -> None:
    person = PersonFactory(name="Amina Keïta")
    MembershipFactory(person=person, organization__name="Ministry of Labour")
    mailing = MailingFactory()

    response = sign_in(editor).post(
        f"{url('mailing_preview', mailing)}?lang=en",
        written(mailing, body_html="<p>{{ person.name }} of {{ organization.name }}</p>", **{"as": str(person.uid)}),
    )

    assert "Amina Keïta of Ministry of Labour" in response.content.decode()
    assert mailing.variants.get().body_html != "<p>{{ person.name }} of {{ organization.name }}</p>"


def test_preview_of_a_refused_template_says_why(editor, sign_in) -> None:
    mailing = MailingFactory()

    response = sign_in(editor).post(
        url("mailing_preview", mailing), written(mailing, body_html="{% for x in person.name %}")
    )

    assert "A loop (for) is not allowed" in response.content.decode()


def test_members_to_preview_as_are_those_of_the_segment(editor, sign_in) -> None:
    inside = MembershipFactory(person__name="Amina Keïta").person
    MembershipFactory(person__name="Bruno Silva", organization__constituency__code="WRK")
    mailing = MailingFactory(segment=SegmentFactory())

    page = sign_in(editor).get(url("mailing_preview_members", mailing) + "?q=keita").content.decode()

    assert str(inside.uid) in page and "Bruno" not in page


def test_approval_panel_posts_exactly_what_was_shown(editor, approver, sign_in) -> None:
    mailing = services.ask_review(mailing=MailingFactory(), actor=editor)
    panel = approval_panel(mailing, approver, audience_count=7)
    assert panel["may_approve"] and panel["is_open"]

    form = {"content_hash": panel["content_hash"], "audience_count": panel["audience_count"]}
    first = sign_in(approver).post(url("mailing_approve", mailing), form)
    second = sign_in(approver).post(url("mailing_approve", mailing), form)

    mailing.refresh_from_db()
    assert (first.status_code, second.status_code) == (302, 302)
    assert (mailing.state, mailing.approval.audience_count) == (State.APPROVED, 7)
    assert mailing.approvals.count() == 1


def test_approval_of_an_older_hash_is_a_conflict_page(editor, approver, sign_in) -> None:
    mailing = services.ask_review(mailing=MailingFactory(), actor=editor)

    response = sign_in(approver).post(url("mailing_approve", mailing), {"content_hash": "0" * 64, "audience_count": 7})

    assert response.status_code == 409
    assert "Nothing was approved" in response.content.decode()


def test_send_now_pressed_twice_by_the_button_sends_once(editor, sign_in) -> None:
    mailing = MailingFactory(state="approved")
    client = sign_in(editor)

    for _press in range(2):
        assert client.post(url("mailing_act", mailing, "send")).status_code == 302

    mailing.refresh_from_db()
    assert mailing.state == State.SCHEDULED
    assert client.post(url("mailing_act", mailing, "no-such-verb")).status_code == 404
    assert client.get(url("mailing_act", mailing, "send")).status_code == 405


def test_today_shows_approvals_to_approvers_and_returned_drafts_to_their_writer(editor, approver, viewer) -> None:
    waiting = services.ask_review(mailing=MailingFactory(name="Waiting"), actor=editor)
    returned = services.ask_review(mailing=MailingFactory(name="Returned", written_by=editor), actor=editor)
    services.reject(mailing=returned, actor=approver, comment="Too long.")

    def titles(user) -> list[str]:
        return [need.title for need in today.needs_of(user) if "“" in need.title]

    assert titles(approver) == [f"Approve “{waiting.name}”"]
    assert titles(editor) == ["“Returned” came back"]
    assert titles(viewer) == []


def test_administrator_keeps_senders_and_transports(admin, editor, sign_in) -> None:
    client = sign_in(admin)
    client.post(reverse("sender_create"), {"name": "Campaign", "email": "news@campaign.test", "reply_to": ""})
    client.post(reverse("transport_create"), {"name": "Main", "kind": "smtp", "url": "smtp://mail.example.org:587", "max_connections": 4, "is_default": "on"})  # fmt: skip
    second = {
        "name": "Other",
        "kind": "smtp",
        "url": "smtps://mail.example.org",
        "max_connections": 4,
        "is_default": "on",
    }
    client.post(reverse("transport_create"), second)
    wrong = client.post(reverse("transport_create"), {**second, "name": "Bad", "url": "http://x"})

    assert Sender.objects.get().email == "news@campaign.test"
    assert list(Transport.objects.filter(is_default=True).values_list("name", flat=True)) == ["Other"]
    assert wrong.status_code == 422
    assert sign_in(editor).get(reverse("transport_list")).status_code == 403
    assert client.get(reverse("transport_list")).status_code == 200


def test_password_of_a_transport_is_kept_and_never_shown(admin, sign_in) -> None:
    client = sign_in(admin)
    stored = "smtp://me:secret-word@mail.example.org:587"
    transport = TransportFactory(name="Main", kind="smtp", url=stored)
    address = reverse("transport_edit", args=[transport.uid])

    page = client.get(address)
    shown = page.context["form"].initial["url"]
    client.post(address, {"name": "Renamed", "kind": "smtp", "url": shown, "max_connections": 4})

    transport.refresh_from_db()
    assert "secret-word" not in page.content.decode()
    assert (transport.name, transport.url) == ("Renamed", stored)
    assert "secret-word" not in str(list(AuditChange.objects.values_list("before", "after")))


def test_settings_and_new_pages_open(editor, sign_in) -> None:
    SenderFactory()
    TopicFactory()
    mailing = MailingFactory(languages=["en", "ar"])
    client = sign_in(editor)

    for address in (
        reverse("mailing_create"),
        url("mailing_settings", mailing),
        url("mailing_edit", mailing) + "?lang=ar",
        url("mailing_detail", mailing) + "?lang=ar",
    ):
        assert client.get(address).status_code == 200
    client.post(url("mailing_language_add", mailing), {"language": "fr", "copy_from": "en"})
    client.post(url("mailing_language_remove", mailing), {"language": "ar"})
    assert sorted(mailing.variants.values_list("language", flat=True)) == ["en", "fr"]
    client.post(url("mailing_duplicate", mailing))
    assert Mailing.objects.count() == 2
    assert not MailingTest.objects.exists()


@pytest.mark.parametrize("count", ["-1", "99999999999"])
def test_an_impossible_count_is_refused_in_words(approver, sign_in, count) -> None:
    mailing = MailingFactory(state="in_review")
    form = {"content_hash": content_hash(mailing), "audience_count": count}

    assert sign_in(approver).post(url("mailing_approve", mailing), form).status_code in (400, 422)
    mailing.refresh_from_db()
    assert mailing.state == "in_review"
