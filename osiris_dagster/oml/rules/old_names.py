"""What the first Osiris called a finding: its error type for each of our codes, for tools that still ask for it."""

from __future__ import annotations

from collections.abc import Mapping

# Code -> old type; where the old name depends on the key, the last key of the path decides (`""`: any other).
OLD_NAMES: Mapping[str, Mapping[str, str]] = {
    "OML020": {"": "invalid_type"},
    "OML021": {"": "missing_required_key"},
    "OML022": {"name": "invalid_name_type", "steps": "invalid_steps_type", "": "invalid_type"},
    "OML023": {"": "forbidden_key"},
    "OML024": {"": "unknown_key"},
    "OML025": {"": "unsupported_version"},
    "OML027": {"": "empty_name"},
    "OML028": {"": "naming_convention"},
    "OML029": {"": "empty_steps"},
    "OML030": {"": "invalid_step_type"},
    "OML031": {"": "missing_step_field"},
    "OML032": {
        "id": "invalid_id_type",
        "component": "invalid_component_type",
        "mode": "invalid_mode_type",
        "config": "invalid_config_type",
        "": "invalid_type",
    },
    "OML034": {"": "duplicate_id"},
    "OML036": {"": "unknown_component"},
    "OML037": {"": "invalid_mode"},
    "OML038": {"": "incompatible_mode"},
    "OML040": {"needs": "invalid_needs_type", "": "invalid_dependency_type"},
    "OML041": {"": "unknown_dependency"},
    "OML050": {"": "unknown_config_key"},
    "OML051": {"": "missing_config_key"},
    "OML052": {"": "invalid_config_value"},
    "OML053": {"encoding": "unsupported_encoding", "write_mode": "unknown_write_mode", "": "invalid_config_value"},
    "OML054": {"": "invalid_config_value"},
    "OML055": {"": "invalid_config_value"},
    "OML057": {"": "missing_required_field"},
    "OML060": {"": "invalid_connection_ref"},
    "OML065": {"": "forbidden_override"},
    "OML066": {"": "override_warning"},
}


def old_name(code: str, path: str) -> str:
    """Return the old error type of a finding; empty for what the first Osiris did not look at.

    >>> old_name("OML032", "steps[1].id"), old_name("OML040", "steps[1].needs[0]"), old_name("OML044", "")
    ('invalid_id_type', 'invalid_dependency_type', '')
    """
    names = OLD_NAMES.get(code, {})
    return names.get(path.rpartition(".")[2], names.get("", ""))
