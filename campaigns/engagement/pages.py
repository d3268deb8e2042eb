"""The two pages that people see from `track`, without Django: a link that is not ours, and a POST that worked."""

from html import escape

_TEXTS = {
    "en": (
        "This link does not work",
        "It may have been cut off or changed on its way to you. Please open it again from the message, or copy it whole.",
        "You are unsubscribed",
        "We will not write to you about this topic again.",
        "We could not save that",
        "Nothing was changed. Please try again in a minute.",
    ),
    "fr": (
        "Ce lien ne fonctionne pas",
        "Il a peut-être été coupé ou modifié en chemin. Ouvrez-le à nouveau depuis le message, ou copiez-le en entier.",
        "Vous êtes désinscrit·e",
        "Nous ne vous écrirons plus à ce sujet.",
        "L’enregistrement a échoué",
        "Rien n’a été modifié. Veuillez réessayer dans une minute.",
    ),
    "es": (
        "Este enlace no funciona",
        "Puede que se haya cortado o cambiado por el camino. Ábralo de nuevo desde el mensaje o cópielo entero.",
        "Su suscripción está cancelada",
        "No volveremos a escribirle sobre este tema.",
        "No pudimos guardarlo",
        "No se cambió nada. Inténtelo de nuevo en un minuto.",
    ),
    "ar": (
        "هذا الرابط لا يعمل",
        "ربما قُطع أو تغيّر في الطريق إليك. يرجى فتحه من الرسالة مرة أخرى أو نسخه كاملا.",
        "أُلغي اشتراكك",
        "لن نكتب إليك عن هذا الموضوع مرة أخرى.",
        "لم نتمكن من الحفظ",
        "لم يتغير شيء. يرجى المحاولة بعد دقيقة.",
    ),
    "pt": (
        "Esta ligação não funciona",
        "Talvez tenha sido cortada ou alterada no caminho. Abra-a de novo a partir da mensagem, ou copie-a inteira.",
        "A sua subscrição foi cancelada",
        "Não voltaremos a escrever-lhe sobre este tema.",
        "Não foi possível guardar",
        "Nada foi alterado. Tente de novo daqui a um minuto.",
    ),
}
NOT_OURS, UNSUBSCRIBED, NOT_SAVED = 0, 2, 4


def language_of(accept: str) -> str:
    """The first of ours in an Accept-Language header."""
    for wish in accept.split(","):
        code = wish.split(";")[0].strip().split("-")[0].lower()
        if code in _TEXTS:
            return code
    return "en"


def page(text: int, *, accept_language: str, static: str) -> bytes:
    """One of the texts as a page. static: where the public style sheet and the script that follows light and dark are."""
    language = language_of(accept_language)
    title, sentence = _TEXTS[language][text], _TEXTS[language][text + 1]
    direction = "rtl" if language == "ar" else "ltr"
    return (
        f'<!doctype html><html lang="{language}" dir="{direction}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">'
        f'<meta name="color-scheme" content="light dark"><title>{title}</title>'
        f'<link rel="stylesheet" href="{escape(static)}public.css"></head><body>'
        f'<main class="pub-main pub-narrow pub-center"><div class="pub-card"><h1>{title}</h1><p>{sentence}</p></div></main>'
        "</body></html>"
    ).encode()
