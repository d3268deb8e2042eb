"""Routes of delegations: for staff, for who names, and for delegates."""

from django.urls import URLPattern, URLResolver, path

from campaigns.delegations import deciding_views, partner_views, public_views, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("events/<uuid:uid>/delegations/", views.delegation_list, name="delegation_list"),
    path("events/<uuid:uid>/delegations/set-up/", views.delegation_setup, name="delegation_setup"),
    path("events/<uuid:uid>/delegations/find/", views.delegation_find, name="delegation_find"),
    path("events/<uuid:uid>/delegations/write/<slug:what>/", views.delegation_ask, name="delegation_ask"),
    path("events/<uuid:uid>/delegations/names/", deciding_views.nomination_list, name="nomination_list"),
    path(
        "events/<uuid:uid>/delegations/names/accept/",
        deciding_views.nomination_accept_many,
        name="nomination_accept_many",
    ),
    path(
        "events/<uuid:uid>/delegations/letters/<slug:kind>/",
        deciding_views.delegation_letters,
        name="delegation_letters",
    ),
    path(
        "events/<uuid:uid>/delegations/participants/",
        deciding_views.delegation_participants,
        name="delegation_participants",
    ),
    path("events/<uuid:uid>/delegations/steps/", deciding_views.delegate_step_list, name="delegate_step_list"),
    path("events/delegations/<uuid:uid>/", views.delegation_detail, name="delegation_detail"),
    path("events/delegations/<uuid:uid>/edit/", views.delegation_edit, name="delegation_edit"),
    path("events/delegations/<uuid:uid>/name/", views.delegation_name, name="delegation_name"),
    path("events/delegations/<uuid:uid>/nominators/", views.nominator_add, name="nominator_add"),
    path("events/nominators/<uuid:uid>/<slug:do>/", views.nominator_act, name="nominator_act"),
    path("events/nominations/<uuid:uid>/", deciding_views.nomination_detail, name="nomination_detail"),
    path(
        "events/nominations/<uuid:uid>/letters/<slug:kind>/", deciding_views.nomination_letter, name="nomination_letter"
    ),
    path("events/nominations/<uuid:uid>/<slug:do>/", deciding_views.nomination_act, name="nomination_act"),
    path("events/steps/<uuid:uid>/done/", deciding_views.delegate_step_done, name="delegate_step_done"),
    path("partner/delegations/<uuid:uid>/", partner_views.partner_delegation, name="partner_delegation"),
    path("nominate/<str:token>/", public_views.delegation_nominate, name="delegation_nominate"),
    path("delegate/<str:token>/letters/<slug:kind>/", public_views.delegate_letter, name="delegate_letter"),
    path("delegate/<str:token>/", public_views.delegate_page, name="delegate_page"),
]
