"""Visible copies: each is a delivery of its own, made with the letters, and said in both."""

from email import message_from_bytes, policy

import pytest
from django.urls import reverse
from django.utils import timezone

from campaigns.delivery.audience import audience_summary, members
from campaigns.delivery.auditing import audit
from campaigns.delivery.composing import Item, plan_of
from campaigns.delivery.erasing import erase_deliveries
from campaigns.delivery.history import deliveries_of
from campaigns.delivery.models import Delivery
from campaigns.delivery.preflight import findings
from campaigns.delivery.referencing import find_letters
from campaigns.mailings import editing
from campaigns.mailings.models import Mailing
from campaigns.reports import people
from campaigns.reports.presenting import Report
from contacts.consent.erasure.registry import PersonalData
from contacts.consent.services import grant_consent, suppress_address
from contacts.segments.models import Selects
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from tests.campaigns.delivery.building import subscriber, to_sending
from tests.factories import (
    ConstituencyFactory,
    ContactPointFactory,
    CountryFactory,
    MembershipFactory,
    OrganizationFactory,
    PostFactory,
    SegmentFactory,
    VariantFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def missions():
    return ConstituencyFactory(
        code="MISSION", name="Permanent missions", parent=ConstituencyFactory(), names={"fr": "Missions permanentes"}
    )


def reachable(topic, organization, address):
    """An institution that may be written to at an address of its own."""
    ContactPointFactory(person=None, organization=organization, value=address)
    grant_consent(subject=organization, topic=topic, lawful_basis="consent", source="test")
    return organization


@pytest.fixture
def mission(mailing, missions):
    row = OrganizationFactory(
        constituency=missions, name="Mission of Zambia", names={"fr": "Mission de la Zambie"}, sort_key="mission"
    )
    return reachable(mailing.topic, row, "mission@missions.test")


@pytest.fixture
def copied(mailing, missions, mission):
    mailing.copies_to = missions
    mailing.save()
    return mailing


def seated(mailing, number, organization=None, **person):
    """A person with permission who acts for an institution, by default a ministry."""
    row = subscriber(mailing.topic, number, **person)
    MembershipFactory(person=row, organization=organization or OrganizationFactory(name=f"Ministry {number}"))
    return row


def copies_of(mailing):
    return {member.organization_id: (member.reason, member.address) for member in members(mailing, copies=True)}


def message(mailing, seq):
    row = Delivery.objects.get(mailing_id=mailing.pk, seq=seq)
    item = Item(seq, row.address, row.address_key, row.variant_id, row.fields, row.is_tracked, None, 0, "pending", None)
    return message_from_bytes(plan_of(mailing.pk).message(item, timezone.now()), policy=policy.default)


def part(mail, kind):
    return mail.get_body((kind,)).get_content().replace("\r\n", "\n")


def deliveries_of_copy(organization, user):
    Delivery.objects.filter(copy_of__isnull=False).update(state="accepted", settled_at=timezone.now())
    return deliveries_of(organization, user, None, 5)


def test_a_copy_is_a_delivery_of_its_own_and_both_say_so(copied, mission, planner):
    copied.layout, copied.reference_pattern = "letter", "GC/{mailing}/{seq}"
    copied.save()
    VariantFactory(mailing=copied, language="fr", position=2)
    minister = seated(copied, 1, name="Fatou Ndiaye", language="fr")
    to_sending(copied)

    letter, copy = Delivery.objects.filter(mailing_id=copied.pk).order_by("seq")
    assert (letter.seq, letter.person_id, letter.copy_of, letter.state) == (1, minister.pk, None, "pending")
    assert (copy.seq, copy.organization_id, copy.person_id, copy.copy_of) == (2, mission.pk, None, 1)
    assert (copy.address, copy.language, copy.variant_id) == ("mission@missions.test", "fr", letter.variant_id)
    assert copied.audience_count == 2 and audit(copied).problems == []

    sent, shown = message(copied, 1), message(copied, 2)
    assert part(sent, "plain").count("Copie : Mission de la Zambie\n") == 1
    assert "<bdi>Mission de la Zambie</bdi>" in part(sent, "html")
    assert "Pour information" not in part(sent, "plain") + part(sent, "html")
    assert "Pour information, copie de notre lettre adressée à : Ministry 1\n" in part(shown, "plain")
    assert "<bdi>Ministry 1</bdi>" in part(shown, "html")
    assert shown["To"] == "Mission of Zambia <mission@missions.test>" and shown["Cc"] is None and sent["Cc"] is None
    assert "mission@missions.test" not in sent.as_string() and "p1@people.test" not in shown.as_string()
    assert f"GC/{copied.pk}/1" in part(sent, "plain") and f"GC/{copied.pk}/1" in part(shown, "plain")
    [found] = find_letters(planner, f"GC/{copied.pk}/1", 6)
    assert found.url == reverse("person_detail", args=[minister.uid])
    assert list(find_letters(planner, f"GC/{copied.pk}/2", 6)) == []
    [entry] = deliveries_of_copy(mission, planner)
    assert entry.body == f"visible copy · Reference GC/{copied.pk}/1"
    assert sent["List-Unsubscribe"] != shown["List-Unsubscribe"] and sent["Message-ID"] != shown["Message-ID"]


def test_one_copy_of_many_letters_names_their_institutions(copied, mission):
    ministries = [OrganizationFactory(name=name, sort_key=name.lower()) for name in ("Labour", "Health")]
    for number, ministry in enumerate([*ministries, ministries[0]], 1):
        seated(copied, number, ministry, name=f"P{number}", family_name=f"P{number}")

    [copy] = members(copied, copies=True)

    # the text shown is that of the first letter by name, whose institution stands first
    assert copy.fields["copy.of"] == "Labour; Health" and copy.fields["person.name"] == "P1"
    assert {m.fields.get("copy.to") for m in members(copied)} == {"Mission of Zambia"}


def test_of_many_institutions_ten_are_named_and_the_others_counted(copied):
    for number in range(1, 13):
        seated(copied, number)
    to_sending(copied)

    copy = Delivery.objects.get(mailing_id=copied.pk, copy_of__isnull=False)

    assert copy.fields["copy.of"].count(";") == 9 and copy.fields["copy.more"] == 2
    assert " (+2)\n" in part(message(copied, copy.seq), "plain")


def test_a_copy_is_left_out_for_its_own_reasons_and_then_no_letter_names_it(copied, mission):
    seated(copied, 1)
    suppress_address(address="mission@missions.test", reason="manual", source="test")

    assert copies_of(copied) == {mission.pk: ("suppressed", "mission@missions.test")}
    assert "copy.to" not in members(copied, reason="")[0].fields
    summary = audience_summary(copied)
    assert (summary.total, summary.will_get, summary.reasons) == (2, 1, {"suppressed": 1})
    assert (summary.copies, summary.copy_gaps) == ({"suppressed": 1}, {"skipped": 1})
    to_sending(copied)
    assert audit(copied).problems == []
    assert Delivery.objects.get(mailing_id=copied.pk, copy_of=1).skip_reason == "suppressed"


def test_nobody_gets_a_letter_and_a_copy_or_two_copies(copied, mission, missions):
    second = reachable(
        copied.topic, OrganizationFactory(constituency=missions, name="Office in Geneva"), "mission@missions.test"
    )
    both = OrganizationFactory(constituency=missions, name="Third mission")
    ambassador = seated(copied, 1)
    MembershipFactory(person=ambassador, post=PostFactory(organization=both, is_head=True), is_primary=False)

    assert copies_of(copied) == {
        mission.pk: (None, "mission@missions.test"),
        second.pk: ("same_address", "mission@missions.test"),
        both.pk: ("same_address", "p1@people.test"),
    }
    assert members(copied, reason="", limit=1)[0].fields["copy.to"] == "Mission of Zambia"


def test_the_copy_goes_to_the_holder_of_the_head_post(copied, mission):
    ministry = OrganizationFactory()
    seated(copied, 1, ministry)
    ambassador = subscriber(copied.topic, 9, name="John Phiri")
    MembershipFactory(person=ambassador, post=PostFactory(organization=mission, is_head=True))
    rule = {"field": "organization", "operator": "any_of", "value": [str(ministry.uid)]}
    copied.segment = SegmentFactory(tree={"version": 1, "op": "all", "rules": [rule]})
    copied.save()
    to_sending(copied)

    copy = Delivery.objects.get(mailing_id=copied.pk, copy_of=1)

    assert copy.person_id == ambassador.pk
    assert message(copied, copy.seq)["To"] == "John Phiri <p9@people.test>"


def test_letters_without_a_copy_are_counted_with_the_reason(copied, mission):
    subscriber(copied.topic, 1)  # for nobody but themselves
    seated(copied, 2, OrganizationFactory(constituency__code="WRK"))
    seated(copied, 3, OrganizationFactory(country=None))
    seated(copied, 4, OrganizationFactory(country__code="TD"))
    seated(copied, 5, mission)
    seated(copied, 6)

    summary = audience_summary(copied)

    assert summary.copy_gaps == {"person": 1, "union": 1, "no_country": 1, "none": 1, "own": 1}
    assert summary.copies == {"": 1} and summary.will_get == 7
    [union] = members(copied, copy_gap="union")
    assert union.address == "p2@people.test"
    copied.scope_countries = ["TD"]
    copied.save()
    assert audience_summary(copied).copies == {}


def test_an_institution_of_the_audience_gets_its_letter_and_no_copy(copied, mission):
    ministry = reachable(copied.topic, OrganizationFactory(name="Ministry"), "info@ministry.test")
    rule = {"field": "country", "operator": "any_of", "value": ["ZM"]}
    tree = {"version": 1, "op": "all", "rules": [rule]}
    copied.segment = SegmentFactory(tree=tree, selects=Selects.ORGANIZATIONS)
    copied.save()

    found = members(copied, reason="")

    assert {(m.organization_id, m.copy_of, m.copy_gap) for m in found} == {
        (ministry.pk, None, "own"),
        (mission.pk, None, "own"),
    }


def test_pre_flight_says_how_many_copies_go_and_which_letters_lack_one(copied, mission, planner, sign_in):
    seated(copied, 1)
    seated(copied, 2, OrganizationFactory(country=CountryFactory(code="TD", name="Chad")))
    preflight = reverse("mailing_preflight", args=[copied.uid])
    titles = {f.title: f.why for f in findings(copied, audience_summary(copied))}

    assert "To Permanent missions of the same country" in titles["1 visible copy goes out"]
    assert "in the segment, and visible copies" in sign_in(planner).get(preflight).content.decode()
    assert titles["1 letter goes without a copy"] == "No such institution in the country: Chad."
    page = sign_in(planner).get(preflight).content.decode()
    assert "1 visible copy goes out" in page
    listed = reverse("mailing_preflight_people", args=[copied.uid])
    rows = sign_in(planner).get(f"{listed}?copies=1&reason=").context["rows"]
    assert [(row["organization"], row["is_copy"]) for row in rows] == [(mission, True)]
    rows = sign_in(planner).get(f"{listed}?uncopied=none").context["rows"]
    assert [row["address"] for row in rows] == ["p2@people.test"]


def test_the_preview_names_whom_a_copy_goes_to(copied, mission, planner, sign_in):
    minister = seated(copied, 1)
    url = reverse("mailing_preview", args=[copied.uid])

    assert "Copy: <bdi>Mission of Zambia</bdi>" in sign_in(planner).get(f"{url}?as={minister.uid}").content.decode()
    assert "Copy: <bdi>Permanent missions</bdi>" in sign_in(planner).get(url).content.decode()


def test_the_report_counts_copies_and_opens_them(copied, mission, planner, rf):
    seated(copied, 1)
    to_sending(copied)
    report = Report(copied, planner)

    [stat] = report.copies
    assert (stat.value, stat.url) == (1, report.people_url("copies"))
    assert report.adds_up and report.audience == 2
    request = rf.get("/")
    request.user = planner
    assert [row.organization_id for row in people.rows_of(copied, request, "copies")] == [mission.pk]


def test_erasing_who_got_the_letter_empties_and_stops_its_copy(copied):
    minister = seated(copied, 1, name="Fatou Ndiaye")
    to_sending(copied)

    erase_deliveries(PersonalData.of(minister.uid))

    copy = Delivery.objects.get(mailing_id=copied.pk, copy_of=1)
    assert (copy.fields, copy.state, copy.address) == ({}, "cancelled", "mission@missions.test")


def test_the_rule_is_copied_undone_and_shown_in_the_settings(mailing, missions, planner, sign_in):
    page = sign_in(planner).get(reverse("mailing_settings", args=[mailing.uid])).content.decode()
    assert "Visible copy to" in page and "Permanent missions" in page
    saved = editing.save_settings(mailing=mailing, actor=planner, version=1, values={"copies_to": missions})

    assert editing.duplicate(mailing=saved, actor=planner, name="Again").copies_to == missions
    undo(entry=AuditEntry.objects.filter(verb="mailing.edited").latest("pk"), actor=planner)
    assert Mailing.objects.get(pk=mailing.pk).copies_to is None
