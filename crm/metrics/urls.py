"""The route of metrics."""

from django.urls import URLPattern, URLResolver, path

from crm.metrics import views

urlpatterns: list[URLPattern | URLResolver] = [path("metrics", views.metrics, name="metrics")]
