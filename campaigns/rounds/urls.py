"""Routes of call rounds."""

from django.urls import URLPattern, URLResolver, path

from campaigns.rounds import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/rounds/", views.round_list, name="round_list"),
    path("outreach/rounds/new/", views.round_create, name="round_create"),
    path("outreach/rounds/<uuid:uid>/", views.round_detail, name="round_detail"),
    path("outreach/rounds/<uuid:uid>/close/", views.round_close, name="round_close"),
    path("outreach/rounds/<uuid:uid>/call/", views.round_call, name="round_call"),
    path("outreach/calls/<uuid:uid>/outcome/", views.call_outcome, name="call_outcome"),
    path("outreach/calls/<uuid:uid>/hold/", views.call_hold, name="call_hold"),
    path("outreach/calls/<uuid:uid>/skip/", views.call_skip, name="call_skip"),
    path("outreach/calls/<uuid:uid>/give-back/", views.call_give_back, name="call_give_back"),
]
