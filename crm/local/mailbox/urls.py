"""Routes of the mailbox's own web server; they are no routes of Groundswell."""

from django.urls import path

from crm.local.mailbox import views

urlpatterns = [
    path("", views.inbox, name="mailbox_inbox"),
    path("m/<int:id>/", views.message, name="mailbox_message"),
    path("m/<int:id>/frame", views.frame, name="mailbox_frame"),
    path("clear/", views.clear, name="mailbox_clear"),
    path("healthz", views.health, name="mailbox_health"),
]
