"""What a letter says of its copies, and a copy of its letters, in the reader's language.

Both lines stand in the same template: a delivery has `copy.to` when copies of it go out, and `copy.of` when it is one.
"""

from __future__ import annotations

import html

from campaigns.mailings.letters import Put

# "to:" with a colon, because names of institutions come in any gender and number
WORDS: dict[str, dict[str, str]] = {
    "en": {
        "copy": "Copy:",
        "letter": "For your information, a copy of our letter to:",
        "message": "For your information, a copy of our message to:",
    },
    "fr": {
        "copy": "Copie :",
        "letter": "Pour information, copie de notre lettre adressée à :",
        "message": "Pour information, copie de notre message adressé à :",
    },
    "es": {
        "copy": "Copia:",
        "letter": "Para su información, copia de nuestra carta dirigida a:",
        "message": "Para su información, copia de nuestro mensaje dirigido a:",
    },
    "ar": {
        "copy": "نسخة إلى:",
        "letter": "للعلم، نسخة من رسالتنا الموجهة إلى:",
        "message": "للعلم، نسخة من رسالتنا الموجهة إلى:",
    },
    "pt": {
        "copy": "Cópia:",
        "letter": "Para conhecimento, cópia da nossa carta dirigida a:",
        "message": "Para conhecimento, cópia da nossa mensagem dirigida a:",
    },
}


def _words(language: str, is_letter: bool) -> tuple[str, str]:
    """(before whom copies go to, before whom the letter was to)"""
    words = WORDS.get(language.split("-")[0], WORDS["en"])
    return words["copy"], words["letter" if is_letter else "message"]


def copy_html(language: str, *, is_letter: bool, put: Put) -> dict[str, str]:
    """copy_head, above the text, and copy_line, below it; put(kind, inside) hides a tag."""
    copy, head = (html.escape(words) for words in _words(language, is_letter))
    more = f"{put('{%', 'if copy.more')} (+{put('{{', 'copy.more')}){put('{%', 'endif')}"
    return {
        "copy_head": f"{put('{%', 'if copy.of')}<p><strong>{head}</strong> <bdi>{put('{{', 'copy.of')}</bdi>{more}</p>"
        f"{put('{%', 'endif')}",
        "copy_line": f"{put('{%', 'if copy.to')}<p>{copy} <bdi>{put('{{', 'copy.to')}</bdi></p>{put('{%', 'endif')}",
    }


def copy_text(language: str, *, is_letter: bool) -> tuple[str, str]:
    """The same for the text part: (what stands above, what stands below), as template text."""
    copy, head = _words(language, is_letter)
    more = "{% if copy.more %} (+{{ copy.more }}){% endif %}"
    return (
        f"{{% if copy.of %}}{head} {{{{ copy.of }}}}{more}\n\n{{% endif %}}",
        f"{{% if copy.to %}}\n\n{copy} {{{{ copy.to }}}}{{% endif %}}",
    )
