"""Routes of consent."""

from django.urls import URLPattern, URLResolver, path

from contacts.consent.preferences import preferences

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<str:token>/", preferences, name="preferences"),
]
