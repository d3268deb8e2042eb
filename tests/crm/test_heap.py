"""What a process of the product has loaded is not walked by the collector again."""

import gc
import importlib
import subprocess
import sys

import pytest
from celery.signals import worker_before_create_process, worker_process_init
from django.template import engines

from crm import wsgi


@pytest.fixture
def heap():
    """The collector with nothing settled in it, whoever used this process before, and afterwards as it was."""
    before = gc.get_threshold()
    gc.unfreeze()
    gc.set_threshold(700, 10, 10)
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_a_worker_process_takes_what_it_has_loaded_for_permanent(heap):
    worker_process_init.send(sender=None)

    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] > 10_000


def test_a_web_process_has_compiled_every_page_and_takes_what_it_has_loaded_for_permanent(heap):
    loader = engines["django"].engine.template_loaders[0]
    loader.reset()

    importlib.reload(wsgi)

    assert {"shell.html", "contacts/directory/person_list.html", "components/data_table.html"} <= set(
        loader.get_template_cache
    )

    assert gc.get_freeze_count() > 10_000
    assert gc.get_threshold()[0] > 10_000


def test_requests_of_a_settled_process_are_not_held_up_by_a_walk_through_everything(heap, viewer, api):
    """A page of people leaves nothing for the collector that grows from request to request."""
    client = api(viewer)
    client.get("/people")
    importlib.reload(wsgi)
    walks = []
    gc.callbacks.append(lambda phase, about: walks.append(about["generation"]) if phase == "start" else None)
    try:
        for _number in range(20):
            client.get("/people")
    finally:
        gc.callbacks.pop()

    assert 2 not in walks


def test_before_a_worker_makes_a_child_it_looks_through_what_it_has_loaded(heap):
    worker_before_create_process.send(sender=None)

    assert gc.get_freeze_count() > 10_000


_FAMILY = """
import os, sys
from crm import heap
loaded = [{"number": number} for number in range(200_000)]
if sys.argv[1] == "share":
    heap.share()
child = os.fork()
if child == 0:
    heap.settle()
    own = next(line for line in open("/proc/self/smaps_rollup") if line.startswith("Private_Dirty"))
    print(int(own.split()[1]) // 1024, flush=True)
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_child_has_no_copy_of_what_its_parent_loaded() -> None:
    own = {
        word: int(
            subprocess.run([sys.executable, "-c", _FAMILY, word], capture_output=True, text=True, check=True).stdout
        )
        for word in ("share", "alone")
    }

    assert own["share"] < own["alone"] / 2
