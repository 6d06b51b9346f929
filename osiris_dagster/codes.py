"""The diagnostic codes that are not rules of OML, each with what it means and what to do.

Rules of OML document themselves; every other layer lists its codes here, so that one reference page has them all.
"""

from __future__ import annotations

from collections.abc import Mapping

LAYERS: Mapping[str, str] = {
    "SPC": "Component specs",
    "CMP": "Compiler",
    "CFG": "Configuration, connections and secrets",
    "DRV": "Drivers",
    "RUN": "Runs",
    "AIO": "AI Operation Packages",
    "OSI": "Everything else",
}
"""Prefix of a code -> what reports it, in the order of the reference page."""

CODES: Mapping[str, tuple[str, str]] = {
    "SPC001": (
        "A component spec cannot be read",
        (
            "The file is not YAML, or lacks a part that the product needs. A shipped spec is repaired by reinstalling; "
            "your own has to satisfy `components/spec.schema.json`."
        ),
    ),
    "SPC002": (
        "A component spec does not satisfy the schema of specs",
        "A key is unknown, missing or of the wrong type. The message names the place in the file.",
    ),
    "SPC003": (
        "A component spec stands in the wrong folder",
        "The folder has the name of the component, so that a spec is found by its name.",
    ),
    "SPC004": (
        "The configSchema of a spec is no JSON Schema",
        "It is checked against JSON Schema 2020-12 before any step is.",
    ),
    "SPC005": (
        "An example of a spec does not validate",
        "Examples are shown to people and models, so each has to be a configuration that works.",
    ),
    "SPC006": (
        "A secrets pointer leads to no field",
        "A secret that is pointed at wrongly would be shown. The pointer names a field of the config or connection.",
    ),
    "SPC007": (
        "A spec speaks about a field that it does not have",
        "Constraints, required fields and the dataset rule name fields of the configSchema.",
    ),
    "CMP001": (
        "The pipeline cannot be compiled",
        "The document is valid, its meaning is not. The message says what does not fit.",
    ),
    "CFG001": (
        "The configuration is not usable",
        "A setting, a connection or a secret is missing or malformed. The message names it.",
    ),
    "CFG010": (
        "A path leaves the project",
        (
            "Paths are relative to the project root and stay below it, also through links. Move the file into the "
            "project, or run with `--project` on the folder that holds it."
        ),
    ),
    "CFG011": (
        "The project folder does not exist",
        "`--project` or OSIRIS_HOME names a folder that is not there.",
    ),
    "DRV001": (
        "A driver failed",
        "Reading, transforming or writing data failed. The message and the cause come from the source or target.",
    ),
    "RUN001": (
        "A step failed",
        "The run stopped at this step; outputs of earlier runs are as they were.",
    ),
    "AIO001": (
        "A package could not be built",
        "The run itself is not affected; export the package again with its run id.",
    ),
    "OSI001": (
        "Something failed that has no code of its own",
        "The message says what. Please report it with the log that was printed.",
    ),
}
"""Code -> title, explanation."""
