"""What a column can mean, and which meaning its header and its values suggest."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from anyascii import anyascii
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class Target:
    name: str
    label: StrOrPromise
    group: StrOrPromise
    headers: str = ""  # what such a column is called in en, fr and es, normalised, "|" between

    def known_by(self, header: str) -> bool:
        return header in self.headers.split("|")


PERSON, ORGANIZATION, BOTH = _("Person"), _("Organization"), _("Either")
TARGETS = [
    Target("name", _("Name"), PERSON,
           "name|full name|fullname|contact|contact name|person|nom complet|nom et prenom|nombre completo|nombre y apellidos|contacto|participant"),
    Target("given_name", _("Given name"), PERSON,
           "given name|given names|first name|firstname|forename|prenom|prenoms|nombre|nombres|nombre de pila"),
    Target("family_name", _("Family name"), PERSON,
           "family name|last name|lastname|surname|nom|nom de famille|apellido|apellidos"),
    Target("honorific", _("Title before the name"), PERSON,
           "honorific|salutation|prefix|mr/ms|civilite|tratamiento|titre de civilite"),
    Target("pronunciation", _("How the name is said"), PERSON,
           "pronunciation|phonetic|phonetic name|how to say|prononciation|pronunciacion"),
    Target("gender", _("Gender"), PERSON, "gender|sex|genre|sexe|genero|sexo"),
    Target("language", _("Language"), PERSON, "language|preferred language|lang|langue|idioma|lengua"),
    Target("email", _("E-mail"), BOTH,
           "email|e-mail|mail|email address|e-mail address|adresse e-mail|adresse email|adresse mail|courriel|mel|correo|correo electronico|direccion de correo"),
    Target("phone", _("Phone"), BOTH,
           "phone|telephone|tel|tel.|mobile|phone number|portable|numero de telephone|telefono|movil|celular"),
    Target("organization", _("Name of the organization"), ORGANIZATION,
           "organization|organisation|institution|company|employer|ministry|organisme|entreprise|organizacion|institucion|empresa|entidad"),
    Target("acronym", _("Acronym"), ORGANIZATION, "acronym|abbreviation|sigle|acronyme|sigla|siglas"),
    Target("constituency", _("Constituency"), ORGANIZATION,
           "constituency|sector|group|type|type of organization|mandant|groupe|categorie|mandante|grupo|categoria"),
    Target("country", _("Country"), BOTH, "country|country code|pays|code pays|pais|nation|iso|iso2|iso3"),
    Target("website", _("Website"), ORGANIZATION, "website|web|web site|url|homepage|site web|site internet|sitio web|pagina web"),
    Target("post", _("Post in the organization"), BOTH,
           "post|position|job title|function|title|role|poste|fonction|titre|puesto|cargo|funcion|titulo"),
    Target("started_on", _("In the post since"), BOTH,
           "since|start|start date|started|from|depuis|date de debut|debut|desde|fecha de inicio|inicio"),
    Target("tags", _("Tags (separated by ; or ,)"), BOTH, "tags|tag|labels|etiquettes|mots-cles|etiquetas|keywords"),
    Target("note", _("Note"), BOTH, "note|notes|comment|comments|remark|remarks|remarques|commentaire|commentaires|nota|notas|observaciones"),
]  # fmt: skip
BY_NAME = {target.name: target for target in TARGETS}
SEVERAL_ALLOWED = {"tags"}
EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")
URL = re.compile(r"(https?://|www\.)\S+")
PHONE = re.compile(r"\+?[\d\s().-]{7,}")


def plain(header: str) -> str:
    """A header as it is compared: lower case, without accents, single spaces."""
    return re.sub(r"[\s_]+", " ", anyascii(header).lower()).strip(" *:.")


@dataclass(frozen=True)
class Column:
    """A column as the mapping screen shows it. `label` tells columns of the same header apart."""

    index: int
    header: str
    label: str
    is_repeated: bool
    samples: list[str]
    proposed: str


def columns_of(header: Sequence[str], rows: Sequence[Sequence[str]], *, has_header: bool) -> list[Column]:
    """The columns with sample values and a proposal. Of columns with one header, none is proposed: a person must choose."""
    # a row that is longer than the others has a separator too many, and makes no column
    usual = Counter(len(row) for row in rows).most_common(1)
    width = max(len(header), usual[0][0] if usual else 0)
    names = [header[i].strip() if has_header and i < len(header) else "" for i in range(width)]
    times = Counter(plain(name) for name in names if name)
    taken: set[str] = set()
    columns = []
    for index, name in enumerate(names):
        samples = list(dict.fromkeys(row[index].strip() for row in rows if index < len(row) and row[index].strip()))
        repeated = times[plain(name)] > 1 if name else False
        proposed = "" if repeated else propose(name, samples)
        if proposed in taken and proposed not in SEVERAL_ALLOWED:
            proposed = ""
        taken.add(proposed)
        number = index + 1
        label = (
            name if name and not repeated else f"{name} ({_('column')} {number})" if name else f"{_('Column')} {number}"
        )
        columns.append(Column(index, name, label, repeated, samples[:4], proposed))
    return _settle_names(columns)


def propose(header: str, samples: Sequence[str]) -> str:
    """The target that a header names, else the one that the values look like, else ""."""
    wanted = plain(header)
    for target in TARGETS:
        if wanted and target.known_by(wanted):
            return target.name
    if samples and all(EMAIL.fullmatch(value) for value in samples):
        return "email"
    if samples and all(URL.fullmatch(value) for value in samples):
        return "website"
    if samples and all(PHONE.fullmatch(value) and sum(c.isdigit() for c in value) >= 7 for value in samples):
        return "phone"
    return ""


def _settle_names(columns: list[Column]) -> list[Column]:
    """“Nom” alone is a full name; beside “Prénom” it is the family name. The same for “Nombre”."""
    proposed = {column.proposed for column in columns}
    alone = {"family_name", "given_name"} & proposed
    if len(alone) == 1 and "name" not in proposed:
        only = alone.pop()
        return [
            Column(c.index, c.header, c.label, c.is_repeated, c.samples, "name")
            if c.proposed == only and plain(c.header) in {"nom", "nombre"}
            else c
            for c in columns
        ]
    return columns
