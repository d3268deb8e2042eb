"""What is kept of an institution's reach is right after every change that it is made of, before and after it is counted anew."""

import pytest
from django.db import connection
from django.utils import timezone

from contacts.consent.models import Suppression
from contacts.directory.models import ContactPoint, Membership, Person, Post
from contacts.reach.models import Reach, ReachDoubt
from contacts.reach.services import refresh
from contacts.reach.sql import FILLED, HAS_OWN, PEOPLE, POSTS, REACH, SEATS, joins
from tests.factories import ContactPointFactory, MembershipFactory, OrganizationFactory, PostFactory

pytestmark = pytest.mark.django_db


def read(organization) -> tuple:
    """people, has_own, posts, filled, seats: as the grid reads them."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH {REACH} SELECT {PEOPLE}, {HAS_OWN}, {POSTS}, {FILLED}, {SEATS}"  # noqa: S608
            f" FROM contacts_organization place {joins('place')} WHERE place.id = %s",
            [organization.pk],
        )
        [row] = cursor.fetchall()
    return row


def test_reach_follows_every_change():
    ministry, other = OrganizationFactory(), OrganizationFactory(country__code="TD")
    post = PostFactory(organization=ministry)
    member = MembershipFactory(organization=ministry)
    person = member.person
    point = ContactPointFactory(person=person)
    at_post = ContactPointFactory(person=None, post=post)

    def suppress():
        Suppression.objects.create(address_hash=point.address_hash, key_id="1", reason="manual", at=timezone.now())

    now = timezone.now()
    points, people, members = ContactPoint.objects, Person.objects.filter(pk=person.pk), Membership.objects
    changes = [
        ("all as made", lambda: None, (1, True, 1, 0, 0)),
        ("the post is taken", lambda: members.filter(pk=member.pk).update(post=post), (1, True, 1, 1, 1)),
        (
            "the post's address bounces",
            lambda: points.filter(pk=at_post.pk).update(status="bouncing"),
            (1, False, 1, 1, 1),
        ),
        (
            "an address of the house",
            lambda: ContactPointFactory(person=None, organization=ministry),
            (1, True, 1, 1, 1),
        ),
        ("it goes", lambda: points.filter(organization=ministry).delete(), (1, False, 1, 1, 1)),
        ("the person's is suppressed", suppress, (0, False, 1, 1, 0)),
        ("and lifted", lambda: Suppression.objects.all().delete(), (1, False, 1, 1, 1)),
        ("the person is archived", lambda: people.update(archived_at=now), (0, False, 1, 1, 1)),
        ("and back", lambda: people.update(archived_at=None), (1, False, 1, 1, 1)),
        ("the post is given up", lambda: Post.objects.filter(pk=post.pk).update(archived_at=now), (1, False, 0, 0, 0)),
        ("somebody leaves", lambda: members.filter(pk=member.pk).update(ended_on=now.date()), (0, False, 0, 0, 0)),
        ("somebody comes", lambda: MembershipFactory(organization=ministry, person=person), (1, False, 0, 0, 0)),
        ("and changes house", lambda: members.filter(person=person).update(organization=other), (0, False, 0, 0, 0)),
    ]
    for what, change, expected in changes:
        change()
        assert read(ministry) == expected, what
        assert refresh(), what
        assert not ReachDoubt.objects.exists(), what
        kept = Reach.objects.values_list("people", "has_own", "posts", "filled", "seats").get(organization=ministry)
        assert kept == read(ministry) == expected, what
    assert read(other)[0] == 1


def test_what_does_not_matter_is_no_doubt():
    person = MembershipFactory().person
    point = ContactPointFactory(person=person)
    refresh()

    Person.objects.filter(pk=person.pk).update(note="Likes tea.", last_mailed_at=timezone.now())
    ContactPoint.objects.filter(pk=point.pk).update(label="work", bounce_count=1)

    assert not ReachDoubt.objects.exists()
