"""What a visitor does: send answers, or keep them to go on later. Nothing here tells whether somebody is known."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import IntegrityError, transaction
from django.utils import timezone

from campaigns.files.storage import release_all, store
from campaigns.forms.answering import AnswersForm
from campaigns.forms.models import AnswerFile, Form, FormDraft, Submission
from campaigns.forms.questions import Question, Tells
from contacts.consent.addresses import address_hash, address_key

logger = logging.getLogger(__name__)
DRAFT_DAYS = 30
RECEIPT_BYTES = 16


def take(
    *,
    form: Form,
    sent: AnswersForm,
    language: str,
    receipt: bytes,
    source: str = "",
    draft: FormDraft | None = None,
) -> None:
    """Keep the answers of a valid form, once for each receipt. Committed when it returns."""
    row = Submission(
        form=form,
        receipt=receipt,
        answers=sent.answers,
        language=language,
        source=source[:200],
        **_told(sent.questions, sent.answers),
    )
    if not sent.contents and draft is None:
        # one statement that waits for nobody: at a rush this is all that a sign-up costs
        Submission.objects.bulk_create([row], ignore_conflicts=True)
        return
    try:
        with transaction.atomic():
            row.save(force_insert=True)
            _move_files(sent, draft, submission=row)
            if draft is not None:
                forget_drafts([draft.pk])
    except IntegrityError:  # the same form twice in one moment: the other one is as good
        return


def _told(questions: list[Question], answers: Mapping[str, Any]) -> dict[str, Any]:
    """What of the directory the answers say, by the fields of a Submission."""
    found = {
        question.tells: answers[question.key] for question in questions if question.tells and question.key in answers
    }
    email = str(found.get(Tells.EMAIL, ""))
    return {
        "name": found.get(Tells.NAME, ""),
        "email": email,
        "address_hash": address_hash(address_key(email)) if email else None,
        "phone": found.get(Tells.PHONE, ""),
        "organization_name": found.get(Tells.ORGANIZATION, ""),
        "country_id": found.get(Tells.COUNTRY),
    }


def derived_receipt(form: Form, answers: Mapping[str, Any], who: str) -> bytes:
    """For a form on another site, whose page cannot mint one: the same answers from the same network within a day are one."""
    said = json.dumps([str(form.uid), timezone.localdate().isoformat(), who, answers], sort_keys=True)
    return hashlib.blake2b(said.encode(), digest_size=RECEIPT_BYTES).digest()


# --- going on later ---------------------------------------------------------------------------------------------------
def keep_draft(*, form: Form, sent: AnswersForm, language: str, draft: FormDraft | None = None) -> FormDraft:
    """Keep what is right so far, with its files. What cannot be yet is asked again."""
    with transaction.atomic():
        row = draft or FormDraft(form=form)
        row.answers, row.language = sent.answers, language
        row.save()
        if draft is not None:
            release_all(AnswerFile.objects.filter(draft=row).exclude(key__in=_kept_keys(sent)))
        _add_files(sent, draft=row)
    return row


def find_draft(uid: UUID) -> FormDraft | None:
    since = timezone.now() - timedelta(days=DRAFT_DAYS)
    return FormDraft.objects.select_related("form__campaign").filter(uid=uid, updated_at__gte=since).first()


def old_drafts(before: Any) -> Any:
    return FormDraft.objects.filter(updated_at__lt=before)


def forget_drafts(ids: list[int]) -> int:
    """Drafts go, with files that nobody else has."""
    with transaction.atomic():
        release_all(AnswerFile.objects.filter(draft__in=ids))
        return FormDraft.objects.filter(pk__in=ids).delete()[1].get("campaigns.FormDraft", 0)


def forget_submissions(ids: list[int]) -> int:
    """Answers go, with files that nobody else has."""
    with transaction.atomic():
        release_all(AnswerFile.objects.filter(submission__in=ids))
        return Submission.objects.filter(pk__in=ids).delete()[1].get("campaigns.Submission", 0)


# --- files ------------------------------------------------------------------------------------------------------------
def _kept_keys(sent: AnswersForm) -> list[str]:
    """Files of the draft that are still the answer."""
    return [key for key, value in sent.answers.items() if isinstance(value, dict) and key not in sent.contents]


def _add_files(sent: AnswersForm, **owner: Any) -> None:
    for key, (content, media_type) in sent.contents.items():
        if key in sent.answers:
            AnswerFile.objects.create(key=key, file=store(content, media_type=media_type), **owner)


def _move_files(sent: AnswersForm, draft: FormDraft | None, *, submission: Submission) -> None:
    if draft is not None:
        AnswerFile.objects.filter(draft=draft, key__in=_kept_keys(sent)).update(draft=None, submission=submission)
    _add_files(sent, submission=submission)
