"""The schema (OpenAPI 3.1, JSON) and the documentation that is rendered from it. Both are public: they hold no data."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import translation
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.views.decorators.http import require_safe
from drf_spectacular.generators import SchemaGenerator

from crm.accounts.rules import public
from crm.api.problems import KINDS
from crm.api.registry import sections
from crm.api.scopes import SCOPES

START_CURL = """export TOKEN=gsw_…

curl "%(base)s/api/v1/me" \\
  -H "Authorization: Bearer $TOKEN"

curl "%(base)s/api/v1/people?country=SN&limit=100" \\
  -H "Authorization: Bearer $TOKEN"

curl -X POST "%(base)s/api/v1/people" \\
  -H "Authorization: Bearer $TOKEN" \\
  -H "Idempotency-Key: $(uuidgen)" \\
  -H "Content-Type: application/json" \\
  -d '{"name": "Amina Warsame", "email": "amina@ministry.example"}'"""
START_PYTHON = """import uuid

import httpx

api = httpx.Client(
    base_url="%(base)s/api/v1",
    headers={"Authorization": f"Bearer {token}"},
)
print(api.get("/me").json())

url = "/people?country=SN&limit=100"
while url:
    page = api.get(url).raise_for_status().json()
    for person in page["data"]:
        print(person["name"])
    url = page["next"]

api.post(
    "/people",
    json={"name": "Amina Warsame", "email": "amina@ministry.example"},
    headers={"Idempotency-Key": str(uuid.uuid4())},
).raise_for_status()"""
ORDER = {"get": 0, "post": 1, "put": 2, "patch": 3, "delete": 4}


@cache
def build() -> dict[str, Any]:
    """The schema; made once per process, for it depends on the code alone."""
    with translation.override("en"):
        made: dict[str, Any] = SchemaGenerator().get_schema(request=None, public=True)
        return json.loads(json.dumps(made, default=str))  # plain data, without lazy texts


@public
@require_safe
def schema(request: HttpRequest) -> HttpResponse:
    found = {**build(), "servers": [{"url": settings.BASE_URL}]}
    return HttpResponse(
        json.dumps(found, ensure_ascii=False, indent=1),
        content_type="application/vnd.oai.openapi+json; version=3.1",
        headers={"Access-Control-Allow-Origin": "*", "Cache-Control": "public, max-age=300"},
    )


@public
@require_safe
def page(request: HttpRequest) -> HttpResponse:
    context = {
        "chapters": chapters(),
        "problems": [(status, code, title, inline(advice)) for status, (code, title, advice) in KINDS.items()],
        "scopes": SCOPES.values(),
        "base_url": settings.BASE_URL,
        "version": build()["info"]["version"],
        "rate": settings.API_RATE_PER_MINUTE,
        "start_curl": START_CURL % {"base": settings.BASE_URL},
        "start_python": START_PYTHON % {"base": settings.BASE_URL},
    }
    return render(request, "crm/api/docs.html", context)


def inline(text: str) -> SafeString:
    """Words with `code` between backticks."""
    parts = str(text).split("`")
    made = [f"<code>{escape(part)}</code>" if number % 2 else escape(part) for number, part in enumerate(parts)]
    return mark_safe("".join(made))  # noqa: S308 every part is escaped


# --- the schema as the page tells it ----------------------------------------------------------------------------------
@dataclass
class Line:
    """One property, parameter or header."""

    name: str
    type: str
    about: str
    is_required: bool = False
    depth: int = 0

    @property
    def words(self) -> SafeString:
        return inline(self.about)


@dataclass
class Operation:
    id: str
    method: str
    path: str
    summary: str
    about: str
    scopes: list[str]
    query: list[Line]
    headers: list[Line]
    body: list[Line]
    body_type: str
    answers: list[tuple[str, str, list[Line]]]
    curl: str
    python: str
    problems: list[str] = field(default_factory=list)

    @property
    def words(self) -> SafeString:
        return inline(self.about)

    @property
    def searched(self) -> str:
        """What the page's search looks through."""
        names = " ".join(line.name for line in [*self.query, *self.body])
        return f"{self.method} {self.path} {self.summary} {self.about} {names}".lower()


@dataclass
class Chapter:
    name: str
    slug: str
    about: str
    operations: list[Operation]

    @property
    def words(self) -> SafeString:
        return inline(self.about)


@cache
def chapters() -> list[Chapter]:
    made = []
    by_tag: dict[str, list[Operation]] = {}
    for path, methods in build()["paths"].items():
        for method in sorted(methods, key=lambda name: ORDER.get(name, 9)):
            operation = methods[method]
            by_tag.setdefault(operation["tags"][0], []).append(_operation(path, method, operation))
    for section in sections():
        slug = section.name.lower().replace(" ", "-")
        made.append(Chapter(section.name, slug, section.about, by_tag.get(section.name, [])))
    return made


def _operation(path: str, method: str, found: dict[str, Any]) -> Operation:
    given = found.get("parameters", [])
    body_type, body, example = _body(found)
    answers, problems = [], []
    for status, answer in found["responses"].items():
        if "$ref" in answer:
            problems.append(status)
            continue
        content = answer.get("content", {})
        lines = [line for media in content.values() for line in _lines(media.get("schema", {}))]
        answers.append((status, answer.get("description", ""), lines))
    upper = method.upper()
    return Operation(
        id=found["operationId"], method=upper, path=path, summary=found.get("summary", ""),
        about=found.get("description", ""), scopes=found.get("x-scopes", []),
        query=[_parameter(item) for item in given if item["in"] in {"query", "path"}],
        headers=[_parameter(item) for item in given if item["in"] == "header"],
        body=body, body_type=body_type, answers=answers, problems=problems,
        curl=_curl(upper, path, body_type, example), python=_python(upper, path, body_type, example),
    )  # fmt: skip


def _parameter(item: dict[str, Any]) -> Line:
    return Line(item["name"], _type(item.get("schema", {})), item.get("description", ""), bool(item.get("required")))


def _body(found: dict[str, Any]) -> tuple[str, list[Line], Any]:
    content = found.get("requestBody", {}).get("content", {})
    for media, value in content.items():
        examples = value.get("examples", {})
        example = next((item["value"] for item in examples.values()), None)
        lines = _lines(value.get("schema", {}))
        return media, lines, example if example is not None else _made_up(value.get("schema", {}))
    return "", [], None


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema or len(schema.get("allOf", ())) == 1:
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            schema = build()["components"]["schemas"][name]
        else:
            schema = {**schema["allOf"][0], **{k: v for k, v in schema.items() if k != "allOf"}}
    return schema


def _lines(schema: dict[str, Any], depth: int = 0) -> list[Line]:
    """Properties, those of inner objects indented behind them."""
    schema = _resolved(schema)
    if schema.get("type") == "array":
        return _lines(schema.get("items", {}), depth)
    found = []
    required = set(schema.get("required", ()))
    for name, value in schema.get("properties", {}).items():
        inner = _resolved(value)
        about = value.get("description") or inner.get("description", "")
        found.append(Line(name, _type(value), about, name in required, depth))
        if depth < 2:
            found += _lines(inner, depth + 1)
    return found


def _type(schema: dict[str, Any]) -> str:
    resolved = _resolved(schema)
    if "oneOf" in resolved or "anyOf" in resolved:
        parts = [_type(part) for part in resolved.get("oneOf", resolved.get("anyOf", []))]
        return " or ".join(dict.fromkeys(part for part in parts if part))
    if "enum" in resolved:
        shown = [str(value) for value in resolved["enum"] if value not in ("", None)]
        return " · ".join(shown[:12])
    kind = resolved.get("type", "any")
    if isinstance(kind, list):
        kinds = [_type({**resolved, "type": one}) for one in kind if one != "null"]
        return " or ".join(kinds) + (" or null" if "null" in kind else "")
    if kind == "array":
        return f"list of {_type(resolved.get('items', {}))}"
    return {"date-time": "time", "uuid": "uid"}.get(resolved.get("format", ""), resolved.get("format") or str(kind))


def _made_up(schema: dict[str, Any]) -> Any:
    """An example body where nobody wrote one: the required fields, or the first."""
    schema = _resolved(schema)
    names = schema.get("required") or list(schema.get("properties", {}))[:1]
    return {name: _value(schema["properties"][name]) for name in names if name in schema.get("properties", {})}


def _value(schema: dict[str, Any]) -> Any:
    schema = _resolved(schema)
    if schema.get("enum"):
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    by_format = {
        "uuid": "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c",
        "date": "2026-11-01",
        "date-time": "2026-11-01T12:00:00Z",
    }
    if schema.get("format") in by_format:
        return by_format[schema["format"]]
    return {"integer": 1, "number": 1, "boolean": True, "array": [], "object": {}}.get(str(kind), "…")


def _curl(method: str, path: str, media: str, example: Any) -> str:
    url = _sample(path)
    lines = [f'curl "{settings.BASE_URL}{url}"', '  -H "Authorization: Bearer $TOKEN"']
    if method != "GET":
        lines[0] = f'curl -X {method} "{settings.BASE_URL}{url}"'
    if media == "multipart/form-data":
        lines.append('  -F "file=@people.csv"')
    elif media and example is not None:
        text = json.dumps(example, ensure_ascii=False, indent=2).replace("'", "’")
        lines += ['  -H "Content-Type: application/json"', f"  -d '{text}'"]
    if method == "POST":
        lines.insert(2, '  -H "Idempotency-Key: $(uuidgen)"')
    return " \\\n".join(lines)


def _python(method: str, path: str, media: str, example: Any) -> str:
    url = f"{settings.BASE_URL}{_sample(path)}"
    more = ""
    if media == "multipart/form-data":
        more = ',\n    files={"file": open("people.csv", "rb")}'
    elif media and example is not None:
        text = json.dumps(example, ensure_ascii=False, indent=4).replace("\n", "\n    ")
        for mine, theirs in ((": true", ": True"), (": false", ": False"), (": null", ": None")):
            text = text.replace(mine, theirs)
        more = f",\n    json={text}"
    return (
        f'import httpx\n\nanswer = httpx.{method.lower()}(\n    "{url}",\n'
        f'    headers={{"Authorization": f"Bearer {{token}}"}}{more},\n)\nanswer.raise_for_status()'
    )


def _sample(path: str) -> str:
    return path.replace("{uid}", "01932b7e-6f00-7c3a-9a51-0c0d6f0a1b2c").replace("{language}", "fr")
