from __future__ import annotations

from osiris_dagster.errors import Diagnostic, Place
from osiris_dagster.oml.render import plain, render


def finding(**parts: object) -> Diagnostic:
    return Diagnostic("CMP012", "no such column", **parts)  # type: ignore[arg-type]


def test_the_form_for_people():
    text = render(
        [
            finding(
                place=Place("pipelines/orders.yaml", 12, 9, 4),
                source="    x: abcd e",
                found="abcd",
                expected="efgh",
                fix="did you mean `efgh`?",
                example="x: efgh\ny: 1",
            ),
            finding(severity="warning"),
        ]
    )

    assert text == (
        "pipelines/orders.yaml:12:9 CMP012 error: no such column\n"
        "  12 |     x: abcd e\n"
        "     |         ^^^^\n"
        "  found: abcd\n"
        "  expected: efgh\n"
        "  fix: did you mean `efgh`?\n"
        "  example: x: efgh\n"
        "    y: 1\n"
        "  see: docs/reference/diagnostics.md#cmp012\n"
        "\n"
        "CMP012 warning: no such column\n"
        "  see: docs/reference/diagnostics.md#cmp012"
    )


def test_nothing_renders_as_nothing():
    assert render([]) == ""


def test_carets_stand_under_wide_letters_and_behind_tabs():
    lines = render([finding(place=Place("a", 1, 7, 2), source="\t長 é: ab")]).splitlines()

    assert lines[1] == "  1 |  長 é: ab"
    assert lines[2] == "    | " + " " * 7 + "^^"


def test_a_long_line_is_cut_around_the_fault():
    source = "x" * 500 + "FAULT" + "y" * 500
    lines = render([finding(place=Place("a", 1, 501, 5), source=source)]).splitlines()

    assert len(lines[1]) < 140
    assert lines[1].startswith("  1 | …x")
    assert lines[1].endswith("y…")
    assert lines[1][lines[2].index("^") :].startswith("FAULT")
    assert lines[2].count("^") == 5


def test_a_caret_stands_at_the_end_of_a_line_and_never_runs_beyond_the_window():
    assert render([finding(place=Place("a", 1, 5), source="abcd")]).splitlines()[2].endswith("    ^")
    lines = render([finding(place=Place("a", 1, 1, 5000), source="x" * 5000)]).splitlines()
    assert lines[2].count("^") == 120


def test_untrusted_text_cannot_steer_the_terminal():
    commands = "a\x1b[31mred\x1b[0m \x1b]0;title\x07 \x1b]8;;http://x\x1b\\link\x9b2J "
    hostile = commands + "\u202eevil\u200b \x07\x00\x85\u2028b\x1bZ"

    assert plain(hostile) == "ared  link evil b"
    text = render(
        [
            Diagnostic(
                "OML001", f"m {hostile}\nsecond", place=Place(f"f{hostile}", 1, 1), source=hostile, found=hostile,
                fix=hostile,
            )
        ]
    )  # fmt: skip
    assert not set(text) & set("\x1b\x9b\x07\x00\x85\u202e\u200b\u2028")
    assert text.splitlines()[0].endswith("second")


def test_carriage_returns_cannot_overwrite_a_line():
    assert plain("ok\rbad\r\nnext") == "okbad\nnext"
