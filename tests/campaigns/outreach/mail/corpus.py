"""Messages as mail servers, providers, programs and people write them, each with what it is. A new shape is a file and a line."""

import csv
from pathlib import Path

LETTERS = Path(__file__).parent / "letters"


def read() -> list[tuple[str, str, list[str]]]:
    """(name, kind, recipients) of each."""
    with (LETTERS / "verdicts.csv").open(encoding="utf-8") as file:
        return [(row["message"], row["kind"], row["recipients"].split()) for row in csv.DictReader(file)]


def raw(name: str) -> bytes:
    return (LETTERS / f"{name}.eml").read_bytes()


CORPUS = read()
RAW = {name: raw(name) for name, _kind, _recipients in CORPUS}
