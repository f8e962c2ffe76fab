"""The SQL store: one schema for SQLite and Postgres. Nothing else of the gateway knows a database."""

from bedrock_flask.errors import StartupError

try:
    import alembic  # noqa: F401
    import psycopg  # noqa: F401
    import sqlalchemy  # noqa: F401
except ModuleNotFoundError as error:
    raise StartupError(f"a database needs {error.name}: pip install 'bedrock-flask[governance]'") from None
