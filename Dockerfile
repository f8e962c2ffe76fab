# Both images are pinned by digest (the tag is for readers); Dependabot proposes newer ones.
# This stage has pip, and the same Python 3.13 and Debian 13 as the final image.
FROM python:3.13.16-slim-trixie@sha256:bf44cdfcb76cd3b41e879bc058fc37ec5872002ccfde7fcb765e218cde0cd79c AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# The requirements come first, so that a change of code keeps these layers. The environment has no pip.
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/bedrock-flask \
    && python -m pip install --require-hashes --only-binary :all: -r requirements-build.txt \
    && python -m pip --python /opt/bedrock-flask/bin/python install --no-compile --require-hashes --only-binary :all: \
        -r requirements.txt
COPY deploy/trim.py deploy/
RUN python deploy/trim.py /opt/bedrock-flask

# The wheel is built outside the environment, which holds only the gateway and its requirements. The root is read-only at
# run time, so bytecode is compiled now and never checked against its source.
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m pip --python /opt/bedrock-flask/bin/python install --no-compile --no-deps --no-index /wheels/*.whl \
    && python -m compileall -q --invalidation-mode unchecked-hash /opt/bedrock-flask/lib \
    && ln -sf /usr/bin/python3.13 /opt/bedrock-flask/bin/python \
    && sed -i 's|^home = .*|home = /usr/bin|' /opt/bedrock-flask/pyvenv.cfg


# Python and the libraries that it needs: no shell, no pip, no package manager.
FROM gcr.io/distroless/python3-debian13:nonroot@sha256:774595d652a294b54c9bd575b2d9fdd1a4b47547dc17b8bfa4c0e953c64855b3

ENV PATH=/opt/bedrock-flask/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/bedrock-flask /opt/bedrock-flask
# The wheel does not contain wsgi.py; it is for a command of your own: gunicorn wsgi:app.
COPY wsgi.py /app/
WORKDIR /app
USER 65532:65532
EXPOSE 8000

# The image has no curl. http.client ignores HTTP_PROXY.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "import http.client, sys; \
    gateway = http.client.HTTPConnection('127.0.0.1', 8000, timeout=2); gateway.request('GET', '/livez'); \
    sys.exit(gateway.getresponse().status != 200)"]

ENTRYPOINT ["bedrock-flask"]
# On an address that others can reach, the gateway starts only with API keys (BEDROCK_FLASK_API_KEYS).
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
