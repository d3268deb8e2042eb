"""The form of a network in short, for pages of the campaign: who has two minutes joins where they read."""

from __future__ import annotations

import struct
import time
from dataclasses import dataclass

from django.urls import reverse

from campaigns.networks import links
from campaigns.networks.forms import JoinForm
from campaigns.networks.models import Kind, Network
from crm.keyring import seal, unseal

QUICKEST, STALE = 2, 86_400  # seconds that a person needs for the form, and for which its page is good
ASKED = ("email", "name", "country")


@dataclass(frozen=True)
class ShortForm:
    """`form` has more fields than `fields`; what is not shown is optional, or said by `kind`."""

    form: JoinForm
    kind: str
    token: str
    url: str

    @property
    def fields(self) -> list[object]:
        return [self.form[name] for name in ASKED]


def form_token(network: Network, before: str = "") -> str:
    """When the form of which network was fetched, sealed: whoever fills it in no time is no person. before: of the page that came back. It
    keeps its time, for who only mends a word is no program; one that is days old begins anew."""
    age = _age(before, network)
    at = int(time.time() - age) if age is not None and 0 <= age <= STALE else int(time.time())
    return seal(links.FORM, struct.pack(">QQ", network.pk, at))


def took_its_time(token: str, network: Network) -> bool:
    """Whether the form was fetched for this network some seconds ago, and not days ago."""
    age = _age(token, network)
    return age is not None and QUICKEST <= age <= STALE


def _age(token: str, network: Network) -> float | None:
    body = unseal(links.FORM, token) if token else None
    if body is None or len(body) != 16:
        return None
    network_id, at = struct.unpack(">QQ", body)
    return time.time() - at if network_id == network.pk else None


def short_form(network: Network, language: str) -> ShortForm | None:
    """None where a person cannot join by these three fields alone: for institutions only, or with a question that must be answered."""
    if Kind.INDIVIDUAL not in network.kinds or _must_answer(network):
        return None
    form = JoinForm(None, network=network)
    needed = {name for name, field in form.fields.items() if field.required} - {"kind"}
    if needed != set(ASKED):
        return None
    url = f"{reverse('network_join', args=[network.slug])}?lang={language}"
    return ShortForm(form, Kind.INDIVIDUAL.value, form_token(network), url)


def _must_answer(network: Network) -> bool:
    form = network.form
    return form is not None and not form.archived_at and any(each.get("is_required") for each in form.questions)
