"""The errors that the emulator answers with: those of `bedrock.errors`, in Bedrock's words."""

from bedrock_flask.bedrock.errors import ErrorShape, find_error


class EmulatedError(Exception):
    """An error that the emulator answers with; `name` is one of `bedrock.errors`, spelled as in HTTP or in streams."""

    def __init__(self, name: str, message: str = "", *, status: int | None = None, retry_after: str = "") -> None:
        self.shape = find_error(name) or ErrorShape(name, 400)
        self.name = self.shape.name
        self.message = message or self.shape.message or f"{self.name} was requested of the emulator."
        self.status = status or self.shape.status
        self.retry_after = retry_after
        super().__init__(f"{self.name}: {self.message}")

    @property
    def document(self) -> dict[str, object]:
        """The body of the response, or the payload of the exception frame."""
        return {"message": self.message, **self.shape.members}


def validation_error(message: str) -> EmulatedError:
    """The error for a request that is not valid."""
    return EmulatedError("ValidationException", message)
