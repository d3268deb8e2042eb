"""Routes of exports."""

from django.urls import URLPattern, URLResolver, path

from crm.exports import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("exports/", views.export_list, name="export_list"),
    path("exports/new/", views.export_new, name="export_new"),
    path("exports/<uuid:uid>/file/", views.export_file, name="export_file"),
    path("exports/<uuid:uid>/remove/", views.export_remove, name="export_remove"),
]
