"""The errors that the emulator answers with: those of `bedrock.errors`, in Bedrock's words."""

from bedrock_flask.bedrock.errors import ErrorShape, find_error


class EmulatedError(Exception):
    """An error that the emulator answers with; `name` is one of `bedrock.errors`, spelled as in HTTP or in streams.

    `code` and `param` are what OpenAI's APIs report beside the message: a name of their own, and the path at fault.
    """

    def __init__(
        self,
        name: str,
        message: str = "",
        *,
        status: int | None = None,
        retry_after: str = "",
        code: str = "",
        param: str | None = None,
    ) -> None:
        self.shape = find_error(name) or ErrorShape(name, 400)
        self.name = self.shape.name
        self.message = message or self.shape.message or f"{self.name} was requested of the emulator."
        self.status = status or self.shape.status
        self.retry_after = retry_after
        self.code, self.param = code, param
        super().__init__(f"{self.name}: {self.message}")

    @property
    def document(self) -> dict[str, object]:
        """The body of the response, or the payload of the exception frame."""
        return {"message": self.message, **self.shape.members}


def validation_error(message: str) -> EmulatedError:
    """The error for a request that is not valid."""
    return EmulatedError("ValidationException", message)
