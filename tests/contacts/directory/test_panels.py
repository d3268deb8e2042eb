from django.urls import reverse

from contacts.directory import panels
from tests.factories import OrganizationFactory, PersonFactory


def test_features_add_buttons_and_cards_to_the_page_of_a_person_and_an_institution(
    db, sign_in, viewer, monkeypatch, settings
):
    monkeypatch.setattr(panels, "ACTIONS", [lambda subject, user: panels.Action("Ring", "phone", "/ring/", key="l")])
    monkeypatch.setattr(
        panels,
        "CARDS",
        [
            lambda subject, user: panels.Card("Aside", "contacts/directory/_same.html", "aside", {"same": []}),
            lambda subject, user: None,
        ],
    )
    person, organization = PersonFactory(), OrganizationFactory()

    for url in (
        reverse("person_detail", args=[person.uid]),
        reverse("organization_detail", args=[organization.uid]),
    ):
        text = sign_in(viewer).get(url).content.decode()
        assert 'href="/ring/" data-key="l" aria-keyshortcuts="l"' in text
        assert 'id="aside"' in text
        assert text.count("Aside") == 1
