"""Domains where anybody may open a mailbox: an address there says nothing of an institution."""

MAILBOXES_FOR_ALL = frozenset({
    "gmail.com", "googlemail.com", "outlook.com", "hotmail.com", "hotmail.fr", "live.com", "msn.com", "yahoo.com", "yahoo.fr", "yahoo.es",
    "ymail.com", "icloud.com", "me.com", "mac.com", "aol.com", "gmx.net", "gmx.de", "gmx.com", "web.de", "mail.com", "proton.me",
    "protonmail.com", "pm.me", "tuta.com", "tutanota.com", "zoho.com", "yandex.com", "yandex.ru", "orange.fr", "free.fr", "laposte.net",
    "wanadoo.fr", "libero.it", "mail.ru", "qq.com", "163.com", "126.com", "rediffmail.com", "uol.com.br",
})  # fmt: skip
