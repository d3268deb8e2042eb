"""Routes of signing in at mail services."""

from django.urls import path

from campaigns.oauth import views

urlpatterns = [
    path("settings/sign-in/back/", views.consent_back, name="consent_back"),
    path("settings/sign-in/keep/", views.consent_keep, name="consent_keep"),
    path("settings/sign-in/<slug:kind>/<uuid:uid>/", views.consent_page, name="consent_page"),
    path("settings/sign-in/<slug:kind>/<uuid:uid>/forget/", views.consent_forget, name="consent_forget"),
]
