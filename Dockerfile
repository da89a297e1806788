# Pinned by digest by BASE_IMAGE in .env (python -m devtools.supply_chain images), or with --build-arg BASE=...
ARG BASE=python:3.11-slim-bookworm
FROM ${BASE} AS packages
WORKDIR /gateway
COPY requirements.lock .
# The Procfile, the launcher and the units all start programs from .venv.
RUN python -m venv .venv \
 && .venv/bin/pip install --no-cache-dir --disable-pip-version-check --only-binary :all: --require-hashes -r requirements.lock

FROM ${BASE}
ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GATEWAY_VAR=/var/lib/gateway GATEWAY_ENV_FILE=/dev/null LOG_FORMAT=json
WORKDIR /gateway
RUN useradd --system --uid 10001 --home-dir /var/lib/gateway --create-home gateway && chmod 700 /var/lib/gateway
COPY --from=packages /gateway/.venv .venv
COPY . .
USER 10001
VOLUME /var/lib/gateway
EXPOSE 8000
ENTRYPOINT [".venv/bin/python", "-m"]
CMD ["gateway_site.web", "0.0.0.0:8000"]
