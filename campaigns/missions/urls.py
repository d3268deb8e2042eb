"""Routes of mission reports."""

from django.urls import URLPattern, URLResolver, path

from campaigns.missions import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/missions/", views.mission_list, name="mission_list"),
    path("outreach/missions/new/", views.mission_create, name="mission_create"),
    path("outreach/missions/<uuid:uid>/", views.mission_detail, name="mission_detail"),
    path("outreach/missions/<uuid:uid>/report.pdf", views.mission_print, name="mission_print"),
    path("outreach/missions/<uuid:uid>/edit/", views.mission_edit, name="mission_edit"),
    path("outreach/missions/<uuid:uid>/keep/", views.mission_keep, name="mission_keep"),
    path("outreach/missions/<uuid:uid>/discard/", views.mission_discard, name="mission_discard"),
]
