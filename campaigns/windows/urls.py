"""Routes of policy windows."""

from django.urls import URLPattern, URLResolver, path

from campaigns.windows import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("drives/<uuid:uid>/windows/", views.drive_windows, name="drive_windows"),
    path("drives/windows/", views.window_list, name="window_list"),
    path("drives/windows/new/", views.window_create, name="window_create"),
    path("drives/windows/import/", views.window_import, name="window_import"),
    path("drives/windows/<uuid:uid>/", views.window_detail, name="window_detail"),
    path("drives/windows/<uuid:uid>/edit/", views.window_edit, name="window_edit"),
    path("drives/windows/<uuid:uid>/archive/", views.window_archive, name="window_archive"),
]
