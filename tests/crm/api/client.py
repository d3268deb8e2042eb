"""The API as a program sees it."""

from typing import Any

from django.test import Client

BASE = "/api/v1"


class Api:
    def __init__(self, token: Any, **headers: str) -> None:
        self.token = token
        self.client = Client(headers={"Authorization": f"Bearer {token.text}", **headers})

    def __call__(self, method: str, path: str, body: Any = None, *, status: int | None = None, **headers: str) -> Any:
        """Ask; `status` is what must come back."""
        more: dict[str, Any] = {} if body is None else {"data": body, "content_type": "application/json"}
        url = path if path.startswith(("/api", "http")) else f"{BASE}{path}"
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        response = getattr(self.client, method.lower())(url.removeprefix("http://testserver"), headers=names, **more)
        if status is not None:
            assert response.status_code == status, (response.status_code, response.content[:2000])
        if response.status_code >= 400:
            assert response.headers["Content-Type"] == "application/problem+json"
            body = response.json()
            assert {"type", "title", "status", "code", "detail"} <= set(body)
            assert body["status"] == response.status_code
        return response

    def get(self, path: str, *, status: int = 200, **headers: str) -> Any:
        return self("GET", path, status=status, **headers)

    def post(self, path: str, body: Any = None, *, status: int = 201, **headers: str) -> Any:
        return self("POST", path, {} if body is None else body, status=status, **headers)

    def patch(self, path: str, body: Any, *, status: int = 200, **headers: str) -> Any:
        return self("PATCH", path, body, status=status, **headers)

    def delete(self, path: str, *, status: int = 204, **headers: str) -> Any:
        return self("DELETE", path, status=status, **headers)
