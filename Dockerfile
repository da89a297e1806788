FROM python:3.11-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 GATEWAY_VAR=/var/lib/gateway LOG_FORMAT=json
WORKDIR /gateway
COPY requirements.txt .
# The Procfile, the launcher and the units all start programs from .venv.
RUN python -m venv .venv && .venv/bin/pip install --no-cache-dir --disable-pip-version-check -r requirements.txt
COPY . .
RUN useradd --system --home-dir /var/lib/gateway --create-home gateway
USER gateway
VOLUME /var/lib/gateway
EXPOSE 8000
ENTRYPOINT [".venv/bin/python", "-m"]
CMD ["gunicorn", "gateway_site.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--no-control-socket", "--threads", "8"]
