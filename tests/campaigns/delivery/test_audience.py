"""Each skipped person has one reason, the first of DESIGN.md's list; the others are listed behind it."""

import datetime

import pytest
from django.utils import timezone

from campaigns.delivery.audience import audience_summary, members, sample
from contacts.consent.services import suppress_address, suppress_bounced
from tests.campaigns.delivery.building import EVERYBODY, subscriber, to_sending
from tests.factories import (
    AskFactory,
    CommitmentFactory,
    CompositionFactory,
    ContactPointFactory,
    DelegationFactory,
    EventFactory,
    MailingFactory,
    MemberFactory,
    MembershipFactory,
    NetworkFactory,
    NominationFactory,
    NominatorFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    SegmentFactory,
    StepFactory,
    VariantFactory,
)

pytestmark = pytest.mark.django_db


def reasons(mailing):
    return {member.person_id: (member.reason, member.also) for member in members(mailing)}


def test_who_has_permission_and_an_address_gets_it(mailing):
    person = subscriber(mailing.topic, 1)

    assert reasons(mailing) == {person.pk: (None, [])}


def test_a_suppressed_address_comes_before_every_other_reason(mailing):
    person = PersonFactory()
    ContactPointFactory(person=person, value="never@people.test", status="bouncing")
    suppress_address(address="never@people.test", reason="manual", source="test")

    assert reasons(mailing)[person.pk] == ("suppressed", ["bad_address", "no_permission"])


def test_what_a_bounce_suppressed_is_a_bad_address_and_nobodys_wish(mailing):
    """Also where it stands as active, because it was imported or entered for somebody else since."""
    person = subscriber(mailing.topic, 1)
    suppress_bounced(address="P1@people.test", status="5.1.1", at=timezone.now())

    assert person.contact_points.get().status == "active"
    assert reasons(mailing)[person.pk] == ("bad_address", [])


def test_without_an_address_or_permission(mailing):
    silent = PersonFactory()
    bouncing = PersonFactory()
    ContactPointFactory(person=bouncing, status="bouncing")

    found = reasons(mailing)

    assert found[silent.pk] == ("no_address", ["no_permission"])
    assert found[bouncing.pk] == ("bad_address", ["no_permission"])


def test_the_preferred_usable_address_is_chosen(mailing):
    person = subscriber(mailing.topic, 1)
    ContactPointFactory(person=person, value="preferred@people.test", is_preferred=True)
    other = subscriber(mailing.topic, 2)
    ContactPointFactory(person=other, value="broken@people.test", is_preferred=True, status="invalid")

    assert {member.address for member in members(mailing)} == {"preferred@people.test", "p2@people.test"}


def test_an_address_of_two_people_goes_to_the_lowest_person_id(mailing):
    first = subscriber(mailing.topic, 1)
    second = PersonFactory()
    ContactPointFactory(person=second, value="P1@people.test")
    from contacts.consent.services import grant_consent

    grant_consent(subject=second, topic=mailing.topic, lawful_basis="consent", source="test")

    assert reasons(mailing) == {first.pk: (None, []), second.pk: ("same_address", [])}


def test_who_is_skipped_anyway_does_not_keep_a_shared_address(mailing):
    without_permission = PersonFactory()
    ContactPointFactory(person=without_permission, value="p1@people.test")
    second = subscriber(mailing.topic, 1)

    assert reasons(mailing) == {without_permission.pk: ("no_permission", []), second.pk: (None, [])}


def test_language_falls_back_along_the_chain(mailing):
    VariantFactory(mailing=mailing, language="fr", position=2)
    french = subscriber(mailing.topic, 1, language="fr-CA")
    spanish = subscriber(mailing.topic, 2, language="es")

    assert reasons(mailing)[spanish.pk] == ("no_variant", [])
    mailing.fallback_languages = ["ar", "fr"]
    mailing.save()

    found = {member.person_id: member.language for member in members(mailing)}
    assert found == {french.pk: "fr", spanish.pk: "fr"}


def test_the_contact_guard_skips_whoever_was_mailed_recently(mailing):
    person = subscriber(mailing.topic, 1, last_mailed_at=timezone.now() - datetime.timedelta(days=2))

    assert reasons(mailing)[person.pk] == ("too_recent", [])
    mailing.contact_guard_days = 0
    mailing.save()
    assert reasons(mailing)[person.pk] == (None, [])


def test_another_mailing_that_day_is_the_last_reason(mailing):
    person = subscriber(mailing.topic, 1)
    other = MailingFactory(segment=mailing.segment, topic=mailing.topic)
    to_sending(other)

    assert reasons(mailing)[person.pk] == ("same_day", [])
    mailing.contact_guard_days = 0
    mailing.save()
    assert reasons(mailing)[person.pk] == (None, [])


def test_members_of_workers_organizations_are_not_tracked(mailing):
    union = MembershipFactory(person=subscriber(mailing.topic, 1), organization__constituency__code="WRK")
    ministry = MembershipFactory(person=subscriber(mailing.topic, 2))
    second_seat = MembershipFactory(person=subscriber(mailing.topic, 3))
    MembershipFactory(person=second_seat.person, organization=union.organization, is_primary=False)

    tracked = {member.person_id: member.is_tracked for member in members(mailing)}

    assert tracked == {union.person_id: False, ministry.person_id: True, second_seat.person_id: False}


def test_fields_and_capacity_are_copied_in_the_variants_language(mailing):
    VariantFactory(mailing=mailing, language="fr", position=2)
    post = PostFactory(name="Minister", names={"fr": "Ministre"}, organization__name="Ministry of Labour")
    person = subscriber(mailing.topic, 1, language="fr", name="Fatou Ndiaye", country__code="ZM")
    MembershipFactory(person=person, post=post)

    found = sample(mailing)

    assert found.post_id == post.pk and found.organization_id == post.organization_id
    assert (found.constituency_code, found.country_code, found.language) == ("GOV", "ZM", "fr")
    assert found.fields["post.title"] == "Ministre"
    assert found.fields["organization.name"] == "Ministry of Labour"
    assert found.fields["country.name"] == "Zambie"
    assert found.fields["person.name"] == "Fatou Ndiaye"
    assert isinstance(found.fields["country.coverage"], float | int)


def test_scope_of_the_mailing_limits_its_segment(mailing):
    subscriber(mailing.topic, 1)
    mailing.scope_countries = ["SN"]
    mailing.save()

    assert members(mailing) == []


def test_an_institution_is_reached_by_its_head_else_its_post_else_its_own_address(mailing):
    mailing.segment = SegmentFactory(tree=EVERYBODY, selects="organizations")
    mailing.save()
    from contacts.consent.services import grant_consent

    led = OrganizationFactory(name="Led")
    head = PostFactory(organization=led, is_head=True)
    leader = MembershipFactory(person=subscriber(mailing.topic, 1), post=head).person
    seat = OrganizationFactory(name="Seat")
    ContactPointFactory(person=None, post=PostFactory(organization=seat, is_head=True), value="minister@seat.test")
    ContactPointFactory(person=None, organization=seat, value="info@seat.test")
    plain = OrganizationFactory(name="Plain")
    ContactPointFactory(person=None, organization=plain, value="info@plain.test")
    for organization in (seat, plain):
        grant_consent(subject=organization, topic=mailing.topic, lawful_basis="public_task", source="test")
    nobody = OrganizationFactory(name="Nobody")

    found = {m.organization_id: (m.address, m.person_id, m.reason) for m in members(mailing)}

    assert found == {
        led.pk: ("p1@people.test", leader.pk, None),
        seat.pk: ("minister@seat.test", None, None),
        plain.pk: ("info@plain.test", None, None),
        nobody.pk: ("", None, "no_address"),
    }


def test_summary_adds_up_and_names_what_is_empty(mailing, django_assert_max_num_queries):
    person = subscriber(mailing.topic, 1)
    MembershipFactory(person=person)
    subscriber(mailing.topic, 2)
    PersonFactory()

    summary = audience_summary(mailing)

    assert (summary.total, summary.will_get, summary.reasons) == (3, 2, {"no_address": 1})
    assert summary.languages == {"en": 2}
    assert summary.constituencies == {"GOV": 1, "IND": 1}
    assert summary.sides == {"ZM": {"GOV", "IND"}}
    assert summary.empty["organization.name"] == 1
    assert [m.person_id for m in members(mailing, empty_field="organization.name")] != [person.pk]
    # one of them asks whether any institution has a contact guard, one whether the mailing is about an event, one what its texts name
    with django_assert_max_num_queries(13):
        audience_summary(mailing)


def test_a_mailing_without_a_segment_has_nobody(mailing):
    mailing.segment = None

    assert audience_summary(mailing).total == 0


def test_how_we_stand_with_the_institution_is_copied_and_previewed(mailing, planner):
    from campaigns.guard.models import ContactGuard
    from campaigns.interactions.services import log_interaction
    from campaigns.mailings.recipients import fields_of

    person = subscriber(mailing.topic, 1)
    ministry = MembershipFactory(person=person, is_primary=True).organization
    ask = AskFactory(drive=mailing.drive, name="Adopt a plan", names={"fr": "Adopter un plan"})
    StepFactory(organization=ministry, ask=ask, stance=6)
    CommitmentFactory(organization=ministry, drive=mailing.drive, text="Later", due_on=datetime.date(2028, 1, 1))
    CommitmentFactory(organization=ministry, drive=mailing.drive, text="A draft", due_on=datetime.date(2027, 3, 1))
    CommitmentFactory(organization=ministry, text="Of another drive", due_on=datetime.date(2027, 1, 1))
    ContactGuard.objects.create(organization=ministry, owner=planner)
    log_interaction(actor=planner, kind="call", organizations=[ministry])
    network = NetworkFactory(campaign=mailing.drive.campaign, name="Friends", names={"fr": "Amis"})
    joined = datetime.datetime(2026, 3, 14, 12, tzinfo=datetime.UTC)
    MemberFactory(network=network, organization=ministry, joined_at=joined)
    MemberFactory(organization=ministry, joined_at=joined)  # of another campaign's
    event = EventFactory(drive=mailing.drive, name="Conference", names={"fr": "Conférence"})
    delegation = DelegationFactory(event=CompositionFactory(event=event, nominate_by="2026-12-01").event)
    NominatorFactory(delegation=delegation, organization=ministry)
    NominationFactory(delegation=delegation)
    NominatorFactory(organization=ministry)  # for an event of another drive
    today = timezone.localdate().isoformat()

    [unasked] = members(mailing)
    paths = [
        "ask.name",
        "position.stance",
        "commitment.text",
        "commitment.due_on",
        "contact.last_on",
        "contact.touches",
        "owner.name",
        "network.name",
        "network.member_since",
        "delegation.event",
        "delegation.names_until",
        "delegation.empty_seats",
    ]
    mailing.variants.update(body_html="".join(f"<p>{{{{ {path} }}}}</p>" for path in paths))

    [found] = members(mailing)

    assert "ask.name" not in unasked.fields  # no text names it, so it costs nothing
    expected = {
        "ask.name": "Adopt a plan", "position.stance": "supportive", "commitment.text": "A draft", "commitment.due_on": "2027-03-01",
        "contact.last_on": today, "contact.touches": 1, "owner.name": planner.name,
        "network.name": "Friends", "network.member_since": "2026-03-14",
        "delegation.event": "Conference", "delegation.names_until": "2026-12-01", "delegation.empty_seats": 1,
    }  # fmt: skip
    assert {path: found.fields[path] for path in expected} == expected
    previewed = fields_of(mailing, planner, str(person.uid), "fr")
    assert {path: previewed[path] for path in expected} == expected | {
        "ask.name": "Adopter un plan", "network.name": "Amis", "delegation.event": "Conférence",
    }  # fmt: skip
