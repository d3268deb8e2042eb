"""The builder as plain forms and as fragments, versions, permission, the members' list, lists by hand."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from campaigns.mailings.models import Mailing
from contacts.directory.models import Person
from contacts.segments.lists import add_to_list
from contacts.segments.models import ContactList, Segment
from crm.audit.models import AuditEntry
from crm.ui.search import search
from tests.factories import (
    ContactListFactory,
    ContactPointFactory,
    DriveFactory,
    GrantFactory,
    MembershipFactory,
    PersonFactory,
    SegmentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def form(*rules: dict[str, Any], **more: Any) -> dict[str, Any]:
    """What the builder's form posts for these rules at the top."""
    posted: dict[str, Any] = {"op-r": "all", "selects": "people", "node": [str(n) for n in range(len(rules))]}
    for n, rule in enumerate(rules):
        value = rule.get("value", "")
        posted |= {
            f"field-{n}": rule["field"], f"was-{n}": rule["field"], f"operator-{n}": rule["operator"],
            f"wasop-{n}": rule["operator"], f"value-{n}": value,
        }  # fmt: skip
    return posted | more


def everybody() -> Segment:
    never = {"field": "last_mailed", "operator": "never"}
    return SegmentFactory(tree={"version": 1, "op": "all", "rules": [never]})


def country(*codes: str) -> dict[str, Any]:
    return {"field": "country", "operator": "any_of", "value": list(codes)}


def test_a_new_kind_of_rule_is_ready_to_count_after_two_clicks(sign_in: Any, planner: Any) -> None:
    """Choosing the field and the operator is enough: the value begins with what is asked most often."""
    client = sign_in(planner)
    posted = form({"field": "clicked", "operator": "at_least_times"})
    posted |= {"wasop-0": "any_of", "value-0": "", "do": "refresh"}
    page = client.post(reverse("segment_draft"), posted, headers=HTMX).content.decode()
    assert 'name="value-0" value="2"' in page and 'name="value-0" value="90"' in page

    posted = form({"field": "indicator.SI_COV_BENFTS", "operator": "rose"}) | {"wasop-0": "below", "value-0": "20"}
    page = client.post(reverse("segment_draft"), posted, headers=HTMX).content.decode()
    assert page.count(" selected>20") == 2  # the latest year and one before it stand there

    posted = form({"field": "clicked", "operator": "at_least_times", "value": ["3", "30"]}, name="Keen", do="save")
    client.post(reverse("segment_new"), posted)
    assert Segment.objects.get().tree["rules"] == [{"field": "clicked", "operator": "at_least_times", "value": [3, 30]}]

    half = form({"field": "created", "operator": "between", "value": ["2026-01-01", ""]})
    page = client.post(reverse("segment_results"), half, headers=HTMX).content.decode()
    assert "The count follows as soon as a rule is finished." in page


@pytest.mark.parametrize(
    "more",
    [
        {"node": ["².0", "0"]},
        {"node": ["0", "1" * 5000 + ".0"]},
        {"do": "remove:²"},
        {"do": "up:0." + "9" * 5000},
        {"do": "pick:0:GOV", "field-0": "last_mailed", "operator-0": "not_within", "value-0": "90"},
        {"do": "drop:0:GOV"},
        {"do": "wrap:r"},
        {"do": "unwrap:0"},
        {"do": "add-rule:0:country"},
        {"do": "copy:-1"},
        {"op-0": "all", "do": "pick:0:GOV"},
    ],
)
def test_a_form_that_no_builder_sends_is_answered(sign_in: Any, planner: Any, more: dict[str, Any]) -> None:
    posted = form(country("SN"))
    if "field-0" in more:
        more = more | {"was-0": more["field-0"], "wasop-0": more["operator-0"]}

    response = sign_in(planner).post(reverse("segment_draft"), posted | more, headers=HTMX)

    assert response.status_code == 200


def test_new_segment_by_plain_forms_alone(sign_in: Any, planner: Any) -> None:
    client, url = sign_in(planner), reverse("segment_new")
    PersonFactory(name="Awa Sow", country__code="SN")
    assert "Low coverage, not contacted" in client.get(url).content.decode()

    page = client.post(url, form(do="add-rule:r")).content.decode()
    assert 'name="field-0"' in page
    page = client.post(
        url, {"op-r": "all", "node": ["0"], "field-0": "country", "was-0": "", "do": "refresh"}
    ).content.decode()
    assert 'name="operator-0"' in page
    page = client.post(url, form(country(), do="find:0", **{"q-0": "senegal"})).content.decode()
    assert 'value="pick:0:SN"' in page
    page = client.post(url, form(country(), do="pick:0:SN")).content.decode()
    assert 'name="value-0" value="SN"' in page and "Awa Sow" in page
    answer = client.post(url, form(country("SN"), do="save", name="Senegal"))

    segment = Segment.objects.get()
    assert answer.headers["Location"] == reverse("segment_edit", args=[segment.uid])
    assert segment.tree == {"version": 1, "op": "all", "rules": [country("SN")]}
    assert (segment.owner, segment.version, segment.versions.count()) == (planner, 1, 1)
    assert AuditEntry.objects.get(object_uid=segment.uid).verb == "segment.created"


def test_the_starter_gives_the_segment_of_the_brief_in_two_clicks(sign_in: Any, planner: Any) -> None:
    client, url = sign_in(planner), reverse("segment_new")
    assert client.post(url, form(do="start:low-coverage")).status_code == 200
    rules = [
        {"field": "constituency", "operator": "any_of", "value": ["WRK", "CSO"]},
        {"field": "indicator.SI_COV_BENFTS", "operator": "below", "value": 20},
        {"field": "institution_contacted", "operator": "not_within", "value": 90},
    ]
    client.post(url, form(*rules, do="save", name="Low"))
    assert Segment.objects.get().tree["rules"] == rules


def test_a_mistake_stands_at_its_rule_and_nothing_is_saved(sign_in: Any, planner: Any) -> None:
    low = {"field": "indicator.SI_COV_BENFTS", "operator": "below", "value": "-5"}
    answer = sign_in(planner).post(reverse("segment_new"), form(country("SN"), low, do="save", name="X"))
    page = answer.content.decode()
    assert answer.status_code == 422 and not Segment.objects.exists()
    assert "impossible" in page.split('id="err-1"')[1].split("</div>")[0]
    assert "Nothing was saved." in page and 'value="-5"' in page


def test_a_segment_needs_a_name(sign_in: Any, planner: Any) -> None:
    answer = sign_in(planner).post(reverse("segment_new"), form(country("SN"), do="save", name=" "))
    assert (answer.status_code, "Give it a name" in answer.content.decode()) == (422, True)


def test_groups_move_copy_and_go(sign_in: Any, planner: Any) -> None:
    client, url = sign_in(planner), reverse("segment_draft")

    def rules_after(posted: dict[str, Any]) -> list[str]:
        page = client.post(url, posted, headers=HTMX).content.decode()
        return [part.split('"')[0] for part in page.split('name="node" value="')[1:]]

    two = form(country("SN"), {"field": "membership", "operator": "yes"})
    assert rules_after(two | {"do": "add-group:r"}) == ["0", "1", "2", "2.0"]
    assert rules_after(two | {"do": "copy:0"}) == ["0", "1", "2"]
    assert rules_after(two | {"do": "remove:0"}) == ["0"]
    assert rules_after(two | {"do": "wrap:1"}) == ["0", "1", "1.0", "1.1"]
    assert rules_after(two | {"do": "nonsense:9.9:x"}) == ["0", "1"]
    moved = client.post(url, two | {"do": "down:0"}, headers=HTMX).content.decode()
    assert moved.index('value="membership" selected') < moved.index('value="country" selected')


def test_another_field_resets_operator_and_value(sign_in: Any, planner: Any) -> None:
    posted = form(country("SN"), do="refresh") | {"field-0": "institution_contacted"}
    page = sign_in(planner).post(reverse("segment_draft"), posted, headers=HTMX).content.decode()
    assert 'value="not_within" selected' in page and 'value="90"' in page and "SN" not in page.split("gs-build-add")[0].split("was-0")[1]  # fmt: skip


def test_results_follow_as_a_fragment(sign_in: Any, planner: Any) -> None:
    MembershipFactory(person=PersonFactory(name="Awa Sow", country__code="SN"), organization__constituency__code="WRK", organization__country__code="SN")  # fmt: skip
    posted = form(country("SN", "TD"), {"field": "language", "operator": "any_of", "value": []})
    page = sign_in(planner).post(reverse("segment_results"), posted, headers=HTMX).content.decode()
    assert "<html" not in page
    assert ">1</div>" in page and "1 rule is not finished" in page
    assert 'id="left-0" hx-swap-oob="true">1<' in page
    assert "People in <b>Senegal</b> or <b>Chad</b>." in page and "Awa Sow" in page
    assert "One side is missing." in page and "Nobody from employers’ organizations in this country." in page


def test_numbers_link_to_their_rows_once_saved(sign_in: Any, planner: Any) -> None:
    person = PersonFactory(country__code="SN")
    ContactPointFactory(person=PersonFactory(country__code="SN", name="Mariam Ba"))
    segment = SegmentFactory(tree={"version": 1, "op": "all", "rules": [country("SN")]})
    client = sign_in(planner)
    page = client.post(
        reverse("segment_results"), form(country("SN"), segment=str(segment.uid)), headers=HTMX
    ).content.decode()
    url = f"{reverse('segment_members', args=[segment.uid])}?reach=no_address"
    assert url in page
    rows = client.get(url).content.decode()
    assert person.name in rows and "Mariam Ba" not in rows
    segment.refresh_from_db()
    assert segment.last_count == 2


def test_queries_do_not_grow_with_rules_of_a_kind(sign_in: Any, planner: Any) -> None:
    client = sign_in(planner)
    MembershipFactory(person__country__code="SN", organization__country__code="SN")
    counts = []
    for rules in (1, 3):
        MembershipFactory(person__country__code="SN", organization__country__code="SN")
        posted = form(*[country("SN", "ML")] * rules)
        with CaptureQueriesContext(connection) as seen:
            client.post(reverse("segment_results"), posted, headers=HTMX)
        counts.append(len(seen))
    assert counts[0] == counts[1]
    real = [q for q in seen.captured_queries if "SAVEPOINT" not in q["sql"] and "statement_timeout" not in q["sql"]]
    assert len(real) <= 25, [q["sql"][:80] for q in real]


def test_lists_have_constant_queries(sign_in: Any, planner: Any) -> None:
    client = sign_in(planner)
    segment = everybody()
    client.get(reverse("segment_list"))  # the shell remembers its counts for a moment
    counts = []
    codes = iter(["SN", "TD", "ML", "NE"])
    for wanted in (2, 4):
        while Segment.objects.count() < wanted:
            inside = {"field": "in_segment", "operator": "none_of", "value": [str(Segment.objects.first().uid)]}
            SegmentFactory(tree={"version": 1, "op": "all", "rules": [country(next(codes)), inside]})
        while ContactList.objects.count() < wanted:
            ContactListFactory()
        for _ in range(wanted):
            MembershipFactory()
        seen = []
        for url in (reverse("segment_list"), reverse("list_list"), reverse("segment_members", args=[segment.uid])):
            with CaptureQueriesContext(connection) as captured:
                assert client.get(url).status_code == 200
            seen.append(len(captured))
        counts.append(seen)
    assert counts[0] == counts[1] and max(counts[0]) <= 25


def test_write_to_them_begins_a_mailing_to_the_segment(sign_in: Any, planner: Any, outreach: Any) -> None:
    segment = everybody()
    DriveFactory()
    url = f"{reverse('mailing_create')}?segment={segment.uid}"
    assert url in sign_in(planner).get(reverse("segment_edit", args=[segment.uid])).content.decode()
    assert f'value="{segment.pk}" selected' in sign_in(planner).get(url).content.decode()
    assert url not in sign_in(outreach).get(reverse("segment_members", args=[segment.uid])).content.decode()


def test_where_it_is_used(sign_in: Any, planner: Any) -> None:
    segment = everybody()
    mailing = Mailing.objects.create(name="To everybody", drive=DriveFactory(), segment=segment)
    inside = {"field": "in_segment", "operator": "any_of", "value": [str(segment.uid)]}
    outer = SegmentFactory(tree={"version": 1, "op": "all", "rules": [inside]})
    page = sign_in(planner).get(reverse("segment_edit", args=[segment.uid])).content.decode()
    assert "used in 2 places" in page
    assert reverse("mailing_detail", args=[mailing.uid]) in page and reverse("segment_edit", args=[outer.uid]) in page


# --- two tabs ---------------------------------------------------------------------------------------------------------
def test_the_second_tab_is_told_and_loses_nothing(sign_in: Any, planner: Any, editor: Any) -> None:
    segment = SegmentFactory(name="Shared")
    url = reverse("segment_edit", args=[segment.uid])
    first = sign_in(editor).post(url, form(country("SN"), do="save", name="Shared", version="1"))
    assert first.status_code == 302

    late = sign_in(planner).post(url, form(country("TD"), do="save", name="Mine", version="1"))
    page = late.content.decode()
    assert late.status_code == 409
    assert "Editor saved version 2 of this segment while you were editing." in page
    assert 'name="value-0" value="TD"' in page and 'value="Mine"' in page
    segment.refresh_from_db()
    assert (segment.version, segment.tree["rules"]) == (2, [country("SN")])

    sign_in(planner).post(url, form(country("TD"), as_new="1", name="Mine", version="1"))
    assert Segment.objects.get(name="Mine").tree["rules"] == [country("TD")]


def test_versions_are_kept_and_an_earlier_one_comes_back(sign_in: Any, planner: Any) -> None:
    client = sign_in(planner)
    client.post(reverse("segment_new"), form(country("SN"), do="save", name="S"))
    segment = Segment.objects.get()
    client.post(reverse("segment_edit", args=[segment.uid]), form(country("TD"), do="save", name="S", version="1"))
    page = client.get(reverse("segment_versions", args=[segment.uid])).content.decode()
    assert "<b>Senegal</b>" in page and "<b>Chad</b>" in page
    client.post(reverse("segment_go_back", args=[segment.uid, 1]))
    segment.refresh_from_db()
    assert (segment.version, segment.tree["rules"], segment.versions.count()) == (3, [country("SN")], 3)


def test_a_cycle_is_refused_when_saved(sign_in: Any, planner: Any) -> None:
    one = SegmentFactory(name="One")
    two = SegmentFactory(name="Two", tree={"version": 1, "op": "all", "rules": [{"field": "in_segment", "operator": "any_of", "value": [str(one.uid)]}]})  # fmt: skip
    inside = {"field": "in_segment", "operator": "any_of", "value": [str(two.uid)]}
    answer = sign_in(planner).post(
        reverse("segment_edit", args=[one.uid]), form(inside, do="save", name="One", version="1")
    )
    assert answer.status_code == 422 and "“One” → “Two” → “One”" in answer.content.decode()
    assert (
        reverse("segment_edit", args=[two.uid])
        in sign_in(planner).get(reverse("segment_edit", args=[one.uid])).content.decode()
    )


def test_archive_is_undone(sign_in: Any, planner: Any) -> None:
    segment, client = SegmentFactory(name="Old"), sign_in(planner)
    client.post(reverse("segment_archive", args=[segment.uid]))
    link = reverse("segment_members", args=[segment.uid])
    assert link not in client.get(reverse("segment_list")).content.decode()
    assert link in client.get(reverse("segment_list") + "?show=archived").content.decode()
    client.post(reverse("undo", args=[AuditEntry.objects.get(verb="segment.archived").uid]))
    segment.refresh_from_db()
    assert segment.archived_at is None


def test_rules_as_text(sign_in: Any, planner: Any) -> None:
    client, url = sign_in(planner), reverse("segment_new")
    text = json.dumps({"version": 1, "op": "any", "rules": [country("SN")]})
    assert 'name="value-0" value="SN"' in client.post(url, form(do="text", text=text)).content.decode()
    answer = client.post(url, form(country("TD"), do="text", text="{oops"))
    assert answer.status_code == 422 and "not JSON (line 1)" in answer.content.decode()
    assert 'name="value-0" value="TD"' in answer.content.decode()


@pytest.mark.parametrize("bad", [
    {"node": ["0", "0.0", "9.9.9.9.9.9.9", "x"]}, {"node": ["0"], "op-0": "xor"}, {"op-r": "\x00"},
    {"node": ["0"], "field-0": "\x00", "operator-0": "\x00"}, {"do": "pick:0"}, {"do": "remove:r"}, {"do": "up:-1"},
    {"do": ":::"}, {"selects": "cars"}, {"segment": "x"}, {"topic": "\x00x"}, {"do": "text", "text": "[]"},
    {"node": ["0"], "field-0": "country", "was-0": "country", "operator-0": "any_of", "wasop-0": "any_of", "value-0": "\x00"},
    {"node": ["0"], "field-0": "last_mailed", "was-0": "last_mailed", "operator-0": "within", "wasop-0": "within", "value-0": "1e400"},
])  # fmt: skip
def test_crooked_posts_never_break(sign_in: Any, planner: Any, bad: dict[str, Any]) -> None:
    client = sign_in(planner)
    for name in ("segment_new", "segment_draft", "segment_results"):
        assert client.post(reverse(name), bad).status_code in (200, 422)


# --- who may ------------------------------------------------------------------------------------------------------------
def test_outreach_changes_only_their_own(sign_in: Any, outreach: Any, planner: Any) -> None:
    client = sign_in(outreach)
    client.post(reverse("segment_new"), form(country("SN"), do="save", name="Mine"))
    mine, other = Segment.objects.get(), SegmentFactory(owner=planner)
    assert mine.owner == outreach
    assert client.get(reverse("segment_edit", args=[mine.uid])).status_code == 200
    theirs = reverse("segment_edit", args=[other.uid])
    assert client.get(theirs).headers["Location"] == reverse("segment_members", args=[other.uid])
    assert client.post(theirs, form(country("SN"), do="save", name="X", version="1")).status_code == 403
    assert client.post(reverse("segment_archive", args=[other.uid])).status_code == 403
    assert client.post(reverse("segment_archive", args=[uuid4()])).status_code == 404
    assert client.post(reverse("segment_duplicate", args=[other.uid])).status_code == 302
    assert Segment.objects.filter(owner=outreach).count() == 2
    list_of_other = ContactListFactory(owner=planner)
    assert client.post(reverse("list_archive", args=[list_of_other.uid])).status_code == 403


def test_a_viewer_sees_members_and_changes_nothing(sign_in: Any, viewer: Any) -> None:
    segment, client = everybody(), sign_in(viewer)
    PersonFactory(name="Awa Sow")
    assert "Awa Sow" in client.get(reverse("segment_members", args=[segment.uid])).content.decode()
    assert client.get(reverse("segment_edit", args=[segment.uid])).status_code == 403
    assert client.get(reverse("segment_members", args=[segment.uid]) + "?export=csv").status_code == 403


def test_counts_and_rows_stay_within_the_scope_and_say_so(sign_in: Any) -> None:
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["SN"])
    PersonFactory(name="Awa Sow", country__code="SN")
    PersonFactory(name="Jean Petit", country__code="FR")
    client, never = sign_in(user), {"field": "last_mailed", "operator": "never"}
    page = client.post(reverse("segment_results"), form(never), headers=HTMX).content.decode()
    assert "Awa Sow" in page and "Jean Petit" not in page and ">1</div>" in page
    assert "Counted within what you may see: Senegal." in page
    segment = everybody()
    rows = client.get(reverse("segment_members", args=[segment.uid])).content.decode()
    assert "Jean Petit" not in rows and "Only those in the countries that you may see are shown." in rows
    client.post(reverse("segment_to_list", args=[segment.uid]))
    assert [m.person.name for m in ContactList.objects.get().members.all()] == ["Awa Sow"]


def test_export_neutralises_formulas(sign_in: Any, planner: Any) -> None:
    segment = everybody()
    PersonFactory(name="=1+1", country__code="SN")
    answer = sign_in(planner).get(reverse("segment_members", args=[segment.uid]) + "?export=csv")
    assert "'=1+1" in b"".join(answer.streaming_content).decode()


# --- lists by hand ------------------------------------------------------------------------------------------------------
def test_lists_add_remove_undo_and_version(sign_in: Any, planner: Any) -> None:
    client = sign_in(planner)
    client.post(reverse("list_new"), {"name": "Dakar", "selects": "people"})
    made = ContactList.objects.get()
    awa, jean = PersonFactory(name="Awa Sow"), PersonFactory(name="Jean Petit")
    page = client.get(reverse("list_detail", args=[made.uid]) + "?find=sow").content.decode()
    assert str(awa.uid) in page and str(jean.uid) not in page

    client.post(reverse("list_add", args=[made.uid]), {"pick": [str(awa.uid), str(jean.uid)]})
    client.post(reverse("list_add", args=[made.uid]), {"pick": [str(awa.uid)]})
    made.refresh_from_db()
    assert (made.members.count(), made.version) == (2, 2)

    client.post(reverse("list_remove", args=[made.uid]), {"pick": [str(awa.uid)]})
    made.refresh_from_db()
    assert (made.members.count(), made.version) == (1, 3)
    client.post(reverse("undo", args=[AuditEntry.objects.get(verb="contactlist.members_removed").uid]))
    made.refresh_from_db()
    assert (made.members.count(), made.version) == (2, 4)


def test_what_is_ticked_in_the_directory_goes_on_a_list(sign_in: Any, planner: Any) -> None:
    client, url = sign_in(planner), reverse("list_add_selection")
    awa, jean = PersonFactory(name="Awa Sow"), PersonFactory(name="Jean Petit")
    ask = client.post(url, {"kind": "people", "pick": [str(awa.uid)]}).content.decode()
    assert "A new list, called" in ask and str(awa.uid) in ask
    client.post(url, {"kind": "people", "pick": [str(awa.uid)], "name": "New", "back": "https://evil.test/"})
    made = ContactList.objects.get()
    answer = client.post(url, {"kind": "people", "all": "1", "list": str(made.uid), "back": "/directory/people/"})
    assert answer.headers["Location"] == "/directory/people/"
    assert {m.person for m in made.members.all()} == {awa, jean}
    assert client.post(url, {"kind": "people"}).status_code == 422


def test_a_list_of_people_takes_no_organizations(planner: Any) -> None:
    from contacts.directory.models import Organization
    from crm.errors import Invalid

    with pytest.raises(Invalid, match="nothing was added"):
        add_to_list(contact_list=ContactListFactory(), rows=Organization.objects.all(), actor=planner)


def test_search_finds_segments(planner: Any) -> None:
    segment = SegmentFactory(name="Côte d’Ivoire, syndicats")
    hits = [hit.url for group in search(planner, "cote syndicats") for hit in group.hits]
    assert reverse("segment_edit", args=[segment.uid]) in hits


def exporter_of_senegal() -> Any:
    """Sees everything, and may export one country."""
    user = UserFactory()
    GrantFactory(user=user, role="viewer")
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["SN"])
    return user


@pytest.mark.parametrize("kind", ["segment", "list"])
def test_a_file_of_members_holds_what_its_taker_may_export(sign_in: Any, kind: str) -> None:
    PersonFactory(name="Awa Sow", country__code="SN")
    PersonFactory(name="Bwalya Phiri", country__code="ZM")
    if kind == "segment":
        url = reverse("segment_members", args=[everybody().uid])
    else:
        found = ContactListFactory()
        add_to_list(contact_list=found, rows=Person.objects.all(), actor=None)
        url = reverse("list_detail", args=[found.uid])
    client = sign_in(exporter_of_senegal())

    assert "Bwalya Phiri" in client.get(url).content.decode()
    file = b"".join(client.get(f"{url}?export=csv").streaming_content).decode()

    assert "Awa Sow" in file
    assert "Bwalya Phiri" not in file
