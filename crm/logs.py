"""Structured logs. One line an event: key=value for people on a terminal, JSON when LOG_FORMAT=json.

The request id comes in as X-Request-ID or is made, and follows into Celery (django-structlog).
"""

import sys
from typing import Any

import structlog

from crm.env import env, env_bool

_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
]
if env_bool("LOG_TIMES", True):  # the supervisor of `make run` puts the time in front of every line already
    _SHARED.append(structlog.processors.TimeStamper(fmt="iso", utc=True))


def _renderer() -> Any:
    if env("LOG_FORMAT", "text") == "json":
        return structlog.processors.JSONRenderer()
    # plain: the default would print every local variable, which may be somebody's address
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(), pad_event_to=0, exception_formatter=structlog.dev.plain_traceback
    )


def configure_structlog() -> None:
    structlog.configure(
        processors=[
            *_SHARED,
            structlog.stdlib.PositionalArgumentsFormatter(),
            structlog.processors.format_exc_info,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=True,
    )


LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "structured": {
            "()": structlog.stdlib.ProcessorFormatter,
            "foreign_pre_chain": _SHARED,
            "processors": [structlog.stdlib.ProcessorFormatter.remove_processors_meta, _renderer()],
        }
    },
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "structured"}},
    "root": {"handlers": ["console"], "level": env("LOG_LEVEL", "INFO")},
    "loggers": {
        "django_structlog": {"level": "WARNING"},
        "celery": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "mail.log": {"level": "WARNING"},
        "django.server": {"level": "WARNING"},
        "flufl.bounce": {"level": "WARNING"},
    },
}
