"""Routes of the queue."""

from django.urls import URLPattern, URLResolver, path

from campaigns.queue import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/", views.outreach_queue, name="outreach_queue"),
]
