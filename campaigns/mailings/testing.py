"""A test send to oneself: the real message by the real transport, marked, and counted nowhere."""

from __future__ import annotations

from dataclasses import replace
from email.utils import make_msgid

from django.conf import settings
from django.db import transaction
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from campaigns.delivery.addresses import in_ascii
from campaigns.files.storage import read
from campaigns.mailings.compiling import attached_to, compile_variant, with_enclosures
from campaigns.mailings.enclosures import enclosures_of, tail_of
from campaigns.mailings.models import Mailing, MailingTest, Sender, Variant
from campaigns.mailings.recipients import fields_of
from campaigns.mailings.services import expect_confirmed_sender
from campaigns.mailings.transports import send_one
from crm.accounts.models import User
from crm.accounts.rules import Action
from crm.audit.services import record
from crm.errors import Invalid, NotAllowed


def send_test(*, mailing: Mailing, actor: User, language: str, member_uid: str = "") -> MailingTest:
    """Send one variant to the actor's own address, with the fields of a member of the segment (examples without one)."""
    if not Mailing.objects.visible_to(actor, Action.WRITE).filter(pk=mailing.pk).exists():
        raise NotAllowed(_("Your role does not allow test sends of this mailing."))
    variant = mailing.variants.filter(language=language).first() or mailing.variants.first()
    if mailing.sender is None or mailing.transport is None or variant is None:
        raise Invalid(_("Choose a sender and a transport first; then a test can be sent."), code="incomplete")
    expect_confirmed_sender(mailing)
    send_one(
        mailing.transport,
        sender=in_ascii(mailing.sender.email),
        to=actor.email,
        message=_message(mailing, mailing.sender, variant, actor, member_uid),
    )
    with transaction.atomic():
        row = MailingTest.objects.create(
            mailing=mailing, user=actor, language=variant.language, content_version=mailing.content_version
        )
        record(verb="mailing.tested", target=mailing, actor=actor, summary=variant.language)
    return row


def _message(mailing: Mailing, sender: Sender, variant: Variant, actor: User, member_uid: str) -> bytes:
    attached = attached_to(mailing)
    compiled = with_enclosures(compile_variant(variant), attached)
    compiled = replace(compiled, subject=f"[{_('Test')}] {compiled.subject}")
    here = settings.BASE_URL + reverse("mailing_detail", args=[mailing.uid])
    head = compiled.message(
        fields=fields_of(mailing, actor, member_uid, variant.language),
        to=(actor.name, actor.email),
        from_=(sender.name, in_ascii(sender.email)),
        reply_to=in_ascii(sender.reply_to or sender.email),
        date=timezone.now(),
        message_id=make_msgid(domain=settings.RETURN_DOMAIN or "localhost"),
        # a test has no delivery, so there is nothing to unsubscribe from: its links lead back to the mailing
        unsubscribe_url=here,
        preferences_url=here,
        headers={"X-Groundswell-Test": str(mailing.uid)},
    )
    return b"".join([head, *tail_of(enclosures_of(attached, variant.language), read)])
