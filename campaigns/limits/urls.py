"""Routes of recipient limits."""

from django.urls import path

from campaigns.limits import views

urlpatterns = [
    path("settings/recipient-limits/", views.recipient_limits, name="recipient_limits"),
    path("settings/recipient-limits/new/", views.recipient_limit_create, name="recipient_limit_create"),
    path("settings/recipient-limits/<uuid:uid>/", views.recipient_limit_edit, name="recipient_limit_edit"),
    path("settings/recipient-limits/<uuid:uid>/remove/", views.recipient_limit_remove, name="recipient_limit_remove"),
]
