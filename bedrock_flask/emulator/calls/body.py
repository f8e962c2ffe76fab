"""The body of a request, whose faults are the client's: each is a refusal and never an error of the emulator."""

from flask import Request
from werkzeug.exceptions import BadRequest, HTTPException, RequestTimeout


def read_body(request: Request) -> bytes:
    """The whole body. BadRequest if it cannot be read, RequestTimeout if it does not arrive in time."""
    try:
        return request.get_data()
    except HTTPException:
        raise
    except OSError:
        raise RequestTimeout("The rest of the body did not arrive in time.") from None
    except Exception:  # noqa: BLE001 - gunicorn has several errors for chunks that are not HTTP
        raise BadRequest("The chunks of the body cannot be read.") from None
