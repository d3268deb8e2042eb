"""What is known of the services: where they ask for consent, where they give tokens, and what a token for mail is called there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from campaigns.oauth.models import Grant, Service

SMTP, IMAP = "smtp", "imap"
_MICROSOFT = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/"
_TENANT = re.compile(r"https://login\.microsoftonline\.com/([A-Za-z0-9.-]{1,100})/oauth2/v2\.0/token")
# As the program itself Microsoft gives one for all that an administrator allowed.
_PROGRAM_SCOPE = "https://outlook.office365.com/.default"


@dataclass(frozen=True)
class Known:
    """One service. scopes: by what the token is for. extra: what it needs to be asked besides RFC 6749."""

    consent_url: str
    token_url: str
    scopes: Mapping[str, str]
    has_tenants: bool = False
    has_programs: bool = False
    extra: Mapping[str, str] = field(default_factory=dict)


KNOWN: Mapping[str, Known] = {
    Service.GOOGLE: Known(
        consent_url="https://accounts.google.com/o/oauth2/v2/auth",
        token_url="https://oauth2.googleapis.com/token",  # noqa: S106 an address
        scopes={SMTP: "https://mail.google.com/", IMAP: "https://mail.google.com/"},
        # without these there is no refresh token, or only at the very first yes
        extra={"access_type": "offline", "prompt": "consent"},
    ),
    Service.MICROSOFT: Known(
        consent_url=f"{_MICROSOFT}authorize",
        token_url=f"{_MICROSOFT}token",
        scopes={
            SMTP: "https://outlook.office.com/SMTP.Send offline_access",
            IMAP: "https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        },
        has_tenants=True,
        has_programs=True,
        extra={"prompt": "select_account"},
    ),
}


def addresses(service: str, tenant: str) -> tuple[str, str]:
    """(where somebody says yes, where tokens come from) of a known service."""
    known = KNOWN[service]
    return known.consent_url.format(tenant=tenant), known.token_url.format(tenant=tenant)


def tenant_of(token_url: str) -> str:
    found = _TENANT.fullmatch(token_url)
    return found[1] if found else ""


def scope_for(service: str, grant: str, use: str) -> str:
    """What is asked for where nothing else is written. use: SMTP or IMAP."""
    if service not in KNOWN:
        return ""
    return _PROGRAM_SCOPE if grant == Grant.PROGRAM else KNOWN[service].scopes[use]


def extra_of(service: str) -> Mapping[str, str]:
    return KNOWN[service].extra if service in KNOWN else {}
