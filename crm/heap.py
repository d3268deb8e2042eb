"""What a process has loaded stays for its life, and the garbage collector need not walk through it again and again.

Python looks for cycles among all objects each time that a quarter as many have been added. A request that reads a few
hundred rows adds some ten thousand for a moment, so with all modules on the heap every tenth request waited for such a
walk: 160 ms in the middle of one that takes 50. A process calls `settle()` once, when it has loaded what it needs. (That it
looks seldom is said in `crm/__init__.py` already, before anything is loaded.)
"""

import ctypes
import gc
from contextlib import suppress

from django.conf import settings
from django.template import TemplateSyntaxError, engines
from django.urls import get_resolver

from crm import LOOKS

_TRIM_THRESHOLD, _KEPT = -1, 64 << 20  # glibc's mallopt


def settle() -> None:
    """Take what is there for permanent, and go through it no more. Garbage without cycles goes at once, as always."""
    gc.collect()
    _keep_freed_memory()
    gc.freeze()
    gc.set_threshold(*LOOKS)


def share() -> None:
    """Before a process makes others: what it has loaded is looked through once, here. A child that did so would write to each
    object, and have a copy of its own of all of them."""
    gc.collect()
    gc.freeze()


def _keep_freed_memory() -> None:
    """glibc gives freed memory at the end of its heap back from 128 KB on, and asks for it again with the next message: some 9 µs for
    each 5 KB, in page faults. This much is kept instead."""
    with suppress(OSError, AttributeError):  # another C library
        ctypes.CDLL(None).mallopt(_TRIM_THRESHOLD, _KEPT)


def prepare_for_requests() -> None:
    """Load what the first requests of a web process would else wait for (views, forms, serializers, templates), then settle."""
    _ = get_resolver().url_patterns
    folder = settings.BASE_DIR / "templates"
    for file in sorted(folder.rglob("*.html")):
        try:
            engines["django"].get_template(str(file.relative_to(folder)))
        except TemplateSyntaxError:
            continue  # a page with a mistake fails alone, when it is asked for
    settle()
