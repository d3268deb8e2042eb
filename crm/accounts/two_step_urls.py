"""Pages of two-step sign-in that say more, or allow less, than allauth's own; they stand before its routes."""

from django.urls import path

from crm.accounts import two_step_views as views

urlpatterns = [
    path("", views.index, name="mfa_index"),
    path("webauthn/", views.to_index, name="mfa_list_webauthn"),
    path("webauthn/keys/<int:pk>/remove/", views.remove_passkey, name="mfa_remove_webauthn"),
    path("webauthn/keys/<int:pk>/edit/", views.rename_passkey, name="mfa_edit_webauthn"),
]
