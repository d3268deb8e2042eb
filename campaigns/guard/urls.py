"""Routes of the contact guard."""

from django.urls import URLPattern, URLResolver, path

from campaigns.guard import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("directory/organizations/owner/", views.owner_bulk, name="owner_bulk"),
    path("directory/organizations/<uuid:uid>/guard/", views.guard_edit, name="guard_edit"),
    path("directory/organizations/<uuid:uid>/quiet/", views.quiet_add, name="quiet_add"),
    path("outreach/quiet/<uuid:uid>/remove/", views.quiet_remove, name="quiet_remove"),
    path("mailings/<uuid:uid>/guard/", views.mailing_guard, name="mailing_guard"),
    path("mailings/<uuid:uid>/guard/override/", views.mailing_guard_override, name="mailing_guard_override"),
    path("mailings/<uuid:uid>/guard/hold/", views.mailing_guard_hold, name="mailing_guard_hold"),
]
