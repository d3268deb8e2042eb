"""Dull, valid rows. Every feature adds its own here; values that a test is about are given by the test."""

import factory
from factory.django import DjangoModelFactory

from crm.accounts.models import Grant, User
from crm.accounts.rules import Role


class UserFactory(DjangoModelFactory[User]):
    """A member of staff, without a grant; the password is `password`."""

    class Meta:
        model = User
        skip_postgeneration_save = True

    email = factory.Sequence(lambda n: f"user{n}@example.org")
    name = factory.Sequence(lambda n: f"User {n}")
    password = factory.django.Password("password")


class GrantFactory(DjangoModelFactory[Grant]):
    """A role everywhere."""

    class Meta:
        model = Grant

    user = factory.SubFactory(UserFactory)
    role = Role.VIEWER
