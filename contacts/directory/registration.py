"""What the directory adds to the registries of the platform."""

from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from contacts.directory import bulk_jobs, country_lists, holdings, lists, timeline_sources  # noqa: F401  registers the job and the lists
from contacts.directory.models import Constituency, Country, Membership, Organization, Person, Post, Tag
from contacts.directory.searching import is_called, ranked
from contacts.directory.services import constituencies, sets, tag_admin, undo
from contacts.directory.timeline import TimelineSource, register
from crm import bench
from crm.accounts import scopes
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.api.registry import serve
from crm.audit import readable, subjects
from crm.audit.verbs import undoable, undoable_many
from crm.ui import menu, search, settings_pages, shell

undoable("person", undo.restore_person)
undoable("organization", undo.restore_organization)
undoable("post", undo.restore_post)
undoable("constituency", constituencies.undo_constituency)
undoable("tag", tag_admin.undo_tag)
undoable_many("person", sets.restore_people)
undoable_many("organization", sets.restore_organizations)

register(TimelineSource("membership", _("Memberships"), "users", timeline_sources.memberships, order=10))
register(
    TimelineSource(
        "consent",
        _("Permissions"),
        "circle-check",
        timeline_sources.consent_events,
        order=20,
        about=timeline_sources.consent_of,
    )
)
register(TimelineSource("change", _("Changes"), "pencil", timeline_sources.changes, order=90))

menu.register(menu.MenuItem(_("Directory"), "users", "person_list", order=10, prefix="/directory/"))
shell.register_new(shell.NewItem(_("Person"), "user-plus", "person_create", (Action.EDIT_DIRECTORY,), 10, modal=True))
shell.register_new(
    shell.NewItem(_("Organization"), "building-plus", "organization_create", (Action.EDIT_DIRECTORY,), 11, modal=True)
)


# --- Ctrl-K ---------------------------------------------------------------------------------------------------------------
def _found(rows: Any, words: str, owner: str, limit: int) -> tuple[list[Any], bool]:
    """Those in use; where none of them is called so, what is archived too, so that every other search asks no more than before."""
    found, is_cut = ranked(rows.active(), words, owner=owner, limit=limit)
    if is_cut or any(is_called(row, words) for row in found):
        return found, is_cut
    more, is_cut = ranked(rows.archived(), words, owner=owner, limit=limit)
    gone = sorted(more, key=lambda row: not is_called(row, words))
    return [*gone, *found][:limit], is_cut


def _placed(row: Any, place: str) -> str:
    return " · ".join(filter(None, [gettext("archived") if row.archived_at else "", place]))


def find_people(user: User, words: str, limit: int) -> search.Hits:
    people, is_cut = _found(
        Person.objects.visible_to(user).only("uid", "name", "search_text", "archived_at"), words, "person", limit
    )
    places = Membership.objects.current().primary().filter(person__in=people).select_related("organization", "post")
    places = places.only("person", "role", "organization__name", "organization__names", "post__name", "post__names")
    place_of = {membership.person_id: membership for membership in places}
    hits = search.Hits(is_cut=is_cut)
    for person in people:
        place = place_of.get(person.pk)
        seat = (place.post.label if place.post else place.role) if place else ""
        subtitle = ", ".join(filter(None, [seat, place.organization.label if place else ""]))
        hits.append(search.Hit(person.name, reverse("person_detail", args=[person.uid]), _placed(person, subtitle)))
    return hits


def find_organizations(user: User, words: str, limit: int) -> search.Hits:
    rows = Organization.objects.visible_to(user).select_related("constituency", "country").only(
        "uid", "name", "names", "search_text", "archived_at", "constituency__name", "constituency__names", "country__name", "country__names"
    )  # fmt: skip
    found, is_cut = _found(rows, words, "organization", limit)
    hits = search.Hits(is_cut=is_cut)
    for row in found:
        place = " · ".join(filter(None, [row.constituency.label, row.country.label if row.country else ""]))
        hits.append(search.Hit(row.label, reverse("organization_detail", args=[row.uid]), _placed(row, place)))
    return hits


search.register(
    search.SearchSource(
        "person",
        _("People"),
        "user",
        find_people,
        order=10,
        list_url=lambda words: f"{reverse('person_list')}?{urlencode({'q': words})}",
    )
)
search.register(
    search.SearchSource(
        "organization",
        _("Organizations"),
        "building",
        find_organizations,
        order=20,
        list_url=lambda words: f"{reverse('organization_list')}?{urlencode({'q': words})}",
    )
)


# --- what a grant can be limited to ---------------------------------------------------------------------------------------
scopes.offer("countries", lambda: [(row.code, row.label) for row in Country.objects.order_by("sort_key")])

settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Constituencies"),
        description=_("The tree that institutions stand in: what the seven roots are called, and your own branches."),
        icon="sitemap",
        url_name="constituency_settings",
        order=70,
    )
)
settings_pages.register(
    settings_pages.SettingsPage(
        label=_("Tags"),
        description=_("Rename, merge, archive the words on people and institutions."),
        icon="tags",
        url_name="tag_settings",
        order=75,
    )
)


# --- what changes are about ---------------------------------------------------------------------------------------------
def _posts_of(uid: UUID) -> list[UUID]:
    return list(Post.objects.filter(organization__uid=uid).values_list("uid", flat=True))


def _country_names(codes: set[str]) -> dict[str, str]:
    return {row.code: row.label for row in Country.objects.filter(code__in=codes)}


def _constituency_names(codes: set[str]) -> dict[str, str]:
    return {row.code: row.label for row in Constituency.objects.filter(code__in=codes)}


subjects.register(subjects.Kind("person", _("Person"), "user", Person.objects.visible_to, "person_detail"))
subjects.register(
    subjects.Kind(
        "organization",
        _("Organization"),
        "building",
        Organization.objects.visible_to,
        "organization_detail",
        also=_posts_of,
    )
)
subjects.register(
    subjects.Kind(
        "tag", _("Tag"), "tag", lambda user: Tag.objects.all(), actions=(Action.ADMINISTER,), can_search=False
    )
)
subjects.register(
    subjects.Kind(
        "constituency", _("Constituency"), "sitemap", lambda user: Constituency.objects.all(),
        actions=(Action.ADMINISTER,), can_search=False,
    )
)  # fmt: skip
subjects.register(subjects.Kind("post", _("Post"), "armchair", Post.objects.visible_to))
readable.choices_of("person.gender", Person.Gender.choices)
for field in ("country", "countries", "countries_of_work"):
    readable.reads(field, _country_names)
for field in ("constituency", "constituencies"):
    readable.reads(field, _constituency_names)
for field, kind in {
    "parent": "organization",
    "organization": "organization",
    "post": "post",
    "person": "person",
}.items():
    readable.refers(field, kind)

bench.register("search", "contacts.directory.search_bench:run", size=1_000_000)
serve("contacts.directory.api")
holdings.register()
