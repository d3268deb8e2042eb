"""Saved views: what a list remembers, for whom, and how it is taken back."""

import pytest
from django.urls import reverse

from crm.audit.models import AuditEntry
from crm.audit.services import undo
from crm.errors import Conflict, NotAllowed
from crm.saved_views import services
from crm.saved_views.bar import url_of
from crm.saved_views.models import DefaultView, SavedView
from crm.ui import sources
from tests.factories import (
    CountryFactory,
    DriveFactory,
    OrganizationFactory,
    PersonFactory,
    SegmentFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
PEOPLE = "/directory/people/"


def save(actor, name="French speakers", **values):
    given = {"source": "people", "query": "language=fr&sort=-name", "columns": ["name", "language", "email"]}
    return services.save_view(actor=actor, name=name, **{**given, **values})


def test_from_the_list_to_a_view_and_back(planner, sign_in):
    PersonFactory(given_name="", family_name="", name="Awa", language="fr")
    PersonFactory(given_name="", family_name="", name="Bob", language="en")
    client = sign_in(planner)
    page = client.get(f"{PEOPLE}?language=fr&sort=-name&columns=name,language&after=xyz")

    answer = client.post(page.context["view_bar"].new_url, {"name": " French  speakers "})

    view = SavedView.objects.get()
    assert (view.name, view.owner, view.query, view.columns) == (
        "French speakers", planner, "language=fr&sort=-name", ["name", "language"],
    )  # fmt: skip
    assert answer.headers["Location"] == url_of(view)
    shown = client.get(url_of(view))
    assert [row.name for row in shown.context["table"].rows] == ["Awa"]
    assert [head.label for head in shown.context["table"].head] == ["Name", "Language"]
    assert (shown.context["view_bar"].current, shown.context["view_bar"].is_changed) == (view, False)
    assert '<span class="gs-view-name">French speakers</span>' in shown.content.decode()
    assert "French" in shown.content.decode()


def test_view_alone_in_the_url_leads_to_all_of_it(planner, sign_in):
    view = save(planner)

    answer = sign_in(planner).get(f"{PEOPLE}?view={view.uid}")

    assert answer.status_code == 302
    assert (
        answer.headers["Location"] == f"{PEOPLE}?view={view.uid}&language=fr&sort=-name&columns=name%2Clanguage%2Cemail"
    )


def test_filters_keep_the_view_and_say_that_it_was_changed(planner, sign_in):
    view = save(planner)
    client = sign_in(planner)

    page = client.get(f"{url_of(view)}&country=ZM")

    assert page.context["view_bar"].is_changed
    assert reverse("view_update", args=[view.uid]) in page.content.decode()
    assert f'name="view" value="{view.uid}"' in page.content.decode()
    bar = page.context["view_bar"]
    client.post(reverse("view_update", args=[view.uid]), {"query": bar.query, "columns": "[]"})
    view.refresh_from_db()
    assert (view.query, view.columns) == ("country=ZM&language=fr&sort=-name", [])
    undo(entry=AuditEntry.objects.get(verb="savedview.edited"), actor=planner)
    view.refresh_from_db()
    assert (view.query, view.columns) == ("language=fr&sort=-name", ["name", "language", "email"])


def test_private_view_is_for_its_owner_and_a_shared_one_for_everybody(planner, viewer, sign_in):
    private, shared = save(planner, "Mine"), save(planner, "Ours", is_shared=True)
    client = sign_in(viewer)

    bar = client.get(PEOPLE + "?view=all").context["view_bar"]

    assert (bar.mine, bar.shared) == ([], [shared])
    assert client.get(reverse("view_edit", args=[private.uid])).status_code == 404
    assert client.post(reverse("view_delete", args=[shared.uid])).status_code == 403
    assert client.post(reverse("view_update", args=[shared.uid]), {"query": ""}).status_code == 403
    assert client.get(f"{PEOPLE}?view={private.uid}").context["view_bar"].current is None


def test_list_opens_with_the_default_and_without_it_when_asked(planner, viewer, sign_in):
    view = save(planner, is_shared=True, is_default=True)

    assert sign_in(planner).get(PEOPLE).headers["Location"] == url_of(view)
    assert sign_in(planner).get(f"{PEOPLE}?view=all").status_code == 200
    assert sign_in(planner).get(f"{PEOPLE}?language=en").status_code == 200
    assert sign_in(viewer).get(PEOPLE).status_code == 200
    sign_in(viewer).post(reverse("view_edit", args=[view.uid]), {"is_default": "on"})
    assert sign_in(viewer).get(PEOPLE).headers["Location"] == url_of(view)
    sign_in(viewer).post(reverse("view_edit", args=[view.uid]), {})
    assert not DefaultView.objects.filter(user=viewer).exists()
    view.refresh_from_db()
    assert (view.name, view.is_shared) == ("French speakers", True)


def test_deleted_view_is_gone_and_comes_back_with_undo(planner, sign_in):
    view = save(planner, is_default=True)
    client = sign_in(planner)

    answer = client.post(reverse("view_delete", args=[view.uid]))

    assert answer.headers["Location"] == f"{PEOPLE}?view=all"
    assert client.get(PEOPLE).status_code == 200
    undo(entry=AuditEntry.objects.get(verb="savedview.deleted"), actor=planner)
    assert client.get(PEOPLE).headers["Location"] == url_of(view)


def test_name_is_once_for_each_owner_and_list_and_free_again_after_deletion(planner, viewer):
    first = save(planner, "Mine")
    save(viewer, "Mine")
    save(planner, "Mine", source="drives", query="", columns=[])

    with pytest.raises(Conflict, match="already"):
        save(planner, "mine")

    services.delete_view(view=first, actor=planner)
    assert save(planner, "MINE").name == "MINE"
    with pytest.raises(Conflict, match="already"):
        undo(entry=AuditEntry.objects.get(verb="savedview.deleted"), actor=planner)


@pytest.mark.parametrize("name", ["", "   ", "x" * 81, "\x00"])
def test_bad_names_are_refused_in_the_form(name, planner, sign_in):
    answer = sign_in(planner).post(f"{reverse('view_new')}?list=people", {"name": name})

    assert answer.status_code == 422
    assert not SavedView.objects.exists()


def test_others_may_not_change_it_even_in_code(planner, viewer):
    with pytest.raises(NotAllowed):
        services.edit_view(view=save(planner, is_shared=True), actor=viewer, name="Theirs")


def test_what_a_view_shows_is_asked_with_the_readers_own_rights(planner, sign_in):
    from tests.factories import GrantFactory

    local = UserFactory()
    GrantFactory(user=local, role="viewer", is_everywhere=False, countries=["ZM"])
    PersonFactory(name="Here", language="fr", country=CountryFactory(code="ZM"))
    PersonFactory(name="There", language="fr", country=CountryFactory(code="KE"))
    view = save(planner, is_shared=True)

    rows = sign_in(local).get(url_of(view)).context["table"].rows

    assert [row.name for row in rows] == ["Here"]


@pytest.mark.parametrize("name", [source.name for source in sources.SOURCES.values() if source.has_views])
def test_every_list_with_views_shows_any_of_its_columns(name, admin, sign_in):
    PersonFactory(), OrganizationFactory(), DriveFactory(), SegmentFactory()
    client = sign_in(admin)
    url = sources.SOURCES[name].url({})
    columns = [column.name for column in client.get(url).context["table"].columns]

    for chosen in (columns, columns[:1], [columns[0], columns[-1]]):
        page = client.get(f"{url}?columns={','.join(chosen)}")
        labels = [head.label for head in page.context["table"].head]
        assert len(labels) == len(chosen)
        for row in page.content.decode().rpartition('id="list"')[2].split("<tbody>")[1:2]:
            cells = row.split("<tr>")[1].count("<td")
            assert cells - row.split("<tr>")[1].count('<td class="check"') == len(chosen)


@pytest.mark.parametrize("columns", ["nonsense", "", "name,nonsense", "\x00"])
def test_unknown_columns_are_left_out(columns, planner, sign_in):
    PersonFactory()

    page = sign_in(planner).get(PEOPLE, {"columns": columns, "view": "x"})

    assert page.status_code == 200
