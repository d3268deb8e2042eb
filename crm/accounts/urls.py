"""Routes of accounts, and the two that a load balancer asks."""

from django.urls import path

from crm.accounts import account_views, installation_views, views

urlpatterns = [
    path("healthz", views.healthz, name="healthz"),
    path("readyz", views.readyz, name="readyz"),
    path("invitation/<str:token>/", views.invitation_accept, name="invitation_accept"),
    path("profile/", views.profile, name="profile"),
    path("profile/token/", account_views.fresh_token, name="fresh_token"),
    path("profile/sessions/", account_views.session_list, name="session_list"),
    path("profile/sessions/end-others/", account_views.sessions_end_others, name="sessions_end_others"),
    path("profile/sessions/<uuid:uid>/end/", account_views.session_end, name="session_end"),
    path("settings/", views.settings_index, name="settings"),
    path("settings/organization/", installation_views.installation, name="installation"),
    path("settings/languages/", installation_views.language_settings, name="language_settings"),
    path("settings/users/", views.user_list, name="user_list"),
    path("settings/users/invite/", views.user_invite, name="user_invite"),
    path("settings/users/invitations/<uuid:uid>/revoke/", views.invitation_revoke, name="invitation_revoke"),
    path("settings/users/<uuid:uid>/", views.user_detail, name="user_detail"),
    path("settings/users/<uuid:uid>/activate/", views.user_activate, name="user_activate"),
    path("settings/sign-in/", account_views.sign_in_policy, name="sign_in_policy"),
    path("settings/users/<uuid:uid>/reset-two-step/", account_views.user_reset_two_step, name="user_reset_two_step"),
    path("settings/users/<uuid:uid>/password-link/", views.user_password_link, name="user_password_link"),
    path("settings/users/<uuid:uid>/grants/<int:grant_id>/remove/", views.grant_remove, name="grant_remove"),
]
