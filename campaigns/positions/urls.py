"""Routes of asks and positions."""

from django.urls import URLPattern, URLResolver, path

from campaigns.positions import views

urlpatterns: list[URLPattern | URLResolver] = [
    path("drives/<uuid:uid>/asks/", views.ask_list, name="ask_list"),
    path("drives/<uuid:uid>/asks/new/", views.ask_create, name="ask_create"),
    path("drives/<uuid:uid>/positions/", views.position_list, name="position_list"),
    path("drives/<uuid:uid>/moved/", views.move_list, name="move_list"),
    path("drives/<uuid:uid>/matrix/", views.position_matrix, name="position_matrix"),
    path("asks/<uuid:uid>/edit/", views.ask_edit, name="ask_edit"),
    path("asks/<uuid:uid>/archive/", views.ask_archive, name="ask_archive"),
    path("asks/<uuid:uid>/unarchive/", views.ask_unarchive, name="ask_unarchive"),
    path("directory/organizations/<uuid:uid>/positions/", views.organization_positions, name="organization_positions"),
    path("directory/organizations/<uuid:uid>/positions/new/", views.position_add, name="position_add"),
    path("directory/organizations/<uuid:uid>/power/", views.power_edit, name="power_edit"),
    path("positions/<uuid:uid>/", views.position_step, name="position_step"),
    path("positions/<uuid:uid>/withdraw/", views.position_withdraw, name="position_withdraw"),
]
