"""Routes of saved views."""

from django.urls import URLPattern, URLResolver, path

from crm.saved_views import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("views/new/", views.view_new, name="view_new"),
    path("views/<uuid:uid>/", views.view_edit, name="view_edit"),
    path("views/<uuid:uid>/update/", views.view_update, name="view_update"),
    path("views/<uuid:uid>/delete/", views.view_delete, name="view_delete"),
]
