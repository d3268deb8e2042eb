"""OpenAPI 3.1 from the code: each operation's parameters, scopes, headers and problems are read from its view."""

from __future__ import annotations

from typing import Any

from drf_spectacular.openapi import AutoSchema

from crm.api.problems import KINDS

BEARER = "token"
GREETING = """
People, institutions, permissions, segments and mailings, as your screens show them: the same rules, the same services,
the same history. Everything is JSON, ids are `uid`s (UUIDv7), times are UTC, names are `snake_case`.

- **A token** acts as its user, within the user's grants and the token's scopes: `Authorization: Bearer gsw_…`.
- **Lists** come in pages: follow `next` until it is null. No total is counted unless you ask (`count=exact`, `count=estimate`).
- **Errors** are `application/problem+json` with a stable `code` and a sentence per field.
- **Writing twice** is safe with an `Idempotency-Key`; **overwriting** is prevented with `If-Match`.
- **Feeds** (`/events`, `/deliveries`, `/engagement`) have cursors that follow the order of commits: nothing is skipped.
"""
ALWAYS = (401, 403, 429, 500, 503)


class ApiSchema(AutoSchema):
    """One operation of the schema."""

    @property
    def _paged(self) -> bool:
        return bool(self.method == "GET" and getattr(self.view, "action", "") in self.view.paged)

    @property
    def _filters(self) -> Any:
        """Those of the collection; a page below one of its rows has its own, or none."""
        if self.view.action == "list":
            return getattr(self.view, "filters", ())
        return getattr(self.view, "filters_below", {}).get(self.view.action, ())

    def get_auth(self) -> list[dict[str, list[str]]]:
        return [{BEARER: []}]

    def get_tags(self) -> list[str]:
        return [getattr(type(self.view), "section", "Other")]

    def get_operation_id(self) -> str:
        action = str(getattr(self.view, "action", "")) or self.method.lower()
        words = [part for part in self.path.replace("/api/v1/", "").split("/") if part and "{" not in part]
        verb = {"list": "list", "retrieve": "get", "create": "create", "partial_update": "change", "destroy": "remove"}
        noun = "_".join(words).replace("-", "_")
        return f"{verb[action]}_{noun}" if action in verb else f"{action}_{words[0]}".replace("-", "_")

    def get_operation(self, *args: Any, **kwargs: Any) -> Any:
        operation = super().get_operation(*args, **kwargs)
        if operation is None:
            return None
        operation["x-scopes"] = self._scopes()
        self._add_query(operation)
        self._add_headers(operation)
        self._add_problems(operation)
        return operation

    def _scopes(self) -> list[str]:
        from crm.accounts.rules import Action
        from crm.api.scopes import scope_for

        needs = getattr(self.view, "needs", {}).get(getattr(self.view, "action", ""), (Action.SEE,))
        return scope_for(needs)

    def _add_query(self, operation: dict[str, Any]) -> None:
        found = operation.setdefault("parameters", [])
        if self._paged:
            found += self._paging()
            found += [_filter(item) for item in self._filters]
        if not found:
            del operation["parameters"]

    def _paging(self) -> list[dict[str, Any]]:
        size = getattr(self.view, "page_size", 50)
        found = [
            _query("limit", "Rows on a page.", {"type": "integer", "minimum": 1, "maximum": getattr(self.view, "most", 200), "default": size}),
            _query("after", "The cursor of the page before: its `next_cursor`.", {"type": "string"}),
        ]  # fmt: skip
        if self.view.action == "list" and (sorts := getattr(self.view, "sorts", {})):
            names = [part for name in sorts for part in (name, f"-{name}")]
            standard = {"type": "string", "enum": names, "default": self.view.default_sort}
            found.append(_query("sort", "The order; with a minus in front, turned round.", standard))
        if getattr(self.view, "is_counted", True):
            about = "Also count: exactly (up to some seconds), or exactly to 10,000 and estimated beyond."
            found.append(_query("count", about, {"type": "string", "enum": ["exact", "estimate"]}))
        return found

    @property
    def _is_matched(self) -> bool:
        action = getattr(self.view, "action", "")
        if self.method in {"PATCH", "PUT", "DELETE"}:
            return action not in getattr(self.view, "without_etag", ())
        return self.method == "POST" and action in getattr(self.view, "matched", ())

    def _add_headers(self, operation: dict[str, Any]) -> None:
        action = getattr(self.view, "action", "")
        extra = []
        if self.method == "POST" and action not in getattr(self.view, "reads", ()):
            extra.append(
                _header(
                    "Idempotency-Key",
                    "1 to 255 visible ASCII characters. Sent again within 24 hours, the request is not repeated: the first answer is.",
                )
            )
        if self._is_matched:
            extra.append(_header("If-Match", "The `ETag` that you read. If it changed since, nothing is done (412)."))
        if self.method == "GET":
            extra.append(_header("If-None-Match", "An `ETag` that you have: 304 and no body when nothing changed."))
        if extra:
            operation.setdefault("parameters", []).extend(extra)

    def _add_problems(self, operation: dict[str, Any]) -> None:
        statuses = {*ALWAYS, 400}
        if "{" in self.path:
            statuses.add(404)
        if self.method == "GET":
            statuses.add(406)
        else:
            statuses |= {404, 409, 413, 415, 422}
        if self.method in {"PATCH", "PUT", "DELETE"} or self._is_matched:
            statuses.add(412)
        if self._paged and self._filters:
            statuses.add(422)  # rules of a filter
        if self.view.action in getattr(self.view, "by_rules", ()):
            statuses.add(422)
        responses = operation["responses"]
        for status in sorted(statuses):
            responses.setdefault(str(status), {"$ref": f"#/components/responses/Problem{status}"})
        if self.method == "GET":
            responses.setdefault("304", {"description": "Nothing changed since the ETag that was sent."})

    def _get_paginator(self) -> Any:
        return _Envelope() if self._paged else None

    def _is_list_view(self, serializer: Any = None) -> bool:
        return self._paged

    def get_filter_backends(self) -> list[Any]:
        return []


class _Envelope:
    """How drf-spectacular learns what a page looks like."""

    def get_paginated_response_schema(self, rows: dict[str, Any]) -> dict[str, Any]:
        cursor = {"type": ["string", "null"], "description": "`after` of the next page; null on the last one."}
        return {
            "type": "object",
            "required": ["data", "next", "next_cursor"],
            "properties": {
                "data": rows,
                "next": {"type": ["string", "null"], "description": "Address of the next page, also in `Link`."},
                "next_cursor": cursor,
                "count": {"type": "integer", "minimum": 0, "description": "Only when asked for."},
                "count_is_estimate": {"type": "boolean"},
            },
        }

    def get_schema_operation_parameters(self, view: Any) -> list[dict[str, Any]]:
        return []


def _query(name: str, about: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"in": "query", "name": name, "description": about, "required": False, "schema": schema}


def _header(name: str, about: str) -> dict[str, Any]:
    return {"in": "header", "name": name, "description": about, "required": False, "schema": {"type": "string"}}


def _filter(item: Any) -> dict[str, Any]:
    found = _query(item.name, item.about, item.schema)
    if item.many:
        found |= {"style": "form", "explode": False}
    if item.example is not None and item.example != [""]:
        found["example"] = item.example
    return found


# --- what is added to the whole -----------------------------------------------------------------------------------
def finish(result: dict[str, Any], generator: Any, request: Any, public: bool) -> dict[str, Any]:
    """drf-spectacular's last hook: the sections in their order, the problems, the token."""
    from crm.api.registry import sections

    result["info"]["description"] = GREETING.strip()
    result["tags"] = [{"name": section.name, "description": section.about} for section in sections()]
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components["securitySchemes"] = {
        BEARER: {"type": "http", "scheme": "bearer", "description": "Made on your account page, shown once."}
    }
    components["responses"] = {f"Problem{status}": _problem(status) for status in KINDS}
    return result


PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Rely on `code`; `detail` is for people.",
    "required": ["type", "title", "status", "code", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string", "examples": ["no_name"]},
        "detail": {"type": "string"},
        "fields": {
            "type": "object",
            "description": "Field (dotted path) → what is wrong with it.",
            "additionalProperties": {"type": "array", "items": {"type": "string"}},
        },
        "request_id": {"type": "string"},
    },
    "additionalProperties": True,
}


def _problem(status: int) -> dict[str, Any]:
    code, title, advice = KINDS[status]
    example = {
        "type": f"/api/v1/docs#problem-{code}", "title": str(title), "status": status, "code": code,
        "detail": str(advice).replace("`", ""),
    }  # fmt: skip
    found: dict[str, Any] = {
        "description": f"{title}. {advice}",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}, "example": example}
        },
    }
    if status == 429:
        found["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
    return found
