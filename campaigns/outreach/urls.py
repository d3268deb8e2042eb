"""Routes of outreach."""

from django.urls import URLPattern, URLResolver, path

from campaigns.outreach import settings_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/replies/", views.reply_list, name="reply_list"),
    path("outreach/replies/<uuid:uid>/answer/", views.reply_answer, name="reply_answer"),
    path("settings/returned-mail/", settings_views.returned_mail, name="returned_mail"),
    path("settings/returned-mail/again/", settings_views.returned_mail_again, name="returned_mail_again"),
    path("settings/returned-mail/inboxes/new/", settings_views.inbox_create, name="inbox_create"),
    path("settings/returned-mail/inboxes/<uuid:uid>/", settings_views.inbox_edit, name="inbox_edit"),
    path("settings/returned-mail/inboxes/<uuid:uid>/try/", settings_views.inbox_try, name="inbox_try"),
    path("settings/returned-mail/inboxes/<uuid:uid>/archive/", settings_views.inbox_archive, name="inbox_archive"),
    path("settings/returned-mail/inboxes/<uuid:uid>/restore/", settings_views.inbox_restore, name="inbox_restore"),
]
