"""Routes of segments and of lists by hand."""

from django.urls import URLPattern, URLResolver, path

from contacts.segments import insight_views, list_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("segments/", views.segment_list, name="segment_list"),
    path("segments/new/", views.segment_new, name="segment_new"),
    path("segments/draft/", views.segment_draft, name="segment_draft"),
    path("segments/results/", views.segment_results, name="segment_results"),
    path("segments/choices/", views.segment_choices, name="segment_choices"),
    path("segments/<uuid:uid>/", views.segment_members, name="segment_members"),
    path("segments/<uuid:uid>/edit/", views.segment_edit, name="segment_edit"),
    path("segments/<uuid:uid>/about/", insight_views.segment_about, name="segment_about"),
    path("segments/<uuid:uid>/why/", insight_views.segment_why, name="segment_why"),
    path("directory/people/<uuid:uid>/segments/", insight_views.person_segments, name="person_segments"),
    path(
        "directory/organizations/<uuid:uid>/segments/",
        insight_views.organization_segments,
        name="organization_segments",
    ),
    path("segments/<uuid:uid>/versions/", views.segment_versions, name="segment_versions"),
    path("segments/<uuid:uid>/versions/<int:version>/back/", views.segment_go_back, name="segment_go_back"),
    path("segments/<uuid:uid>/duplicate/", views.segment_duplicate, name="segment_duplicate"),
    path("segments/<uuid:uid>/archive/", views.segment_archive, name="segment_archive"),
    path("segments/<uuid:uid>/to-list/", views.segment_to_list, name="segment_to_list"),
    path("directory/lists/", list_views.list_list, name="list_list"),
    path("directory/lists/new/", list_views.list_new, name="list_new"),
    path("directory/lists/add/", list_views.list_add_selection, name="list_add_selection"),
    path("directory/lists/<uuid:uid>/", list_views.list_detail, name="list_detail"),
    path("directory/lists/<uuid:uid>/rename/", list_views.list_rename, name="list_rename"),
    path("directory/lists/<uuid:uid>/add/", list_views.list_add, name="list_add"),
    path("directory/lists/<uuid:uid>/remove/", list_views.list_remove, name="list_remove"),
    path("directory/lists/<uuid:uid>/archive/", list_views.list_archive, name="list_archive"),
]
