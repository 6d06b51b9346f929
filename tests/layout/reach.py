"""What of a package can be reached from its entry points: modules that nobody imports, names that nobody uses.

A node of the graph is `module` (what runs when it is imported) or `module:name` (a function, class or constant at its
top level). An edge is a use: an import, a name in a body, an attribute of an imported module, or a text that is exactly
`package.module` or `package.module:name`, which is how verbs, lazy names, child processes and specs name code. Tests
are no part of the package, so what only they use is not reached.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

Uses = dict[str, set[str]]


@dataclass(frozen=True)
class Module:
    """One parsed module: the statements that define its names, all others, and what its imports are called."""

    name: str
    tree: ast.Module
    defined: Mapping[str, list[ast.stmt]]
    running: list[ast.stmt]
    imported: Uses = field(default_factory=dict)  # name in this module -> `module` or `module:name`, of each import


def unreached(package: Path, entries: Iterable[str]) -> list[str]:
    """Return the modules, and the names of reached modules, that no entry leads to.

    An entry is a node, or `module:*` for all names of a module. A name between double underscores is Python's.
    """
    modules = {name: read(name, file, package.name) for name, file in files(package)}
    for module in modules.values():
        for name, target in bindings(module.tree, modules):
            module.imported.setdefault(name, set()).add(target)
    uses: Uses = {}
    for module in modules.values():
        uses |= uses_of(module, modules)
    reached = follow(uses, starts(entries, modules))
    names = [
        f"{module.name}:{name}" for module in modules.values() if module.name in reached for name in module.defined
    ]
    return sorted({*modules, *names} - reached)


def starts(entries: Iterable[str], modules: Mapping[str, Module]) -> set[str]:
    found: set[str] = set()
    for entry in entries:
        name, _, wanted = entry.partition(":")
        found |= {f"{name}:{one}" for one in modules[name].defined} if wanted == "*" else {entry}
    return found


def files(package: Path) -> Iterator[tuple[str, Path]]:
    for file in sorted(package.rglob("*.py")):
        parts = file.relative_to(package.parent).with_suffix("").parts
        yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), file


def read(name: str, file: Path, package: str) -> Module:
    tree = ast.parse(file.read_text("utf-8"), str(file))
    defined: dict[str, list[ast.stmt]] = {}
    running: list[ast.stmt] = []
    for statement in top_level(tree.body):
        names = list(defined_by(statement))
        for one in names:
            defined.setdefault(one, []).append(statement)
        if not names or any(one.startswith("__") for one in names):
            running.append(statement)
    kept = {one: found for one, found in defined.items() if not one.startswith("__")}
    return Module(name, tree, kept, running)


def top_level(body: Iterable[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module, those below `if` and `try` one by one."""
    for statement in body:
        if isinstance(statement, ast.If | ast.Try):
            if isinstance(statement, ast.If):
                yield ast.Expr(statement.test)
            blocks = [getattr(statement, block, []) for block in ("body", "orelse", "finalbody")]
            handlers = [handler.body for handler in getattr(statement, "handlers", [])]
            for block in [*blocks, *handlers]:
                yield from top_level(block)
        else:
            yield statement


def defined_by(statement: ast.stmt) -> Iterator[str]:
    match statement:
        case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
            yield name
        case ast.Assign(targets=targets):
            yield from (node.id for target in targets for node in ast.walk(target) if is_stored(node))
        case ast.AnnAssign(target=ast.Name(id=name)):
            yield name


def is_stored(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)


def bindings(tree: ast.Module, modules: Mapping[str, Module]) -> Iterator[tuple[str, str]]:
    """Yield what each import of ours, wherever it stands, is called and means."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                child = f"{node.module}.{alias.name}"
                yield alias.asname or alias.name, child if child in modules else f"{node.module}:{alias.name}"
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name in modules and alias.asname:
                    yield alias.asname, alias.name


def uses_of(module: Module, modules: Mapping[str, Module]) -> Uses:
    """Return what each node of a module uses; a name imported here and asked for from elsewhere leads to its origin."""
    parent = module.name.rpartition(".")[0]
    found = {f"{module.name}:{name}": {module.name, *targets} for name, targets in module.imported.items()}
    found[module.name] = ({parent} & modules.keys()).union(*(used_in(one, module, modules) for one in module.running))
    for name, statements in module.defined.items():
        used = (used_in(statement, module, modules) for statement in statements)
        found[f"{module.name}:{name}"] = {module.name}.union(*used)
    return found


def used_in(statement: ast.AST, module: Module, modules: Mapping[str, Module]) -> set[str]:
    found: set[str] = set()
    local = set(locals_of(statement))
    for node in ast.walk(statement):
        match node:
            case ast.Name(id=name) if name not in local:
                found |= meant(name, module)
            case ast.Attribute(value=ast.Name(id=name), attr=attribute) if name not in local:
                found |= {f"{target}:{attribute}" for target in meant(name, module) if target in modules}
            case ast.ImportFrom(module=str(name)):
                found |= {name, *(f"{name}.{alias.name}" for alias in node.names)} & modules.keys()
            case ast.Import():
                found |= {alias.name for alias in node.names} & modules.keys()
            case ast.Call(func=ast.Name(id="cast"), args=[ast.Constant(value=str(text)), *_]):
                found |= used_in(ast.parse(text), module, modules)
            case ast.Constant(value=str(text)) if text.partition(":")[0] in modules:
                found |= {text.partition(":")[0], text}
    return found


def locals_of(statement: ast.AST) -> Iterator[str]:
    """Yield the parameters and variables of a function: they are not what the module calls so."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        nodes = list(ast.walk(statement))
        shared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
        for node in nodes:
            if isinstance(node, ast.arg):
                yield node.arg
            elif isinstance(node, ast.Name) and is_stored(node) and node.id not in shared:
                yield node.id


def meant(name: str, module: Module) -> set[str]:
    own = {f"{module.name}:{name}"} if name in module.defined else set()
    return own | module.imported.get(name, set())


def follow(uses: Uses, nodes: set[str]) -> set[str]:
    reached: set[str] = set()
    while nodes:
        reached |= nodes
        nodes = set().union(*(uses.get(node, set()) for node in nodes)) - reached
    return reached
