"""A place in a text value is the place in the file, however YAML writes the text."""

from __future__ import annotations

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from osiris_dagster.compiler.locate import place_in_scalar
from osiris_dagster.oml.compose import compose

NEEDLE = "needle"
WORDS = st.sampled_from(["select", "a,", "b", "from", "t", "ž🐎", "1", "--", "(x)", "|", ">", "&a", "*"])
LINES = st.lists(st.lists(WORDS, min_size=1, max_size=4), min_size=1, max_size=4)
PATH = ("steps", 0, "config", "query")


def text_of(lines: list[list[str]], at: int) -> list[str]:
    """Return the lines with the needle among their words, and `select` in front, so that they are plain text."""
    words = [word for line in lines for word in line]
    position = at % (len(words) + 1)
    flat = [*words[:position], NEEDLE, *words[position:]]
    cut = [" ".join(flat[: len(lines[0])]), " ".join(flat[len(lines[0]) :])]
    return ["select " + cut[0], *filter(None, cut[1:])]


def written(style: str, lines: list[str], indent: int) -> str:
    head = "steps:\n  - config:\n      query: "
    pad = " " * (6 + indent)
    match style:
        case "literal" | "folded":
            mark = "|" if style == "literal" else ">"
            return head + f"{mark}-  # text\n" + "".join(f"{pad}{line}\n" for line in lines)
        case "kept":
            return head + "|2+\n" + "".join(f"        {' ' * n}{line}\n\n" for n, line in enumerate(lines))
        case "quoted":
            return head + '"' + " ".join(lines) + '"\n'
        case "several lines in quotes":
            return head + "'" + f"\n{pad}".join(lines) + "'\n"
    return head + "&anchor " + " ".join(lines) + "\n"


@settings(deadline=None, max_examples=150)
@given(
    LINES,
    st.integers(0, 20),
    st.integers(1, 4),
    st.sampled_from(["literal", "folded", "kept", "quoted", "several lines in quotes", "anchored"]),
)
def test_the_place_of_a_word_is_where_it_stands_in_the_file(lines, at, indent, style):
    text = written(style, text_of(lines, at), indent)
    document = compose(text, "p.yaml")
    value = document.value["steps"][0]["config"]["query"] if document.whole and not document.faults else ""
    assume(NEEDLE in value)  # some words end a plain scalar
    place = place_in_scalar(document, PATH, value, value.index(NEEDLE), len(NEEDLE))
    before = text[: text.index(NEEDLE)]
    assert (place.line, place.column) == (before.count("\n") + 1, len(before) - before.rfind("\n"))
    assert place.length == len(NEEDLE)


def test_without_an_offset_the_place_is_the_beginning():
    document = compose("steps:\n  - config:\n      query: |\n        select 1\n", "p.yaml")
    place = place_in_scalar(document, PATH, "select 1\n", None, 5)
    assert (place.line, place.column) == (3, 14)


def test_the_end_of_a_text_is_its_last_character():
    document = compose("steps:\n  - config:\n      query: |\n        select\n\n", "p.yaml")
    place = place_in_scalar(document, PATH, "select\n", 7, 1)
    assert (place.line, place.column) == (4, 14)


def test_an_empty_text_has_only_a_beginning():
    document = compose('steps:\n  - config:\n      query: "  "\n', "p.yaml")
    place = place_in_scalar(document, PATH, "  ", 1, 1)
    assert (place.line, place.column) == (3, 14)
