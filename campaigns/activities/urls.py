"""Routes of objectives, teams and activities."""

from django.urls import URLPattern, URLResolver, path

from campaigns.activities import planner_views, starting_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("drives/<uuid:uid>/plan/", views.drive_plan, name="drive_plan"),
    path("drives/<uuid:uid>/plan/begin/", starting_views.plan_begin, name="plan_begin"),
    path("drives/<uuid:uid>/copy/", starting_views.drive_copy, name="drive_copy"),
    path("drives/<uuid:uid>/leftovers/", starting_views.drive_leftovers, name="drive_leftovers"),
    path("drives/<uuid:uid>/leftovers/keep/", starting_views.leftover_keep, name="leftover_keep"),
    path("drives/templates/", starting_views.template_list, name="template_list"),
    path("drives/<uuid:uid>/board/", planner_views.drive_board, name="drive_board"),
    path("drives/<uuid:uid>/calendar/", planner_views.drive_calendar, name="drive_calendar"),
    path("drives/<uuid:uid>/activities/", planner_views.drive_activities, name="drive_activities"),
    path("drives/<uuid:uid>/activities/new/", views.activity_create, name="activity_create"),
    path("drives/<uuid:uid>/objectives/new/", views.objective_create, name="objective_create"),
    path("drives/<uuid:uid>/team/add/", views.member_add, name="member_add"),
    path("drives/objectives/<uuid:uid>/edit/", views.objective_edit, name="objective_edit"),
    path("drives/objectives/<uuid:uid>/archive/", views.objective_archive, name="objective_archive"),
    path("drives/team/<uuid:uid>/remove/", views.member_remove, name="member_remove"),
    path("drives/activities/", planner_views.activity_list, name="activity_list"),
    path("drives/activities/change/", planner_views.activities_change, name="activities_change"),
    path("drives/activities/<uuid:uid>/", views.drive_activity, name="drive_activity"),
    path("drives/activities/<uuid:uid>/after/", views.activity_after, name="activity_after"),
    path("drives/activities/<uuid:uid>/edit/", views.activity_edit, name="activity_edit"),
    path("drives/activities/<uuid:uid>/days/", views.activity_days, name="activity_days"),
    path("drives/activities/<uuid:uid>/state/", views.activity_state, name="activity_state"),
    path("drives/activities/<uuid:uid>/archive/", views.activity_archive, name="activity_archive"),
]
