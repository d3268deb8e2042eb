"""Routes of audit."""

from django.urls import URLPattern, URLResolver, path

from crm.audit import pages, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("undo/<uuid:uid>/", views.undo, name="undo"),
    path("activity/", pages.activity, name="activity"),
    path("activity/users/<uuid:uid>/", pages.activity_user, name="activity_user"),
    path("activity/entries/<uuid:uid>/", pages.activity_entry, name="activity_entry"),
    path("activity/<slug:kind>/<uuid:uid>/", pages.activity_object, name="activity_object"),
]
