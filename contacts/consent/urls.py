"""Routes of consent."""

from django.urls import URLPattern, URLResolver, path

from contacts.consent import subscribing_views, views
from contacts.consent.erasure import views as erasure_views
from contacts.consent.opting_in import opt_in
from contacts.consent.preferences import preferences

urlpatterns: list[URLPattern | URLResolver] = [
    path("p/<str:token>/", preferences, name="preferences"),
    path("yes/<str:token>/", opt_in, name="opt_in"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/", views.consent_ledger, name="consent_ledger"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/grant/", views.consent_grant, name="consent_grant"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/withdraw/", views.consent_withdraw, name="consent_withdraw"),
    path("directory/permissions/<slug:kind>/<uuid:uid>/ask/", subscribing_views.consent_ask, name="consent_ask"),
    path("directory/subscribe/", subscribing_views.subscribe, name="subscribe"),
    path("directory/subscriptions/<uuid:uid>/", subscribing_views.subscription_detail, name="subscription_detail"),
    path("directory/permission-requests/", subscribing_views.request_list, name="opt_in_list"),
    path("directory/permission-requests/<uuid:uid>/revoke/", subscribing_views.request_revoke, name="opt_in_revoke"),
    path("directory/people/<uuid:uid>/erase/", erasure_views.person_erase, name="person_erase"),
    path("directory/people/<uuid:uid>/erased/", erasure_views.erasure_detail, name="erasure_detail"),
    path("directory/people/<uuid:uid>/erased/go-on/", erasure_views.erasure_resume, name="erasure_resume"),
    path("directory/people/<uuid:uid>/data/", erasure_views.data_export_start, name="data_export_start"),
    path("directory/data/<uuid:uid>/", erasure_views.data_export_detail, name="data_export_detail"),
    path("directory/data/<uuid:uid>/<slug:kind>/", erasure_views.data_export_file, name="data_export_file"),
    path("settings/erasures/", erasure_views.erasure_list, name="erasure_list"),
    path("settings/topics/", views.topic_list, name="topic_list"),
    path("settings/topics/new/", views.topic_new, name="topic_new"),
    path("settings/topics/<uuid:uid>/", views.topic_edit, name="topic_edit"),
    path("settings/topics/<uuid:uid>/archive/", views.topic_archive, name="topic_archive"),
    path("settings/topics/<uuid:uid>/restore/", views.topic_restore, name="topic_restore"),
    path("settings/suppressions/", views.suppression_list, name="suppression_list"),
]
