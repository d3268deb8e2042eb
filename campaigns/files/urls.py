"""Routes of pictures."""

from django.urls import path

from campaigns.files import views

urlpatterns = [path("i/<slug:sha256>.<slug:ending>", views.picture, name="picture")]
