"""Routes of one's dropbox."""

from django.urls import URLPattern, URLResolver, path

from campaigns.dropbox import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/dropbox/", views.dropbox, name="dropbox"),
    path("outreach/dropbox/make/", views.dropbox_make, name="dropbox_make"),
    path("outreach/dropbox/renew/", views.dropbox_renew, name="dropbox_renew"),
    path("outreach/dropbox/addresses/new/", views.own_address_add, name="own_address_add"),
    path("outreach/dropbox/addresses/yes/", views.own_address_confirm, name="own_address_confirm"),
    path("outreach/dropbox/addresses/<uuid:uid>/remove/", views.own_address_remove, name="own_address_remove"),
    path("outreach/dropbox/files/<uuid:uid>/", views.dropped_file_download, name="dropped_file_download"),
    path("outreach/dropbox/<uuid:uid>/", views.dropped_mail, name="dropped_mail"),
    path("outreach/dropbox/<uuid:uid>/file/", views.dropped_file, name="dropped_file"),
    path("outreach/dropbox/<uuid:uid>/dismiss/", views.dropped_dismiss, name="dropped_dismiss"),
]
