"""Routes of commitments."""

from django.urls import URLPattern, URLResolver, path

from campaigns.commitments import public, views

urlpatterns: list[URLPattern | URLResolver] = [
    path("commitments/", views.commitment_list, name="commitment_list"),
    path("commitments/updates/", views.update_list, name="update_list"),
    path("commitments/updates/<uuid:uid>/accept/", views.update_accept, name="update_accept"),
    path("commitments/updates/<uuid:uid>/decline/", views.update_decline, name="update_decline"),
    path("commitments/milestones/<uuid:uid>/done/", views.milestone_done, name="milestone_done"),
    path("commitments/milestones/<uuid:uid>/remove/", views.milestone_remove, name="milestone_remove"),
    path("commitments/<uuid:uid>/", views.commitment_detail, name="commitment_detail"),
    path("commitments/<uuid:uid>/edit/", views.commitment_edit, name="commitment_edit"),
    path("commitments/<uuid:uid>/settle/", views.commitment_settle, name="commitment_settle"),
    path("commitments/<uuid:uid>/reopen/", views.commitment_reopen, name="commitment_reopen"),
    path("commitments/<uuid:uid>/verify/", views.commitment_verify, name="commitment_verify"),
    path("commitments/<uuid:uid>/word/", views.commitment_word, name="commitment_word"),
    path("commitments/<uuid:uid>/milestones/new/", views.milestone_create, name="milestone_create"),
    path("commitments/<uuid:uid>/link/", views.link_make, name="link_make"),
    path("commitments/<uuid:uid>/link/revoke/", views.link_revoke, name="link_revoke"),
    path("drives/<uuid:uid>/commitments/", views.drive_commitments, name="drive_commitments"),
    path("directory/organizations/<uuid:uid>/commitments/", views.organization_commitments, name="organization_commitments"),
    path("directory/organizations/<uuid:uid>/commitments/new/", views.commitment_create, name="commitment_create"),
    path("promise/<str:token>/", public.promise, name="promise"),
]  # fmt: skip
