"""Every setting, read from the environment once and checked at start. README.md lists them all.

LOCAL=true (set by `manage.py` when there is no DATABASE_URL) means "a laptop": secrets are made under `.local/`.
Anything else needs its own SECRET_KEY, TRACKING_KEYS, ADDRESS_KEYS and DATA_KEYS, and refuses to start without them, with
weak or example ones (`crm/strength.py`), or with DEBUG.
"""

import os
from pathlib import Path
from urllib.parse import parse_qs, unquote

from celery.schedules import schedule
from csp.constants import NONE, SELF
from django.core.exceptions import ImproperlyConfigured

from crm.env import env, env_bool, env_int, env_keyring, env_list, env_networks, env_server, env_url
from crm.logs import LOGGING as LOGGING
from crm.logs import configure_structlog
from crm.secrets import local_secrets
from crm.strength import refuse_example, refuse_shared, refuse_weak_keys, refuse_weak_text

BASE_DIR = Path(__file__).resolve().parent.parent

# --- where this runs -------------------------------------------------------------------------------------------
LOCAL = env_bool("LOCAL", False)
DEBUG = env_bool("DEBUG", False)
LOCAL_DIR = Path(env("LOCAL_DIR", str(BASE_DIR / ".local")))
if LOCAL:
    for _name, _value in local_secrets(LOCAL_DIR).items():
        os.environ.setdefault(_name, _value)

elif DEBUG:
    raise ImproperlyConfigured(
        "DEBUG is true: its pages show settings and data to anybody. Only a laptop (LOCAL) has it."
    )

SECRET_KEY = env("SECRET_KEY")
if len(SECRET_KEY) < 32:
    raise ImproperlyConfigured("SECRET_KEY is shorter than 32 characters; make a longer one.")
TRACKING_KEYS = env_keyring("TRACKING_KEYS")  # links in mail already sent verify with these for years
ADDRESS_KEYS = env_keyring("ADDRESS_KEYS")  # keyed hashes of e-mail addresses; old keys are kept
DATA_KEYS = env_keyring("DATA_KEYS")  # secrets in the database; the first encrypts, old ones decrypt
METRICS_TOKEN = env("METRICS_TOKEN", "")  # who may read /metrics; without one nobody may
PROMETHEUS_MULTIPROC_DIR = env("PROMETHEUS_MULTIPROC_DIR", "")  # where several web processes put their counts together
if not LOCAL:
    refuse_weak_text("SECRET_KEY", SECRET_KEY)
    if METRICS_TOKEN:
        refuse_weak_text("METRICS_TOKEN", METRICS_TOKEN, minimum=24)
    _rings = {"TRACKING_KEYS": TRACKING_KEYS, "ADDRESS_KEYS": ADDRESS_KEYS, "DATA_KEYS": DATA_KEYS}
    for _name, _ring in _rings.items():
        refuse_weak_keys(_name, _ring)
    refuse_shared(_rings)

BASE_URL = env_url("BASE_URL", "http://localhost:8000" if LOCAL else "", schemes=("http", "https")).geturl().rstrip("/")
TRACKING_URL = (
    env_url("TRACKING_URL", "http://localhost:8001" if LOCAL else "", schemes=("http", "https")).geturl().rstrip("/")
)
MAILBOX_URL = env("MAILBOX_URL", "").rstrip("/")  # the local mailbox's web inbox, when there is one
if not LOCAL and not TRACKING_URL.startswith("https:"):
    raise ImproperlyConfigured("TRACKING_URL must begin with https: one-click unsubscribe (RFC 8058) needs it.")

_host = env_url("BASE_URL", BASE_URL, schemes=("http", "https")).hostname or "localhost"
ALLOWED_HOSTS = env_list("ALLOWED_HOSTS", f"{_host},localhost,127.0.0.1" if LOCAL else _host)
if not LOCAL and any(host.startswith(("*", ".")) for host in ALLOWED_HOSTS):
    raise ImproperlyConfigured(
        "ALLOWED_HOSTS must name hosts: with a wildcard, anybody's name for this machine is one."
    )
CSRF_TRUSTED_ORIGINS = [BASE_URL]

# --- applications -----------------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "crm.apps.CrmConfig",
    "contacts.apps.ContactsConfig",
    "campaigns.apps.CampaignsConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "django.forms",
    "django_htmx",
    "django_cotton",
    "django_structlog",
    "csp",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]
MIDDLEWARE = [
    "crm.metrics.requests.MetricsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "csp.middleware.CSPMiddleware",
    "crm.api.middleware.ApiErrorMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "crm.ui.middleware.FragmentMiddleware",
    "crm.middleware.LoggedRequestMiddleware",
    "crm.middleware.PrivacyMiddleware",
    "crm.middleware.ViewerMiddleware",
    "crm.accounts.middleware.BrowserSessionMiddleware",
    "crm.accounts.middleware.PartnerMiddleware",
    "crm.accounts.middleware.TwoStepMiddleware",
    "crm.middleware.DomainErrorMiddleware",
]
ROOT_URLCONF = "crm.urls"
WSGI_APPLICATION = "crm.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "crm.ui.context.shell",
            ],
            "builtins": ["django.templatetags.i18n", "crm.ui.templatetags.gs"],
        },
    }
]
COTTON_DIR = "components"
FORM_RENDERER = "django.forms.renderers.TemplatesSetting"  # templates/django/forms/
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

# --- PostgreSQL and Valkey --------------------------------------------------------------------------------------
_database = env_url("DATABASE_URL", schemes=("postgres", "postgresql"))
if not LOCAL:
    refuse_example("DATABASE_URL", unquote(_database.password or ""))
_query = {key: values[-1] for key, values in parse_qs(_database.query).items()}
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(_database.path.lstrip("/")),
        "USER": unquote(_database.username or ""),
        "PASSWORD": unquote(_database.password or ""),
        "HOST": unquote(_query.pop("host", "") or _database.hostname or ""),
        "PORT": str(_database.port or _query.pop("port", "") or ""),
        "OPTIONS": _query,
        "CONN_MAX_AGE": env_int("CONN_MAX_AGE", 60),
        "CONN_HEALTH_CHECKS": True,
    }
}
_redis = env_url("REDIS_URL", schemes=("redis", "rediss", "unix"))
REDIS_URL = env("REDIS_URL")  # not .geturl(): it would turn unix:///path into unix:/path
# A broker must not forget (noeviction), a cache should: where both matter they are two servers.
env_url("CACHE_URL", REDIS_URL, schemes=("redis", "rediss", "unix"))
CACHE_URL = env("CACHE_URL", REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "crm.cache.SturdyCache",
        "LOCATION": CACHE_URL,
        "KEY_PREFIX": env("CACHE_PREFIX", "gs"),
        "OPTIONS": {"socket_timeout": 2},  # a server that hangs must not hang every page
    }
}

# --- Celery -----------------------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
if _redis.scheme == "unix":
    _number = parse_qs(_redis.query).get("db", ["0"])[-1]
    CELERY_BROKER_URL = f"redis+socket://{_redis.path}?virtual_host={_number}"
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = False
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_TIME_LIMIT = 60
CELERY_TASK_SOFT_TIME_LIMIT = 55
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 120,
    "global_keyprefix": env("CACHE_PREFIX", "gs") + ":",
    "socket_keepalive": True,
}
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "campaigns.delivery.audit_night": {"queue": "jobs"},
    "campaigns.delivery.sweep": {"queue": "default"},  # a mailing may keep every child of `delivery` for minutes
    "campaigns.delivery.*": {"queue": "delivery"},
    "contacts.importing.*": {"queue": "jobs"},
    "crm.jobs.*": {"queue": "jobs"},
    "crm.retention.*": {"queue": "jobs"},
}
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_TIMEZONE = "UTC"
# (task name, seconds). The sweeper finds whatever a lost wake-up left behind.
CELERY_BEAT_SCHEDULE = {
    name: {"task": name, "schedule": schedule(seconds), "options": {"expires": seconds}}
    for name, seconds in {
        "crm.retention.tick": 60,
        "campaigns.delivery.sweep": 10,
        "campaigns.delivery.audit_night": 600,  # once a night; the others find it done
        "crm.jobs.sweep": 15,
        "crm.audit.publish_outbox": 5,
        "crm.accounts.clear_sessions": 3600,
        "crm.exports.purge": 600,
        "crm.api.forget_answers": 3600,
        "campaigns.engagement.drain": 2,
        "campaigns.feeds.number": 5,
        "campaigns.engagement.make_partitions": 3600,
        "campaigns.outreach.handle_inbound": 5,
        "campaigns.esp.handle_events": 5,
        "campaigns.safety.mail_notices": 20,
        "campaigns.outreach.read_inboxes": 60,
        "campaigns.todo.remind": 300,
        "campaigns.commitments.remind": 900,
        "campaigns.digest.mail": 900,  # once a week for each; the others find it done
        "campaigns.oauth.renew_unused": 3600,  # those that nobody used for most of a day
        "campaigns.domains.check": 3600,  # those that nobody looked at for a day
        "contacts.importing.settle": 30,
        "contacts.consent.mail_requests": 15,
        "campaigns.forms.file_received": 5,
        "campaigns.forms.release_uploads": 3600,
        "campaigns.networks.mail_letters": 15,
        "campaigns.events.mail_letters": 15,
        "campaigns.delegations.mail_letters": 15,
        "campaigns.offers.mail_letters": 15,
        "campaigns.networks.forget_unconfirmed": 3600,
        "campaigns.events.forget_unconfirmed": 3600,
        "campaigns.partners.forget_unused": 3600 * 6,
        "campaigns.networks.renew_memberships": 3600 * 6,  # by the day: between times it finds nothing
        "contacts.segments.record_sizes": 900,  # the first of a day counts, the others find it done
        "contacts.consent.expire_exports": 3600,
        "contacts.reach.refresh": 30,
    }.items()
}

# --- REST API ---------------------------------------------------------------------------------------------------
API_RATE_PER_MINUTE = env_int("API_RATE_PER_MINUTE", 600, minimum=1)  # requests of one token
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "crm.api.schema.ApiSchema", "UNAUTHENTICATED_USER": None}
SPECTACULAR_SETTINGS = {
    "TITLE": "Groundswell",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "DISABLE_ERRORS_AND_WARNINGS": False,
    "COMPONENT_SPLIT_REQUEST": False,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["crm.api.schema.finish"],
    "SCHEMA_PATH_PREFIX": "/api/v1/",
    "SORT_OPERATIONS": False,
}

# --- delivery ---------------------------------------------------------------------------------------------------
DELIVERY_TASKS = env_int("DELIVERY_TASKS", 3, minimum=1)  # of one mailing side by side, each with its connections
DELIVERY_LEASE_SECONDS = env_int("DELIVERY_LEASE_SECONDS", 20, minimum=4)  # then a silent worker's claim is taken back
DELIVERY_EVIDENCE_SECONDS = env_int(
    "DELIVERY_EVIDENCE_SECONDS", 10
)  # what nobody heard the answer to, before it is sent again
DELIVERY_RETRY_SECONDS = env_int("DELIVERY_RETRY_SECONDS", 60, minimum=1)  # the first wait of deferred mail; it doubles
DELIVERY_TRIES = env_int("DELIVERY_TRIES", 12, minimum=1)  # of one message, then it failed
DELIVERY_GIVE_UP_HOURS = env_int("DELIVERY_GIVE_UP_HOURS", 48, minimum=1)  # after the first try
DELIVERY_BREAKER_SECONDS = env_int("DELIVERY_BREAKER_SECONDS", 10, minimum=1)  # the first wait of a closed road

# --- mail -------------------------------------------------------------------------------------------------------
EMAIL_URL = env_url("EMAIL_URL", "smtp://localhost:8003" if LOCAL else "", schemes=("smtp", "smtps"))
EMAIL_BACKEND = "campaigns.mailings.ownmail.EmailBackend"  # by EMAIL_URL, or by the transport that takes own mail
EMAIL_HOST = EMAIL_URL.hostname or "localhost"
EMAIL_PORT = EMAIL_URL.port or 25
EMAIL_HOST_USER = unquote(EMAIL_URL.username or "")
EMAIL_HOST_PASSWORD = unquote(EMAIL_URL.password or "")
EMAIL_USE_SSL = EMAIL_URL.scheme == "smtps"
EMAIL_USE_TLS = not EMAIL_USE_SSL and "tls=starttls" in EMAIL_URL.query
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env("DEFAULT_FROM_EMAIL", "Groundswell <groundswell@campaign.test>" if LOCAL else "")
# bounces and replies come back to signed addresses at this domain
RETURN_DOMAIN = env("RETURN_DOMAIN", "bounce.campaign.test" if LOCAL else "")
DNS_RESOLVER = env_server("DNS_RESOLVER", port=53)  # asked about senders' domains; None: the machine's own
SIGN_UPS_AT_ONCE = env_int(
    "SIGN_UPS_AT_ONCE", 2, minimum=1
)  # public POSTs that a web process works on; the rest try later
ANSWER_DAYS = env_int(
    "ANSWER_DAYS", 90, minimum=0
)  # who talked with us so lately is answered without a subscription; 0: nobody
OPT_IN_DAYS = env_int("OPT_IN_DAYS", 14, minimum=1)  # how long the link that confirms a permission works
OPT_IN_AGAIN_DAYS = env_int("OPT_IN_AGAIN_DAYS", 90, minimum=1)  # an address is asked about a topic once in so many
SPOOL_DIR = Path(env("SPOOL_DIR", str(LOCAL_DIR / "spool")))
SCANNER_RANGES = env_networks("SCANNER_RANGES")  # a click from there is a machine's, besides those known to us

# --- sign-in ----------------------------------------------------------------------------------------------------
AUTH_USER_MODEL = "crm.User"
AUTHENTICATION_BACKENDS = ["crm.accounts.backends.SignInBackend"]
ACCOUNT_ADAPTER = "crm.accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*", "password2*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # staff come by an invitation that was mailed to them
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_NOTIFICATIONS = True  # a changed password, a new passkey: the owner hears of it
PASSWORD_RESET_TIMEOUT = 86_400
ACCOUNT_LOGIN_BY_CODE_ENABLED = True  # for partners only: crm.accounts.forms.CodeRequestForm
ACCOUNT_LOGIN_BY_CODE_TIMEOUT = 900  # seconds: mail takes its time, and phones are slow
ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 5
ACCOUNT_LOGIN_BY_CODE_FORMAT = {"numeric": True, "dashed": False, "length": 8}
ACCOUNT_FORMS = {
    "request_login_code": "crm.accounts.forms.CodeRequestForm",
    "reset_password": "crm.accounts.forms.StaffPasswordForm",
}
MFA_ADAPTER = "crm.accounts.two_step.TwoStepAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_FORMS = {
    "add_webauthn": "crm.accounts.forms.AddPasskeyForm",
    "edit_webauthn": "crm.accounts.forms.RenamePasskeyForm",
}
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_ALLOW_UNVERIFIED_EMAIL = True  # the address of an account is the one that its invitation went to
SECRET_KEY_FALLBACKS = env_list("SECRET_KEY_FALLBACKS")
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "today"
ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
INVITATION_DAYS = env_int("INVITATION_DAYS", 7, minimum=1)

# --- security ---------------------------------------------------------------------------------------------------
_https = BASE_URL.startswith("https:")
TRUST_PROXY = env_bool("TRUST_PROXY", False)  # its X-Forwarded-Proto and X-Request-ID are believed
# how many proxies of ours append to X-Forwarded-For: the client's address is that many from the right
TRUSTED_HOPS = env_int("TRUSTED_HOPS", 1 if TRUST_PROXY else 0)
if TRUSTED_HOPS and not TRUST_PROXY:
    raise ImproperlyConfigured(
        f"TRUSTED_HOPS is {TRUSTED_HOPS}, but TRUST_PROXY is false: set TRUST_PROXY=true where a proxy stands in front,"
        " or leave TRUSTED_HOPS at 0."
    )
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUST_PROXY else None
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
# with https, a name that browsers accept from this very host only: no neighbour under the same domain can plant one
_host_only = "__Host-" if _https else ""
SESSION_COOKIE_NAME = env("SESSION_COOKIE_NAME", f"{_host_only}gs_session")
CSRF_COOKIE_NAME = env("CSRF_COOKIE_NAME", f"{_host_only}gs_csrf")
CSRF_COOKIE_HTTPONLY = True  # pages carry the token themselves
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "crm.ui.views.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": [NONE],
        "script-src": [SELF],
        "style-src": [SELF],
        "font-src": [SELF],
        "img-src": [SELF, "data:"],
        "connect-src": [SELF],
        "frame-src": [SELF],
        "form-action": [SELF],
        "frame-ancestors": [NONE],
        "base-uri": [NONE],
        "manifest-src": [SELF],
    }
}
IMPORT_MAX_BYTES = env_int("IMPORT_MAX_BYTES", 50_000_000, minimum=1)  # of one file
IMPORT_MAX_UNPACKED_BYTES = env_int("IMPORT_MAX_UNPACKED_BYTES", 400_000_000, minimum=1)  # of one workbook
ATTACHMENT_MAX_BYTES = env_int("ATTACHMENT_MAX_BYTES", 10_485_760, minimum=1)  # of one file
ATTACHMENTS_MAX_BYTES = env_int("ATTACHMENTS_MAX_BYTES", 15_728_640, minimum=1)  # of all that one message carries
IMPORT_MAX_ROWS = env_int("IMPORT_MAX_ROWS", 100_000, minimum=1)  # they are written in one transaction
EXPORT_KEEP_HOURS = env_int("EXPORT_KEEP_HOURS", 72, minimum=1)  # then an exported file is removed
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
DATA_UPLOAD_MAX_NUMBER_FIELDS = 5000

# --- language and time ------------------------------------------------------------------------------------------
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("fr", "Français"), ("es", "Español"), ("ar", "العربية")]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = ["crm.date_formats"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

# --- files ------------------------------------------------------------------------------------------------------
STATIC_URL = "/static/"
STATICFILES_DIRS = [folder for folder in [BASE_DIR / "static"] if folder.is_dir()]  # made by `make assets`
STATIC_ROOT = env("STATIC_ROOT", "" if LOCAL else str(BASE_DIR / "staticfiles"))  # a laptop serves static/ itself
MEDIA_ROOT = Path(env("MEDIA_ROOT", str(LOCAL_DIR / "media")))
# append-only, one line for each erasure; a restored backup is compared with it, so it must outlive every backup
ERASURE_LOG = Path(env("ERASURE_LOG", str(MEDIA_ROOT / "erasures.jsonl")))
PERSONAL_EXPORT_DAYS = env_int("PERSONAL_EXPORT_DAYS", 7, minimum=1)  # the files of one person's data go after so many
WHITENOISE_USE_FINDERS = LOCAL
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if LOCAL
        else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}

# --- logs -------------------------------------------------------------------------------------------------------
configure_structlog()
DJANGO_STRUCTLOG_CELERY_ENABLED = True
DJANGO_STRUCTLOG_TRUST_UPSTREAM_REQUEST_ID = TRUST_PROXY

SILENCED_SYSTEM_CHECKS: list[str] = []
