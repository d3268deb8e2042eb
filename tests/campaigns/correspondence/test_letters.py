import uuid
from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from campaigns.correspondence import services
from campaigns.correspondence.models import Letter, LetterDocument
from campaigns.correspondence.numbering import check_pattern, reference_of
from campaigns.files.models import StoredFile
from campaigns.guard.services import set_guard
from campaigns.interactions.services import Guarded
from campaigns.outreach.models import Interaction
from campaigns.queue.building import queue_of
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Invalid
from tests.factories import GrantFactory, OrganizationFactory, PersonFactory

pytestmark = pytest.mark.django_db
TODAY = timezone.localdate()


def letter(actor, organization=None, **values):
    values = {"way": "in", "on": TODAY - timedelta(days=5), "subject": "Request for figures", **values}
    return services.register_letter(actor=actor, organization=organization or OrganizationFactory(), **values)


def form(organization, **values):
    return {
        "way": "in", "organization": str(organization.uid), "on": TODAY.isoformat(), "subject": "About the plan", "key": str(uuid.uuid4()),
        **values,
    }  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    ["", "OUT/{number}", "OUT/{year}", "{year}{number}", "A/{year}/{number}/{number}", "{x}/{year}/{number}", "{"],
)
def test_pattern_by_which_two_letters_could_meet_is_refused(pattern):
    with pytest.raises(Invalid):
        check_pattern(pattern)


def test_numbers_go_on_by_way_and_year_without_a_gap(outreach):
    place = OrganizationFactory()
    first, second, out = letter(outreach, place), letter(outreach, place), letter(outreach, place, way="out")
    last_year = letter(outreach, place, on=TODAY.replace(year=TODAY.year - 1, day=1))
    with pytest.raises(Invalid):
        letter(outreach, place, on=TODAY + timedelta(days=2))
    services.strike_letter(letter=second, actor=outreach)
    third = letter(outreach, place)

    assert [row.reference for row in (first, second, out, last_year, third)] == [
        f"IN/{TODAY.year}/0001", f"IN/{TODAY.year}/0002", f"OUT/{TODAY.year}/0001", f"IN/{TODAY.year - 1}/0001", f"IN/{TODAY.year}/0003",
    ]  # fmt: skip
    assert reference_of("GS {number:03}-{year}", year=2026, number=7) == "GS 007-2026"
    with pytest.raises(IntegrityError), transaction.atomic():
        Letter.objects.filter(pk=third.pk).update(number=1)


def test_numbering_is_changed_by_administrators_for_what_comes(sign_in, admin, outreach):
    before = letter(outreach)
    data = {"pattern_in": "E-{year}-{number:03}", "pattern_out": "e-{year}-{number:03}"}
    assert sign_in(admin).post(reverse("letter_numbering"), data).status_code == 422

    sign_in(admin).post(reverse("letter_numbering"), {**data, "pattern_out": "S-{year}-{number:03}"})

    assert letter(outreach).reference == f"E-{TODAY.year}-002"
    assert Letter.objects.get(pk=before.pk).reference == f"IN/{TODAY.year}/0001"
    undo(entry=AuditEntry.objects.get(verb="numbering.set"), actor=admin)
    assert letter(outreach).reference == f"IN/{TODAY.year}/0003"


def test_letter_is_a_touch_on_the_timeline_and_undo_strikes_it_out(sign_in, outreach):
    ministry, person = OrganizationFactory(name="Ministry"), PersonFactory()
    row = letter(outreach, ministry, person=person, subject="The \u202eplan")

    assert (row.interaction.kind, row.interaction.is_two_way, row.interaction.text) == (
        "letter",
        True,
        f"{row.reference} · The plan",
    )
    page = sign_in(outreach).get(reverse("organization_detail", args=[ministry.uid])).content.decode()
    assert f"{row.reference} · The plan" in page

    undo(entry=AuditEntry.objects.get(verb="letter.registered"), actor=outreach)

    row.refresh_from_db()
    assert row.struck_at is not None
    assert not Interaction.objects.standing().exists()


def test_answer_is_asked_for_when_due_until_another_letter_answers(sign_in, outreach):
    ministry = OrganizationFactory(name="Ministry")
    row = letter(outreach, ministry, answer_due_on=TODAY - timedelta(days=1), responsible=outreach)
    later = letter(outreach, OrganizationFactory(), answer_due_on=TODAY + timedelta(days=30), responsible=outreach)
    client = sign_in(outreach)

    told = [reason.words for entry in queue_of(outreach).entries for reason in entry.reasons if reason.kind == "letter"]
    today = client.get(reverse("today")).content.decode()
    overdue = client.get(reverse("letter_list"), {"answer": "overdue"}).content.decode()
    assert len(told) == 1
    assert told[0].startswith(f"Their letter {row.reference} waits for our answer")
    assert "Letter of Ministry waits for an answer" in today
    assert row.reference in overdue
    assert later.reference not in overdue

    url = f"{reverse('letter_create')}?answers={row.uid}"
    assert "Re: Request for figures" in client.get(url).content.decode()
    client.post(url, form(ministry, way="out", subject="Re: Request for figures"))

    answer = Letter.objects.get(way="out")
    row.refresh_from_db()
    assert row.answered_by == answer
    assert not [r for entry in queue_of(outreach).entries for r in entry.reasons if r.kind == "letter"]
    page = client.get(reverse("letter_detail", args=[row.uid])).content.decode()
    assert answer.reference in page
    services.strike_letter(letter=answer, actor=outreach)
    assert Letter.objects.open().filter(pk=row.pk).exists()
    undo(entry=AuditEntry.objects.get(verb="letter.struck"), actor=outreach)
    assert not Letter.objects.open().filter(pk=row.pk).exists()


def test_what_is_no_answer_is_refused(outreach):
    ministry = OrganizationFactory()
    row, same_way, elsewhere = letter(outreach, ministry), letter(outreach, ministry), letter(outreach, way="out")

    for other in (row, same_way, elsewhere):
        with pytest.raises(Invalid):
            services.link_answer(letter=row, answer=other, actor=outreach)
    row.refresh_from_db()
    assert row.answered_by is None


def test_double_click_registers_once_with_its_document(sign_in, outreach, viewer, folder):
    ministry, client = OrganizationFactory(), sign_in(outreach)
    data = form(ministry)

    for _time in range(2):
        scan = SimpleUploadedFile("scan.txt", b"Dear all,\n", "text/plain")
        client.post(reverse("letter_create"), {**data, "document": scan})

    row = Letter.objects.get()
    document = LetterDocument.objects.get()
    answer = sign_in(viewer).get(reverse("letter_document", args=[document.uid]))
    assert (b"".join(answer.streaming_content), answer["Content-Security-Policy"]) == (
        b"Dear all,\n",
        "default-src 'none'; sandbox",
    )
    assert sign_in(viewer).post(reverse("letter_document_remove", args=[document.uid])).status_code == 403
    client.post(reverse("letter_document_remove", args=[document.uid]))
    assert (row.documents.count(), StoredFile.objects.count()) == (0, 0)


def test_what_pretends_to_be_a_document_is_refused_and_the_letter_kept(sign_in, outreach, folder):
    row = letter(outreach)
    evil = SimpleUploadedFile("scan.pdf", b"<script>alert(1)</script>", "application/pdf")

    answer = sign_in(outreach).post(reverse("letter_document_add", args=[row.uid]), {"document": evil})

    assert answer.status_code == 422
    assert not LetterDocument.objects.exists()


def test_guard_stands_against_what_goes_out_and_not_against_what_came_in(outreach, planner):
    ministry = OrganizationFactory()
    set_guard(organization=ministry, actor=planner, protocol="Only through the mission")

    letter(outreach, ministry, on=TODAY)
    with pytest.raises(Guarded):
        letter(outreach, ministry, way="out", on=TODAY)

    assert Letter.objects.count() == 1
    assert letter(outreach, ministry, way="out", on=TODAY, override_reason="Agreed with the owner").number == 1


def test_change_is_followed_by_the_log_and_taken_back(outreach):
    row = letter(outreach, responsible=outreach)

    entry = services.edit_letter(
        letter=row, actor=outreach, changes={"subject": "Other words", "answer_due_on": TODAY}, seen={}
    )

    row.interaction.refresh_from_db()
    assert row.interaction.text == f"{row.reference} · Other words"
    undo(entry=entry, actor=outreach)
    row.refresh_from_db()
    assert (row.subject, row.answer_due_on) == ("Request for figures", None)


def test_register_is_a_file_and_out_of_sight_where_the_institution_is(sign_in, outreach, planner):
    row = letter(outreach, OrganizationFactory(name="Ministry"))
    elsewhere = GrantFactory(role="outreach", is_everywhere=False, countries=["TD"]).user

    file = b"".join(sign_in(planner).get(reverse("letter_list"), {"export": "csv"}).streaming_content).decode()

    assert row.reference in file
    assert "Ministry" in file
    assert sign_in(elsewhere).get(reverse("letter_detail", args=[row.uid])).status_code == 404


def test_list_asks_the_same_for_one_letter_and_for_three(sign_in, outreach, django_assert_max_num_queries):
    client, url = sign_in(outreach), reverse("letter_list")
    letter(outreach)
    client.get(url)
    with django_assert_max_num_queries(60) as one:
        client.get(url)
    for _time in range(2):
        letter(outreach)
    with django_assert_max_num_queries(len(one)):
        client.get(url)


def test_documents_by_the_api_under_the_rules_of_the_screen(api, outreach, viewer, folder):
    row, client = letter(outreach), api(outreach)

    def send(name, content):
        data = {"letter": str(row.uid), "file": SimpleUploadedFile(name, content)}
        return client.client.post("/api/v1/letter-documents", data)

    made = send("scan.txt", b"Dear all,\n")
    assert (made.status_code, send("scan.txt", b"Dear all,\n").json()["uid"]) == (201, made.json()["uid"])  # kept once
    assert send("scan.pdf", b"<script>alert(1)</script>").status_code == 422
    [told] = client.get(f"/letters/{row.uid}").json()["documents"]
    assert told == {"uid": made.json()["uid"], "name": "scan.txt", "size": 10, "media_type": "text/plain"}

    given = api(viewer).get(f"/letter-documents/{told['uid']}/content")
    assert (given.content, given["Content-Type"]) == (b"Dear all,\n", "application/octet-stream")
    assert "attachment" in given["Content-Disposition"] and "sandbox" in given["Content-Security-Policy"]
    api(viewer).delete(f"/letter-documents/{told['uid']}", status=403)
    client.delete(f"/letter-documents/{told['uid']}")
    assert client.get(f"/letter-documents?letter={row.uid}").json()["data"] == []


def test_letter_over_the_api_is_corrected_answered_and_struck_out(api, outreach, viewer):
    client, place = api(outreach), OrganizationFactory()
    row, answer = letter(outreach, place), letter(outreach, place, way="out")
    at = f"/letters/{row.uid}"

    changed = client.patch(at, {"subject": "Request for figures of 2026", "responsible": str(outreach.uid)}).json()
    assert (changed["subject"], changed["responsible"], changed["reference"]) == (
        "Request for figures of 2026", str(outreach.uid), row.reference,
    )  # fmt: skip
    assert Interaction.objects.get(pk=row.interaction_id).text.endswith("Request for figures of 2026")
    client.patch(at, {"way": "out"}, status=422)
    client.patch(at, {"subject": "Once more"}, status=412, If_Match='"0"')
    assert client.post(f"{at}/answer", {"answer": str(row.uid)}, status=422).json()["code"] == "no_answer"
    assert client.post(f"{at}/answer", {"answer": str(answer.uid)}, status=200).json()["answered_by"] == str(answer.uid)
    assert client.post(f"{at}/answer", {"answer": None}, status=200).json()["answered_by"] is None
    api(viewer).post(f"{at}/strike", status=403)
    assert client.post(f"{at}/strike", status=200).json()["struck_at"]
    assert client.patch(at, {"subject": "Too late"}, status=409).json()["code"] == "struck"
    row.refresh_from_db()
    assert row.subject == "Request for figures of 2026"
