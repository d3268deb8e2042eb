"""The request of a view that is for staff: its `user` is a User, because `@requires` or `@signed_in` has let it in."""

from django.http import HttpRequest

from crm.accounts.models import User


class StaffRequest(HttpRequest):
    user: User
