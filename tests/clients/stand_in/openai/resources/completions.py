"""Calls that complete a text."""


class Completions:
    def create(self, **options):
        raise RuntimeError("no model completes texts here")


class AsyncCompletions:
    async def create(self, **options):
        raise RuntimeError("no model completes texts here")
