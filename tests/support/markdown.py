"""Parse a document: fenced blocks, links, and inline code. Only what CommonMark texts of ours use."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: the words behind the fence, its text, and the line of the document where it begins."""

    words: tuple[str, ...]
    text: str
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """One document, taken apart."""

    path: Path
    blocks: tuple[Block, ...]
    prose: str
    """All but the blocks."""

    @property
    def name(self) -> str:
        return self.path.relative_to(ROOT).as_posix()

    @property
    def links(self) -> list[str]:
        """The targets of links and pictures."""
        return re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", self.prose))

    @property
    def codes(self) -> list[str]:
        """Inline code."""
        return [" ".join(code.split()) for code in re.findall(r"`([^`]+)`", self.prose)]

    @property
    def anchors(self) -> set[str]:
        """Its headings as GitHub names them."""
        headings = re.findall(r"^#+ (.+)$", self.prose, re.M)
        return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def read(path: Path) -> Document:
    """Take a document apart."""
    blocks, prose, inside = [], [], None
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        fence = re.fullmatch(r"\s*(```+)(.*)", line)
        if fence and inside is None:
            inside = (fence[1], tuple(fence[2].split()), number, [])
        elif fence and inside and fence[1] == inside[0] and not fence[2].strip():
            blocks.append(Block(inside[1], "\n".join(inside[3]), inside[2]))
            inside = None
        elif inside:
            inside[3].append(line)
        else:
            prose.append(line)
    assert inside is None, f"{path}: a block is not closed"
    return Document(path, tuple(blocks), "\n".join(prose))
