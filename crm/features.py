"""How features plug in: each may have a `registration.py`, imported once when its app is ready."""

from importlib import import_module
from importlib.util import find_spec


def load_registrations(app: str, features: list[str]) -> None:
    for feature in features:
        name = f"{app}.{feature}.registration"
        if find_spec(name):
            import_module(name)
