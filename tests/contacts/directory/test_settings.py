"""Constituencies and tags: what administrators change, what must stay, and that every change can be taken back."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from contacts.directory.models import Constituency, Tag
from contacts.directory.queries import find_tag
from contacts.directory.services import constituencies, tag_admin
from contacts.directory.services.tags import find_or_make, names_of
from contacts.segments.compiler import compile_tree
from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, Invalid
from tests.factories import ConstituencyFactory, OrganizationFactory, PersonFactory, TagFactory

pytestmark = pytest.mark.django_db


def the(code: str) -> Constituency:
    return Constituency.objects.get(code=code)


def tree(*names: str) -> dict:
    return {"version": 1, "op": "all", "rules": [{"field": "tags", "operator": "any_of", "value": list(names)}]}


def members(*names: str) -> list[int]:
    compiled = compile_tree(tree(*names), selects="people")
    with connection.cursor() as cursor:
        cursor.execute(compiled.sql, compiled.params)
        return sorted(row[0] for row in cursor.fetchall())


# --- constituencies -------------------------------------------------------------------------------------------------
def test_branch_is_added_renamed_moved_and_archived(admin, sign_in) -> None:
    client = sign_in(admin)

    client.post(
        reverse("constituency_add"),
        {"parent": "CSO", "name": "Informal workers’ association", "name_fr": "Association"},
    )
    branch = Constituency.objects.get(parent__code="CSO")
    assert (branch.code, branch.root_code) == ("INFORMALWORK", "CSO")
    assert branch.names == {"en": "Informal workers’ association", "fr": "Association"}
    client.post(
        reverse("constituency_edit", args=[branch.uid]), {"parent": "WRK", "name": "Informal workers", "name_fr": ""}
    )
    branch.refresh_from_db()
    assert (branch.name, branch.code, branch.root_code, branch.names) == (
        "Informal workers",
        "INFORMALWORK",
        "WRK",
        {"en": "Informal workers"},
    )
    client.post(reverse("constituency_archive", args=[branch.uid]))
    branch.refresh_from_db()
    assert branch.archived_at is not None
    offered = client.get(reverse("organization_create")).context["form"].fields["constituency"].queryset
    assert the("WRK") in offered and branch not in offered

    for entry in AuditEntry.objects.filter(object_type="constituency").order_by("-pk")[:2]:
        undo(entry=entry, actor=admin)
    branch.refresh_from_db()
    assert (branch.name, branch.root_code, branch.archived_at) == ("Informal workers’ association", "CSO", None)
    assert branch.names["fr"] == "Association"


def test_fixed_root_is_renamed_and_nothing_else(admin, sign_in) -> None:
    client, root = sign_in(admin), the("WRK")

    client.post(
        reverse("constituency_edit", args=[root.uid]), {"name": "Trade unions", "parent": "CSO", "name_fr": "Syndicats"}
    )
    client.post(reverse("constituency_archive", args=[root.uid]))

    root.refresh_from_db()
    assert (root.name, root.names["fr"], root.parent_id, root.root_code, root.archived_at) == (
        "Trade unions",
        "Syndicats",
        None,
        "WRK",
        None,
    )
    with pytest.raises(IntegrityError, match="constituency_fixed_stays"), transaction.atomic():
        Constituency.objects.filter(pk=root.pk).update(archived_at="2026-01-01T00:00:00Z")


def test_tree_has_two_levels_and_a_root_with_branches_stays(admin) -> None:
    branch, _entry = constituencies.add_constituency(name="Universities", parent=the("RES"), actor=admin)

    with pytest.raises(Invalid, match="two levels"):
        constituencies.add_constituency(name="Faculties", parent=branch, actor=admin)
    with pytest.raises(Conflict, match="branches in use"):
        constituencies.set_archived(constituency=the("RES"), is_archived=True, actor=admin)
    with pytest.raises(Conflict, match="always stays"):
        constituencies.set_archived(constituency=the("IND"), is_archived=True, actor=admin)
    constituencies.set_archived(constituency=branch, is_archived=True, actor=admin)
    constituencies.set_archived(constituency=the("RES"), is_archived=True, actor=admin)

    assert the("RES").archived_at is not None


def test_two_branches_of_one_name_get_two_codes(admin) -> None:
    codes = {constituencies.add_constituency(name="جمعية", parent=the("CSO"), actor=admin)[0].code for _ in range(3)}

    assert codes == {"GROUP", "GROUP2", "GROUP3"}


def test_counts_add_the_branches_and_lead_to_the_institutions(admin, sign_in) -> None:
    branch = ConstituencyFactory(code="INF", parent=the("CSO"), name="Informal")
    OrganizationFactory.create_batch(2, constituency=branch)
    OrganizationFactory(constituency=the("CSO"))
    OrganizationFactory(constituency=the("CSO"), archived_at="2026-01-01T00:00:00Z")

    page = sign_in(admin).get(reverse("constituency_settings"))

    counts = {item["row"].code: item["count"] for item in page.context["rows"]}
    assert (counts["CSO"], counts["INF"], counts["GOV"]) == (3, 2, 0)
    listed = sign_in(admin).get(reverse("organization_list") + "?constituency=CSO")
    assert len(listed.context["table"].rows) == 3


# --- tags -----------------------------------------------------------------------------------------------------------
def test_renamed_tag_is_still_meant_by_segments_and_files(admin, sign_in) -> None:
    tag, ada = TagFactory(name="G20"), PersonFactory()
    ada.tags.add(tag)
    assert members("G20") == [ada.pk]

    sign_in(admin).post(reverse("tag_rename", args=[tag.uid]), {"name": "Group of twenty"})

    tag.refresh_from_db()
    assert (tag.name, tag.former_names) == ("Group of twenty", ["g20"])
    assert members("G20") == members("Group of twenty") == [ada.pk]
    assert find_or_make(["g20"]) == [tag]
    undo(entry=AuditEntry.objects.get(verb="tag.renamed"), actor=admin)
    tag.refresh_from_db()
    assert (tag.name, tag.former_names) == ("G20", [])


def test_name_of_another_tag_also_a_former_one_is_refused(admin, sign_in) -> None:
    press, media = TagFactory(name="Press"), TagFactory(name="Media")
    tag_admin.rename_tag(tag=media, name="News media", actor=admin)
    client = sign_in(admin)

    for name in ("press", "PRESS", "media", "", "x" * 61):
        answer = client.post(reverse("tag_rename", args=[TagFactory().uid]), {"name": name})
        assert answer.status_code == 422, name
    assert press.name == "Press"
    tag_admin.rename_tag(tag=media, name="Media", actor=admin)  # its own old name is its own
    media.refresh_from_db()
    assert (media.name, media.former_names) == ("Media", ["news media"])


def test_merge_moves_everybody_once_and_undo_puts_each_back(admin, sign_in) -> None:
    old, new = TagFactory(name="Press"), TagFactory(name="Media")
    ada, ben, eve = PersonFactory(), PersonFactory(), PersonFactory()
    house = OrganizationFactory()
    ada.tags.add(old)
    ben.tags.add(old, new)
    eve.tags.add(new)
    house.tags.add(old)

    sign_in(admin).post(reverse("tag_merge", args=[old.uid]), {"target": new.pk})

    assert [names_of(row) for row in (ada, ben, eve, house)] == [["Media"]] * 4
    assert members("Press") == members("Media") == sorted([ada.pk, ben.pk, eve.pk])
    assert find_tag("press") == new
    page = sign_in(admin).get(reverse("tag_settings")).content.decode()
    assert "Press" not in page
    entry = AuditEntry.objects.get(verb="tag.merged")
    assert entry.changes.exclude(object_type="tag").count() == 5  # three lose one, two gain the other

    undo(entry=entry, actor=admin)

    assert [names_of(row) for row in (ada, ben, eve, house)] == [["Press"], ["Media", "Press"], ["Media"], ["Press"]]
    assert members("Press") == sorted([ada.pk, ben.pk])


def test_merging_twice_or_into_itself_is_refused(admin) -> None:
    one, two, three = TagFactory(), TagFactory(), TagFactory()
    tag_admin.merge_tags(source=one, target=two, actor=admin)

    with pytest.raises(Conflict, match="merged already"):
        tag_admin.merge_tags(source=one, target=three, actor=admin)
    with pytest.raises(Invalid, match="itself"):
        tag_admin.merge_tags(source=two, target=two, actor=admin)
    tag_admin.merge_tags(source=two, target=three, actor=admin)

    assert find_tag(one.name) == three


def test_archived_tag_is_not_offered_and_comes_back_when_given(admin, sign_in) -> None:
    tag, ada = TagFactory(name="Press"), PersonFactory()
    ada.tags.add(tag)
    client = sign_in(admin)

    client.post(reverse("tag_archive", args=[tag.uid]))
    client.post(reverse("tag_archive", args=[tag.uid]))
    client.get(reverse("tag_settings"))  # shows the messages
    assert "Press" not in client.get(reverse("person_list") + "?facet=tag").content.decode()
    assert names_of(ada) == ["Press"]
    find_or_make(["press"])

    assert Tag.objects.get().archived_at is None
    assert AuditEntry.objects.filter(verb="tag.archived").count() == 1


@pytest.mark.parametrize("name", ["constituency_settings", "tag_settings"])
def test_page_asks_the_same_number_of_queries_for_one_row_and_for_three(admin, sign_in, name) -> None:
    client = sign_in(admin)

    def count() -> int:
        TagFactory()
        ConstituencyFactory(code=f"B{Constituency.objects.count()}", parent=the("CSO"))
        with CaptureQueriesContext(connection) as queries:
            assert client.get(reverse(name)).status_code == 200
        return len(queries)

    count()
    assert count() == count() <= 15


def test_languages_are_offered_in_editor_and_names(admin, sign_in) -> None:
    client = sign_in(admin)
    url = reverse("language_settings")

    assert client.post(url, {"languages": ["en", "pt", "ur"], "default_language": "fr"}).status_code == 422
    assert client.post(url, {"languages": ["en", "xx"], "default_language": "en"}).status_code == 422
    assert client.post(url, {"languages": [], "default_language": "en"}).status_code == 422
    assert client.post(url, {"languages": ["en", "pt", "ur"], "default_language": "en"}).status_code == 302

    form = client.get(reverse("constituency_edit", args=[the("CSO").uid])).context["form"]
    assert form.others == ["pt", "ur"]
    assert form.fields["name_ur"].widget.attrs["dir"] == "rtl"
    client.post(
        reverse("constituency_edit", args=[the("CSO").uid]), {"name": "Civil society", "name_pt": "Sociedade civil"}
    )
    assert the("CSO").names["pt"] == "Sociedade civil"
    assert the("CSO").names["fr"] == "Organisation de la société civile"  # not offered now, not lost either
    assert "right to left" in client.get(url).content.decode()
    offered = client.get(reverse("mailing_create")).context["form"].fields["language"].choices
    assert [code for code, _label in offered] == ["en", "pt", "ur"]
    assert AuditEntry.objects.get(verb="installation.edited").changes.get().after == ["en", "pt", "ur"]
