"""A library with the classes of OpenAI's that autologging patches. It needs no network, and answers always the same."""

from openai.resources.chat.completions import Completions as ChatCompletions
from openai.resources.embeddings import Embeddings

__version__ = "2.10.0"


class Stream:
    """The answer of a call that streams."""


class AsyncStream:
    """A traced function that is awaited."""


class Chat:
    def __init__(self):
        self.completions = ChatCompletions()


class OpenAI:
    """The client."""

    def __init__(self):
        self.chat = Chat()
        self.embeddings = Embeddings()
