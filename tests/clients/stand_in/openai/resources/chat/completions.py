"""Calls of a chat."""

from openai.types.chat import ChatCompletion, Choice, Message, Usage


class Completions:
    def create(self, *, model, messages, **options):
        message = Message(role="assistant", content="In Germany.")
        usage = Usage(prompt_tokens=7, completion_tokens=3, total_tokens=10)
        choices = [Choice(index=0, message=message)]
        return ChatCompletion(id="c-1", model=model, object="chat.completion", choices=choices, usage=usage)


class AsyncCompletions:
    async def create(self, **options):
        return Completions().create(**options)
