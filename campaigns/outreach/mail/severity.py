"""Hard or soft: whether a server said that an address will never take mail, or only that this message did not get in.

An address that is wrongly given up is a person lost; one that is wrongly kept costs another bounce. So hard is only what is
said of the address itself, by a status (RFC 3463), a reply code (RFC 5321), or words that servers are known to use. A full
mailbox, a refused sender or message, a policy, a time-out are soft, whatever code a server gives them.
"""

from __future__ import annotations

import re
from functools import cached_property

# Failures only: 220 and 2.0.0 in a transcript are no reason. The subject of a status is 0 to 7, that of a version is anything.
STATUS = re.compile(r"(?<![\d.])[45]\.[0-7]\.\d{1,3}(?![\d.]*\d)")
CODE = re.compile(r"(?<![\d.:\-])([45][0-5]\d)(?=[\s\-,;:#)\]]|$)(?![\-.]\d(?!\.\d))")
LONGEST = 4_000


class _Words:
    """Any of these phrases; compiled when it is first asked, because all of them take 100 ms and most processes read no mail."""

    def __init__(self, *phrases: str) -> None:
        self._phrases = phrases

    @cached_property
    def _pattern(self) -> re.Pattern[str]:
        return re.compile("|".join(self._phrases))

    def search(self, text: str) -> re.Match[str] | None:
        return self._pattern.search(text)


# Said of whoever sends, though the words are those for an unknown recipient.
_OF_THE_SENDER = _Words(
    r"sender address rejected",
    r"sender verif",
    r"verify sender",
    r"callout",
    r"sender domain",
    r"domain of sender",
    r"sender'?s domain",
    r"envelope sender",
    r"sender denied",
    r"sender rejected",
    r"bad sender",
    r"invalid sender",
    r"sender unknown",
    r"reverse dns",
    r"reverse host",
    r"ptr record",
    r"\bhelo\b",
    r"\behlo\b",
    r"client host rejected",
    r"cannot find your",
    r"find your (?:reverse )?hostname",
    r"your (?:ip|domain|server|host)",
)
# The mailbox is there, and full.
_FULL = _Words(
    r"mail ?box (?:is |was |has been )?(?:currently )?(?:over)?full",
    r"(?:mailbox|inbox|quota|account|user|storage)[^.\n]{0,40}(?:is|has|are) (?:over ?quota|full\b|over its quota|over (?:the )?(?:storage|quota|limit))",
    r"(?:quota|storage|space|limit)[^.\n]{0,30}(?:exceed|exceeded|exceeds|has been reached|reached)",
    r"exceed(?:s|ed|ing)?[^.\n]{0,40}(?:quota|storage|mailbox (?:size|limit)|disk)",
    r"(?:over|out of|exceeded) ?(?:email |disk |mail(?:box)? |the |its |storage |allowed )*quota",
    r"over ?quota|over (?:disk )?quota",
    r"(?:space|storage) (?:is )?not enough|full mailbox",
    r"quota (?:full|violation|error)",
    r"insufficient (?:system |disk )?(?:storage|space|resources)",
    r"not enough (?:storage|disk|space)",
    r"no space left",
    r"out of storage",
    r"disk (?:is )?full",
    r"mailfull|boite pleine|bo.te (?:aux lettres |de r.ception )?(?:est )?pleine|buz.n (?:est. )?lleno|casilla llena|postfach (?:ist )?voll",
    r"too many messages (?:in|on) (?:this|the|that) (?:mailbox|inbox)",
    r"dd requested mail action aborted, mailbox",
    r"resolver\.rst\.mailboxfull|mapiexceptionshutoffquotaexceeded|quotaexceeded",
)
_UNKNOWN = _Words(
    r"user[ -](?:is )?(?:unknown|not[ -](?:found|known|exist)|does ?n[o']t exist|invalid|doesn.t have)",
    r"(?:unknown|no such|invalid|nonexistent|non-existent|bad|unrecogni[sz]ed|unrouteable|undeliverable) (?:(?:local|virtual|e-?mail|mail|smtp|final) )?"
    r"(?:user|recipient|address|mailbox|account|alias|destination|person|mail ?drop|local[ -]part|name)",
    r"(?:user|recipient|address|mailbox|account|alias|person|name)(?: name| address| you[^.\n]{0,60}|[^.\n]{0,60})? (?:(?:was|is|are|could) )?(?:not|n't) (?:be )?"
    r"(?:found|known|exist|recogni[sz]ed|listed|valid|available here|present|local|on file)",
    r"(?:does|do|did) ?(?:not|n.t) exist",
    r"doesn.t (?:exist|have an? )",
    r"(?:no|not an?|not our|isn.t an?) (?:such )?(?:valid |active |known )?(?:user|mailbox|recipient|account|person|customer|address|email|alias)(?:es)?\b[^.\n]{0,30}"
    r"(?:here|by that name|with that name|at this|in|found|named|called)?",
    r"no such (?:user|mailbox|address|recipient|person|domain|account|local|virtual|host|e-?mail)",
    r"not listed in",
    r"(?:user|address|recipient|mailbox|account)[^.\n]{0,20} unknown",
    r"unknown (?:to|in) (?:this|our|the)",
    r"unable to (?:find|locate) (?:the )?(?:recipient|user|mailbox)",
    r"recipnotfound|recipientnotfound|resolver\.adr|mapiexceptionnotfound|recipient not found",
    r"(?:e-?mail )?address (?:could|can)(?: ?not|n.t) be found",
    r"(?:wasn.t|was not|couldn.t be|could not be|can.t be|cannot be) found at",
    r"(?:mailbox|account|user|address|recipient|e-?mail account)[^.\n]{0,40}(?:is|was|has been|been|appears to be) (?:permanently |currently )?"
    r"(?:disabled|inactive|deactivated|closed|deleted|discontinued|terminated|removed|cancelled|canceled|invalid|non-?existent|obsolete|retired)",
    r"(?:disabled|inactive|deactivated|closed|expired) (?:user|account|mailbox|recipient|address)",
    r"(?:account|mailbox|user|address) (?:inactive|disabled|closed|expired|deleted)",
    r"no longer (?:exist|valid|available|active|in use|with|works?|employed|on server|accept|an? )",
    r"(?:user|account|mailbox|recipient) has moved",
    r"this user doesn.t",
    r"mailbox name (?:not allowed|is invalid)",
    r"not a (?:known|valid) (?:user|recipient)",
    r"badrcptto|bad destination|relais inconnu",
    r"invalid recipient|recipient invalid|illegal (?:user|recipient|alias)",
    r"recipient address rejected: (?:undeliverable|unverified|user|no such|address|invalid|not (?!allowed|permitted))",
    r"utilisateur inconnu|adresse (?:inconnue|inexistante|invalide|d'au moins un destinataire invalide)|n.existe pas|destinataire inconnu",
    r"usuario (?:desconocido|inexistente|no existe)|no existe|buz.n (?:no|inexistente)|cuenta (?:inexistente|desactivada)|destinatario desconocido",
    r"unbekannt(?:er)? (?:empf.nger|benutzer)|empf.nger (?:unbekannt|nicht)|existiert nicht|usu.rio (?:desconhecido|inexistente)|utente sconosciuto",
    r"لا يوجد|غير موجود",
)
_HOST_UNKNOWN = _Words(
    r"(?:host|domain|server)(?: name)?(?: or domain name)?[^.\n]{0,40} (?:not found|unknown|does ?n[o']t exist|non-?existent|not exist)",
    r"unknown (?:host|domain|mail domain)",
    r"(?:no such|bad|invalid) (?:host|domain)",
    r"name or service not known",
    r"couldn.t find any host",
    r"couldn.t find a mail exchanger",
    r"nxdomain|host unknown|unrouteable|unroutable|non-?existent (?:host|domain)",
    r"no (?:mx|mail (?:server|exchanger))[^.\n]{0,20} (?:found|for|record|exist)",
    r"no mail (?:servers|hosts) for",
    r"relevant mx records point to non-?existent",
    r"null ?mx|does not accept (?:e-?)?mail|domain does not receive",
    r"name server:[^\n]{0,80}host not found",
    r"illegal host/domain name",
)
# The message, its sender, or this moment; nothing about whether the address exists.
_REFUSED = _Words(
    r"spam|\bjunk\b|phish|virus|malware|malicious|\bblock(?:ed|ing|list)|black ?list|deny ?list|\brbl\b|dnsbl|spamhaus|barracuda|reputation|bulk mail|unsolicited",
    r"policy|policies|not (?:allowed|permitted|authori[sz]ed)|prohibited|forbidden|restricted|permission|disallowed|banned|content (?:rejected|filter)",
    r"\bspf\b|\bdkim\b|\bdmarc\b|authenticat|not rfc|unauthori[sz]ed",
    r"\brate\b|too (?:many|much|fast)|throttl|\blimit|frequen|gr[ae]y ?list|deferr?ed|temporar|try (?:again|later)|\blater\b|\bbusy\b|overload|tempfail"
    r"|in progress",
    r"time(?:d)? ?-?out|connection (?:refused|reset|lost|closed|dropped)|network|unreachable|not reachable|not responding|not available at this time|no route|refused to talk|retry|expired|too long|not been delivered"
    r"|could not be delivered (?:for|in|within)|couldn.t (?:talk|establish)|still being retried|haven.t been able to deliver",
    r"too (?:large|big)|message (?:size|length)|size (?:exceed|limit)|maximum (?:message|size)|exceeds? (?:the )?(?:size|maximum|max|limit|message)|larger than",
    r"\bloop|too many hops|hop count|relay(?:ing)? (?:denied|access|not)|unable to relay|not relay|cannot relay|we do not relay",
    r"access denied|transaction failed|rejected for|refused mail|refused to accept|challenge|moderat|closed group|accept(?:s|ing)? (?:messages|mail) (?:only )?from",
    r"system (?:error|not|problem|config)|internal (?:error|server)|local (?:error|configuration|problem)|configuration|out of memory|cannot open",
    r"starttls|tls (?:is )?required|encryption needed",
)
_FOR_NOW = _Words(
    r"will (?:keep|continue|try|retry|be retried)|being retried|still (?:trying|being)|has not yet been delivered|not yet been|warning message only"
    r"|temporar|delay|postponed|no action is required"
)

# RFC 3463 subjects and details of class 5 that speak of the address. Those of _VAGUE are used for anything, so words go first.
_GONE = {("1", detail) for detail in ("0", "1", "2", "3", "4", "6", "10")} | {
    ("2", "1"),
    ("4", "4"),
    ("5", "0"),
    ("0", "0"),
}
_VAGUE = {("0", "0"), ("1", "0"), ("2", "0"), ("2", "1"), ("3", "0"), ("4", "0"), ("5", "0")}
# Exchange has details of three digits; these say that there is no such domain or mailbox.
_GONE_EXCHANGE = {"5.1.350", "5.1.351", "5.4.310"}


def is_hard(*, status: str = "", code: str = "", words: str = "") -> bool:
    """Whether a failure is final for its address. words: what the server said, or the notification around the address.

    status and code are read from the words where they are not given. A code without any hint is taken by its class.
    """
    text = " ".join(words[:LONGEST].lower().split())
    status = specific_status(status, text)
    found = CODE.search(text) if not code else None
    code = code or (found[1] if found else "")
    if _is_temporary(status, code) or _FULL.search(text):
        return False
    of_sender = bool(_OF_THE_SENDER.search(text))
    if not of_sender and (_UNKNOWN.search(text) or _HOST_UNKNOWN.search(text)):
        return True
    subject = tuple(status.split(".")[1:])
    if status and subject not in _VAGUE:
        if status == "5.4.1":  # of Exchange Online, when a domain knows its mailboxes and this is none
            return "access denied" in text
        return status in _GONE_EXCHANGE or (status.startswith("5") and subject in _GONE and not of_sender)
    if of_sender or _REFUSED.search(text):
        return False
    if status:
        return status.startswith("5") and subject in _GONE
    if code:
        return code.startswith("5") and code != "552"
    return not _FOR_NOW.search(text)


def _is_temporary(status: str, code: str) -> bool:
    """By its class; a status of class 5 around a reply of class 4 is a server that gave up trying."""
    if status:
        return status.startswith("4") or (status in ("5.0.0", "5.4.7") and code.startswith("4"))
    return code.startswith("4")


def specific_status(status: str, text: str) -> str:
    """The status that says most: X.0.0 says nothing, so one in the server's own words is taken before it."""
    given = STATUS.search(status)
    mine = given[0] if given else ""
    if mine and not mine.endswith(".0.0"):
        return mine
    said = [found[0] for found in STATUS.finditer(text)]
    return next((one for one in said if not one.endswith(".0.0")), mine or next(iter(said), ""))


def is_only_delayed(text: str) -> bool:
    """Whether a notification in plain words says that its server goes on trying."""
    return bool(_FOR_NOW.search(" ".join(text[:LONGEST].lower().split())))


def says_anything(words: str) -> bool:
    """Whether words give any reason at all."""
    text = " ".join(words[:LONGEST].lower().split())
    return any(known.search(text) for known in (STATUS, CODE, _FULL, _UNKNOWN, _HOST_UNKNOWN, _OF_THE_SENDER, _REFUSED))


def says_gone(words: str) -> bool:
    """Whether words alone say that there is no such address."""
    text = " ".join(words[:LONGEST].lower().split())
    return bool(_UNKNOWN.search(text) or _HOST_UNKNOWN.search(text))
