"""Routes of the forms of address."""

from django.urls import path

from contacts.greetings import views

urlpatterns = [
    path("settings/forms-of-address/", views.form_of_address_list, name="form_of_address_list"),
    path("settings/forms-of-address/new/", views.form_of_address_create, name="form_of_address_create"),
    path("settings/forms-of-address/<uuid:uid>/", views.form_of_address_edit, name="form_of_address_edit"),
    path(
        "settings/forms-of-address/<uuid:uid>/archive/", views.form_of_address_archive, name="form_of_address_archive"
    ),
]
