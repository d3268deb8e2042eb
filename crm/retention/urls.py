"""Routes of retention."""

from django.urls import path

from crm.retention import views

urlpatterns = [
    path("settings/retention/", views.retention, name="retention"),
    path("settings/retention/run/", views.retention_run, name="retention_run"),
]
