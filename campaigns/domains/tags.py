"""DKIM keys (RFC 6376, 8463) and DMARC policies (RFC 7489 and its revision): both are lists of tags."""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass
from urllib.parse import unquote

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key
from django.utils.translation import gettext as _

from campaigns.domains.book import Answer, Book, Status

SHORTEST_KEY, GOOD_KEY = 1024, 2048
_NAME = re.compile(r"^[A-Za-z][A-Za-z0-9_]*$")
_POLICIES = ("none", "quarantine", "reject")


def tag_list(text: str) -> tuple[dict[str, str], list[str]]:
    """Tags by name, in order, and a sentence for whatever is not one."""
    tags: dict[str, str] = {}
    problems = []
    for part in text.split(";"):
        name, equals, value = part.partition("=")
        name = name.strip()
        if not part.strip():
            continue
        if not equals or not _NAME.match(name):
            problems.append(_("“%(part)s” is no tag.") % {"part": part.strip()[:60]})
        elif name in tags:
            problems.append(_("“%(name)s=” stands there twice.") % {"name": name})
        else:
            tags[name] = value.strip()
    return tags, problems


# --- DKIM ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Key:
    """A public key. bits: of an RSA key."""

    kind: str = "rsa"
    bits: int = 0
    body: str = ""
    is_revoked: bool = False
    is_testing: bool = False
    problems: tuple[str, ...] = ()


def read_key(text: str) -> Key:
    """A key record as a verifier reads it."""
    tags, problems = tag_list(text)
    if "v" in tags and (tags["v"] != "DKIM1" or next(iter(tags)) != "v"):
        problems.append(_("It must begin with “v=DKIM1”."))
    kind = tags.get("k", "rsa").lower()
    flags = {flag.strip().lower() for flag in tags.get("t", "").split(":")}
    testing = "y" in flags
    if "p" not in tags:
        problems.append(_("It has no “p=”, so there is no key in it."))
        return Key(kind, is_testing=testing, problems=tuple(problems))
    body = re.sub(r"\s", "", tags["p"])
    if not body:
        return Key(kind, is_revoked=True, is_testing=testing, problems=tuple(problems))
    services = {name.strip().lower() for name in tags.get("s", "*").split(":")}
    if not services & {"*", "email"}:
        problems.append(_("Its “s=” says that the key is not for mail."))
    if "h" in tags and "sha256" not in {name.strip().lower() for name in tags["h"].split(":")}:
        problems.append(_("Its “h=” does not allow sha256, which signatures are made with."))
    bits = _bits(kind, body, problems)
    return Key(kind, bits, body, is_testing=testing, problems=tuple(problems))


def _bits(kind: str, body: str, problems: list[str]) -> int:
    try:
        raw = base64.b64decode(body, validate=True)
    except (binascii.Error, ValueError):
        problems.append(_("Its “p=” is not base64: it was cut off or has other characters in it."))
        return 0
    if kind == "ed25519":
        if len(raw) != 32:
            problems.append(_("Its “p=” is no Ed25519 key."))
        return 0
    if kind != "rsa":
        problems.append(_("“k=%(kind)s” is a kind of key that receivers do not know.") % {"kind": kind[:20]})
        return 0
    try:
        key = load_der_public_key(raw)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, RSAPublicKey):
        problems.append(_("Its “p=” is no RSA key: it was cut off, or pasted with something else."))
        return 0
    return key.key_size


def key_record(pasted: str) -> str:
    """What an administrator pasted (PEM, base64, a record, or a name to point to) as a record's value; "" when it is none."""
    text = pasted.strip().strip('"')
    if re.fullmatch(r"(?i)(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+[a-z][a-z0-9-]*\.?", text):
        return text.rstrip(".").lower()
    if "p=" not in text:
        body = re.sub(r"-----[A-Z ]+-----|\s", "", text)
        text = f"v=DKIM1; k=rsa; p={body}"
    else:
        text = re.sub(r'"\s*"', "", " ".join(text.split()))  # the strings of a record, pasted one by one
    key = read_key(text)
    return "" if key.problems or not key.body else text


def is_name(record: str) -> bool:
    """Whether a record's value is a name to point to (CNAME) and no key."""
    return bool(record) and "=" not in record


# --- DMARC --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Policy:
    """A policy as a receiver reads it."""

    policy: str = "none"
    subdomains: str = ""
    strict_dkim: bool = False
    strict_spf: bool = False
    reports_to: tuple[str, ...] = ()
    percent: int = 100
    is_testing: bool = False
    public_suffix: str = "u"
    is_usable: bool = True
    problems: tuple[str, ...] = ()

    def for_subdomains(self) -> str:
        return self.subdomains or self.policy


def is_dmarc(text: str) -> bool:
    return bool(re.match(r"^v\s*=\s*DMARC1\s*(;|$)", text))


def read_policy(text: str) -> Policy:
    tags, problems = tag_list(text)
    if not is_dmarc(text):
        return Policy(is_usable=False, problems=(_("It must begin with “v=DMARC1”."),))
    reports = tuple(uri.strip() for uri in tags.get("rua", "").split(",") if uri.strip())
    for uri in reports:
        if report_domain(uri) == "":
            problems.append(_("“%(uri)s” in “rua=” is no mailto: address.") % {"uri": uri[:80]})
    good = tuple(uri for uri in reports if report_domain(uri))
    policy = tags.get("p", "").lower()
    usable = True
    if policy not in _POLICIES:
        problems.append(_("“p=” must be none, quarantine or reject."))
        policy, usable = "none", bool(good)  # a receiver then only reports, and ignores it where it cannot
    sub = tags.get("sp", "").lower()
    if sub and sub not in _POLICIES:
        problems.append(_("“sp=” must be none, quarantine or reject."))
        sub = ""
    for name in ("adkim", "aspf"):
        if tags.get(name, "r").lower() not in ("r", "s"):
            problems.append(_("“%(name)s=” must be r or s.") % {"name": name})
    percent = tags.get("pct", "100")
    is_percent = percent.isascii() and percent.isdigit() and int(percent[:9]) <= 100
    if not is_percent:
        problems.append(_("“pct=” must be a number from 0 to 100."))
    return Policy(
        policy,
        sub,
        tags.get("adkim", "r").lower() == "s",
        tags.get("aspf", "r").lower() == "s",
        good,
        int(percent) if is_percent else 100,
        tags.get("t", "n").lower() == "y",
        tags.get("psd", "u").lower(),
        usable,
        tuple(problems),
    )


def report_domain(uri: str) -> str:
    """The domain of a mailto: address; "" when it is none."""
    if not uri.lower().startswith("mailto:"):
        return ""
    local, at, domain = unquote(uri[7:].partition("!")[0]).rpartition("@")
    return domain.lower() if at and local and "." in domain else ""


@dataclass(frozen=True)
class Found:
    """The policy that holds for a domain. name: where it stands; organization: the domain that alignment is about."""

    organization: str
    name: str = ""
    text: str = ""
    policy: Policy | None = None
    several_at: str = ""
    is_known: bool = True


def dmarc_of(book: Book, domain: str) -> Found:
    """Climb from `domain` towards the top, as receivers do: its own record counts first, then its organization's."""
    records: list[tuple[str, str, Policy]] = []
    several, known = "", True
    for name in _climb(domain):
        answer = book.ask("TXT", f"_dmarc.{name}")
        known &= answer.is_known
        texts = _policies(answer)
        if len(texts) > 1:
            several = several or name
            continue
        if not texts:
            continue
        policy = read_policy(texts[0])
        records.append((name, texts[0], policy))
        if policy.public_suffix == "n" or (policy.public_suffix == "y" and name != domain):
            break
    organization = _organization(domain, records)
    for name, text, policy in records:
        if name in (domain, organization):
            return Found(organization, name, text, policy, several, known)
    return Found(organization, several_at=several, is_known=known)


def _policies(answer: Answer) -> list[str]:
    return [value for value in answer.values if is_dmarc(value)] if answer.status == Status.FOUND else []


def _climb(domain: str) -> list[str]:
    """The domain, then its parents; of a long one only the last seven labels are climbed (RFC 9989's tree walk)."""
    labels = domain.split(".")
    first = 1 if len(labels) <= 8 else len(labels) - 7
    return [domain, *[".".join(labels[start:]) for start in range(first, len(labels))]]


def _organization(domain: str, records: list[tuple[str, str, Policy]]) -> str:
    if not records:
        return domain
    name, _text, policy = records[-1]  # the one nearest to the top
    if policy.public_suffix == "y" and name != domain:
        below = domain[: -len(name) - 1].rpartition(".")[2]
        return f"{below}.{name}"
    return name


def belongs(child: str, parent: str) -> bool:
    return child == parent or child.endswith(f".{parent}")
