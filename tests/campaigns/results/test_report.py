"""The report: numbers from the data, each with its rows; files; and a report that never changes."""

from datetime import UTC, date, datetime
from decimal import Decimal
from io import BytesIO
from xml.etree import ElementTree

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from python_calamine import CalamineWorkbook

from campaigns.events.models import Invitation
from campaigns.interactions.services import log_interaction
from campaigns.results import erasing as snapshot_erasing
from campaigns.results import snapshots
from campaigns.results.figures import FIGURES, Scope, count, rows_of
from campaigns.results.models import Actual, Snapshot, SnapshotRows
from contacts.consent.erasure.registry import PersonalData
from contacts.directory.models import Organization, Person
from contacts.segments.models import ContactList, Segment
from contacts.segments.tables import members_of
from crm.errors import Invalid, NotAllowed
from tests.campaigns.ledger import delivery, sent_mailing
from tests.factories import (
    ActualFactory,
    AskFactory,
    CommitmentFactory,
    CompositionFactory,
    DelegationFactory,
    DriveFactory,
    EventFactory,
    GrantFactory,
    InvitationFactory,
    MemberFactory,
    NetworkFactory,
    NominationFactory,
    OrganizationFactory,
    PersonFactory,
    RegistrationFactory,
    StepFactory,
)

pytestmark = pytest.mark.django_db
AT = datetime(2026, 10, 5, 9, tzinfo=UTC)


@pytest.fixture
def story(planner):
    """A drive of Zambia and Chad that mailed a ministry, met a union twice, moved one up and one down, and was promised two things."""
    drive = DriveFactory(countries=["ZM", "TD"], constituencies=["GOV", "WRK"])
    ministry = OrganizationFactory(country__code="ZM", constituency__code="GOV")
    union = OrganizationFactory(country__code="TD", constituency__code="WRK")
    elsewhere = OrganizationFactory(country__code="ML", constituency__code="GOV")
    ana = PersonFactory(country__code="TD", gender="female", language="fr")
    tom = PersonFactory(country__code="ZM", gender="", language="en")
    mailing = sent_mailing(drive=drive, frozen_at=AT, audience_count=2)
    delivery(mailing, person=tom, organization_id=ministry.pk, settled_at=AT)
    delivery(mailing, organization_id=union.pk, state="failed", settled_at=AT)
    for day, kind in ((5, "meeting"), (6, "call")):
        log_interaction(actor=planner, kind=kind, people=[ana], organizations=[union], at=AT.replace(day=day))
    log_interaction(actor=planner, kind="call", organizations=[elsewhere], at=AT)
    ask = AskFactory(drive=drive)
    for row, stances in ((ministry, (3, 6)), (union, (5, 4))):
        for n, stance in enumerate(stances):
            StepFactory(organization=row, ask=ask, stance=stance, on=date(2026, 9, 10 + 10 * n))
    CommitmentFactory(organization=ministry, drive=drive)
    CommitmentFactory(
        organization=union, drive=drive, state="kept", settled_at=AT, outcome="It is law.", settled_by=planner,
        verified_at=AT, verified_by=GrantFactory(role="planner").user,
    )  # fmt: skip
    event = EventFactory(drive=drive)
    for place, came_at in ((union, AT), (ministry, None), (elsewhere, AT)):
        RegistrationFactory(event=event, organization=place, came_at=came_at)
        answered = {"answer": "no", "answered_at": AT} if place is union else {}
        InvitationFactory(event=event, organization=place, **answered)
    Invitation.objects.update(created_at=AT)
    sent = DelegationFactory(event=CompositionFactory(event=event).event, country=union.country)
    for person, state in ((ana, "accepted"), (tom, "proposed")):
        NominationFactory(delegation=sent, person=person, state=state, decided_at=AT)
    network = NetworkFactory(campaign=drive.campaign)
    for place in (union, elsewhere):
        MemberFactory(network=network, organization=place, joined_at=AT)
    MemberFactory(organization=ministry, joined_at=AT)  # of a network of another campaign
    return drive


def scope(drive, user, first=date(2026, 9, 1), last=date(2026, 12, 15)):
    return Scope(drive.campaign, drive, first, last, user)


EXPECTED = {
    "institutions": 2, "people": 2, "two_way": 2, "moved_up": 1, "moved_down": 1, "first_known": 2, "promised": 2,
    "kept": 1, "kept_verified": 1, "invited": 2, "answered": 1, "attended": 1, "delegates": 1, "joined": 1,
}  # fmt: skip


def test_numbers_are_computed_and_each_is_as_many_as_its_rows(planner, story):
    given = scope(story, planner)

    counted = count(given)

    assert {code: one.value for code, one in counted.items()} == EXPECTED
    for code, figure in FIGURES.items():
        assert rows_of(figure, given).count() == counted[code].value, code
        for parts in counted[code].parts.values():
            for part in parts:
                assert rows_of(figure, given, part.by, part.key).count() == part.value, (code, part)
    sides = {part.key: part.value for part in counted["institutions"].parts["constituency"]}
    genders = {part.key: part.value for part in counted["people"].parts["gender"]}
    assert (sides, genders) == ({"GOV": 1, "WRK": 1}, {"female": 1, "": 1})
    assert {part.key: part.value for part in counted["two_way"].parts["month"]} == {"2026-10": 2}
    none = count(scope(story, planner, last=date(2026, 9, 2)))
    assert not any(one.value for one in none.values())
    whole = count(Scope(story.campaign, None, date(2026, 9, 1), date(2026, 12, 15), planner))
    assert {code: one.value for code, one in whole.items()} == EXPECTED


def test_who_sees_one_country_counts_that_one_and_may_not_freeze(sign_in, story):
    here = GrantFactory(role="planner", is_everywhere=False, countries=["ZM"]).user
    counted = count(scope(story, here))
    assert (counted["institutions"].value, counted["two_way"].value, counted["kept"].value) == (1, 0, 0)
    page = sign_in(here).get(reverse("drive_report", args=[story.uid])).content.decode()
    assert "Your role reaches some of its countries" in page
    with pytest.raises(NotAllowed, match="all of its countries"):
        snapshots.freeze(actor=here, scope=scope(story, here), title="Mine")
    assert not Snapshot.objects.exists()


@pytest.mark.parametrize("of", ["drive", "campaign"])
def test_page_opens_the_rows_behind_each_number(sign_in, planner, story, of):
    subject = story if of == "drive" else story.campaign
    ActualFactory(period__indicator__result__campaign=story.campaign)
    client, days = sign_in(planner), "?from=2026-09-01&until=2026-12-15"
    with CaptureQueriesContext(connection) as queries:
        page = client.get(reverse(f"{of}_report", args=[subject.uid]) + days).content.decode()
    assert len(queries) <= 25
    assert "We trained the drafters" in page and "women, of 1 whose gender is known" in page
    for code in FIGURES:
        url = reverse(f"{of}_report_rows", args=[subject.uid, code])
        assert url in page
        rows = client.get(url + days)
        assert rows.status_code == 200, code
    union = Organization.objects.get(country_id="TD")
    shown = client.get(reverse(f"{of}_report_rows", args=[subject.uid, "institutions"]) + days + "&by=constituency&part=WRK")  # fmt: skip
    ministry = Organization.objects.get(country_id="ZM")
    assert union.name in shown.content.decode() and ministry.name not in shown.content.decode()
    assert client.get(reverse(f"{of}_report_rows", args=[subject.uid, "nonsense"])).status_code == 404
    assert client.get(reverse(f"{of}_report", args=[subject.uid]) + "?from=soon&until=9999-99-99").status_code == 200


@pytest.mark.parametrize(
    ("figure", "asked", "selects", "names"),
    [
        ("people", "", "people", {"Ana Banda", "Tom Mwale"}),
        ("institutions", "&by=constituency&part=WRK", "organizations", {"Union"}),
        ("two_way", "", "organizations", {"Union"}),
        ("moved_up", "", "organizations", {"Ministry"}),
    ],
)
def test_rows_behind_a_number_are_kept_as_a_list(sign_in, planner, story, figure, asked, selects, names):
    Organization.objects.filter(country_id="TD").update(name="Union")
    Organization.objects.filter(country_id="ZM").update(name="Ministry")
    Person.objects.filter(gender="female").update(name="Ana Banda")
    Person.objects.filter(language="en").update(name="Tom Mwale")
    client, days = sign_in(planner), f"?from=2026-09-01&until=2026-12-15{asked}"
    url = reverse("drive_report_to_list", args=[story.uid, figure]) + days
    assert (
        reverse("drive_report_to_list", args=[story.uid, figure])
        in client.get(reverse("drive_report_rows", args=[story.uid, figure]) + days).content.decode()
    )

    client.post(url, {"name": "For the board"})

    kept = ContactList.objects.get()
    members = [row.person or row.organization for row in kept.members.select_related("person", "organization")]
    assert (kept.name, kept.selects, {row.name for row in members}) == ("For the board", selects, names)


def test_rows_behind_a_number_become_a_segment_to_narrow(sign_in, planner, story):
    url = reverse("drive_report_to_list", args=[story.uid, "people"]) + "?from=2026-09-01&until=2026-12-15"

    answer = sign_in(planner).post(url, {"name": "For the board", "as_segment": "on"})

    kept, segment = ContactList.objects.get(), Segment.objects.get(name="For the board")
    assert answer["Location"] == reverse("segment_edit", args=[segment.uid])
    assert (segment.name, segment.selects, segment.owner) == ("For the board", "people", planner)
    assert segment.tree["rules"] == [{"field": "on_list", "operator": "any_of", "value": [str(kept.uid)]}]
    found = members_of(segment, None)
    assert set(found.values_list("pk", flat=True)) == set(kept.members.values_list("person_id", flat=True)) != set()


def test_an_erasure_takes_the_name_out_of_a_frozen_report(sign_in, planner, admin, story):
    awa = PersonFactory(name="Awa Ndiaye-Sow", given_name="Awa", family_name="Ndiaye-Sow")
    ActualFactory(period__indicator__result__campaign=story.campaign, evidence="Awa Ndiaye-Sow signed it.")
    snapshot = snapshots.freeze(actor=planner, scope=scope(story, planner), title="To donors")
    published, figures = snapshot.fingerprint, snapshot.content["figures"]

    for _twice in range(2):
        snapshot_erasing.erase(PersonalData.of(awa.uid))

    snapshot.refresh_from_db()
    assert [line["evidence"] for line in snapshot.content["lines"]] == ["… signed it."]
    assert snapshot.content["figures"] == figures
    assert (snapshot.published_fingerprint, snapshots.is_intact(snapshot)) == (published, True)
    page = sign_in(planner).get(reverse("snapshot_detail", args=[snapshot.uid])).content.decode()
    assert "A name was taken out of its words" in page and published[:16] in page
    with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
        Snapshot.objects.filter(pk=snapshot.pk).update(title="Other")


def test_report_as_pdf_and_workbook(sign_in, planner, story):
    ActualFactory(period__indicator__result__campaign=story.campaign, evidence='#import "x" =1+1')
    client = sign_in(planner)
    pdf = client.get(reverse("drive_report_file", args=[story.uid, "pdf"]) + "?until=2026-12-15")
    assert (pdf.content[:5], pdf["Content-Type"]) == (b"%PDF-", "application/pdf")
    book = client.get(reverse("drive_report_file", args=[story.uid, "xlsx"]) + "?until=2026-12-15")
    sheets = CalamineWorkbook.from_filelike(BytesIO(book.content))
    assert sheets.sheet_names == ["Numbers", "Breakdowns", "Results", "Definitions"]
    numbers = {row[0]: row[1] for row in sheets.get_sheet_by_name("Numbers").to_python()}
    assert (numbers["Institutions reached"], numbers["Commitments kept"]) == (2, 1)
    assert '#import "x" =1+1' in sheets.get_sheet_by_name("Results").to_python()[1]
    assert client.get(reverse("drive_report_file", args=[story.uid, "exe"])).status_code == 404


def test_the_framework_as_iati_tells_what_was_verified_alone(sign_in, planner, story):
    actual = ActualFactory(
        period__indicator__result__campaign=story.campaign, contribution="We & others <trained> them"
    )
    indicator = actual.period.indicator
    url, client = reverse("campaign_report_file", args=[story.campaign.uid, "iati"]), sign_in(planner)

    def periods() -> list[ElementTree.Element]:
        answer = client.get(url)
        assert answer["Content-Type"] == "application/xml"
        root = ElementTree.fromstring(answer.content)  # noqa: S314 our own file
        [row] = [one for one in root.iter("indicator") if one.findtext("title/narrative") == indicator.title]
        return row.findall("period")

    [unverified] = periods()
    assert unverified.find("actual") is None
    assert Decimal(unverified.find("target").get("value")) == actual.period.target
    Actual.objects.filter(pk=actual.pk).update(verified_at=timezone.now(), verified_by=planner)
    [verified] = periods()
    assert Decimal(verified.find("actual").get("value")) == actual.value
    assert "We & others <trained> them" in verified.findtext("actual/comment/narrative")


def test_a_frozen_report_stays_as_it_was_and_is_explained_later(sign_in, planner, story):
    with pytest.raises(Invalid, match="Give it a name"):
        snapshots.freeze(actor=planner, scope=scope(story, planner), title=" ")
    ActualFactory(period__indicator__result__campaign=story.campaign)
    client = sign_in(planner)
    url = reverse("drive_report_freeze", args=[story.uid]) + "?from=2026-09-01&until=2026-12-15"
    client.post(url, {"title": "To donors"})
    snapshot = Snapshot.objects.get()
    union = Organization.objects.get(country_id="TD")
    log_interaction(actor=planner, kind="call", organizations=[union], at=AT)
    PersonFactory()
    assert count(scope(story, planner))["two_way"].value == 3

    page = client.get(reverse("snapshot_detail", args=[snapshot.uid])).content.decode()
    assert {one["code"]: one["value"] for one in snapshot.content["figures"]} == EXPECTED
    assert "As it was frozen" in page and "We trained the drafters" in page
    rows = client.get(reverse("snapshot_rows", args=[snapshot.uid, "institutions"]) + "?by=constituency&part=WRK")
    assert union.name in rows.content.decode()
    Organization.objects.filter(pk=union.pk).update(country_id="ML")
    still = client.get(reverse("snapshot_rows", args=[snapshot.uid, "institutions"])).content.decode()
    assert union.name in still
    assert client.get(reverse("snapshot_file", args=[snapshot.uid, "pdf"])).content[:5] == b"%PDF-"

    kept = SnapshotRows.objects.filter(figure="people").first()
    for change in (
        lambda: Snapshot.objects.filter(pk=snapshot.pk).update(title="Other"),
        lambda: SnapshotRows.objects.filter(pk=kept.pk).update(uids=[]),
        lambda: SnapshotRows.objects.filter(pk=kept.pk).delete(),
    ):
        with pytest.raises(IntegrityError, match="never changes"), transaction.atomic():
            change()
    assert snapshots.is_intact(snapshot)
    snapshot.content["figures"][0]["value"] = 999
    assert not snapshots.is_intact(snapshot)


def test_rows_behind_a_number_over_the_api_are_those_of_the_page(api, planner, story):
    client = api(planner)
    days = "from=2026-09-01&until=2026-12-15"
    union = Organization.objects.get(country_id="TD")

    for place in (f"/drives/{story.uid}", f"/campaigns/{story.campaign.uid}"):
        figures = {row["code"]: row["value"] for row in client.get(f"{place}/report?{days}").json()["figures"]}
        behind = {code: client.get(f"{place}/behind?figure={code}&{days}").json() for code in FIGURES}
        assert {code: row["count"] for code, row in behind.items()} == figures
        assert (behind["two_way"]["of"], behind["moved_up"]["of"]) == ("interactions", "position-steps")
        part = client.get(f"{place}/behind?figure=institutions&by=constituency&part=WRK&{days}").json()
        assert (part["of"], part["uids"]) == ("organizations", [str(union.uid)])
        assert client.get(f"{place}/behind?figure=x", status=400).json()["fields"]["figure"]
        assert client.get(f"{place}/behind?figure=institutions&by=month", status=400).json()["fields"]["by"]
    frozen = snapshots.freeze(actor=planner, scope=scope(story, planner), title="To donors")
    kept = client.get(f"/report-snapshots/{frozen.uid}/behind?figure=institutions&by=constituency&part=WRK").json()
    assert kept["uids"] == [str(union.uid)]


def test_frozen_number_over_the_api_names_only_rows_that_one_may_see(api, planner, story):
    """As on its page: the count is what was published, the rows are those of one's own countries that are still there."""
    here = GrantFactory(role="viewer", is_everywhere=False, countries=["ZM"]).user
    frozen = snapshots.freeze(actor=planner, scope=scope(story, planner), title="To donors")
    counts = {figure["code"]: figure["value"] for figure in frozen.content["figures"]}
    seen = {}
    for code in FIGURES:
        told = api(here).get(f"/report-snapshots/{frozen.uid}/behind?figure={code}").json()
        assert told["count"] == counts[code], code
        seen[code] = told["uids"]

    ministry = Organization.objects.get(country_id="ZM")
    assert seen["institutions"] == [str(ministry.uid)] and counts["institutions"] == 2
    theirs = {str(uid) for model in (Organization, Person) for uid in model.objects.filter(country_id="TD").values_list("uid", flat=True)}  # fmt: skip
    assert theirs.isdisjoint(uid for uids in seen.values() for uid in uids)
