import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from crm import bench


class Command(BaseCommand):
    help = "Measure one part of the product, or all, in a scratch database. Exits 1 when a bar is not met."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="one of: " + ", ".join([*bench.names(), "all"]))
        parser.add_argument("--size", type=int, help="how many rows; by default the size that its bars are about")
        parser.add_argument(
            "--json", action="store_true", help="print one JSON object last (a line for each with `all`)"
        )

    def handle(self, *args: Any, name: str, size: int | None, json: bool, **options: Any) -> None:
        names = bench.names() if name == "all" else [name]
        if unknown := set(names) - set(bench.names()):
            raise CommandError(f"There is no bench called {unknown.pop()}. There are: {', '.join(bench.names())}.")
        if size is not None and size < 1:
            raise CommandError("--size must be 1 or more.")
        measure = bench.measure if len(names) == 1 else bench.measure_apart
        missed = [bar for each in names for bar in self._show(measure(each, size), as_json=json)]
        if missed:
            raise CommandError("Bars not met: " + ", ".join(missed), returncode=1)

    def _show(self, measured: dict[str, Any], *, as_json: bool) -> list[str]:
        """Print one bench; returns the names of its bars that are not met."""
        if as_json:
            self.stdout.write(json.dumps(measured, ensure_ascii=False))
        else:
            self.stdout.write(f"{measured['bench']}, {measured['size']:,} rows")
            for name, value in measured["figures"].items():
                self.stdout.write(f"  {name}: {value}")
            for bar in measured["bars"]:
                state = "met" if bar["ok"] else "NOT MET"
                self.stdout.write(f"  {state}: {bar['name']} {bar['value']} (limit {bar['limit']})")
        return [f"{measured['bench']} {bar['name']}" for bar in measured["bars"] if not bar["ok"]]
