"""Whether a program answered (RFC 3834, and what programs wrote before it), a person did, or nobody wrote to us at all."""

from __future__ import annotations

import re

from campaigns.outreach.mail.parts import Part

_MARKS = (
    "X-Autoreply", "X-Autorespond", "X-Autoresponder", "X-AutoReply-From", "X-Auto-Reply", "X-Autoreply-From", "X-Mail-Autoreply",
    "X-Vacation", "X-Auto-Response-Suppress", "X-MS-Exchange-Inbox-Rules-Loop", "X-FC-MachineGenerated", "X-Amazon-Auto-Reply",
    "X-Away", "X-ASK-Action", "X-TMDA-Confirm-Done", "X-Spamarrest-NoTmda", "X-Boxbe-Notification", "X-Loop-Autoreply",
)  # fmt: skip
_PRECEDENCE = {"auto_reply", "auto-reply", "autoreply", "bulk", "junk"}
_ANSWER = re.compile(
    r"^\s*(?:re|aw|antw|antwort|sv|vs|rv|rif|r|odp|res|resp|ynt|ref|回复|答复|回覆|답장|رد|отв|απ|vá)\s*(?:\[\d{1,3}\]|\(\d{1,3}\))?\s*[:：]",
    re.IGNORECASE,
)
# A bare word stands alone, with a date, or before our own subject; else somebody writes about it.
_ALONE = r"(?=\W{0,2}(?:$|\(|until|till|from \d|du \d|au \d|jusqu|hasta|del? \d|\d|du bureau|temporaire|temporal|(?:re|aw)\s*:))"
# Each begins the subject; a person who answers such a message begins with "Re:".
_AWAY = re.compile(
    r"^\W{0,3}(?:"
    r"(?:automat(?:ic|ed)|auto)[ -]?(?:reply|response|respond(?:er)?|message|answer|e?mail)\b|auto(?:reply|response|responder|answer)\b|auto\s?:"
    r"|(?:i am |i'm |i’m |currently |away: |away |notice: )(?:out of|away|on |from|[:.,!-]|$|until|till)"
    rf"|(?:on )?(?:(?:annual|maternity|paternity|parental|sick|study) )?(?:leave|vacation|holidays?){_ALONE}|absen(?:t|te|ce|cia){_ALONE}"
    r"|out[ -]of[ -](?:the[ -])?(?:office|town)|ooo\b|oof\b|not in (?:the )?office|vacation (?:reply|response|notice|message|alert)"
    r"|.{1,80} is (?:currently )?(?:out of (?:the )?office|on (?:annual |sick )?leave|on vacation|away)\b|holiday (?:reply|message|notice)|away from (?:my |the )?(?:office|desk|mail|e-?mail)|(?:i am|i’m|i'm) (?:away|out|on)\b"
    r"|thank(?:s| you) for (?:your )?(?:e-?mail|message|contacting|enquiry|inquiry)"
    # fr
    r"|r[ée]ponse (?:automatique|auto)\b|r[ée]pondeur|message (?:automatique|d['’ ]absence)|(?:avis|notification|message) d['’]absence|(?:je suis )(?:actuellement )?absente?\b"
    r"|(?:je suis )?(?:en cong[ée]s?|en vacances|en mission|en d[ée]placement)\b|hors (?:du |de mon )?bureau|accus[ée] (?:de )?r[ée]ception"
    # es, pt, it
    r"|(?:respuesta|resposta|risposta|contestaci[óo]n|mensaje|mensagem|messaggio) (?:autom[áa]tic[ao]|de ausencia)|auto-?respuesta"
    r"|fuera de (?:la |mi )?oficina|ausente|(?:estoy )?de vacaciones|estoy fuera|acuse de recibo|aus[êe]ncia|fora do escrit[óo]rio|fuori (?:sede|ufficio)"
    # ar
    r"|(?:ال)?رد (?:ال)?(?:تلقائي|آلي|الي)|(?:ال)?رسالة (?:ال)?(?:تلقائية|آلية)|خارج (?:ال)?مكتب|(?:أنا |انا )خارج|(?:أنا |انا )?(?:في |ب)(?:إجازة|اجازة|الإجازة)|(?:إجازة|اجازة)(?: سنوية)?\s*$|غير موجود|تم استلام رسالتك"
    # de, nl, the north, the east, ru, tr
    r"|abwesen|automatische (?:antwort|nachricht)|urlaub\b|nicht im (?:b[üu]ro|haus)|automatisch (?:antwoord|bericht)|afwezig|niet aanwezig"
    r"|automatisk[t]? (?:svar|autosvar)|autosvar|fr[åa]nvaro|frav[æa]r|automaattinen|poissa|automatyczna odpowied|nieobecno|automatick[áa] odpov"
    r"|автоответ|автоматическ(?:ий|ое) (?:ответ|сообщение)|отпуск|otomatik (?:yan[ıi]t|cevap)|ofis d[ıi][şs][ıi]nda"
    r"|自动回复|自動回覆|自動返信|不在|자동 ?(?:회신|응답)"
    r")",
    re.IGNORECASE,
)
_CHALLENGE = re.compile(
    r"(?:please )?(?:confirm|verify) your (?:e-?mail|message|address|mail)|(?:requires?|needs?|awaiting|requesting) (?:your )?(?:sender )?(?:verification|confirmation)"
    r"|verify (?:that )?you(?:'re| are)|prove you(?:'re| are) (?:a )?human|spam ?arrest|boxbe|(?:challenge|sender) (?:verification|confirmation)"
    r"|please verify #|message (?:is )?(?:being )?held (?:for|until)",
    re.IGNORECASE,
)
_SAYS_SO = re.compile(
    r"this is an? auto(?:matic|mated|matically|-)? ?-?(?:generated )?(?:reply|response|message|e-?mail|answer)|(?:automatically|auto-?) ?generated (?:reply|response|message|e-?mail)"
    r"|do not reply to this (?:auto|e-?mail|message)|(?:ceci|ce message|cet? e-?mail)[^.\n]{0,20} (?:est )?(?:une r[ée]ponse |un message |envoy[ée] )?automati"
    r"|r[ée]ponse automatique|(?:este|esto|esta)[^.\n]{0,25} (?:es )?(?:un |una )?(?:mensaje|respuesta|correo)[^.\n]{0,12} (?:generad[oa] )?autom[áa]tic"
    r"|dies(?:e|es)? ist eine automatische|هذ[اه] (?:رد|رسالة) (?:تلقائي|آلي)",
    re.IGNORECASE,
)
_HERE = 600  # characters at the beginning in which a program would say so


def says_away(message: Part) -> bool:
    """Whether a program says in its own headers, or at the beginning of its subject, that it answers for somebody."""
    if any(message.has(name) for name in _MARKS):
        return True
    if message.get("Precedence").lower() in {"auto_reply", "auto-reply", "autoreply"}:
        return True
    subject = message.get("Subject")
    return not _ANSWER.match(subject) and bool(_AWAY.match(subject) or _CHALLENGE.search(subject))


def is_automatic(message: Part, *, sender: str | None, text: str) -> bool:
    """sender: of the envelope; None where nobody knows it. A message with an empty one is nobody's own words."""
    if sender == "" or says_away(message):
        return True
    said = message.get("Auto-Submitted").lower()
    if said and not said.startswith("no"):
        return True
    if message.get("Precedence").lower() in _PRECEDENCE or message.get("X-POST-MessageClass").lower().startswith("9;"):
        return True
    if message.get("Delivered-To").lower().startswith("autoresponder"):
        return True
    return bool(_SAYS_SO.search(text[:_HERE]))


def is_list_mail(message: Part) -> bool:
    """A newsletter or a mailing list's message, unless it is an answer that came through one."""
    sent_to_many = message.has("List-Id") or message.has("List-Unsubscribe") or message.has("List-Post")
    return (sent_to_many or message.get("Precedence").lower() == "list") and not refers(message)


def refers(message: Part) -> bool:
    return message.has("In-Reply-To") or message.has("References")


def is_answer(message: Part) -> bool:
    """Whether somebody wrote back: by its thread, its subject, or an answer to an invitation (RFC 5546)."""
    if refers(message) or _ANSWER.match(message.get("Subject")):
        return True
    return any(
        part.params.get("method", "").upper() in {"REPLY", "COUNTER"} for part in message.of_type("text/calendar")
    )
