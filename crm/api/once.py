"""`Idempotency-Key`: a POST that is sent again gives the first answer again, and does nothing twice.

A row with (token, key) unique is the lock. What the request does and the answer that is kept commit together: a process
that dies in between leaves neither, and after LEASE another request may take the key over.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from crm.api.models import ApiToken, KeptAnswer
from crm.api.problems import Problem
from crm.api.services import ANSWERS_KEPT

HEADER = "Idempotency-Key"
REPEATED = "Idempotency-Replayed"
LEASE = timedelta(seconds=90)  # no request lives longer
KEPT_HEADERS = ("Location",)
_KEY = re.compile(r"[\x21-\x7e]{1,255}")


def answer_once(request: Request, token: ApiToken, work: Callable[[], Response]) -> Response:
    """Do `work` once for this key, or give the answer that it had."""
    key = str(request.headers.get(HEADER, ""))
    if not key:
        return work()
    if not _KEY.fullmatch(key):
        sentence = _("An idempotency key has 1 to 255 visible ASCII characters.")
        raise Problem(400, sentence, code="bad_idempotency_key", fields={HEADER: [sentence]})
    claim, kept = uuid4(), _digest(request)
    row = _claim(token, key, kept, claim)
    if row is not None:
        return _repeated(row, kept)
    try:
        with transaction.atomic():
            response = work()
            if response.status_code < 400:
                _keep(token, key, claim, response)
    except BaseException:
        # refused or failed: nothing was done, so the key is free for another try
        KeptAnswer.objects.filter(token=token, key=key, claim=claim).delete()
        raise
    return response


def _claim(token: ApiToken, key: str, request_hash: bytes, claim: UUID) -> KeptAnswer | None:
    """None when the key is ours now; else the row of whoever has it."""
    now = timezone.now()
    fresh = KeptAnswer(token=token, key=key, request_hash=request_hash, claim=claim, claimed_at=now)
    KeptAnswer.objects.filter(token=token, key=key, claimed_at__lt=now - ANSWERS_KEPT).delete()
    KeptAnswer.objects.bulk_create([fresh], ignore_conflicts=True)
    row = KeptAnswer.objects.filter(token=token, key=key).first()
    if row is None or row.claim == claim:
        return None
    if row.status is None and row.claimed_at < now - LEASE and bytes(row.request_hash) == request_hash:
        taken = KeptAnswer.objects.filter(pk=row.pk, claim=row.claim, status=None).update(claim=claim, claimed_at=now)
        return None if taken else row
    return row


def _repeated(row: KeptAnswer, request_hash: bytes) -> Response:
    if bytes(row.request_hash) != request_hash:
        raise Problem(
            422, _("This idempotency key was used for another request. Make a new one."), code="idempotency_key_reused"
        )
    if row.status is None:
        raise Problem(
            409, _("The first request with this idempotency key is still at work. Ask again in a moment."),
            code="idempotency_in_progress", headers={"Retry-After": "2"},
        )  # fmt: skip
    body = json.loads(row.body) if row.body else None
    return Response(body, status=row.status, headers={**row.headers, REPEATED: "true"})


def _keep(token: ApiToken, key: str, claim: UUID, response: Response) -> None:
    body = JSONRenderer().render(response.data).decode() if response.data is not None else ""
    headers = {name: response[name] for name in KEPT_HEADERS if name in response}
    written = KeptAnswer.objects.filter(token=token, key=key, claim=claim).update(
        status=response.status_code, body=body, headers=headers
    )
    if not written:  # somebody took the key over while we were slow: theirs is the one that counts
        raise Problem(
            409, _("Another request with this idempotency key was faster. Ask again for its answer."),
            code="idempotency_in_progress", headers={"Retry-After": "2"},
        )  # fmt: skip


def _digest(request: Request) -> bytes:
    """Of method, path and what was sent. A form is compared by its parts: its boundary is another one each time."""
    made = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    data: Any = request.data
    if hasattr(data, "lists"):
        for name, values in sorted(data.lists()):
            for value in values:
                made.update(name.encode() + b"\0")
                if isinstance(value, UploadedFile):
                    made.update((value.name or "").encode() + b"\0")
                    for chunk in value.chunks():
                        made.update(chunk)
                    value.seek(0)
                else:
                    made.update(str(value).encode())
                made.update(b"\0")
    else:
        made.update(json.dumps(data, sort_keys=True).encode())
    return made.digest()
