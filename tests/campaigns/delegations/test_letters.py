"""Letters as PDF: numbered once, in each language with its forms of address, for the delegate by their own link and for staff."""

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils import timezone, translation

from campaigns.briefs.printing import pages
from campaigns.delegations import deciding, links, printing
from campaigns.delegations.models import DelegateLetter, Nomination, Step
from contacts.greetings.models import FormOfAddress
from contacts.greetings.queries import FormFinder
from contacts.greetings.wording import table
from crm.accounts.models import Installation
from tests.factories import CompositionFactory, DelegationFactory, EventFactory, NominationFactory, SenderFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def minister(planner):
    """Accepted, of a country, named as a minister; her letters are signed."""
    cache.clear()
    event = EventFactory(place="King Fahd Palace, Dakar", names={"ar": "الحوار الوطني"})
    sender = SenderFactory(signatures={"fr": "Awa Ndiaye\nDirectrice"}, places={"fr": "Genève"})
    texts = {"en": "We pay for travel.\n\nPlease bring this letter.", "ar": "نتحمل تكاليف السفر."}
    composition = CompositionFactory(event=event, sender=sender, letter_texts=texts)
    composition.templates.create(titles={"en": "Visa", "ar": "تأشيرة"}, days_before=20, paper="visa")
    row = NominationFactory(
        delegation=DelegationFactory(event=event), name="Mariam Sow", function="Minister of Labour", gender="female",
        language="ar", passport_name="SOW MARIAM",
    )  # fmt: skip
    deciding.accept(nomination=row, actor=planner, is_new=True)
    return Nomination.objects.get(pk=row.pk)


def said(kind, language):
    """The data of one letter, as the page of paper gets it."""
    letter = DelegateLetter.objects.select_related(*printing.SUBJECTS_OF).get(kind=kind)
    forms = list(FormOfAddress.objects.all())
    return printing._letter(letter, language, FormFinder(forms), table(forms, [language]), Installation.current())


def test_each_language_greets_dates_and_signs_as_it_does(minister):
    english, french, arabic = (said("invitation", code) for code in ("en", "fr", "ar"))
    assert english["greeting"] == "Madam Minister," and english["to"][0] == "H.E. Ms Mariam Sow"
    assert english["body"][1:] == ["We pay for travel.", "Please bring this letter."]  # as staff wrote, by paragraphs
    assert french["greeting"].startswith("Madame la Ministre") and french["dated"].startswith("Genève, le ")
    assert french["signature"] == ["Awa Ndiaye", "Directrice"] and len(french["body"]) == 1
    assert french["reference"].startswith("Réf.\u202f: ") and french["subject"].startswith("Objet\u202f: ")
    assert (
        english["reference"].startswith("Our reference: ")
        and english["subject"] == f"Subject: {minister.delegation.event.name}"
    )
    assert (arabic["rtl"], english["rtl"], french["rtl"]) == (True, False, False)
    assert "الحوار الوطني" in arabic["body"][0] and arabic["body"][1] == "نتحمل تكاليف السفر."
    letter = DelegateLetter.objects.get(kind="invitation")
    assert letter.reference == f"DEL/{timezone.now().year}/0001" and letter.reference in arabic["reference"]

    visa = said("visa", "es")
    assert (
        visa["to"] == ["A los servicios consulares"]
        and ["Nombre como figura en el pasaporte", "SOW MARIAM"] in visa["facts"]
    )
    assert all(text and "%(" not in text for part in visa.values() if isinstance(part, list) for text in part)


def test_a_delegate_takes_letters_by_their_link_and_staff_in_any_language(minister, planner, sign_in):
    own = "/" + links.delegate_url(minister).split("/", 3)[3]
    page = Client().get(own).content.decode()
    assert f"{own}letters/visa/?lang=ar" in page and "DEL/" in page and "رسالة للتأشيرة" in page
    answer = Client().get(f"{own}letters/visa/?lang=fr")
    assert answer["Content-Type"] == "application/pdf" and pages(answer.content) == 1 and not answer.cookies
    assert (answer["Cache-Control"], answer["Referrer-Policy"]) == ("no-store", "no-referrer")
    assert Client().get(f"{own}letters/other/").status_code == 410

    client = sign_in(planner)
    detail = f"/events/nominations/{minister.uid}/"
    shown = client.get(detail).content.decode()
    assert f"{detail}letters/invitation/?language=es" in shown and Step.objects.get().paper == "visa"
    assert pages(client.get(f"{detail}letters/invitation/?language=es").content) == 1
    every = f"/events/{minister.delegation.event.uid}/delegations/letters/invitation/"
    assert pages(client.get(every).content) == 1

    client.post(f"{detail}withdraw/")
    assert Client().get(f"{own}letters/visa/").status_code == 410
    assert client.get(f"{detail}letters/visa/").status_code == 404 and client.get(every).status_code == 302
    assert DelegateLetter.objects.count() == 2  # a number is given once


def test_the_official_list_is_by_delegation_in_each_language(minister, planner, sign_in):
    row = minister.delegation
    for name, role, state in (("Ben", "adviser", "accepted"), ("Cy", "delegate", "proposed")):
        NominationFactory(delegation=row, name=name, role=role, state=state, decided_at=timezone.now(), honorific="Dr")
    with translation.override("fr"):
        said_of = printing.participants(row.event, list(Nomination.objects.accepted()), "fr")
    [one] = said_of["delegations"]
    assert said_of["title"] == "Liste des délégués" and said_of["about"][-1] == "1 délégation" and one["count"] == "2"
    assert [(p["name"], p["role"]) for p in one["sides"][0]["people"]] == [
        ("Mariam Sow", "délégué"),
        ("Dr Ben", "conseiller"),
    ]
    client, path = sign_in(planner), f"/events/{row.event.uid}/delegations/"
    assert pages(client.get(f"{path}participants/?language=ar").content) == 1
    assert f"{path}participants/?language=fr" in client.get(path).content.decode()
    table = client.get(f"{path}names/?state=accepted&export=csv")
    assert table.status_code in (200, 302)


def test_nobody_needs_a_visa_for_a_meeting_online(planner):
    event = EventFactory(place="", country=None, online_url="https://meet.test/a")
    CompositionFactory(event=event)
    row = NominationFactory(delegation=DelegationFactory(event=event))
    entry = deciding.accept(nomination=row, actor=planner)
    assert entry and [letter.kind for letter in row.papers.all()] == ["invitation"]
