"""YES or NO by reply to an invitation: what somebody wrote, without our mail quoted below it, in English, French, Spanish, Arabic or Portuguese.

Only what is plain is taken: the first words say yes or no, and nothing near them says the other. Everything else stays a reply that a
person reads. A calendar's own answer (METHOD:REPLY) counts as well. Answers of machines never come here: they are no replies.
"""

from __future__ import annotations

import logging
import re
import unicodedata
from typing import Any

from icalendar import Calendar

from campaigns.delivery.models import Delivery
from campaigns.events.answering import answer
from campaigns.events.links import invitation_of
from campaigns.events.models import EventMailing, Invitation
from campaigns.outreach.models import InboundMessage, Interaction
from campaigns.outreach.reading import Reading, own_words
from crm.errors import DomainError

logger = logging.getLogger(__name__)
Answer, Road = Invitation.Answer, Invitation.Road
WORDS: dict[str, tuple[str, ...]] = {
    Answer.YES: (
        "yes", "yep", "yeah", "i will attend", "i will come", "i will be there", "i'll be there", "i'll attend", "i confirm", "confirmed",
        "we will attend", "i accept", "i am coming", "happy to attend", "oui", "je viendrai", "je participerai", "je confirme",
        "je serai present", "je serai presente", "j'accepte", "avec plaisir", "nous viendrons", "si", "asistire", "confirmo", "acepto",
        "alli estare", "con mucho gusto", "sim", "participarei", "estarei presente", "aceito", "com prazer",
        "نعم", "ساحضر", "سوف احضر", "اؤكد حضوري", "اوكد حضوري", "موافق", "سنحضر", "بكل سرور",
    ),
    Answer.NO: (
        "no", "nope", "i cannot attend", "i can't attend", "i cannot come", "i can't come", "i am unable", "i'm unable", "i regret",
        "i decline", "i will not", "i won't", "unable to attend", "unfortunately", "we cannot", "non", "je ne peux pas", "je ne pourrai pas",
        "je ne viendrai pas", "malheureusement", "je decline", "je regrette", "no puedo", "no podre", "no asistire",
        "lamentablemente", "desgraciadamente", "lamento", "nao", "infelizmente", "nao posso", "nao poderei",
        "لا", "للاسف", "لن احضر", "لن اتمكن", "اعتذر", "لا استطيع", "مع الاسف",
    ),
    Answer.MAYBE: (
        "maybe", "perhaps", "not sure", "peut etre", "peut-etre", "quizas", "quiza", "tal vez", "talvez", "ربما",
    ),
}  # fmt: skip
# Before the first words: a greeting, which says nothing.
_GREETING = re.compile(
    r"^(dear|hello|hi|good (morning|afternoon|day)|greetings|bonjour|bonsoir|chere?s?|madame|monsieur|buenos dias|buenas tardes|estimad[oa]s?|hola|"
    r"bom dia|boa tarde|prezad[oa]s?|ola|car[oa]s?|السلام عليكم|تحية طيبة|السيد|السيدة|مرحبا|صباح الخير)\b"
)
_MARKS = re.compile("[\u064b-\u0652\u0640\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LOOKED_AT = 12  # words: who needs more explains something, and a person should read it
_BUT = re.compile(r"\b(but|however|only if|mais|sauf|pero|salvo|mas|porem|if|depends|si c'est|ولكن|لكن|بشرط)\b")


def plain(text: str) -> str:
    """Lower case, without accents and vowel marks, one form of alef, simple apostrophes."""
    text = _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(text.replace("’", "'").replace("أ", "ا").replace("إ", "ا").replace("آ", "ا").split())


def said(text: str) -> str:
    """yes, no, maybe, or empty where a person should read it. text: as it was written, quoted lines and all."""
    lines = [line for line in (plain(line) for line in own_words(text).splitlines()) if line]
    # a greeting alone in its line is passed over; one before the answer in the same line, cut off at its comma
    while lines and _GREETING.match(lines[0]):
        _before, comma, rest = lines[0].partition(",")
        if not comma:
            _before, comma, rest = lines[0].partition("،")
        lines[0] = rest.strip()
        if not lines[0]:
            lines.pop(0)
    if not lines:
        return ""
    sentence = re.split(r"[.!?؟]\s|\n", lines[0] + "\n")[0]
    head = " ".join(sentence.split()[:_LOOKED_AT])
    if head.endswith(("?", "؟")) or _BUT.search(head):
        return ""
    found = {code for code, words in WORDS.items() if any(_begins(head, word) for word in words)}
    if len(found) == 1:
        code = found.pop()
        others = {
            other for other in (Answer.YES, Answer.NO) if other != code and any(_has(head, w) for w in _SHORT[other])
        }
        return "" if others else str(code)
    return ""


_SHORT = {
    Answer.YES: ("yes", "oui", "sim", "نعم"),
    Answer.NO: ("cannot", "can't", "unable", "unfortunately", "malheureusement", "لن"),
}


def _begins(head: str, word: str) -> bool:
    return head == word or re.match(rf"{re.escape(word)}(?!\w)(?!')", head) is not None


def _has(head: str, word: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(word)}(?!\w)", head) is not None


def calendar_said(raw: bytes) -> str:
    """What a calendar answers for its owner (RFC 5546, REPLY): yes, no, maybe, or empty."""
    import email
    from email import policy

    message = email.message_from_bytes(raw, policy=policy.default)
    for part in message.walk():
        if part.get_content_type() != "text/calendar":
            continue
        try:
            made = Calendar.from_ical(part.get_content())
        except (ValueError, KeyError, LookupError):
            continue
        if str(made.get("method", "")).upper() != "REPLY":
            continue
        for row in made.walk("VEVENT"):
            attendee: Any = row.get("attendee")
            attendee = attendee[0] if isinstance(attendee, list) else attendee
            status = str(attendee.params.get("PARTSTAT", "")).upper() if attendee is not None else ""
            return {"ACCEPTED": "yes", "DECLINED": "no", "TENTATIVE": "maybe"}.get(status, "")
    return ""


def hear(interaction: Interaction, reading: Reading, delivery: Delivery) -> None:
    """Listener of `campaigns.outreach.services.on_reply`: the answer to an invitation, where the reply is one."""
    if not EventMailing.objects.filter(mailing_id=delivery.mailing_id).exists():
        return
    invitation = invitation_of(delivery.mailing_id, delivery.seq)
    if invitation is None:
        return
    inbound = InboundMessage.objects.filter(pk=interaction.inbound_id or 0).only("raw").first()
    says, road = (calendar_said(bytes(inbound.raw)), Road.CALENDAR) if inbound else ("", Road.REPLY)
    if not says:
        says, road = said(reading.text), Road.REPLY
    if not says or (says == "yes" and invitation.answer in (Answer.YES, Answer.OTHER)):
        return
    try:
        answer(invitation=invitation, says=says, road=road)
    except DomainError as error:  # too late, say: it stays a reply that a person reads
        logger.info("A reply to invitation %s was not taken: %s", invitation.pk, error.code)
