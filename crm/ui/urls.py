"""Routes of ui."""

from django.urls import URLPattern, URLResolver, path

from crm.ui import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.today_page, name="today"),
    path("search/", views.search, name="search"),
    path("settings/components/", views.components, name="components"),
]
