"""Routes of directory."""

from django.urls import URLPattern, URLResolver, path

from contacts.directory.views import bulk, countries, organizations, parts, people, settings, timelines

urlpatterns: list[URLPattern | URLResolver] = [
    path("directory/bulk/<slug:kind>/", bulk.bulk, name="directory_bulk"),
    path("directory/people/", people.person_list, name="person_list"),
    path("directory/people/new/", people.person_create, name="person_create"),
    path("directory/people/same/", people.person_duplicates, name="person_duplicates"),
    path("directory/people/options/", people.person_options, name="person_options"),
    path("directory/people/tag/", people.person_tag, name="person_tag"),
    path("directory/people/<uuid:uid>/", people.person_detail, name="person_detail"),
    path("directory/people/<uuid:uid>/archive/", people.person_archive, name="person_archive"),
    path("directory/people/<uuid:uid>/unarchive/", people.person_unarchive, name="person_unarchive"),
    path("directory/people/<uuid:uid>/membership/", parts.membership_start, name="membership_start"),
    path("directory/people/<uuid:uid>/address/", parts.person_point_add, name="person_point_add"),
    path("directory/people/<uuid:uid>/edit/<slug:name>/", people.person_edit, name="person_edit"),
    path("directory/organizations/", organizations.organization_list, name="organization_list"),
    path("directory/organizations/new/", organizations.organization_create, name="organization_create"),
    path("directory/organizations/options/", people.organization_options, name="organization_options"),
    path("directory/organizations/tag/", organizations.organization_tag, name="organization_tag"),
    path("directory/organizations/<uuid:uid>/", organizations.organization_detail, name="organization_detail"),
    path(
        "directory/organizations/<uuid:uid>/archive/", organizations.organization_archive, name="organization_archive"
    ),
    path(
        "directory/organizations/<uuid:uid>/unarchive/",
        organizations.organization_unarchive,
        name="organization_unarchive",
    ),
    path("directory/organizations/<uuid:uid>/post/", parts.post_create, name="post_create"),
    path("directory/organizations/<uuid:uid>/address/", parts.organization_point_add, name="organization_point_add"),
    path(
        "directory/organizations/<uuid:uid>/edit/<slug:name>/",
        organizations.organization_edit,
        name="organization_edit",
    ),
    path("directory/posts/<uuid:uid>/edit/", parts.post_edit, name="post_edit"),
    path("directory/posts/<uuid:uid>/archive/", parts.post_archive, name="post_archive"),
    path("directory/posts/<uuid:uid>/holder/", parts.post_holder, name="post_holder"),
    path("directory/posts/<uuid:uid>/address/", parts.post_point_add, name="post_point_add"),
    path("directory/memberships/<uuid:uid>/end/", parts.membership_end, name="membership_end"),
    path("directory/memberships/<uuid:uid>/primary/", parts.membership_primary, name="membership_primary"),
    path("directory/addresses/<uuid:uid>/edit/", parts.point_edit, name="point_edit"),
    path("directory/addresses/<uuid:uid>/remove/", parts.point_remove, name="point_remove"),
    path("directory/countries/", countries.country_list, name="country_list"),
    path("directory/countries/<slug:code>/", countries.country_detail, name="country_detail"),
    path("directory/timeline/<slug:kind>/<uuid:uid>/", timelines.timeline_page, name="timeline"),
    path("settings/constituencies/", settings.constituency_settings, name="constituency_settings"),
    path("settings/constituencies/new/", settings.constituency_add, name="constituency_add"),
    path("settings/constituencies/<uuid:uid>/", settings.constituency_edit, name="constituency_edit"),
    path("settings/constituencies/<uuid:uid>/archive/", settings.constituency_archive, name="constituency_archive"),
    path("settings/tags/", settings.tag_settings, name="tag_settings"),
    path("settings/tags/<uuid:uid>/", settings.tag_rename, name="tag_rename"),
    path("settings/tags/<uuid:uid>/merge/", settings.tag_merge, name="tag_merge"),
    path("settings/tags/<uuid:uid>/archive/", settings.tag_archive, name="tag_archive"),
]
