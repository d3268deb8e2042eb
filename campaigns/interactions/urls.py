"""Routes of the log."""

from django.urls import URLPattern, URLResolver, path

from campaigns.interactions import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/log/", views.log, name="log"),
    path("outreach/log/parties/", views.party_options, name="party_options"),
    path("outreach/log/mentions/", views.mention_options, name="mention_options"),
    path("outreach/contacts/", views.interaction_list, name="interaction_list"),
    path("outreach/contacts/<uuid:uid>/", views.interaction_detail, name="interaction_detail"),
    path("outreach/contacts/<uuid:uid>/edit/", views.interaction_edit, name="interaction_edit"),
    path("outreach/contacts/<uuid:uid>/remove/", views.interaction_remove, name="interaction_remove"),
]
