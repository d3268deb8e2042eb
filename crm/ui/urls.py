"""Routes of ui."""

from django.urls import URLPattern, URLResolver, path

from crm.ui import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.today_page, name="today"),
    path("search/", views.search, name="search"),
    path("settings/components/", views.components, name="components"),
    path("settings/components/form/", views.components_form, name="components_form"),
    path("settings/components/inline/", views.components_inline, name="components_inline"),
    path("settings/components/toast/<slug:level>/", views.components_toast, name="components_toast"),
    path("setup/", views.setup_page, name="setup"),
    path("setup/skip/", views.setup_skip, name="setup_skip"),
]
