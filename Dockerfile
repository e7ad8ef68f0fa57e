# Two stages: what builds is left behind.
FROM python:3.13-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
# What runs later installs nothing.
RUN python -m venv --without-pip /opt/venv
COPY requirements.lock /tmp/
# Exactly what was tested, each file known by its hash; wheels only, so that no build script of others runs.
RUN pip --python /opt/venv/bin/python install --require-hashes --only-binary :all: -r /tmp/requirements.lock

FROM python:3.13-slim
RUN useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin graph \
    && install -d -o graph -g graph -m 0700 /var/lib/graph-subscription-manager
COPY --from=build /opt/venv /opt/venv
WORKDIR /srv/graph-subscription-manager
COPY manage.py LICENSE ./
COPY config ./config
COPY notifications ./notifications
COPY subscriptions ./subscriptions
COPY templates ./templates
ENV PATH=/opt/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    VAR_DIR=/var/lib/graph-subscription-manager \
    LOG_FORMAT=json
RUN python -m compileall -q config notifications subscriptions
USER 10001
VOLUME /var/lib/graph-subscription-manager
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=20s --retries=4 \
    CMD ["python", "config/deploy/healthcheck.py"]
# Several threads: while a click waits for Graph, Graph calls back.
CMD ["gunicorn", "config.wsgi", "--config", "config/deploy/gunicorn.conf.py"]
