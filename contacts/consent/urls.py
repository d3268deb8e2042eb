"""Routes of consent."""

from django.urls import URLPattern, URLResolver, path

from contacts.consent import views
from contacts.consent.preferences import preferences

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<str:token>/", preferences, name="preferences"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/", views.consent_ledger, name="consent_ledger"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/grant/", views.consent_grant, name="consent_grant"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/withdraw/", views.consent_withdraw, name="consent_withdraw"),
    path("settings/topics/", views.topic_list, name="topic_list"),
    path("settings/topics/new/", views.topic_new, name="topic_new"),
    path("settings/topics/<uuid:uid>/", views.topic_edit, name="topic_edit"),
    path("settings/topics/<uuid:uid>/archive/", views.topic_archive, name="topic_archive"),
    path("settings/topics/<uuid:uid>/restore/", views.topic_restore, name="topic_restore"),
    path("settings/suppressions/", views.suppression_list, name="suppression_list"),
]
