"""`validate --fix` against SQL of random parts: what is code changes, string literals and comments stay."""

from __future__ import annotations

import json
import re
from functools import partial

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from osiris_dagster.oml.fix import fix
from osiris_dagster.oml.validate import validate

OLD, NEW = "input_df", "df_rows"
TEMPLATE, FILLED = "{{ params.day }}", "${params.day}"
WORDS = st.lists(st.sampled_from([OLD, TEMPLATE, "a", ";", "(", "/", "-"]), max_size=4).map(" ".join)
LITERALS = [
    "'{}'", "'it''s {}'", "e'it\\'s {}'", "E'\\\\{}'", "$${}$$", "$q$ ' {} $q$", "-- it's {}\n", "/* {} */",
    "/* /* ' */ {} */", "'{} -- ', '/* {}'",
]  # fmt: skip
CODE = ["{}", "{}.n", '"{}"', "{} < 1", '"it\'s" , {}', "a$b$ {}", "1/{}", "x - {}"]


@st.composite
def queries(draw):
    """SQL as it is written, and as it has to be after the fix."""
    before, after = ["select * from input_df where"], ["select * from df_rows where"]
    for is_code in draw(st.lists(st.booleans(), min_size=1, max_size=6)):
        inside = draw(st.sampled_from([OLD, TEMPLATE])) if is_code else draw(WORDS)
        part = draw(st.sampled_from(CODE if is_code else LITERALS))
        before.append(part.replace("{}", inside))
        after.append(part.replace("{}", {OLD: NEW, TEMPLATE: FILLED}[inside]) if is_code else before[-1])
    return tuple(re.sub(r" +\n", "\n", "\n".join([*parts, "limit 9"])) for parts in (before, after))


def written(sql, style):
    if style == "block":
        return "|-\n" + "\n".join(f"          {line}" if line else "" for line in sql.split("\n"))
    return (
        json.dumps(sql)
        if style == "double"
        else "'" + re.sub(r"\n+", lambda match: match[0] + "\n          ", sql.replace("'", "''")) + "'"
    )


@settings(max_examples=120, deadline=None)
@given(query=queries(), style=st.sampled_from(["block", "double", "single"]))
def test_only_code_is_changed(catalogue, query, style):
    before, after = query
    text = (
        'oml_version: "0.2.0"\nname: orders\nparams: {day: 1}\nsteps:\n'
        "  - {id: rows, component: duckdb.processor, mode: transform, config: {query: select 1 as n}}\n"
        "  - id: more\n    component: duckdb.processor\n    mode: transform\n    config:\n      query: "
    )
    check = partial(validate, file="a.yaml", catalogue=catalogue)
    document = text + written(before, style) + "\n"
    assert yaml.safe_load(document)["steps"][1]["config"]["query"] == before

    fixed = yaml.safe_load(fix(check(document), check).text)["steps"][1]["config"]["query"]

    if style == "block":
        assert fixed == after
    else:  # where YAML hides the place of a word nothing is changed
        for got, was, wanted in zip(fixed.split("\n"), before.split("\n"), after.split("\n"), strict=True):
            assert got in (was, wanted, wanted.replace(NEW, OLD), wanted.replace(FILLED, TEMPLATE))
