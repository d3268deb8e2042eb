from django.urls import include, path

urlpatterns = [
    path("", include("contacts.directory.urls")),
    path("", include("contacts.consent.urls")),
    path("", include("contacts.greetings.urls")),
    path("", include("contacts.segments.urls")),
    path("", include("contacts.importing.urls")),
]
