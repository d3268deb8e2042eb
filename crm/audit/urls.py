"""Routes of audit."""

from django.urls import URLPattern, URLResolver, path

from crm.audit import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("undo/<uuid:uid>/", views.undo, name="undo"),
]
