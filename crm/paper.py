"""PDF by typst (a compiler in a wheel: no system library). All texts come as data, so that nothing in them is read as markup."""

import json
from pathlib import Path
from typing import Any


def pdf(template: Path, **data: Any) -> bytes:
    """Compile `template`; each keyword is there as JSON in `sys.inputs`."""
    import typst  # loaded only when it is needed

    return bytes(
        typst.compile(template.read_bytes(), sys_inputs={name: json.dumps(value) for name, value in data.items()})
    )
