"""What templates get on every page: `ui`, the shell's parts, and `base`, the template that a page extends."""

from typing import Any

from django.http import HttpRequest

from crm.ui.shell import Shell, base_template


def shell(request: HttpRequest) -> dict[str, Any]:
    return {"ui": Shell(request), "base": base_template(request)}
