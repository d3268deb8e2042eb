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
        "je serai present", "je serai presente", "j'accepte", "avec plaisir", "nous viendrons", "si", "si asistire", "asistire", "confirmo", "acepto",
        "alli estare", "con mucho gusto", "sim", "participarei", "estarei presente", "aceito", "com prazer",
        "نعم", "ساحضر", "سوف احضر", "اؤكد حضوري", "اوكد حضوري", "موافق", "سنحضر", "بكل سرور",
    ),
    Answer.NO: (
        "no", "nope", "no thank you", "no thanks", "i cannot attend", "i can't attend", "i cannot come", "i can't come", "i am unable",
        "i'm unable", "i regret", "i decline", "i will not attend", "i will not come", "i will not be able", "i will not be attending",
        "i will not be there", "i will not be coming", "i won't attend", "i won't come", "i won't be able", "i won't be there",
        "unable to attend", "unfortunately", "we cannot", "non", "non merci", "je ne peux pas", "je ne pourrai pas",
        "je ne viendrai pas", "je ne serai pas", "malheureusement", "je decline", "je regrette", "no gracias", "no puedo", "no podre",
        "no asistire", "no estare", "lamentablemente", "desgraciadamente", "lamento", "nao", "nao obrigado", "nao obrigada", "infelizmente",
        "nao posso", "nao poderei", "nao participarei", "nao estarei presente", "nao vou poder",
        "لا", "لا شكرا", "للاسف", "لن احضر", "لن اتمكن", "اعتذر", "لا استطيع", "مع الاسف",
    ),
    Answer.MAYBE: (
        "maybe", "perhaps", "not sure", "peut etre", "peut-etre", "quizas", "quiza", "tal vez", "talvez", "ربما",
    ),
}  # fmt: skip
# Words that begin many other sentences ("no problem", "si vous voulez"): an answer only alone, or before a pause.
_BARE = frozenset({"no", "non", "nao", "si", "لا"})
# Before the first words: a greeting, which says nothing.
_GREETING = re.compile(
    r"^(dear|hello|hi|good (morning|afternoon|day)|greetings|bonjour|bonsoir|chere?s?|madame|monsieur|buenos dias|buenas tardes|estimad[oa]s?|hola|"
    r"bom dia|boa tarde|prezad[oa]s?|ola|car[oa]s?|السلام عليكم|تحية طيبة|السيد|السيدة|مرحبا|صباح الخير)\b"
)
_MARKS = re.compile("[\u064b-\u0652\u0640\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_LOOKED_AT = 12  # words: who needs more explains something, and a person should read it
_BUT = re.compile(
    r"\b(but|however|only if|mais|sauf|pero|salvo|mas|porem|if|depends|si c'est|ولكن|لكن|بشرط)\b|\S\s+si\b"
)


def plain(text: str) -> str:
    """Lower case, without accents and vowel marks, one form of alef, simple apostrophes."""
    text = _MARKS.sub("", unicodedata.normalize("NFKC", text).casefold())
    text = "".join(c for c in unicodedata.normalize("NFD", text) if not unicodedata.combining(c))
    return " ".join(text.replace("’", "'").replace("أ", "ا").replace("إ", "ا").replace("آ", "ا").split())


def said(text: str, *, is_strict: bool = False) -> str:
    """yes, no, maybe, or empty where a person should read it. text: as it was written, quoted lines and all.

    is_strict: nothing in all of what they wrote may point elsewhere, where else the first words decide.
    """
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
    looked_at = " ".join(lines) if is_strict else head
    if head.endswith(("?", "؟")) or _BUT.search(looked_at) or (is_strict and re.search("[?؟]", looked_at)):
        return ""
    found = {code for code, words in WORDS.items() if any(_begins(head, word) for word in words)}
    if len(found) != 1:
        return ""
    code = found.pop()
    return "" if _says_other(looked_at, code) else str(code)


def _says_other(text: str, code: str) -> bool:
    """Whether anything in it is another answer, once the words of this one are out ("no asistire" has "asistire" in it)."""
    for word in sorted(WORDS[code], key=len, reverse=True):
        text = re.sub(rf"(?<!\w){re.escape(word)}(?!\w)", " ", text)
    others = [word for other, words in WORDS.items() if other != code for word in words]
    others += [word for other, words in _SHORT.items() if other != code for word in words]
    return any(_has(text, word) for word in others)


_SHORT: dict[str, tuple[str, ...]] = {
    Answer.YES: ("yes", "oui", "sim", "نعم"),
    Answer.NO: ("not", "cannot", "can't", "unable", "unfortunately", "ne", "pas", "malheureusement", "لن"),
}


def _begins(head: str, word: str) -> bool:
    if word in _BARE:
        return re.match(rf"{word}\s*($|[,;:.!،؛…]|\s[-–—])", head) is not None
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
        if says == Answer.NO and invitation.registrations.active().exists():
            says = said(reading.text, is_strict=True)  # a seat is not taken from anybody by a guess
    if not says or (says == "yes" and invitation.answer in (Answer.YES, Answer.OTHER)):
        return
    try:
        answer(invitation=invitation, says=says, road=road)
    except DomainError as error:  # too late, say: it stays a reply that a person reads
        logger.info("A reply to invitation %s was not taken: %s", invitation.pk, error.code)
