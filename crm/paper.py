"""PDF and pictures by typst (a compiler in a wheel: no system library). All texts come as data, so that nothing in them is read as markup."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal


def pdf(template: Path, **data: Any) -> bytes:
    """Compile `template`; each keyword is there as JSON in `sys.inputs`."""
    return _compiled(template, "pdf", data)


def picture(template: Path, **data: Any) -> bytes:
    """The one page of `template` as PNG, a pixel for each point of it."""
    return _compiled(template, "png", data, ppi=72.0)


def _compiled(template: Path, kind: Literal["pdf", "png"], data: Mapping[str, Any], ppi: float | None = None) -> bytes:
    import typst  # loaded only when it is needed

    inputs = {name: json.dumps(value) for name, value in data.items()}
    return bytes(typst.compile(template.read_bytes(), format=kind, ppi=ppi, sys_inputs=inputs))
