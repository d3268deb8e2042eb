"""The route of writing to one person: below their page."""

from django.urls import URLPattern, URLResolver, path

from campaigns.personal import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("directory/people/<uuid:uid>/write/", views.person_write, name="person_write"),
]
