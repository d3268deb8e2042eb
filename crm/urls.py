"""Every route. A view says who may use it with `crm.accounts.rules`; a test fails for one that does not."""

from django.urls import include, path

from crm.accounts import code_doors, doors

urlpatterns = [
    path("accounts/password/reset/", doors.password_reset, name="account_reset_password"),
    path("accounts/email/", doors.no_own_address, name="account_email"),
    path("accounts/login/code/", code_doors.request_code, name="account_request_login_code"),
    path("accounts/login/code/confirm/", code_doors.confirm_code, name="account_confirm_login_code"),
    path("accounts/", include("allauth.account.urls")),
    path("accounts/2fa/", include("crm.accounts.two_step_urls")),
    path("accounts/2fa/", include("allauth.mfa.urls")),
    path("", include("crm.accounts.urls")),
    path("", include("crm.audit.urls")),
    path("", include("crm.jobs.urls")),
    path("", include("crm.metrics.urls")),
    path("", include("crm.retention.urls")),
    path("", include("crm.exports.urls")),
    path("", include("crm.saved_views.urls")),
    path("", include("crm.api.urls")),
    path("", include("crm.ui.urls")),
    path("", include("contacts.urls")),
    path("", include("campaigns.urls")),
]

handler500 = "crm.ui.views.server_error"
