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
    path("directory/imports/<uuid:uid>/rejected.csv", views.import_rejected, {"kind": "csv"}, name="import_rejected"),
    path(
        "directory/imports/<uuid:uid>/rejected.xlsx",
        views.import_rejected,
        {"kind": "xlsx"},
        name="import_rejected_xlsx",
    ),
    path("directory/imports/<uuid:uid>/undo/", views.import_undo, name="import_undo"),
    path("directory/imports/<uuid:uid>/kept/", views.import_kept, name="import_kept"),
    path("directory/imports/<uuid:uid>/kept.csv", views.import_kept_file, {"kind": "csv"}, name="import_kept_csv"),
    path("directory/imports/<uuid:uid>/kept.xlsx", views.import_kept_file, {"kind": "xlsx"}, name="import_kept_xlsx"),
    path("directory/imports/<uuid:uid>/forget/", views.import_forget, name="import_forget"),
    path("directory/imports/<uuid:uid>/discard/", views.import_discard, name="import_discard"),
]
