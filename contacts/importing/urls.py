"""Routes of importing."""

from django.urls import URLPattern, URLResolver, path

from contacts.importing import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("directory/imports/", views.import_list, name="import_list"),
    path("directory/imports/new/", views.import_new, name="import_new"),
    path("directory/imports/<uuid:uid>/", views.import_detail, name="import_detail"),
    path("directory/imports/<uuid:uid>/columns/", views.import_columns, name="import_columns"),
    path("directory/imports/<uuid:uid>/format/", views.import_format, name="import_format"),
    path("directory/imports/<uuid:uid>/apply/", views.import_apply, name="import_apply"),
    path("directory/imports/<uuid:uid>/rows/<slug:outcome>/", views.import_rows, name="import_rows"),
    path("directory/imports/<uuid:uid>/rejected.csv", views.import_rejected, name="import_rejected"),
    path("directory/imports/<uuid:uid>/discard/", views.import_discard, name="import_discard"),
]
