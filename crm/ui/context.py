"""What the shell needs on every page."""

from typing import Any

from django.http import HttpRequest

from crm.ui import menu


def shell(request: HttpRequest) -> dict[str, Any]:
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return {}
    return {"menu_items": menu.items_for(user)}
