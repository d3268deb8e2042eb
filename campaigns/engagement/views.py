"""The page behind an unsubscribe link that was opened rather than posted."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_safe

from campaigns.delivery.queries import find_delivery
from campaigns.engagement import links
from campaigns.engagement.services import subject_of
from contacts.consent.links import preference_url
from contacts.consent.models import SubjectKind
from contacts.consent.preferences import preferences
from contacts.directory.models import Person
from crm.accounts.rules import public


@public
@require_safe
def unsubscribe_page(request: HttpRequest, token: str) -> HttpResponse:
    """From the link in a message to the preference page of whoever it was sent to. Nothing is changed by looking."""
    link = links.read(links.UNSUBSCRIBE, token)
    if link is None or link.seq is None:
        return preferences(request, "not-ours")
    subject = subject_of(find_delivery(link.mailing_id, link.seq))
    if subject is None:
        return preferences(request, "not-ours")
    kind = SubjectKind.PERSON if isinstance(subject, Person) else SubjectKind.ORGANIZATION
    return redirect(preference_url(subject.uid, kind, link.mailing_id, link.seq))
