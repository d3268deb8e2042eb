"""What a composition, and the steps before a journey, begin with. Steps are in the four languages of public pages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

Seats = Mapping[tuple[str, str], int]  # (code of a constituency, role) → seats


@dataclass(frozen=True)
class Asked:
    """A step that each delegate has: so many days before the event, in words by language. paper: which letter it takes, if one."""

    days: int
    titles: Mapping[str, str]
    paper: str = ""


@dataclass(frozen=True)
class Preset:
    label: StrOrPromise
    seats: Seats


PRESETS: dict[str, Preset] = {
    "tripartite": Preset(
        _("Tripartite conference: two government, one employers’, one workers’, up to two advisers each"),
        {
            ("GOV", "delegate"): 2, ("EMP", "delegate"): 1, ("WRK", "delegate"): 1,
            ("GOV", "adviser"): 2, ("EMP", "adviser"): 2, ("WRK", "adviser"): 2,
        },
    ),
    "dialogue": Preset(
        _("National dialogue: one of each, with the social security institution"),
        {("GOV", "delegate"): 1, ("EMP", "delegate"): 1, ("WRK", "delegate"): 1, ("SSI", "delegate"): 1},
    ),
    "experts": Preset(_("Meeting of experts: one government, one substitute"), {("GOV", "delegate"): 1, ("GOV", "substitute"): 1}),
}  # fmt: skip

STEPS: list[Asked] = [
    Asked(45, {
        "en": "Ask for the visa with our letter", "fr": "Demander le visa avec notre lettre",
        "es": "Solicitar el visado con nuestra carta", "ar": "طلب التأشيرة برسالتنا",
    }, paper="visa"),
    Asked(30, {
        "en": "Book travel and send us the itinerary", "fr": "Réserver le voyage et nous envoyer l’itinéraire",
        "es": "Reservar el viaje y enviarnos el itinerario", "ar": "حجز السفر وإرسال خط الرحلة إلينا",
    }),
    Asked(30, {
        "en": "Book a room", "fr": "Réserver une chambre", "es": "Reservar alojamiento", "ar": "حجز الإقامة",
    }),
    Asked(10, {
        "en": "Send the title of the speech", "fr": "Envoyer le titre de l’intervention",
        "es": "Enviar el título de la intervención", "ar": "إرسال عنوان الكلمة",
    }),
]  # fmt: skip
