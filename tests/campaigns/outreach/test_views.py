import uuid
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.addresses import reply_address
from campaigns.engagement.services import mark
from campaigns.mailings.models import Mailing
from campaigns.outreach import services
from campaigns.outreach.models import Interaction
from campaigns.outreach.registration import bounces, replies_to_answer
from campaigns.outreach.timeline import clicks, feedback, replies, unsubscribes
from contacts.directory.models import Organization, Person
from crm.errors import NotAllowed
from crm.exports import services as exporting
from crm.saved_views.services import save_view
from tests.campaigns.engagement.test_drain import line, spool
from tests.campaigns.ledger import delivery, finish, sent_mailing
from tests.campaigns.ledger import feedback as came_back
from tests.campaigns.outreach.test_services import REPLY
from tests.crm.exports.test_exports import rows_of as exported_rows
from tests.factories import (
    CountryFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def reply_of(mailing, **kwargs):
    row = delivery(mailing, organization_id=OrganizationFactory().pk, **kwargs)
    inbound = services.take_in(
        raw=REPLY + str(row.seq).encode(), recipient=reply_address(row.mailing_id, row.seq), sender="awa@ministry.test"
    )
    services.handle(inbound_id=inbound.pk)
    return row, Interaction.objects.get(inbound=inbound)


def test_page_shows_who_wrote_what_to_which_mailing(outreach, sign_in):
    mailing = sent_mailing(name="Newsletter")
    row, reply = reply_of(mailing)

    text = sign_in(outreach).get(reverse("reply_list")).content.decode()

    assert "Whom should we call?" in text
    assert "> our text" not in text
    assert Person.objects.get(pk=row.person_id).name in text
    assert "Newsletter" in text
    assert reverse("reply_answer", args=[reply.uid]) in text


def test_answered_reply_goes_away_with_undo(outreach, sign_in):
    _, reply = reply_of(sent_mailing())
    client = sign_in(outreach)

    answer = client.post(reverse("reply_answer", args=[reply.uid]), headers={"HX-Request": "true"})

    assert answer.content == b""
    assert "undo" in answer["HX-Trigger"]
    assert "Nobody waits for an answer" in client.get(reverse("reply_list")).content.decode()
    assert "Whom should we call?" in client.get(reverse("reply_list") + "?tab=answered").content.decode()


def test_viewer_reads_and_may_not_answer(viewer, sign_in):
    _, reply = reply_of(sent_mailing())
    client = sign_in(viewer)

    assert reverse("reply_answer", args=[reply.uid]) not in client.get(reverse("reply_list")).content.decode()
    assert client.post(reverse("reply_answer", args=[reply.uid])).status_code == 403


def test_officer_of_another_country_sees_no_reply(sign_in):
    _, reply = reply_of(sent_mailing())
    officer = UserFactory()
    GrantFactory(user=officer, role="outreach", is_everywhere=False, countries=["TD"])
    client = sign_in(officer)

    assert "Whom should we call?" not in client.get(reverse("reply_list")).content.decode()
    assert client.post(reverse("reply_answer", args=[reply.uid])).status_code == 404
    assert client.post(reverse("reply_answer", args=[uuid.uuid4()])).status_code == 404


def test_unmatched_and_automatic_mail_is_listed(outreach, sign_in):
    row, _ = reply_of(sent_mailing())
    for raw, recipient in (
        (b"From: a@b.test\nSubject: Lost\n\nWho are you?", "x@y.test"),
        (
            b"From: a@b.test\nSubject: Away\nAuto-Submitted: auto-replied\n\nMonday",
            reply_address(row.mailing_id, row.seq),
        ),
    ):
        services.handle(inbound_id=services.take_in(raw=raw, recipient=recipient, sender="a@b.test").pk)
    client = sign_in(outreach)

    assert "Who are you?" in client.get(reverse("reply_list") + "?tab=left").content.decode()
    automatic = client.get(reverse("reply_list") + "?tab=automatic").content.decode()
    assert "Monday" in automatic
    assert "Who are you?" not in automatic


def test_page_asks_the_same_for_one_and_for_three(outreach, sign_in):
    client, mailing = sign_in(outreach), sent_mailing()
    reply_of(mailing)
    client.get(reverse("reply_list"))
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("reply_list"))
    reply_of(mailing)
    reply_of(sent_mailing())
    with CaptureQueriesContext(connection) as three:
        assert len(client.get(reverse("reply_list")).context["table"].rows) == 3

    assert len(three) == len(one)


def test_today_names_the_newest_replies_and_counts_the_others(outreach, viewer):
    mailing = sent_mailing()
    for _ in range(5):
        reply_of(mailing)

    needs = list(replies_to_answer(outreach))

    assert [need.title for need in needs][-1] == "2 more replies"
    assert len(needs) == 4
    assert needs[0].why == "Whom should we call?"
    assert list(replies_to_answer(viewer)) == []


def test_today_says_which_mailing_bounced(outreach):
    mailing = finish(sent_mailing(name="Newsletter"))
    for _ in range(2):
        came_back(delivery(mailing))
    came_back(delivery(mailing), kind="soft_bounce")

    [need] = bounces(outreach)

    assert need.title == "2 addresses of “Newsletter” do not exist"


def test_timeline_of_a_person_and_of_their_institution(tmp_path, planner):
    from campaigns.engagement.drain import drain

    organization = OrganizationFactory()
    person = PersonFactory()
    MembershipFactory(person=person, organization=organization)
    mailing = sent_mailing(name="Newsletter")
    row = delivery(mailing, person=person, organization_id=organization.pk, at=timezone.now() - timedelta(hours=1))
    delivery(mailing, at=timezone.now() - timedelta(hours=1))  # somebody else's
    spool(tmp_path, line(row))
    drain(tmp_path)
    came_back(row, kind="soft_bounce", reason="452 full")
    mark(delivery=row, column="unsubscribed_at", at=timezone.now())
    services.handle(
        inbound_id=services.take_in(raw=REPLY, recipient=reply_address(mailing.pk, row.seq), sender="a@b.test").pk
    )

    for subject in (person, Organization.objects.get(pk=organization.pk)):
        assert [entry.title for entry in clicks(subject, planner, None, 5)] == ["Clicked a link"]
        assert [entry.title for entry in replies(subject, planner, None, 5)] == ["Replied: Re: Coverage"]
        assert [entry.title for entry in unsubscribes(subject, planner, None, 5)] == ["Unsubscribed"]
        [bounce] = feedback(subject, planner, None, 5)
        assert bounce.body == "452 full · Newsletter"
        assert list(clicks(subject, planner, timezone.now() - timedelta(days=1), 5)) == []
    assert list(clicks(PersonFactory(), planner, None, 5)) == []


def test_a_grant_elsewhere_does_not_answer_replies_here(sign_in):
    officer = UserFactory()
    GrantFactory(user=officer, role="viewer")
    GrantFactory(user=officer, role="outreach", is_everywhere=False, countries=["SN"])
    row, reply = reply_of(sent_mailing())
    Person.objects.filter(pk=row.person_id).update(country="ZM")

    answer = sign_in(officer).post(reverse("reply_answer", args=[reply.uid]))

    reply.refresh_from_db()
    assert answer.status_code == 403
    assert reply.answered_at is None


def names_on(client, query=""):
    return [row.person.name for row in client.get(reverse("reply_list") + query).context["table"].rows]


@pytest.fixture
def two(db):
    """A reply to each of two mailings, the newest last: Awa of Zambia, Bob of Chad."""
    made = []
    for name, code in (("Awa Ndiaye", "ZM"), ("Bob Banda", "TD")):
        person = PersonFactory(name=name, country=CountryFactory(code=code))
        made.append(reply_of(sent_mailing(name=f"News for {name}"), person=person)[1])
    Interaction.objects.filter(pk=made[0].pk).update(text="We disagree with the figures.", subject="Figures")
    return made


def test_replies_are_found_by_words_names_mailing_and_country(outreach, sign_in, two):
    client, mailing = sign_in(outreach), Mailing.objects.get(pk=two[0].mailing_id)

    assert names_on(client) == ["Bob Banda", "Awa Ndiaye"]
    for query in ("?q=disagree+ndiaye", "?q=FIGURES", f"?mailing={mailing.uid}", "?country=ZM", "?q=awa&country=ZM"):
        assert names_on(client, query) == ["Awa Ndiaye"], query
    for query in ("?q=nothing", "?mailing=nonsense", "?country=ZM&q=bob", "?q=%00", "?mailing=" + "9" * 500):
        assert client.get(reverse("reply_list") + query).status_code == 200
    assert "Nothing matches these filters" in client.get(reverse("reply_list") + "?q=nothing").content.decode()
    assert names_on(client, "?tab=answered&q=awa") == []


def test_a_facet_of_replies_counts_by_country(outreach, sign_in, two):
    facet = sign_in(outreach).get(reverse("reply_list") + "?facet=country").context["facet"]

    assert {(option.value, option.count) for option in facet.options if option.count} == {("ZM", 1), ("TD", 1)}


def test_views_of_replies_are_saved_and_opened(outreach, sign_in, two):
    client = sign_in(outreach)
    view = save_view(actor=outreach, source="replies", name="Zambia", query="country=ZM&after=x", columns=[])

    page = client.get(reverse("reply_list"), {"view": view.uid}, follow=True)

    assert [row.person.name for row in page.context["table"].rows] == ["Awa Ndiaye"]
    text = page.content.decode()
    assert "Zambia" in text and "Save this view" in text
    assert "gs-columns" not in text  # a card shows all of it


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_replies_are_exported_with_their_words(planner, sign_in, two, format):
    export = exporting.request_export(actor=planner, source="replies", query="country=ZM", format=format)

    head, *rows = exported_rows(export)
    assert len(rows) == 1
    told = dict(zip(head, rows[0], strict=True))
    assert (told["Person"], told["Country"], told["Mailing"]) == ("Awa Ndiaye", "ZM", "News for Awa Ndiaye")
    assert (told["Address"], told["Subject"]) == ("awa@ministry.test", "Figures")
    assert told["Their words"] == "We disagree with the figures."
    assert "list=replies" in sign_in(planner).get(reverse("reply_list")).context["table"].export_url


def test_replies_are_exported_by_those_only_who_may_and_of_their_countries(outreach, two):
    with pytest.raises(NotAllowed):
        exporting.request_export(actor=outreach, source="replies")
    user = GrantFactory(role="viewer").user
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["TD"])

    head, *rows = exported_rows(exporting.request_export(actor=user, source="replies"))

    assert [row[head.index("Person")] for row in rows] == ["Bob Banda"]
