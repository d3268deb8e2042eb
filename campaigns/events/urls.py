"""Routes of events: for staff, and for everybody."""

from django.urls import URLPattern, URLResolver, path

from campaigns.events import door_views, public_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("events/", views.event_list, name="event_list"),
    path("events/new/", views.event_create, name="event_create"),
    path("events/<uuid:uid>/", views.event_detail, name="event_detail"),
    path("events/<uuid:uid>/edit/", views.event_edit, name="event_edit"),
    path("events/<uuid:uid>/questions/", views.event_questions, name="event_questions"),
    path("events/<uuid:uid>/cancel/", views.event_cancel, name="event_cancel"),
    path("events/<uuid:uid>/archive/", views.event_archive, name="event_archive"),
    path("events/<uuid:uid>/write/<slug:purpose>/", views.event_write, name="event_write"),
    path("events/<uuid:uid>/badges.pdf", door_views.event_badges, name="event_badges"),
    path("events/<uuid:uid>/adopt/", door_views.event_adopt, name="event_adopt"),
    path("events/<uuid:uid>/door/", door_views.event_door, name="event_door"),
    path("events/<uuid:uid>/door/list/", door_views.event_door_list, name="event_door_list"),
    path("events/<uuid:uid>/door/notes/", door_views.event_door_notes, name="event_door_notes"),
    path("events/door.js", door_views.door_worker, name="event_door_worker"),
    path("events/invitations/<uuid:uid>/note/", views.invitation_note, name="invitation_note"),
    path("events/people/<uuid:uid>/leave/", views.registration_leave, name="registration_leave"),
    path("drives/<uuid:uid>/events/", views.drive_events, name="drive_events"),
    path("events/sign-ups/<uuid:uid>/accept/", views.sign_up_accept, name="event_sign_up_accept"),
    path("events/sign-ups/<uuid:uid>/decline/", views.sign_up_decline, name="event_sign_up_decline"),
    path("meet/confirm/<str:token>/", public_views.event_sign_up_confirm, name="event_sign_up_confirm"),
    path("meet/<slug:slug>/sign-up/", public_views.event_sign_up, name="event_sign_up"),
    path("meet/<slug:slug>/", public_views.event_page, name="event_page"),
    path("answer/<str:token>/", public_views.event_answer, name="event_answer"),
    path("seat/<str:token>/", public_views.event_seat, name="event_seat"),
]
