"""Routes of networks: for staff, and for everybody."""

from django.urls import URLPattern, URLResolver, path

from campaigns.networks import deciding_views, member_pages, public_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("networks/", views.network_list, name="network_list"),
    path("networks/new/", views.network_create, name="network_create"),
    path("networks/<uuid:uid>/", views.network_detail, name="network_detail"),
    path("networks/<uuid:uid>/edit/", views.network_edit, name="network_edit"),
    path("networks/<uuid:uid>/questions/", views.network_questions, name="network_questions"),
    path("networks/<uuid:uid>/archive/", views.network_archive, name="network_archive"),
    path("networks/applications/<uuid:uid>/", views.application_detail, name="application_detail"),
    path("networks/applications/<uuid:uid>/accept/", views.application_accept, name="application_accept"),
    path("networks/applications/<uuid:uid>/decline/", views.application_decline, name="application_decline"),
    path("networks/members/<uuid:uid>/end/", views.member_end, name="member_end"),
    path("networks/members/<uuid:uid>/", deciding_views.member_detail, name="member_detail"),
    path("networks/members/<uuid:uid>/decides/", deciding_views.member_decides, name="member_decides"),
    path("networks/members/<uuid:uid>/name/", deciding_views.representative_name, name="representative_name"),
    path(
        "networks/representatives/<uuid:uid>/<slug:do>/", deciding_views.representative_act, name="representative_act"
    ),
    path("join/<slug:slug>/", public_views.network_join, name="network_join"),
    path("join/<slug:slug>/members/", public_views.network_directory, name="network_directory"),
    path("join/confirm/<str:token>/", public_views.network_confirm, name="network_confirm"),
    path("join/vote/<str:token>/", public_views.network_vote, name="network_vote"),
    path("membership/<str:token>/", member_pages.network_membership, name="network_membership"),
]
