"""Routes of the automatic pause."""

from django.urls import path

from campaigns.safety import views

urlpatterns = [path("settings/automatic-pause/", views.safety_limits, name="safety_limits")]
