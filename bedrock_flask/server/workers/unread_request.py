"""What gunicorn's parser refuses: the app answers it in the caller's form, and logs it as its own line."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from gunicorn import util
from gunicorn.http import errors

from bedrock_flask.server.workers.graceful_stop import STATE

# A request that cannot be read is a 400, but for these.
_STATUSES: Mapping[type[Exception], int] = MappingProxyType(
    {
        errors.LimitRequestLine: 414,
        errors.ExpectationFailed: 417,
        errors.LimitRequestHeaders: 431,
        errors.UnsupportedTransferCoding: 501,
    }
)
# These are the operator's to see, as gunicorn reports them.
_NOT_THE_CALLERS = (errors.ConfigurationProblem, errors.ForbiddenProxyRequest)


class AnswersUnread:
    """A mixin for a gunicorn worker."""

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer a request that could not be read; every other error is gunicorn's to report."""
        answer = _find_answer(self)
        if answer is None or not isinstance(exc, errors.ParseException) or isinstance(exc, _NOT_THE_CALLERS):
            super().handle_error(req, client, addr, exc)  # type: ignore[misc]
            return
        received = getattr(client, "first_bytes", b"")
        with suppress(OSError):
            util.write_nonblock(client, answer(received, _STATUSES.get(type(exc), 400), str(exc)))


def _find_answer(worker: Any) -> Callable[[bytes, int, str], bytes] | None:
    # Another project's app, or one wrapped in middleware, has none.
    extensions = getattr(getattr(worker, "wsgi", None), "extensions", {})
    answer: Callable[[bytes, int, str], bytes] | None = getattr(extensions.get(STATE), "answer_unread", None)
    return answer
