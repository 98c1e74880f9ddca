"""The words of the code and the pages are those of the field: none of the phrases below is used."""

import re
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = [
    *("wengert", "examples", "benchmarks"),
    *("README.md", "CHANGELOG.md", "CONTRIBUTING.md"),
    *(
        f"docs/{page}.md"
        for page in ("benchmarks", "compile", "design", "engine", "functions", "reliability", "scientific", "training")
    ),
    "docs/make_functions.py",
    *(
        page.relative_to(ROOT).as_posix()
        for folder in ("guides", "coming_from")
        for page in ROOT.glob(f"docs/{folder}/*.md")
    ),
]
# A phrase, and the word of the field. Look-aheads spare other meanings.
PHRASES = {
    r"gradients? by (?!a decorator)": "gradient with respect to",
    r"(that|those) by (the|its|their|[a-z]\b)": "that with respect to",
    r"derivatives? by (?!finite|differences)": "derivative with respect to",
    r"differentiable by|differentiated? by (?!(a )?(central|finite))": "differentiable with respect to",
    r"differentiates by": "differentiates with respect to",
    r"whole[- ]numbers?": "integer",
    r"\btruths?\b": "boolean",
    r"looks? into\b": "is a view of, aliases",
    r"watch(ed|ing|es)?\b": "traced",
    r"nobody": "unused, or the subject by name",
    r"\bhouses?\b": "architecture",
    r"\brooms?\b": "package, space",
    r"\bdoors?\b": "public API",
    r"\bsweeps?\b": "fused loop, pass",
    r"made ahead of time": "compiled ahead of time",
    r"\b(learnt|left) off\b": "inferred",
    r"read off\b": "inferred from",
    r"walk(s|ed)? backwards": "backward pass",
    r"multiplications with additions": "multiply-adds",
    r"go(es)? on with\b": "resumes",
    r"broken off": "interrupted",
    r"not looked at": "not read, ignored",
    r"no whole": "not an integer",
    r"\bas they lie\b": "in their memory order",
    r"\bbrought together\b": "gathered, concatenated",
}


def lines() -> list[tuple[str, str]]:
    """Every line of the places above, with its position."""
    paths = [p for place in PLACES for p in (sorted((ROOT / place).rglob("*.py")) or [ROOT / place])]
    found = []
    for path in paths:
        text = path.read_text("utf-8")
        name = path.relative_to(ROOT).as_posix()
        found += [(f"{name}:{i}", line) for i, line in enumerate(text.splitlines(), 1)]
    return found


class PhrasesTest(unittest.TestCase):
    def test_no_phrase_is_used(self) -> None:
        text = lines()
        self.assertGreater(len(text), 20_000)
        for phrase, word in PHRASES.items():
            found = [f"{where}: {line.strip()}" for where, line in text if re.search(phrase, line, re.IGNORECASE)]
            with self.subTest(phrase):
                self.assertEqual(found, [], f"write: {word}")

    def test_each_phrase_is_found_where_it_is(self) -> None:
        for sentence in (
            "the gradient by x",
            "an array of whole numbers",
            "a mask of truths",
            "it looks into memory",
            "a function that is watched",
            "what nobody reads",
            "the update was broken off",
        ):
            with self.subTest(sentence):
                self.assertTrue(any(re.search(phrase, sentence) for phrase in PHRASES))


if __name__ == "__main__":
    unittest.main()
