"""What a reply to an invitation means, in five languages, with what mail programs quote below it."""

import pytest

from campaigns.events import replies

QUOTED = "\n\nOn Mon, 2 Nov 2026 at 10:00, Global Campaign wrote:\n> You can also simply answer this mail with YES or NO.\n> No answer?"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("YES", "yes"), ("Yes.", "yes"), ("yes, with pleasure", "yes"), ("Dear all,\n\nI will attend. Best regards", "yes"),
        ("Dear Ana, yes I will come", "yes"), ("I confirm my participation", "yes"),
        ("NO", "no"), ("No, thank you", "no"), ("Unfortunately I cannot attend", "no"), ("I regret that I am travelling", "no"),
        ("Maybe", "maybe"), ("Not sure yet", "maybe"),
        ("OUI", "yes"), ("Bonjour,\nOui, avec plaisir", "yes"), ("Je confirme ma présence", "yes"), ("Je serai présente.", "yes"),
        ("NON", "no"), ("Malheureusement, je ne pourrai pas venir", "no"), ("Peut-être", "maybe"),
        ("SÍ", "yes"), ("Estimada Ana:\n\nSí, asistiré", "yes"), ("Confirmo mi asistencia", "yes"),
        ("No podré asistir", "no"), ("Lamentablemente no puedo", "no"), ("Quizás", "maybe"),
        ("نعم", "yes"), ("نَعَمْ، بكل سرور", "yes"), ("سأحضر", "yes"), ("لا", "no"), ("للأسف لن أتمكن من الحضور", "no"), ("ربما", "maybe"),
        ("Sim", "yes"), ("Sim, participarei com prazer", "yes"), ("Não", "no"), ("Infelizmente não poderei", "no"), ("Talvez", "maybe"),
        # a person should read these
        ("Yes, but only if I can bring a colleague", ""), ("Is there a yes or no question?", ""), ("Could you send the programme?", ""),
        ("Nobody told me about this", ""), ("Notre ministre viendra", ""), ("Simple question about the hotel", ""), ("", ""),
        ("No problem, I will be there.", ""), ("No doubt I'll be there", ""), ("No hay problema, asistiré", ""), ("No, asistiré", ""),
        ("Não há problema, estarei presente", ""), ("I will not miss it!", ""), ("Si vous voulez", ""), ("Si puedo, asistiré", ""),
        ("Oui, si possible", ""), ("لا مشكلة، سأحضر", ""), ("No asistiré", "no"), ("No gracias", "no"), ("Não, infelizmente", "no"),
        ("Sí", "yes"), ("I will not be able to come", "no"), ("Non merci", "no"), ("لا شكرا", "no"),
        ("I cannot say yes yet", ""), ("Oui, mais seulement le matin", ""),
    ],
)  # fmt: skip
def test_said(text, expected):
    assert replies.said(text) == expected
    if text:
        assert replies.said(text + QUOTED) == expected


def test_a_seat_is_given_back_only_by_a_no_that_leaves_no_doubt():
    assert replies.said("No.\n\nBest regards", is_strict=True) == "no"
    assert replies.said("No. I will be there, do not worry.", is_strict=True) == ""
    assert replies.said("Unfortunately I am travelling.\nCould my colleague come?", is_strict=True) == ""


def test_a_calendar_answers_for_its_owner():
    raw = (
        b"From: a@people.test\r\nSubject: Declined: Dialogue\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: text/calendar; method=REPLY; charset="utf-8"\r\n\r\n'
        b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nMETHOD:REPLY\r\nBEGIN:VEVENT\r\nUID:seat-1@groundswell\r\nDTSTAMP:20261101T100000Z\r\n"
        b"ATTENDEE;PARTSTAT=DECLINED:mailto:a@people.test\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )

    assert replies.calendar_said(raw) == "no"
    assert replies.calendar_said(raw.replace(b"DECLINED", b"TENTATIVE")) == "maybe"
    assert replies.calendar_said(raw.replace(b"METHOD:REPLY", b"METHOD:PUBLISH")) == ""
    assert replies.calendar_said(b"Subject: x\r\n\r\nBEGIN:VCALENDAR") == ""
