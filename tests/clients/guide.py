"""Documents with snippets, read as text: the README, the page for users of MLflow's client, and its Korean twin."""

import re
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
README, ENGLISH, KOREAN = DOCS.parent / "README.md", DOCS / "mlflow-client.md", DOCS / "mlflow-client.ko.md"

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SINCE = re.compile(r"^# MLflow (\d+)\.(\d+) or later$", re.MULTILINE)
PRINTED = re.compile(r"^ *print\(.*\) +# (.*)$", re.MULTILINE)


@dataclass(frozen=True)
class Snippet:
    """A fenced block, and the number of its section, counted from the first heading of the second level."""

    section: int
    language: str
    code: str

    def since(self) -> tuple[int, int]:
        """The first version of the client that it needs."""
        needed = SINCE.match(self.code)
        return (int(needed[1]), int(needed[2])) if needed else (0, 0)

    def printed(self) -> list[str]:
        """What its comments say that it prints."""
        return PRINTED.findall(self.code)


def sections(page: Path) -> list[str]:
    """The parts of a page, each with its heading; the first is what comes before all headings."""
    return page.read_text().split("\n## ")


def snippets(page: Path) -> list[Snippet]:
    """All snippets of a page, in order."""
    numbered = enumerate(sections(page))
    return [Snippet(number, *found) for number, section in numbered for found in BLOCK.findall(section)]


def in_language(page: Path, language: str) -> list[Snippet]:
    """The snippets of a page in one language, of which there must be some."""
    found = [snippet for snippet in snippets(page) if snippet.language == language]
    assert found, f"{page.name} has no snippet in {language}"
    return found


def methods(page: Path) -> list[str]:
    """The names in the table of supported methods."""
    (table,) = [section for section in sections(page) if "`create_logged_model`" in section]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    return re.findall(r"`(\w+)`", "\n".join(rows))
