"""What the documents say of the code is there: a reader who follows them arrives."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
DOCS = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
FOLDERS = "bot|handlers|services|payments|models|vault|web|sandbox|texts|migrations|tests|docs"


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_path_that_is_named_exists(doc: Path) -> None:
    """A file that was moved is named where it is now; `*` and `<language>` stand for any."""
    named = set(re.findall(rf"`((?:{FOLDERS})/[^`\s]*)`", doc.read_text(encoding="utf-8")))
    assert [path for path in named if not any(ROOT.glob(re.sub(r"<\w+>", "*", path)))] == []


@pytest.mark.parametrize("doc", DOCS, ids=lambda doc: doc.name)
def test_every_link_leads_somewhere(doc: Path) -> None:
    """A document that another points to, and a picture, are there."""
    links = re.findall(r"\]\((?!https?:)([^)#]+)", doc.read_text(encoding="utf-8"))
    assert [link for link in links if not (doc.parent / link).exists()] == []


def test_the_glossary_says_each_thing_once() -> None:
    """One name for one thing: no name stands in two rows."""
    glossary = (ROOT / "docs" / "GLOSSARY.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\*\*.*?) *\|", glossary, re.MULTILINE)
    assert rows
    assert len(rows) == len(set(rows))
