"""For each operation that takes something: a body that can be used, made of the schema's examples and of the world's rows.

The first that fits: what is written here for the operation; the example of the schema; the least that the schema demands.
Ids are those of the world's rows, found by the name of their field.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from crm.api.docs import build
from tests.crm.api.world import World

Json = dict[str, Any]
# what a field of this name points to: a collection of the world, or one of the rows beside
REFERS = {
    "activity": "activities", "add": "people", "answer": "answers", "answers": "letters", "answers_of": "reports", "ask": "asks",
    "call_round": "call-rounds", "campaign": "campaigns", "commitment": "commitments", "delegation": "event-delegations",
    "delegations": "event-delegations", "depends_on": "activities", "drive": "drives", "event": "campaign-events",
    "institutions": "organizations", "letter": "letters", "mailing": "mailings", "member": "people", "milestone": "milestones",
    "organization": "organizations", "organizations": "organizations", "parent": "organizations", "people": "people",
    "period": "periods", "person": "people", "pillar": "pillars", "point": "contact-points", "post": "posts",
    "promised_by": "people", "remove": "people", "replaces": "event-nominations", "result": "results", "said_by": "people",
    "seat": "event-registrations", "segment": "segments", "sender": "senders", "topic": "topics", "transport": "transports",
}  # fmt: skip
USERS = {"owner", "user", "deputy", "assignee", "officer", "responsible", "author"}
TODAY = timezone.localdate().isoformat()
FAR = (timezone.localdate() + timedelta(days=400)).isoformat()


def operations() -> Iterator[tuple[str, Json]]:
    """(`METHOD /path` without the API's beginning, operation) of the whole schema."""
    for path, methods in build()["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path.removeprefix('/api/v1')}", operation


def resolved(schema: Json) -> Json:
    while "$ref" in schema:
        schema = build()["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    return schema


def content_of(operation: Json) -> tuple[str, Json]:
    """(media type, description) of what is sent: multipart only where JSON is not taken."""
    content = operation.get("requestBody", {}).get("content", {})
    kind = "application/json" if "application/json" in content else next(iter(content), "")
    return kind, content.get(kind, {})


def references(schema: Json, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Where in a body ids of rows stand: names of fields, `*` for each of a list."""
    schema = resolved(schema)
    for part in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())]:
        yield from references(part, path)
    if schema.get("format") == "uuid":
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from references(inner, (*path, name))
    if "items" in schema:
        yield from references(schema["items"], (*path, "*"))


def collection_of(path: tuple[str, ...]) -> str:
    """The collection of which rows are meant at this place, "" when it names no row (a token, a key of the client's)."""
    name = next(part for part in reversed(path) if part != "*")
    return "users" if name in USERS else REFERS.get(name, "")


def body_of(label: str, operation: Json, world: World) -> Any:
    """A body for it with the world's rows; None when it takes none."""
    _kind, content = content_of(operation)
    if not content:
        return None
    schema = resolved(content["schema"])
    examples = [example["value"] for example in content.get("examples", {}).values()]
    if label in BODIES:
        return _with_rows(BODIES[label], world)
    body = copy.deepcopy(examples[0] if examples else {})
    for name in schema.get("required", ()):
        if name not in body:
            body[name] = least(schema["properties"][name])
    return _with_rows(body, world)


def least(schema: Json) -> Any:
    """The simplest value that fits."""
    schema = resolved(schema)
    for part in [*schema.get("oneOf", ()), *schema.get("anyOf", ()), *schema.get("allOf", ())]:
        return least(part)
    if "enum" in schema:
        return next(value for value in schema["enum"] if value)
    kinds = schema.get("type", "string")
    kind = kinds[0] if isinstance(kinds, list) else kinds
    if kind == "array":
        return [least(schema["items"])] if schema.get("minItems") else []
    if kind == "object":
        return {name: least(schema["properties"][name]) for name in schema.get("required", ())}
    if kind in {"integer", "number"}:
        return schema.get("minimum", 1)
    if kind == "boolean":
        return True
    return {"date": FAR, "date-time": f"{FAR}T09:00:00Z", "uuid": PLACEHOLDER, "decimal": "1"}.get(
        schema.get("format", ""), "Words"
    )


PLACEHOLDER = "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c"


def put(body: Any, path: tuple[str, ...], uid: str) -> Any:
    """A copy of `body` with this id at that place; lists and objects on the way are made."""
    if not path:
        return uid
    body = copy.copy(body)
    head, rest = path[0], path[1:]
    if head == "*":
        return [put(inner, rest, uid) for inner in body or [{} if rest else ""]]
    body = body if isinstance(body, dict) else {}
    body[head] = put(body.get(head), rest, uid)
    return body


def _with_rows(body: Any, world: World, name: str = "") -> Any:
    """Ids are those of the world's rows: by the field's name, or by what stands behind an @."""
    if isinstance(body, dict):
        return {key: _with_rows(value, world, key) for key, value in body.items()}
    if isinstance(body, list):
        return [_with_rows(value, world, name) for value in body]
    if body == "@file":
        return SimpleUploadedFile("people.csv", b"name,email\nA,a@b.example\n", "text/csv")
    if isinstance(body, str) and body.startswith("@"):
        return {"country": world.country, "new": str(uuid4())}.get(body[1:]) or world.uids[body[1:]]
    if isinstance(body, str) and body.startswith(("01932b7e-", "01890000-0000-7000")):
        return world.uids.get(collection_of((name,)), body)
    return body


# what the schema's examples do not give
BODIES: dict[str, Any] = {
    "POST /people": {"name": "Amina Warsame", "country": "@country", "email": "amina@ministry.example"},
    "POST /organizations": {"name": "Ministry of Labour", "constituency": "GOV", "country": "@country"},
    "POST /memberships": {"person": "@people", "post": "@free-posts", "ends_previous": True},
    "POST /people/upsert": {
        "match": "erp", "rows": [{"name": "Binta Sow", "country": "@country", "external_ids": {"erp": "1"}}],
    },
    "POST /suppressions/check": {"address": "amina@ministry.example"},
    "POST /lists/{uid}/members": {"add": ["@people"]},
    "POST /imports": {"file": "@file"},
    "POST /mailings/{uid}/attachments": {"file": "@file"},
    "PATCH /imports/{uid}": {"mapping": {"0": "name", "1": "email"}},
    "POST /drives": {
        "campaign": "@campaigns", "name": "Coverage for farmers", "starts_on": "2027-01-11", "ends_on": "2027-12-18",
        "countries": ["@country"], "constituencies": ["GOV"],
    },
    "POST /drives/{uid}/copy": {"name": "Next year", "countries": ["@country"], "starts_on": FAR},
    "POST /policy-windows": {"name": "Budget debate", "kind": "budget", "country": "@country", "starts_on": "2027-10-01"},
    "POST /policy-windows/take-in": {"text": "name,from\nBudget speech,2027-09-24", "country": "@country"},
    "POST /commitments/{uid}/done": {"milestone": "@milestones", "done_on": TODAY},
    "POST /commitments/{uid}/settle": {"state": "kept", "outcome": "It was published."},
    "POST /forms/{uid}/answer": {"language": "en", "answers": {"name": "Ada", "email": "ada@people.test", "need": "people"}},
    "POST /campaign-events/{uid}/check-in": {
        "notes": [{"key": "@new", "at": f"{TODAY}T09:00:00Z", "seat": "@event-registrations"}],
    },
    "POST /campaign-events/{uid}/invite": {"people": ["@people"]},
    "POST /event-compositions": {
        "event": "@free-events", "nominate_by": TODAY, "countries": ["@country"],
        "seats": [{"constituency": "GOV", "role": "delegate", "seats": 2}],
    },
    "PATCH /event-compositions/{uid}": {"seats": [{"constituency": "GOV", "role": "delegate", "seats": 2}]},
    "POST /event-compositions/{uid}/find-nominators": {"constituency": "GOV"},
    "POST /event-nominators": {
        "delegation": "@event-delegations", "organization": "@organizations", "constituency": "EMP", "email": "cabinet@ministry.example",
    },
    "POST /event-nominations/{uid}/accept": {"person": "@people"},
    "POST /event-nominations/{uid}/identify": {"person": "@people"},
    "POST /change-wishes/{uid}/accept": {"seen_at": "@seen_at"},
    "POST /change-wishes/{uid}/decline": {"seen_at": "@seen_at"},
    "POST /actuals": {"period": "@periods", "value": 4, "on": TODAY, "evidence": "Gazette 12.", "contribution": "We trained them."},
    "POST /results": {"campaign": "@campaigns", "drive": "@drives", "title": "Farmers are covered"},
    "POST /absences": {"deputy": "@deputies", "starts_on": FAR, "ends_on": FAR},
    "POST /dropped-mail/{uid}/file": {"people": ["@people"]},
    "POST /mailings/{uid}/release": {"content_hash": "9f2c" * 16, "audience_count": 1},
    "POST /event-nominations": {"delegation": "@event-delegations", "constituency": "EMP", "role": "delegate", "name": "Ada Banda", "email": "ada@union.test"},
    "POST /letters": {"way": "in", "organization": "@organizations", "on": TODAY, "subject": "Yes"},
    "POST /letter-documents": {"letter": "@letters", "file": "@file"},
    "POST /call-lines/{uid}/give-back": {"token": "@token"},
    "POST /call-lines/{uid}/hold": {"token": "@token", "until": FAR},
    "POST /call-lines/{uid}/outcome": {"token": "@token", "outcome": "no_answer"},
    "POST /call-lines/{uid}/skip": {"token": "@token", "why": "They moved."},
}  # fmt: skip
# the row of the path, where the collection's own one does not stand so that it could be done
ROWS = {
    "DELETE /posts/{uid}": "free-posts",
    "POST /segments/{uid}/bring-back": "archived-segments",
    "POST /event-nominations/{uid}/accept": "open-nominations",
    "POST /event-nominations/{uid}/send-back": "open-nominations",
    "GET /mailings/{uid}/report": "reports",
    "POST /call-lines/{uid}/give-back": "held-lines",
    "POST /call-lines/{uid}/hold": "held-lines",
    "POST /call-lines/{uid}/outcome": "held-lines",
    "POST /call-lines/{uid}/skip": "held-lines",
    "GET /meeting-briefs/{uid}": "organizations",
}
# what cannot be done with the world's rows, and why; done by the tests of the feature
REFUSED = {
    "POST /imports/{uid}/apply": "a dry run comes first, as a job",
    "POST /imports/{uid}/undo": "nothing of it was applied",
    "POST /drives/{uid}/leftovers": "a drive that was copied has them",
    "POST /commitments/{uid}/verify": "what is settled, by somebody else",
    "POST /network-representatives/{uid}/accept": "this one is accepted",
    "POST /event-nominations/{uid}/identify": "this one is known",
    "POST /mailings/{uid}/test": "its message would leave by SMTP, which does not answer here",
    "DELETE /mailings/{uid}/variants/{language}": "the last language stays",
    "POST /guard-overrides": "nothing holds us back from the institution",
    **{
        f"POST /mailings/{{uid}}/{verb}": "this one is a draft"
        for verb in ("approve", "pause", "reject", "release", "resume", "schedule", "send", "stop", "unschedule")
    },
}
QUERIES = {
    "GET /segment-fields/choices": "field=country",
    "GET /campaigns/{uid}/behind": "figure=people",
    "GET /drives/{uid}/behind": "figure=people",
    "GET /report-snapshots/{uid}/behind": "figure=people",
    "GET /segments/{uid}/overlap": "with=@archived-segments",
    "GET /segments/{uid}/why": "person=@people",
}
NAMED = re.compile(r"@([a-z-]+)")  # a row of the world in a query


def address_of(label: str, world: World) -> tuple[str, str]:
    """(method, path) of an operation with the world's row in it."""
    method, path = label.split(" ")
    uid = world.uids.get(ROWS.get(label) or path.split("/")[1], PLACEHOLDER)
    query = NAMED.sub(lambda found: world.uids[found[1]], QUERIES.get(label, ""))
    return method, filled(path, uid, world) + (f"?{query}" if query else "")


def filled(path: str, uid: str, world: World) -> str:
    """A path with this row in it, and what stands below the row."""
    return path.replace("{uid}", uid).replace("{language}", "en").replace("{attachment}", world.uids["attachments"])
