"""Calls that embed a text."""


class Embeddings:
    def create(self, **options):
        raise RuntimeError("no model embeds texts here")


class AsyncEmbeddings:
    async def create(self, **options):
        raise RuntimeError("no model embeds texts here")
