"""Routes of the weekly mail."""

from django.urls import URLPattern, URLResolver, path

from campaigns.digest import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("profile/week/", views.digest, name="digest"),
    path("week/off/<str:token>/", views.digest_off, name="digest_off"),
]
