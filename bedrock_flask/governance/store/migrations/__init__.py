"""The migrations, which Alembic runs. They only add: the release before must work on a newer schema."""
