"""The pre-flight page: numbers that open their people, and problems with their fix."""

import pytest
from django.urls import reverse

from campaigns.delivery.audience import audience_summary, sample
from campaigns.delivery.preflight import findings
from campaigns.mailings.models import Transport
from tests.campaigns.delivery.building import subscriber
from tests.factories import (
    CountryFactory,
    DriveFactory,
    GrantFactory,
    MembershipFactory,
    PersonFactory,
    UserFactory,
    VariantFactory,
)

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def kept_for_no_time(monkeypatch):
    monkeypatch.setattr("campaigns.delivery.preflight.KEEP_SECONDS", 0)


def found(mailing):
    return {(finding.kind, finding.title): finding for finding in findings(mailing, audience_summary(mailing))}


def write(mailing, **values):
    variant = mailing.variants.get()
    for name, value in values.items():
        setattr(variant, name, value)
    variant.save()


def test_page_shows_the_bar_and_each_number_opens_its_people(mailing, planner, sign_in):
    reader = subscriber(mailing.topic, 1, name="Fatou Ndiaye")
    PersonFactory(name="Nobody Home")
    client = sign_in(planner)

    page = client.get(reverse("mailing_preflight", args=[mailing.uid])).content.decode()

    assert "will get it" in page and "no e-mail address" in page
    people = reverse("mailing_preflight_people", args=[mailing.uid])
    assert f"{people}?reason=no_address" in page
    assert f"As {reader.name} will see it" in page
    listed = client.get(f"{people}?reason=no_address").content.decode()
    assert "Nobody Home" in listed and reader.name not in listed
    listed = client.get(f"{people}?reason=").content.decode()
    assert reader.name in listed and "Nobody Home" not in listed


def test_people_are_paged_by_key(mailing, planner, sign_in, monkeypatch):
    monkeypatch.setattr("campaigns.delivery.views.PAGE", 2)
    for name in ("Aa", "Bb", "Cc"):
        PersonFactory(name=name, family_name="")
    client = sign_in(planner)

    first = client.get(reverse("mailing_preflight_people", args=[mailing.uid]))
    second = client.get(reverse("mailing_preflight_people", args=[mailing.uid]) + first.context["next_url"])

    assert [row["person"].name for row in first.context["rows"]] == ["Aa", "Bb"]
    assert [row["person"].name for row in second.context["rows"]] == ["Cc"]
    assert second.context["next_url"] == ""


def test_page_asks_as_often_for_three_people_as_for_one(mailing, planner, sign_in, django_assert_max_num_queries):
    client = sign_in(planner)
    url = reverse("mailing_preflight_people", args=[mailing.uid])
    MembershipFactory(person=subscriber(mailing.topic, 1))
    client.get(url)  # what the shell keeps for a while is asked for once
    with django_assert_max_num_queries(25) as one:
        client.get(url)
    for number in (2, 3):
        MembershipFactory(person=subscriber(mailing.topic, number))
    with django_assert_max_num_queries(25) as three:
        client.get(url)

    assert len(one) == len(three)


def test_page_of_another_scope_is_not_found(mailing, sign_in):
    user = UserFactory()
    GrantFactory(user=user, role="viewer", is_everywhere=False, countries=["SN"])

    for name in ("mailing_preflight", "mailing_preflight_people", "mailing_progress"):
        assert sign_in(user).get(reverse(name, args=[mailing.uid])).status_code == 404


def test_a_broken_template_is_the_first_problem(mailing):
    subscriber(mailing.topic, 1)
    write(mailing, body_html="<p>{{ person.nme }}</p>")

    first = findings(mailing, audience_summary(mailing))[0]

    assert (first.kind, first.step) == ("bad", "Fix")
    assert "cannot be built" in first.title
    assert "person.nme" in first.why
    assert first.url.endswith("?lang=en")


def test_a_field_that_is_empty_for_somebody_names_how_many(mailing):
    MembershipFactory(person=subscriber(mailing.topic, 1))
    subscriber(mailing.topic, 2)
    write(mailing, body_html="<p>{{ organization.name }}</p>")

    finding = found(mailing)["warn", "{{ organization.name }} is empty for 1 person"]

    assert "hole" in finding.why
    assert "empty=organization.name" in finding.url


def test_a_link_without_a_site_is_a_problem_and_a_test_host_is_none(mailing):
    subscriber(mailing.topic, 1)
    write(mailing, body_html='<p><a href="https://intranet/x">x</a> <a href="https://campaign.test/y">y</a></p>')

    shown = found(mailing)

    assert "https://intranet/x" in shown["bad", "A link leads nowhere"].why
    write(mailing, body_html='<p><a href="https://campaign.test/y">y</a></p>')
    assert ("ok", "1 link is well formed") in found(mailing)


def test_a_country_without_an_employers_side_is_named(mailing):
    mailing.segment.tree["rules"][0]["value"] = ["ZM", "TD"]
    mailing.segment.save()
    chad = CountryFactory(code="TD")
    for number, code, country in [
        (1, "GOV", "ZM"),
        (2, "EMP", "ZM"),
        (3, "WRK", "ZM"),
        (4, "GOV", "TD"),
        (5, "WRK", "TD"),
    ]:
        MembershipFactory(
            person=subscriber(mailing.topic, number, country__code=country),
            organization__constituency__code=code,
            organization__country=CountryFactory(code=country),
        )

    finding = found(mailing)["warn", "The employers' side is missing in 1 country"]

    assert chad.name in finding.why and "Zambia" not in finding.why


def test_readers_without_a_language_are_counted(mailing):
    subscriber(mailing.topic, 1)
    subscriber(mailing.topic, 2, language="fr")

    assert ("warn", "1 person reads none of its languages") in found(mailing)
    VariantFactory(mailing=mailing, language="fr", position=2)
    assert ("warn", "1 person reads none of its languages") not in found(mailing)


def test_long_subjects_pictures_without_words_and_missing_text(mailing):
    subscriber(mailing.topic, 1)
    write(
        mailing,
        subject="word " * 20,
        body_html='<p><img src="https://campaign.test/a.png"></p>',
        text=" ",
        is_text_own=False,
    )

    titles = {title for _kind, title in found(mailing)}

    assert "The English subject is long" in titles
    assert "1 picture has no words" in titles


def test_nobody_and_an_incomplete_mailing_are_problems(mailing):
    mailing.sender = None
    mailing.save()

    shown = found(mailing)

    assert "sender" in shown["bad", "It is not complete"].why
    assert ("bad", "Nobody would get it") in shown


def test_a_reserved_sender_is_a_problem_for_a_real_transport_only(mailing):
    mailing.sender.email = "us@campaign.test"
    mailing.sender.save()
    subscriber(mailing.topic, 1)

    assert ("ok", "No mail leaves this machine") in found(mailing)
    mailing.transport.kind = Transport.Kind.SMTP
    mailing.transport.save()
    assert ("bad", "The sender's domain cannot be used") in found(mailing)


def test_approver_sees_what_would_be_approved_with_the_count(approver, sign_in, mailing):
    from tests.factories import MailingFactory

    subscriber(mailing.topic, 1)
    reviewed = MailingFactory(state="in_review", segment=mailing.segment, topic=mailing.topic, drive=DriveFactory())

    page = sign_in(approver).get(reverse("mailing_preflight", args=[reviewed.uid]))

    assert page.context["approval"]["audience_count"] == 1
    assert "Approve this, exactly" in page.content.decode()


def test_banner_says_that_no_mail_leaves_while_the_default_transport_is_local(planner, sign_in, mailing):
    client = sign_in(planner)
    assert "No mail leaves this machine" not in client.get(reverse("mailing_list")).content.decode()

    mailing.transport.is_default = True
    mailing.transport.save()

    assert "No mail leaves this machine" in client.get(reverse("mailing_list")).content.decode()


@pytest.mark.parametrize(("role", "sees_all"), [("viewer", False), ("editor", False), ("approver", True)])
def test_people_of_other_countries_are_named_to_those_who_approve_only(mailing, sign_in, role, sees_all):
    here, there = (
        subscriber(mailing.topic, 1, name="Here"),
        subscriber(mailing.topic, 2, name="Away", country__code="SN"),
    )
    mailing.segment.tree["rules"][0]["value"] = ["ZM", "SN"]
    mailing.segment.save()
    user = UserFactory()
    GrantFactory(user=user, role=role, is_everywhere=False, countries=["ZM"])
    client = sign_in(user)

    listed = client.get(reverse("mailing_preflight_people", args=[mailing.uid])).content.decode()
    reader = client.get(reverse("mailing_preflight", args=[mailing.uid]) + "?as=longest").context["reader"]

    assert here.name in listed
    assert (there.name in listed) is sees_all
    assert reader["name"] in ({here.name, there.name} if sees_all else {here.name})


@pytest.mark.parametrize("after", ["²:a", "99999999999999999999:a", "1:a%00"])
def test_a_forged_place_in_the_list_is_the_first_page(mailing, planner, sign_in, after):
    url = reverse("mailing_preflight_people", args=[mailing.uid])

    assert sign_in(planner).get(f"{url}?after={after}").status_code == 200


def test_example_of_a_large_audience_comes_a_moment_later_and_has_a_page_of_its_own(
    mailing, sign_in, planner, monkeypatch
):
    reader = subscriber(mailing.topic, 1, name="Fatou Ndiaye")
    monkeypatch.setattr("campaigns.delivery.views.SHOWN_AT_ONCE", 0)
    client, own = sign_in(planner), reverse("mailing_preflight_reader", args=[mailing.uid])

    page = client.get(reverse("mailing_preflight", args=[mailing.uid]) + "?as=longest").content.decode()
    part = client.get(own + "?as=longest", headers={"HX-Request": "true"}).content.decode()
    whole = client.get(own).content.decode()

    assert reader.name not in page and f'hx-get="{own}?as=longest"' in page
    assert f"As {reader.name} will see it" in part and "<html" not in part
    assert f"As {reader.name} will see it" in whole and "<html" in whole


def test_example_is_found_behind_members_who_get_nothing(mailing, monkeypatch):
    monkeypatch.setattr("campaigns.delivery.audience.FIRST_MEMBERS", 1)
    PersonFactory(name="Aa Nobody", sort_key="aa nobody", country=mailing.drive.countries.first())
    reader = subscriber(mailing.topic, 1, name="Fatou Ndiaye")

    assert sample(mailing).person_id == reader.pk
