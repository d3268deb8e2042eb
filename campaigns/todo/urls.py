"""Routes of tasks."""

from django.urls import URLPattern, URLResolver, path

from campaigns.todo import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("outreach/tasks/", views.task_list, name="task_list"),
    path("outreach/tasks/new/", views.task_create, name="task_create"),
    path("outreach/tasks/<uuid:uid>/edit/", views.task_edit, name="task_edit"),
    path("outreach/tasks/<uuid:uid>/done/", views.task_done, name="task_done"),
    path("outreach/tasks/<uuid:uid>/later/", views.task_postpone, name="task_postpone"),
    path("outreach/tasks/<uuid:uid>/drop/", views.task_drop, name="task_drop"),
    path("outreach/away/", views.absence_list, name="absence_list"),
    path("outreach/away/new/", views.absence_create, name="absence_create"),
    path("outreach/away/<uuid:uid>/cancel/", views.absence_cancel, name="absence_cancel"),
]
