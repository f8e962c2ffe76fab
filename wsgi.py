"""The WSGI entry point: `gunicorn wsgi:app`."""

from bedrock_flask.app import wsgi_app

app = wsgi_app()
