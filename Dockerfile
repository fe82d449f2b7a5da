# Three images: `docker build .` builds the light one, which serves on a CPU without TensorFlow;
# `docker build --target gpu .` builds one with TensorFlow and CUDA, for machines with a GPU;
# `docker build --target ray .` builds one with Ray, for a cluster.

FROM python:3.13-slim AS base
RUN useradd --system --uid 10001 --home-dir /var/lib/skiplens --create-home skiplens
WORKDIR /srv/skiplens

# The environment in /opt/skiplens has neither pip nor build tools. skiplens is an editable install
# that points to /srv/skiplens, so changing its code reinstalls nothing.
FROM base AS serve-environment
COPY requirements/postgresql.txt requirements/
RUN python -m venv --without-pip /opt/skiplens \
    && pip --python /opt/skiplens/bin/python install --no-cache-dir --require-hashes \
        -r requirements/postgresql.txt
COPY requirements/setup.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/setup.txt
COPY pyproject.toml README.md ./
COPY app/skiplens/__init__.py app/skiplens/
RUN python -m hatchling build -t wheel:editable -d /tmp/dist \
    && pip --python /opt/skiplens/bin/python install --no-cache-dir --no-deps /tmp/dist/*.whl

FROM serve-environment AS gpu-environment
COPY requirements/gpu.txt requirements/
RUN pip --python /opt/skiplens/bin/python install --no-cache-dir --require-hashes \
    -r requirements/gpu.txt

FROM serve-environment AS ray-environment
COPY requirements/ray.txt requirements/
RUN pip --python /opt/skiplens/bin/python install --no-cache-dir --require-hashes \
    -r requirements/ray.txt

# Compiled here, because the root of a running container may be read-only.
FROM base AS code
COPY app app
RUN python -m compileall -q --invalidation-mode unchecked-hash app

FROM base AS runtime
COPY --from=code /srv/skiplens/app app
COPY models models
COPY static static
COPY templates templates
ENV PATH=/opt/skiplens/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    SKIPLENS_HOST=0.0.0.0 \
    SKIPLENS_PORT=8000 \
    SKIPLENS_HEALTH_PORT=8001 \
    SKIPLENS_STATE_DIR=/var/lib/skiplens
# By number: a host that does not know the name can tell that it is not root.
USER 10001
VOLUME /var/lib/skiplens
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', int(os.environ['SKIPLENS_HEALTH_PORT']), timeout=4); c.request('GET', '/healthz'); sys.exit(c.getresponse().status != 200)"]
CMD ["skiplens", "serve"]

FROM runtime AS gpu
ENV NVIDIA_DRIVER_CAPABILITIES=compute,utility
COPY --from=gpu-environment /opt/skiplens /opt/skiplens

FROM runtime AS ray
COPY --from=ray-environment /opt/skiplens /opt/skiplens

FROM runtime AS serve
COPY --from=serve-environment /opt/skiplens /opt/skiplens
