"""Accounts of partners: opened when somebody of the directory asks for a code, forgotten when nobody came in, closed by a button."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from campaigns.networks.matching import person_at
from campaigns.partners.models import PartnerAccount
from contacts.consent.addresses import address_hashes, address_key
from contacts.consent.models import Suppression
from contacts.directory.models import Person
from crm.accounts import partners
from crm.accounts.models import User
from crm.audit.models import AuditEntry, Door
from crm.audit.services import record
from crm.errors import Invalid
from crm.ui.public import LANGUAGES

UNUSED_DAYS = 14


def open_for(email: str) -> User | None:
    """The account of the one person who has this address, made now if there is none; None for strangers, staff, and where no mail may go.

    The directory says whose address it is, each time: when it has gone to another person, the account under it goes.
    """
    if not may_write(email):
        return None
    person = person_at(email)
    if person is None:
        return None
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)  # two clicks make one account
        known = PartnerAccount.objects.select_related("user").filter(person=person).first()
        if known is not None:
            return known.user if known.user.is_active else None
        holder = User.objects.filter(email__iexact=email.strip()).first()
        if holder is not None:
            if not holder.is_partner:
                return None
            partners.remove(User.objects.filter(pk=holder.pk))
        return _open(person, email)


def may_write(email: str) -> bool:
    """Whether it is an address, and nobody asked that mail never goes there."""
    try:
        key = address_key(email)
    except Invalid:
        return False
    return not Suppression.objects.filter(address_hash__in=address_hashes(key)).exists()


def _open(person: Person, email: str) -> User:
    language = (person.language or "").split("-")[0]
    user = User.objects.create_user(
        email, None, name=person.label[:120], language=language if language in LANGUAGES else "en", is_partner=True
    )
    account = PartnerAccount.objects.create(user=user, person=person)
    record(verb="partneraccount.opened", target=account, door=Door.LINK, summary=person.label)
    return user


def close(*, account: PartnerAccount) -> AuditEntry:
    """Theirs to close; nothing of what the directory knows changes, and a new code opens it anew."""
    with transaction.atomic():
        entry = record(verb="partneraccount.closed", target=account, summary=account.person.label)
        partners.remove(User.objects.filter(pk=account.user_id))
    return entry


def ask_erasure(*, account: PartnerAccount) -> AuditEntry | None:
    """They want everything about them erased; administrators see it in Today. None when it is asked already."""
    with transaction.atomic():
        row = PartnerAccount.objects.select_for_update(of=("self",)).select_related("person").get(pk=account.pk)
        if row.erase_asked_at:
            return None
        row.erase_asked_at = timezone.now()
        row.save(update_fields=["erase_asked_at", "updated_at"])
        return record(
            verb="partneraccount.erasure_asked", target=row, summary=row.person.label,
            changes=[("erase_asked_at", None, row.erase_asked_at.isoformat())],
        )  # fmt: skip


def set_language(*, account: PartnerAccount, language: str) -> None:
    if language in LANGUAGES and account.user.language != language:
        account.user.language = language
        account.user.save(update_fields=["language", "updated_at"])


def forget_unused(*, limit: int = 500) -> int:
    """Accounts into which nobody came with a code go after some days; returns how many. Run twice, it does nothing twice."""
    before = timezone.now() - timedelta(days=UNUSED_DAYS)
    rows = PartnerAccount.objects.filter(created_at__lt=before, user__last_login__isnull=True)
    keys = list(rows.order_by("pk").values_list("user_id", flat=True)[:limit])
    return partners.remove(User.objects.filter(pk__in=keys, last_login__isnull=True))
