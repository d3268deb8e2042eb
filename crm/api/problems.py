"""Every error as problem+json (RFC 9457): a stable `code`, a sentence in `detail`, what is wrong with which field in `fields`.

{"type": "/api/v1/docs#problem-invalid", "title": "The content cannot be used", "status": 422, "code": "no_name",
 "detail": "A person needs a name.", "fields": {"name": ["…"]}, "request_id": "…"}
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

import structlog
from django.core.exceptions import PermissionDenied, RequestDataTooBig, ValidationError
from django.db import DataError, IntegrityError, OperationalError
from django.http import Http404
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from rest_framework import exceptions

from crm.audit.services import as_json
from crm.errors import DomainError

logger = logging.getLogger(__name__)
CONTENT_TYPE = "application/problem+json"
DOCS = "/api/v1/docs"
# status → (general code, title, what to do): also the table of the documentation
KINDS: dict[int, tuple[str, Any, Any]] = {
    400: ("bad_request", gettext_lazy("The request cannot be read"), gettext_lazy("Its JSON, a query parameter or a header is malformed. `fields` says which. Nothing was changed.")),
    401: ("unauthenticated", gettext_lazy("A valid token is needed"), gettext_lazy("Send `Authorization: Bearer gsw_…` with a token that is neither expired nor revoked.")),
    403: ("not_allowed", gettext_lazy("Not allowed"), gettext_lazy("The role of the token's user, or the token's scopes, do not reach this. `needed_scopes` says what would.")),
    404: ("not_found", gettext_lazy("There is nothing here"), gettext_lazy("No such row, or none that this user may see: the two look the same on purpose.")),
    405: ("method_not_allowed", gettext_lazy("This method is not offered here"), gettext_lazy("The `Allow` header says which are.")),
    406: ("not_acceptable", gettext_lazy("Only JSON is offered here"), gettext_lazy("Accept `application/json`.")),
    409: ("conflict", gettext_lazy("It stands otherwise than you think"), gettext_lazy("Its state forbids this, or somebody changed it, or it exists. For mailings, `allowed` lists what can be done now.")),
    412: ("precondition_failed", gettext_lazy("It changed since you read it"), gettext_lazy("The ETag in `If-Match` is not the present one. Read it again, then decide.")),
    413: ("too_large", gettext_lazy("The request is too large"), gettext_lazy("Send it in parts.")),
    415: ("unsupported_media_type", gettext_lazy("Send JSON"), gettext_lazy("`Content-Type: application/json`; files as `multipart/form-data`.")),
    422: ("invalid", gettext_lazy("The content cannot be used"), gettext_lazy("It was read and understood, but a value is wrong. `fields` has a sentence for each. Nothing was changed.")),
    429: ("too_many_requests", gettext_lazy("Too many requests"), gettext_lazy("Wait as many seconds as `Retry-After` says.")),
    500: ("server_error", gettext_lazy("Something broke here"), gettext_lazy("Our mistake. Nothing was changed; `request_id` helps us to find it.")),
    503: ("unavailable", gettext_lazy("Something that is needed does not answer"), gettext_lazy("Nothing was changed. Try again later; with an `Idempotency-Key` that is always safe.")),
}  # fmt: skip


@dataclass
class Problem(Exception):
    """An error of the API itself, with its status."""

    status: int
    detail: str
    code: str = ""
    fields: Mapping[str, list[str]] = field(default_factory=dict)
    data: Mapping[str, Any] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def body(self) -> dict[str, Any]:
        general, title, _advice = KINDS.get(self.status) or ("error", HTTPStatus(self.status).phrase, "")
        found = {
            "type": f"{DOCS}#problem-{general}",
            "title": str(title),
            "status": self.status,
            "code": self.code or general,
            "detail": self.detail,
        }
        if self.fields:
            found["fields"] = {name: [str(text) for text in texts] for name, texts in self.fields.items()}
        request_id = structlog.contextvars.get_contextvars().get("request_id")
        if request_id:
            found["request_id"] = str(request_id)
        return {**{name: as_json(value) for name, value in self.data.items()}, **found}


def bad_query(name: str, sentence: str) -> Problem:
    """A query parameter that cannot be used."""
    return Problem(400, sentence, code="bad_parameter", fields={name: [sentence]})


def problem_of(error: Exception) -> Problem:
    """Whatever went wrong, as what the client is told. What we did not foresee is logged and told as our mistake."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DomainError):
        return _of_domain(error)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, ValidationError):  # of a model
        fields = getattr(error, "message_dict", {"": error.messages})
        named = {("" if name == "__all__" else name): texts for name, texts in fields.items()}
        return Problem(422, " ".join(error.messages), fields={k: v for k, v in named.items() if k})
    if isinstance(error, Http404):
        return Problem(404, _("No such thing, or nothing that this token may see."))
    if isinstance(error, PermissionDenied):
        return Problem(403, _("This is not allowed."))
    if isinstance(error, RequestDataTooBig):
        return Problem(413, _("The request is larger than this server reads at once. Send it in parts."))
    if isinstance(error, MultiPartParserError):
        return Problem(400, _("The form cannot be read."), code="bad_form")
    return _of_database(error)


def _of_database(error: Exception) -> Problem:
    """What got past our own checks: still a sentence, never a page."""
    if isinstance(error, IntegrityError):
        logger.warning("A constraint refused what the API let through: %s", type(error.__cause__).__name__)
        return Problem(409, _("Something with this value exists already, or was changed at the same moment."))
    if isinstance(error, DataError):
        logger.warning("A value got as far as the database: %s", type(error.__cause__).__name__)
        return Problem(422, _("A value is out of range."))
    if isinstance(error, OperationalError):
        logger.exception("The database did not do as asked")
        return Problem(503, _("The database did not answer in time. Nothing was changed; try again."))
    logger.exception("An API request failed")
    return Problem(500, _("Something broke on our side, and nothing was changed. Tell us the request_id."))


def _of_domain(error: DomainError) -> Problem:
    data = dict(error.data)
    errors = data.pop("errors", None) or ()
    data.pop("problems", None)
    fields: dict[str, list[str]] = {}
    for path, texts in errors.items() if isinstance(errors, Mapping) else errors:
        fields.setdefault(str(path), []).extend([texts] if isinstance(texts, str) else [str(t) for t in texts])
    if problems := error.data.get("problems"):  # refused templates
        fields.setdefault("body_html", []).extend(str(problem) for problem in problems)
    return Problem(error.status, error.message, code=error.code, fields=fields, data=data)


def _of_framework(error: exceptions.APIException) -> Problem:
    status = error.status_code
    headers: dict[str, str] = {}
    if isinstance(error, exceptions.ValidationError):
        fields = dict(_flat(error.detail))
        first = next((f"{name}: {texts[0]}" if name else texts[0] for name, texts in fields.items()), "")
        return Problem(422, first, fields={name or "body": texts for name, texts in fields.items()})
    if isinstance(error, exceptions.NotAuthenticated | exceptions.AuthenticationFailed):
        status, headers["WWW-Authenticate"] = 401, 'Bearer realm="Groundswell"'
    code = "" if status != 400 else "bad_json" if isinstance(error, exceptions.ParseError) else ""
    return Problem(status, str(error.detail), code=code, headers=headers)


def _flat(detail: Any, path: str = "") -> Iterator[tuple[str, list[str]]]:
    """Nested errors of a serializer as (dotted path, sentences)."""
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            bare = "" if name == "non_field_errors" else str(name)
            yield from _flat(inner, ".".join(part for part in (path, bare) if part))
    elif isinstance(detail, list) and any(isinstance(item, Mapping | list) for item in detail):
        for number, inner in enumerate(detail):
            yield from _flat(inner, f"{path}.{number}" if path else str(number))
    elif isinstance(detail, list):
        if detail:
            yield path, [str(item) for item in detail]
    else:
        yield path, [str(detail)]
