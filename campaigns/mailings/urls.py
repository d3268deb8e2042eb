"""Routes of mailings, senders and transports."""

from django.urls import path

from campaigns.mailings import attachment_views, editor_views, settings_views, views

urlpatterns = [
    path("mailings/", views.mailing_list, name="mailing_list"),
    path("mailings/new/", views.mailing_create, name="mailing_create"),
    path("mailings/<uuid:uid>/", views.mailing_detail, name="mailing_detail"),
    path("mailings/<uuid:uid>/do/<slug:verb>/", views.mailing_act, name="mailing_act"),
    path("mailings/<uuid:uid>/approve/", views.mailing_approve, name="mailing_approve"),
    path("mailings/<uuid:uid>/reject/", views.mailing_reject, name="mailing_reject"),
    path("mailings/<uuid:uid>/duplicate/", views.mailing_duplicate, name="mailing_duplicate"),
    path("mailings/<uuid:uid>/settings/", views.mailing_settings, name="mailing_settings"),
    path("mailings/<uuid:uid>/when/", views.mailing_when, name="mailing_when"),
    path("mailings/<uuid:uid>/edit/", editor_views.mailing_edit, name="mailing_edit"),
    path("mailings/<uuid:uid>/languages/", editor_views.language_add, name="mailing_language_add"),
    path("mailings/<uuid:uid>/languages/remove/", editor_views.language_remove, name="mailing_language_remove"),
    path("mailings/<uuid:uid>/preview/", editor_views.mailing_preview, name="mailing_preview"),
    path("mailings/<uuid:uid>/preview/members/", editor_views.preview_members, name="mailing_preview_members"),
    path("mailings/<uuid:uid>/attachments/", attachment_views.attachment_add, name="attachment_add"),
    path(
        "mailings/<uuid:uid>/attachments/<uuid:attachment>/",
        attachment_views.attachment_download,
        name="attachment_download",
    ),
    path(
        "mailings/<uuid:uid>/attachments/<uuid:attachment>/remove/",
        attachment_views.attachment_remove,
        name="attachment_remove",
    ),
    path("mailings/<uuid:uid>/pictures/", attachment_views.picture_add, name="picture_add"),
    path("mailings/<uuid:uid>/test/", editor_views.mailing_test, name="mailing_test"),
    path("settings/senders/", settings_views.sender_list, name="sender_list"),
    path("settings/senders/new/", settings_views.sender_create, name="sender_create"),
    path("settings/senders/<uuid:uid>/", settings_views.sender_edit, name="sender_edit"),
    path("settings/senders/<uuid:uid>/letterhead/", settings_views.sender_letterhead, name="sender_letterhead"),
    path("settings/senders/<uuid:uid>/archive/", settings_views.sender_archive, name="sender_archive"),
    path("settings/senders/<uuid:uid>/restore/", settings_views.sender_restore, name="sender_restore"),
    path("settings/senders/<uuid:uid>/ask/", settings_views.sender_ask, name="sender_ask"),
    path("sender/<str:token>/", settings_views.sender_confirm, name="sender_confirm"),
    path("settings/transports/", settings_views.transport_list, name="transport_list"),
    path("settings/transports/new/", settings_views.transport_create, name="transport_create"),
    path("settings/transports/<uuid:uid>/", settings_views.transport_edit, name="transport_edit"),
    path("settings/transports/<uuid:uid>/test/", settings_views.transport_test, name="transport_test"),
    path("settings/transports/<uuid:uid>/archive/", settings_views.transport_archive, name="transport_archive"),
    path("settings/transports/<uuid:uid>/restore/", settings_views.transport_restore, name="transport_restore"),
]
