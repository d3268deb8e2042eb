"""Routes of jobs."""

from django.urls import URLPattern, URLResolver, path

from crm.jobs import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("jobs/", views.job_list, name="job_list"),
    path("jobs/<uuid:uid>/", views.job_detail, name="job_detail"),
    path("jobs/<uuid:uid>/cancel/", views.job_cancel, name="job_cancel"),
]
