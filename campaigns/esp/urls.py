"""Routes of mailing services: their settings, and the address at which they tell what became of mail."""

from django.urls import path

from campaigns.esp import views

urlpatterns = [
    path("settings/services/", views.service_choice, name="service_choice"),
    path("settings/services/new/<slug:code>/", views.service_create, name="service_create"),
    path("settings/services/<uuid:uid>/", views.service_detail, name="service_detail"),
    path("settings/services/<uuid:uid>/edit/", views.service_edit, name="service_edit"),
    path("settings/services/<uuid:uid>/test/", views.service_test, name="service_test"),
    path("settings/services/<uuid:uid>/replay/", views.service_replay, name="service_replay"),
    path("services/<uuid:uid>/events/", views.service_events, name="service_events"),
]
