"""Routes of planning."""

from django.urls import URLPattern, URLResolver, path

from campaigns.planning import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("drives/", views.drive_list, name="drive_list"),
    path("drives/today/", views.drives_today, name="drives_today"),
    path("drives/coming/", views.coming_today, name="coming_today"),
    path("drives/new/", views.drive_create, name="drive_create"),
    path("drives/<uuid:uid>/", views.drive_detail, name="drive_detail"),
    path("drives/<uuid:uid>/next/", views.drive_next, name="drive_next"),
    path("drives/<uuid:uid>/weights/", views.drive_weights, name="drive_weights"),
    path("drives/<uuid:uid>/map/", views.drive_map, name="drive_map"),
    path("drives/<uuid:uid>/edit/", views.drive_edit, name="drive_edit"),
    path("drives/<uuid:uid>/archive/", views.drive_archive, name="drive_archive"),
    path("drives/<uuid:uid>/institutions/", views.drive_institutions, name="drive_institutions"),
    path("drives/campaigns/new/", views.campaign_create, name="campaign_create"),
    path("drives/campaigns/<uuid:uid>/", views.campaign_detail, name="campaign_detail"),
    path("drives/campaigns/<uuid:uid>/edit/", views.campaign_edit, name="campaign_edit"),
]
