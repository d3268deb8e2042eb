"""Routes of outreach."""

from django.urls import URLPattern, URLResolver, path

from campaigns.outreach import settings_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/replies/", views.reply_list, name="reply_list"),
    path("outreach/replies/<uuid:uid>/answer/", views.reply_answer, name="reply_answer"),
    path("settings/returned-mail/", settings_views.returned_mail, name="returned_mail"),
]
