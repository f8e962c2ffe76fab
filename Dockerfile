FROM python:3.13-slim AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# Requirements first: a change of code leaves this layer alone. The environment has no pip of its own.
COPY requirements.txt requirements-build.txt ./
RUN python -m venv --without-pip /opt/bedrock-flask \
    && python -m pip install --require-hashes --only-binary :all: -r requirements-build.txt \
    && python -m pip --python /opt/bedrock-flask/bin/python install --require-hashes --only-binary :all: -r requirements.txt

# The wheel is built here, where setuptools is, so that the environment holds nothing but the gateway and its needs.
COPY . .
RUN python -m pip wheel --no-deps --no-build-isolation --wheel-dir /wheels . \
    && python -m pip --python /opt/bedrock-flask/bin/python install --no-deps --no-index /wheels/*.whl \
    && /opt/bedrock-flask/bin/python -m compileall -q /opt/bedrock-flask


FROM python:3.13-slim

ENV PATH=/opt/bedrock-flask/bin:$PATH PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
COPY --from=build /opt/bedrock-flask /opt/bedrock-flask
# No wheel holds wsgi.py; it is here for those who bring their own command: gunicorn wsgi:app.
COPY wsgi.py /app/
WORKDIR /app
USER 65532:65532
EXPOSE 8000

# Python's own client rather than curl, which slim images lack; http.client does not ask HTTP_PROXY.
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s CMD ["python", "-c", "import http.client, sys; \
    gateway = http.client.HTTPConnection('127.0.0.1', 8000, timeout=2); gateway.request('GET', '/livez'); \
    sys.exit(gateway.getresponse().status != 200)"]

ENTRYPOINT ["bedrock-flask"]
# An address that others can reach needs API keys: without BEDROCK_FLASK_API_KEYS the gateway refuses to start here.
CMD ["serve", "--host", "0.0.0.0", "--port", "8000"]
