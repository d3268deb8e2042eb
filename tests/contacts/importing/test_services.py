"""What an import does to the directory, row by row, and that it does it all or not at all."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from contacts.consent import services as consent
from contacts.consent.models import ConsentEvent, Suppression
from contacts.consent.queries import is_permitted, suppression_of
from contacts.directory.models import ContactPoint, Membership, Organization, Person, Post, Tag
from contacts.directory.services import create_post
from contacts.importing import freshness, services
from contacts.importing.models import ImportRow, ImportRun
from contacts.importing.reading import BadFile
from crm.audit.models import AuditChange, AuditEntry, Door, OutboxEvent
from crm.audit.readable import Reader
from crm.audit.services import record
from crm.errors import Invalid, WrongState
from crm.jobs.models import Job
from tests.contacts.importing.steps import apply, csv_file, dry_run, outcomes
from tests.factories import (
    ConstituencyFactory,
    ContactPointFactory,
    CountryFactory,
    GrantFactory,
    MembershipFactory,
    OrganizationFactory,
    PersonFactory,
    PostFactory,
    TopicFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db
HEAD = ["Name", "E-mail", "Organization", "Country", "Constituency", "Post"]
ADA = ["Ada Banda", "ada@example.org", "Ministry of Labour", "Zambia", "GOV", "Minister"]


# --- creating -------------------------------------------------------------------------------------------------------
def test_dry_run_changes_nothing_and_says_what_would(upload):
    before = Person.objects.count(), Organization.objects.count()

    run = upload(
        [
            HEAD,
            ADA,
            ["Bob Phiri", "bob@example.org", "Ministry of Labour", "Zambia", "", "Adviser"],
            ["", "", "", "", "", ""],
        ]
    )

    assert outcomes(run) == [(2, "created"), (3, "created")]
    assert {name: run.counts[name] for name in ("created", "people", "organizations", "posts")} == {
        "created": 2,
        "people": 2,
        "organizations": 1,
        "posts": 2,
    }
    assert run.state == "checked"
    assert (Person.objects.count(), Organization.objects.count()) == before
    assert not ConsentEvent.objects.exists()


def test_apply_creates_people_with_everything_that_screens_need(upload, planner):
    rows = [
        [*HEAD, "Prénom", "Language", "Gender", "Phone", "Tags", "Since", "Note"],
        [
            "",
            "Ada@Example.org",
            "Ministère du Travail",
            "Côte d'Ivoire",
            "Gouvernement",
            "Ministre",
            "",
            "Français",
            "F",
            "+225 27 20 21",
            "a; b",
            "31/03/2025",
            "met",
        ],
    ]
    rows[0][0], rows[1][0], rows[1][6] = "Nom de famille", "Kouassi", "Adélaïde"

    run = apply(upload(rows), planner)

    ada = Person.objects.get(family_name="Kouassi")
    assert (ada.name, ada.given_name, ada.language, ada.gender, ada.country_id, ada.note) == (
        "Adélaïde Kouassi", "Adélaïde", "fr", "female", "CI", "met",
    )  # fmt: skip
    assert list(Person.objects.search("adelaide")) == [ada] and ada.sort_key.startswith("kouassi")
    email = ada.contact_points.get(kind="email")
    assert (email.value, email.address_key, email.is_preferred) == ("Ada@Example.org", "ada@example.org", True)
    assert ada.contact_points.get(kind="phone").value == "+225 27 20 21"
    membership = ada.memberships.get()
    assert (membership.organization.name, membership.post.name, membership.is_primary, membership.started_on) == (
        "Ministère du Travail", "Ministre", True, dt.date(2025, 3, 31),
    )  # fmt: skip
    assert membership.organization.constituency.code == "GOV" and membership.organization.country_id == "CI"
    assert list(Organization.objects.search("ministere du travail")) == [membership.organization]
    assert sorted(ada.tags.values_list("name", flat=True)) == ["a", "b"]
    assert ada.uid.version == 7
    assert run.rows.get().person_id == ada.pk


def test_apply_leaves_one_entry_its_changes_and_one_event(upload, planner):
    apply(upload([HEAD, ADA]), planner)

    entry = AuditEntry.objects.get(verb="import.applied")
    assert (entry.door, entry.actor, entry.summary) == (Door.IMPORT, planner, "people.csv")
    person = Person.objects.get(name="Ada Banda")
    change = entry.changes.get(object_uid=person.uid)
    assert (change.field, change.before, change.after) == (
        "created",
        None,
        {"name": "Ada Banda", "email": "ada@example.org", "membership": "Minister, Ministry of Labour"},
    )
    line = Reader([change], planner).line(change)
    assert line.text == ("Added: – → Name: Ada Banda; Email: ada@example.org; Membership: Minister, Ministry of Labour")
    post = Post.objects.get()
    assert [(c.object_uid, c.after) for c in entry.changes.exclude(object_uid=person.uid).order_by("object_type")] == [
        (post.organization.uid, {"name": "Ministry of Labour"}),
        (post.uid, {"name": "Minister"}),
    ]
    event = OutboxEvent.objects.get(type="import.applied")
    assert event.payload == {"created": 1, "updated": 0, "unchanged": 0, "rejected": 0}


def test_posts_are_addressed_as_those_made_on_the_screen(upload, planner):
    posts = ["Minister of Labour", "Ministre du Travail", "Adviser", "Ambassador"]
    rows = [[f"Person {n}", "", "Ministry", "Zambia", "GOV", post] for n, post in enumerate(posts)]

    apply(upload([HEAD, *rows]), planner)

    other = OrganizationFactory()
    for post in Post.objects.filter(organization__name="Ministry"):
        on_screen = create_post(actor=planner, organization=other, name=post.name)
        assert post.form_of_address == on_screen.form_of_address, post.name
    assert Post.objects.get(organization__name="Ministry", name="Minister of Labour").form_of_address is not None
    assert Post.objects.get(organization__name="Ministry", name="Adviser").form_of_address is None


def test_importing_the_same_file_again_changes_nothing(upload, planner):
    rows = [HEAD, ADA, ["Bob Phiri", "", "Ministry of Labour", "Zambia", "", "Adviser"], ["Eve Solo", "", "", "", "", ""],
            ["", "info@example.org", "Ministry of Labour", "Zambia", "", ""]]  # fmt: skip
    apply(upload(rows), planner)
    before = {model: model.objects.count() for model in (Person, Organization, Post, Membership, ContactPoint, Tag)}
    changes = AuditChange.objects.count()

    again = upload(rows)
    assert {outcome for _line, outcome in outcomes(again)} == {"unchanged"}
    apply(again, planner)

    assert {model: model.objects.count() for model in before} == before
    assert AuditChange.objects.count() == changes


def test_apply_twice_does_nothing_twice(upload, planner):
    run = upload([HEAD, ADA])
    first = services.start_apply(run=run, actor=planner)
    second = services.start_apply(run=run, actor=planner)
    run = services.apply_import(run=run, actor=planner)
    services.apply_import(run=run, actor=planner)
    third = services.start_apply(run=run, actor=planner)

    assert first == second == third and Job.objects.filter(kind="import.apply").count() == 1
    assert Person.objects.filter(name="Ada Banda").count() == 1
    assert AuditEntry.objects.filter(verb="import.applied").count() == 1


def test_an_address_without_a_person_is_the_organizations_or_the_posts(upload, planner):
    apply(
        upload(
            [
                HEAD,
                ["", "info@example.org", "Ministry", "ZM", "GOV", ""],
                ["", "chief@example.org", "Ministry", "ZM", "", "Chief"],
            ]
        ),
        planner,
    )

    assert ContactPoint.objects.get(address_key="info@example.org").organization.name == "Ministry"
    assert ContactPoint.objects.get(address_key="chief@example.org").post.name == "Chief"
    assert not Person.objects.filter(name="").exists()


def test_formulas_stay_text(upload, planner):
    apply(upload([HEAD, ['=HYPERLINK("http://x","y")', "f@example.org", "@SUM(A1)", "ZM", "GOV", "+1"]]), planner)

    assert Person.objects.get(contact_points__address_key="f@example.org").name == '=HYPERLINK("http://x","y")'
    assert Organization.objects.filter(name="@SUM(A1)").exists()


# --- matching -------------------------------------------------------------------------------------------------------
def test_people_are_matched_by_address_whatever_its_case(upload, planner):
    ada = PersonFactory(name="Ada Banda", given_name="", family_name="", language="")
    ContactPointFactory(person=ada, value="Ada@Example.org")

    run = apply(upload([["Name", "Email", "Language"], ["Banda Ada", "ADA@example.ORG", "fr"]]), planner)

    ada.refresh_from_db()
    assert outcomes(run) == [(2, "updated")]
    assert run.rows.get().reason == "language"
    assert (ada.language, Person.objects.count(), ada.contact_points.count()) == ("fr", 1, 1)


def test_people_are_matched_by_name_and_organization(upload, planner):
    ministry = OrganizationFactory(name="Ministry of Labour")
    ada = PersonFactory(given_name="Ada", family_name="Banda")
    MembershipFactory(person=ada, organization=ministry)
    PersonFactory(given_name="Ada", family_name="Banda")

    run = apply(
        upload([HEAD, ["Banda, Ada".replace(",", ""), "new@example.org", "ministry of LABOUR", "ZM", "", ""]]), planner
    )

    assert run.rows.get().person_id == ada.pk
    assert ada.contact_points.get().value == "new@example.org"
    assert Person.objects.count() == 2


def test_an_address_of_somebody_with_another_name_rejects_the_row(upload, planner):
    ContactPointFactory(person=PersonFactory(given_name="Ada", family_name="Banda"), value="ada@example.org")

    run = upload([["Name", "Email"], ["Bob Phiri", "ada@example.org"]])

    assert outcomes(run) == [(2, "rejected")]
    assert "Ada Banda" in run.rows.get().reason


def test_what_is_filled_is_kept_unless_the_import_may_replace_it(upload, planner):
    ada = PersonFactory(name="Ada Banda", language="en")
    ContactPointFactory(person=ada, value="ada@example.org")
    rows = [["Name", "Email", "Language"], ["Ada Banda", "ada@example.org", "fr"]]

    assert outcomes(apply(upload(rows), planner)) == [(2, "unchanged")]
    ada.refresh_from_db()
    assert ada.language == "en"

    assert outcomes(apply(upload(rows, overwrite=True), planner)) == [(2, "updated")]
    ada.refresh_from_db()
    assert ada.language == "fr"
    assert AuditChange.objects.get(field="language").before == "en"


def test_a_membership_gets_its_post_and_history_is_not_ended(upload, planner):
    ministry, ada = OrganizationFactory(name="Ministry"), PersonFactory(name="Ada Banda")
    ContactPointFactory(person=ada, value="ada@example.org")
    MembershipFactory(person=ada, organization=ministry)

    apply(upload([HEAD, ["Ada Banda", "ada@example.org", "Ministry", "ZM", "", "Minister"]]), planner)
    assert [(m.post.name, m.is_primary) for m in ada.memberships.all()] == [("Minister", True)]

    apply(upload([HEAD, ["Ada Banda", "ada@example.org", "Union", "ZM", "WRK", "Adviser"]]), planner)
    assert [(m.post.name, m.is_primary, m.ended_on) for m in ada.memberships.order_by("id")] == [
        ("Minister", True, None),
        ("Adviser", False, None),
    ]


def test_posts_are_found_again(upload, planner):
    post = PostFactory(name="Minister of Labour", organization__name="Ministry")

    apply(upload([HEAD, ["Ada Banda", "a@example.org", "Ministry", "ZM", "", "MINISTER of labour"]]), planner)

    assert Membership.objects.get(person__name="Ada Banda").post == post


def test_one_person_in_two_lines_is_one_person_with_two_posts(upload, planner):
    run = apply(upload([HEAD, ADA, ["Ada BANDA", "Ada@example.org", "Union", "ZM", "WRK", "President"], ADA]), planner)

    assert outcomes(run) == [(2, "created"), (3, "updated"), (4, "unchanged")]
    ada = Person.objects.get()
    assert list(ada.memberships.order_by("id").values_list("post__name", "is_primary")) == [
        ("Minister", True),
        ("President", False),
    ]
    assert ada.contact_points.count() == 1


def test_one_address_with_two_names_in_the_file_rejects_the_second(upload):
    run = upload([HEAD, ADA, ["Bob Phiri", "ada@example.org", "Ministry of Labour", "ZM", "", ""]])

    assert outcomes(run) == [(2, "created"), (3, "rejected")]
    assert "Line 2 has the same address" in run.rows.get(line=3).reason


def test_organizations_of_one_name_in_two_countries_are_two(upload, planner):
    OrganizationFactory(name="Ministry", country=CountryFactory(code="ZM"))
    OrganizationFactory(name="Ministry", country=CountryFactory(code="MW"))
    rows = [
        ["Organization", "Country", "Website"],
        ["Ministry", "MW", "mw.example.org"],
        ["Ministry", "", "x.example.org"],
    ]

    run = apply(upload(rows), planner)

    assert outcomes(run) == [(2, "updated"), (3, "rejected")]
    assert "Several organizations" in run.rows.get(line=3).reason
    assert Organization.objects.get(country="MW").website == "https://mw.example.org"


def test_defaults_fill_what_the_file_does_not_say(upload, planner):
    workers = ConstituencyFactory(code="WRK")

    apply(
        upload([["Name", "Organization"], ["Ada", "Union"]], country="MW", constituency=workers.pk, language="fr"),
        planner,
    )

    union = Organization.objects.get()
    assert (union.country_id, union.constituency.code) == ("MW", "WRK")
    assert Person.objects.get().language == "fr"


# --- rejecting ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("row", "words"),
    [
        (["", "x@example.org", "", "", "", ""], "neither a person nor an organization"),
        (["Ada", "not an address", "", "", "", ""], "not an e-mail address"),
        (["Ada", "", "Ministry", "Atlantis", "GOV", ""], "“Atlantis” is not a country"),
        (["Ada", "", "Ministry", "ZM", "KINGS", ""], "not a constituency"),
        (["Ada", "", "New Ministry", "ZM", "", ""], "no constituency is given"),
        (["Ada", "", "", "ZM", "", "Minister"], "in which organization"),
        (["A" * 301, "", "", "", "", ""], "301 characters"),
        (["Ada", "", "", "", "", "", "one too many"], "7 cells and the table 6 columns"),
    ],
)
def test_a_row_that_cannot_be_used_is_rejected_with_its_reason(upload, planner, row, words):
    run = apply(upload([HEAD, ADA, row]), planner)

    assert outcomes(run) == [(2, "created"), (3, "rejected")]
    assert words in run.rows.get(line=3).reason
    assert run.counts["rejected"] == 1
    assert Person.objects.count() == 1


def test_short_rows_are_read_as_if_the_rest_were_blank(upload):
    assert outcomes(upload([HEAD, ADA, ["Bob Phiri"]])) == [(2, "created"), (3, "created")]


def test_an_importer_of_one_country_imports_there_only(upload):
    user = UserFactory()
    GrantFactory(user=user, role="planner", is_everywhere=False, countries=["ZM"])
    ContactPointFactory(
        person=PersonFactory(name="Far Away", country=CountryFactory(code="MW")), value="far@example.org"
    )
    run = upload(
        [
            HEAD,
            ADA,
            ["Eve", "e@example.org", "Ministry", "MW", "GOV", ""],
            ["Far Away", "far@example.org", "", "", "", ""],
        ],
        actor=user,
    )

    assert outcomes(run) == [(2, "created"), (3, "rejected"), (4, "rejected")]
    apply(run, user)
    assert not Person.objects.filter(name="Eve").exists()


def test_a_mapping_must_name_somebody_and_nothing_twice(planner, folder):
    run = services.upload_import(
        file=csv_file([["Name", "Mail", "mail"], ["Ada", "a@example.org", "b@example.org"]]), actor=planner
    )

    with pytest.raises(Invalid, match="“Mail .column 2.”, “mail .column 3.” are all set to “E-mail”"):
        services.save_mapping(run=run, mapping={0: "name", 1: "email", 2: "email"}, options={})
    with pytest.raises(Invalid, match="No column names"):
        services.save_mapping(run=run, mapping={1: "email"}, options={})
    with pytest.raises(WrongState):
        services.start_apply(run=run, actor=planner)


def test_a_broken_file_leaves_no_run_and_no_file(planner, folder):
    with pytest.raises(BadFile, match="line 3"):
        services.upload_import(
            file=csv_file([["Name"], ["x"]]).__class__("x.csv", b'Name,E\nx,y\nz,"open\n'), actor=planner
        )

    assert not ImportRun.objects.exists()
    assert [path for path in folder.rglob("*.csv")] == []


def test_a_file_over_the_limit_is_refused(planner, folder, settings):
    settings.IMPORT_MAX_BYTES, settings.IMPORT_MAX_ROWS = 1000, 3
    with pytest.raises(BadFile, match="Split it"):
        services.upload_import(file=csv_file([["Name"]] + [["x" * 20]] * 60), actor=planner)
    with pytest.raises(BadFile, match="4 rows"):
        services.upload_import(file=csv_file([["Name"]] + [["x"]] * 4), actor=planner)


# --- all or nothing -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "phase", ["Adding people", "Adding addresses", "Recording", "Writing the history", "Finishing"]
)
def test_a_failure_half_way_leaves_nothing(upload, planner, phase):
    run = upload([HEAD, ADA])
    services.start_apply(run=run, actor=planner)

    def stop(words):
        if words.startswith(phase):
            raise RuntimeError(phase)

    with pytest.raises(RuntimeError):
        services.apply_import(run=run, actor=planner, on_phase=stop)

    assert not Person.objects.exists() and not Organization.objects.exists() and not ContactPoint.objects.exists()
    assert not AuditEntry.objects.filter(verb="import.applied").exists()
    run.refresh_from_db()
    assert run.state == "applying"


def test_the_number_of_statements_does_not_grow_with_the_rows(upload, planner):
    def statements(count):
        rows = [
            [f"P{count} {i}", f"p{count}-{i}@example.org", f"Org {count} {i}", "ZM", "GOV", "Post"]
            for i in range(count)
        ]
        run = upload([HEAD, *rows])
        services.start_apply(run=run, actor=planner)
        record(verb="person.edited", target=PersonFactory(), actor=planner)
        with CaptureQueriesContext(connection) as queries:
            services.apply_import(run=run, actor=planner)
        return len(queries)

    assert statements(1) == statements(40)


def test_what_the_dry_run_decided_is_decided_again_only_when_something_was_changed(upload, planner):
    def decided_again(**changed):
        run = upload([HEAD, ["Eva Novak", f"eva{len(changed)}@example.org", f"Office {len(changed)}", "ZM", "GOV", ""]])
        services.start_apply(run=run, actor=planner)
        if changed:
            record(target=PersonFactory(), actor=planner, **changed)
        with CaptureQueriesContext(connection) as queries:
            services.apply_import(run=run, actor=planner)
        return any("import_draft" in query["sql"] for query in queries)

    assert not decided_again()
    assert decided_again(verb="person.edited")


def test_somebody_added_after_the_dry_run_is_not_added_twice(upload, planner):
    run = upload([HEAD, ADA])
    assert run.counts["people"] == 1
    again = apply(upload([HEAD, ADA]), planner)

    services.start_apply(run=run, actor=planner)
    run.refresh_from_db()
    run = services.apply_import(run=run, actor=planner)

    assert (again.counts["created"], run.counts["created"], run.counts["unchanged"]) == (1, 0, 1)
    assert Person.objects.count() == 1
    assert run.rows.get().person_id == again.rows.get().person_id


def test_a_plan_made_for_other_countries_is_not_applied(upload, planner):
    run = upload([HEAD, ADA])

    assert freshness.holds(run, None)
    assert not freshness.holds(run, {"ZM"})


# --- first permission -----------------------------------------------------------------------------------------------
def permission(topic, **values):
    return {
        "topic": topic,
        "lawful_basis": "consent",
        "source": "Sign-up sheet",
        "evidence": "Accra, 3 March",
        **values,
    }


def test_first_permission_is_given_to_those_who_never_said_anything(upload, planner):
    topic, other = TopicFactory(code="news"), TopicFactory()
    said_no, said_yes, other_topic = (PersonFactory(given_name=name) for name in ("No", "Yes", "Other"))
    for person in (said_no, said_yes, other_topic):
        ContactPointFactory(person=person, value=f"{person.given_name}@example.org")
    consent.withdraw_consent(subject=said_no, topic=topic, source="call")
    consent.grant_consent(subject=said_yes, topic=topic, lawful_basis="contract", source="form")
    consent.withdraw_consent(subject=other_topic, topic=other, source="call")
    rows = [[p.name, f"{p.given_name}@example.org"] for p in (said_no, said_yes, other_topic)]

    run = upload([["Name", "E-mail"], *rows, ["New Person", "new@example.org"], ["No Address", ""]])
    assert run.counts["permission"] == {
        "free": 4,
        "suppressed": 0,
        "heard": {str(topic.pk): {"granted": 1, "withdrawn": 1}, str(other.pk): {"granted": 0, "withdrawn": 1}},
    }
    run = apply(run, planner, **permission(topic))

    new = Person.objects.get(name="New Person")
    assert run.counts["permissions"] == 2
    assert is_permitted(subject_uid=new.uid, topic=topic) and is_permitted(subject_uid=other_topic.uid, topic=topic)
    assert not is_permitted(subject_uid=said_no.uid, topic=topic)
    assert ConsentEvent.objects.filter(subject_uid=said_yes.uid).count() == 1
    event = ConsentEvent.objects.get(subject_uid=new.uid)
    assert (event.source, event.evidence, event.actor_uid) == ("Sign-up sheet", "Accra, 3 March", planner.uid)
    assert AuditChange.objects.filter(field="consent:news").count() == 2 + 1
    told = AuditChange.objects.get(object_uid=new.uid)
    assert told.after == {"name": "New Person", "email": "new@example.org", "consent:news": "grant"}


def test_no_permission_is_given_when_none_is_asked_for(upload, planner):
    TopicFactory()

    apply(upload([HEAD, ADA]), planner)

    assert not ConsentEvent.objects.exists()


def test_a_suppressed_address_stays_suppressed_and_gets_no_permission(upload, planner):
    topic = TopicFactory()
    consent.suppress_address(address="ada@example.org", reason="erased", source="request")
    eve = PersonFactory(given_name="Eve", family_name="Old")
    ContactPointFactory(person=eve, value="eve-old@example.org")
    MembershipFactory(person=eve, organization=OrganizationFactory(name="Ministry"))
    consent.suppress_address(address="eve-old@example.org", reason="complaint", source="loop")

    run = upload([HEAD, ADA, ["Eve Old", "eve-new@example.org", "Ministry", "ZM", "", ""]])
    assert run.counts["permission"]["suppressed"] == 2 and run.counts["permission"]["free"] == 0
    apply(run, planner, **permission(topic))

    assert not ConsentEvent.objects.exists()
    assert suppression_of("ada@example.org") is not None and Suppression.objects.count() == 2
    assert ContactPoint.objects.filter(address_key="ada@example.org").exists()


def test_addresses_that_an_older_key_suppressed_stay_so_when_imported(upload, planner, settings):
    topic = TopicFactory()
    consent.suppress_address(address="ada@example.org", reason="erased", source="request")
    settings.ADDRESS_KEYS = {"n2": b"n" * 32, **settings.ADDRESS_KEYS}

    apply(upload([HEAD, ADA]), planner, **permission(topic))

    point = ContactPoint.objects.get(address_key="ada@example.org")
    assert Suppression.objects.filter(address_hash=point.address_hash).exists()
    assert not ConsentEvent.objects.exists()


@pytest.mark.parametrize("missing", ["topic", "lawful_basis", "source", "evidence"])
def test_half_a_permission_is_refused(upload, planner, missing):
    run = upload([HEAD, ADA])

    with pytest.raises(Invalid, match="lawful basis"):
        services.start_apply(
            run=run,
            actor=planner,
            first_permission={**permission(TopicFactory()), missing: None if missing == "topic" else ""},
        )

    run.refresh_from_db()
    assert run.state == "checked" and not Job.objects.filter(kind="import.apply").exists()


def test_a_withdrawal_during_the_import_is_the_last_word(upload, planner):
    topic, ada = TopicFactory(), PersonFactory(name="Ada Banda")
    ContactPointFactory(person=ada, value="ada@example.org")
    run = upload([HEAD, ADA])
    services.start_apply(run=run, actor=planner, first_permission=permission(topic))
    run.refresh_from_db()

    def meanwhile(words):
        if words.startswith("Writing the history"):
            consent.one_click_unsubscribe(subject=ada, topic=topic)

    services.apply_import(run=run, actor=planner, on_phase=meanwhile)

    assert not is_permitted(subject_uid=ada.uid, topic=topic)


# --- after ----------------------------------------------------------------------------------------------------------
def test_discarding_removes_file_and_rows_and_keeps_what_was_applied(
    upload, planner, django_capture_on_commit_callbacks
):
    run = apply(upload([HEAD, ADA]), planner)
    path = run.file.path

    with django_capture_on_commit_callbacks(execute=True):
        services.discard_import(run=run, actor=planner)

    run.refresh_from_db()
    assert not run.file and not ImportRow.objects.exists() and Person.objects.count() == 1
    with pytest.raises(FileNotFoundError):
        open(path)  # noqa: SIM115


def test_a_run_whose_job_was_cancelled_can_go_on(upload, planner):
    run = upload([HEAD, ADA])
    job = services.start_apply(run=run, actor=planner)
    from crm.jobs.services import request_cancel

    request_cancel(job=job, actor=planner)
    run.refresh_from_db()

    assert services.settle(run).state == "checked"
    assert apply(dry_run(run, planner), planner).state == "applied"


def many(count):
    rows = (
        [f"Person {n}", f"p{n}@example.org", f"Institution {n % 300}", "ZM", "CSO", "Delegate"] for n in range(count)
    )
    return [HEAD, *rows]


def test_a_hundred_thousand_lines_are_looked_at(upload):
    run = upload(many(100_000))

    assert {name: run.counts[name] for name in ("created", "organizations", "posts", "rejected")} == {
        "created": 100_000,
        "organizations": 300,
        "posts": 300,
        "rejected": 0,
    }
    assert run.rows.count() == 100_000


def test_thousands_of_lines_are_written(upload, planner):
    run = apply(upload(many(8_000)), planner, **permission(TopicFactory()))

    assert run.counts["permissions"] == 8_000
    assert Person.objects.count() == Membership.objects.filter(is_primary=True).count() == 8_000
    last = Person.objects.get(sort_key="person 7999")
    assert (last.memberships.get().organization.name, last.contact_points.get().value) == (
        "Institution 199",
        "p7999@example.org",
    )


def test_a_large_import_leaves_fresh_statistics_behind(upload, planner):
    run = upload(many(3_000))
    with connection.cursor() as cursor:  # as in a new database
        cursor.execute("UPDATE pg_class SET reltuples = -1, relpages = 0 WHERE relname = ANY (%s)", [services.GROWN])

    apply(run, planner)

    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples FROM pg_class WHERE relname = 'contacts_person'")
        assert cursor.fetchone()[0] == Person.objects.count() == 3_000


def test_the_history_says_what_came_as_it_stands_in_the_file(upload, planner):
    name, place, tag = 'Ada "Ace" \\ Banda', 'Unión {"a": 1}', 'say "hi"'
    head = ["Name", "E-mail", "Organization", "Country", "Constituency", "Tags"]

    apply(upload([head, [name, "ada@example.org", place, "ZM", "GOV", tag]]), planner)

    came = dict(AuditChange.objects.filter(field="created").values_list("object_type", "after"))
    assert came == {
        "organization": {"name": place},
        "person": {"name": name, "email": "ada@example.org", "membership": place, "tags": [tag]},
    }
