"""First words of mailings about an event, to be edited: by purpose, in the four languages of public pages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Draft:
    """name: of the mailing, with the event's in it. subject and body with merge fields."""

    name: str
    subject: str
    body: str


_WHEN = (
    "<p><strong>{{ event.name }}</strong><br>{{ event.when }}{% if event.place %}<br>{{ event.place }}{% endif %}</p>"
)


def _body(*paragraphs: str) -> str:
    return "".join(p if p.startswith("<") else f"<p>{p}</p>" for p in paragraphs)


def _link(words: str) -> str:
    """In a paragraph of its own, so that nothing stands behind the address in the plain text."""
    return f'<p><a href="{{{{ event.answer_url }}}}">{words}</a></p>'


_EN, _FR, _ES, _AR = "en", "fr", "es", "ar"
TEXTS: dict[str, dict[str, Draft]] = {
    "invitation": {
        _EN: Draft("Invitation: %(event)s", "Invitation: {{ event.name }}", _body(
            "{{ person.greeting }}", "We have the honour of inviting you to:", _WHEN,
            "Please tell us whether you can come{% if event.answer_by %}, by {{ event.answer_by }}{% endif %}:",
            _link('yes, no, maybe, or somebody else in your place'),
            "You can also simply answer this mail with YES or NO.")),
        _FR: Draft("Invitation : %(event)s", "Invitation : {{ event.name }}", _body(
            "{{ person.greeting }}", "Nous avons l’honneur de vous inviter à :", _WHEN,
            "Merci de nous dire si vous pourrez venir{% if event.answer_by %}, avant le {{ event.answer_by }}{% endif %} :",
            _link('oui, non, peut-être, ou quelqu’un à votre place'),
            "Vous pouvez aussi simplement répondre OUI ou NON à ce message.")),
        _ES: Draft("Invitación: %(event)s", "Invitación: {{ event.name }}", _body(
            "{{ person.greeting }}", "Tenemos el honor de invitarle a:", _WHEN,
            "Le rogamos que nos diga si podrá asistir{% if event.answer_by %}, antes del {{ event.answer_by }}{% endif %}:",
            _link('sí, no, quizás, u otra persona en su lugar'),
            "También puede responder simplemente SÍ o NO a este mensaje.")),
        _AR: Draft("دعوة: %(event)s", "دعوة: {{ event.name }}", _body(
            "{{ person.greeting }}", "يشرفنا أن ندعوكم إلى:", _WHEN,
            "نرجو إعلامنا بإمكانية حضوركم{% if event.answer_by %} قبل {{ event.answer_by }}{% endif %}:",
            _link('نعم، لا، ربما، أو شخص آخر بدلًا منكم'),
            "ويمكنكم أيضًا الرد على هذه الرسالة بكلمة نعم أو لا.")),
    },
    "reminder": {
        _EN: Draft("Reminder: %(event)s", "May we expect you? {{ event.name }}", _body(
            "{{ person.greeting }}", "We have not heard from you yet about:", _WHEN,
            "One click is enough:", _link('tell us whether you come'), "Or answer this mail with YES or NO.")),
        _FR: Draft("Rappel : %(event)s", "Pouvons-nous compter sur vous ? {{ event.name }}", _body(
            "{{ person.greeting }}", "Nous n’avons pas encore reçu votre réponse pour :", _WHEN,
            "Un clic suffit :", _link('dites-nous si vous venez'), "Ou répondez OUI ou NON à ce message.")),
        _ES: Draft("Recordatorio: %(event)s", "¿Contamos con usted? {{ event.name }}", _body(
            "{{ person.greeting }}", "Aún no hemos recibido su respuesta sobre:", _WHEN,
            "Basta un clic:", _link('díganos si asistirá'), "O responda SÍ o NO a este mensaje.")),
        _AR: Draft("تذكير: %(event)s", "هل نتوقع حضوركم؟ {{ event.name }}", _body(
            "{{ person.greeting }}", "لم يصلنا ردكم بعد بشأن:", _WHEN,
            "نقرة واحدة تكفي:", _link('أخبرونا إن كنتم ستحضرون'), "أو ردوا على هذه الرسالة بكلمة نعم أو لا.")),
    },
    "came": {
        _EN: Draft("Thanks: %(event)s", "Thank you for coming: {{ event.name }}", _body(
            "{{ person.greeting }}", "Thank you for being with us at {{ event.name }}.",
            "Here is what we took away, and what happens next:")),
        _FR: Draft("Merci : %(event)s", "Merci d’être venu : {{ event.name }}", _body(
            "{{ person.greeting }}", "Merci d’avoir été parmi nous : {{ event.name }}.",
            "Voici ce que nous en retenons, et la suite :")),
        _ES: Draft("Gracias: %(event)s", "Gracias por asistir: {{ event.name }}", _body(
            "{{ person.greeting }}", "Gracias por habernos acompañado en {{ event.name }}.",
            "Esto es lo que nos llevamos, y lo que sigue:")),
        _AR: Draft("شكر: %(event)s", "شكرًا لحضوركم: {{ event.name }}", _body(
            "{{ person.greeting }}", "شكرًا لكم على مشاركتكم في {{ event.name }}.", "هذه خلاصة ما خرجنا به، والخطوات التالية:")),
    },
    "missed": {
        _EN: Draft("We missed you: %(event)s", "We missed you: {{ event.name }}", _body(
            "{{ person.greeting }}", "We were sorry not to see you at {{ event.name }}.",
            "Here is what was said, so that you lose nothing:")),
        _FR: Draft("Absents : %(event)s", "Vous nous avez manqué : {{ event.name }}", _body(
            "{{ person.greeting }}", "Nous avons regretté votre absence : {{ event.name }}.",
            "Voici ce qui s’y est dit, pour que vous n’en perdiez rien :")),
        _ES: Draft("Ausentes: %(event)s", "Le echamos de menos: {{ event.name }}", _body(
            "{{ person.greeting }}", "Sentimos no haberle visto en {{ event.name }}.",
            "Esto es lo que se dijo, para que no se pierda nada:")),
        _AR: Draft("غائبون: %(event)s", "افتقدناكم: {{ event.name }}", _body(
            "{{ person.greeting }}", "أسفنا لعدم رؤيتكم في {{ event.name }}.", "هذه خلاصة ما دار، حتى لا يفوتكم شيء:")),
    },
    "news": {
        _EN: Draft("News: %(event)s", "{{ event.name }}: what you need to know", _body("{{ person.greeting }}", _WHEN)),
        _FR: Draft("Nouvelles : %(event)s", "{{ event.name }} : ce qu’il faut savoir", _body("{{ person.greeting }}", _WHEN)),
        _ES: Draft("Noticias: %(event)s", "{{ event.name }}: lo que debe saber", _body("{{ person.greeting }}", _WHEN)),
        _AR: Draft("أخبار: %(event)s", "{{ event.name }}: ما تحتاجون إلى معرفته", _body("{{ person.greeting }}", _WHEN)),
    },
}  # fmt: skip


def text_of(purpose: str, language: str) -> Draft:
    """In a language, without its region, else in English."""
    drafts = TEXTS[purpose]
    return drafts.get(language) or drafts.get(language.split("-")[0]) or drafts[_EN]
