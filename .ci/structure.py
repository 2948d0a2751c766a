"""Check the rules of the repository: its top-level entries, the length of code, and its imports."""

from __future__ import annotations

import ast
import graphlib
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TOP = {
    "alpha", "config", "scripts", "tools", "tests", "bench", "docs", "attic", "Makefile", "pyproject.toml",
    "README.md", "MASTER_DOCUMENTATION.md", "LICENSE", "requirements.lock",
}  # fmt: skip
SHORT = ("alpha/", "scripts/", "tools/")
MODULE_LINES, FUNCTION_LINES = 400, 40  # the docstring of a function is not counted
IMPORTS_ATTIC = re.compile(r"^\s*(?:from|import)\s+attic\b|import_module\(\s*[\"']attic", re.MULTILINE)


def git(*arguments: str) -> list[str]:
    """Return the lines that a git command prints."""
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.splitlines()


def strangers(files: list[str]) -> list[str]:
    """Return a problem for each top-level entry of the repository that is not allowed."""
    top = {name.split("/")[0] for name in files}
    return [
        f"{name}: only {', '.join(sorted(TOP))} and dot files are allowed at the top level"
        for name in sorted(top - TOP)
        if not name.startswith(".")
    ]


def imports_of_attic(files: list[str], root: Path = ROOT) -> list[str]:
    """Return a problem for each file outside attic/ that imports from it."""
    code = [name for name in files if name.endswith(".py") and not name.startswith("attic/")]
    return [
        f"{name}: imports attic/, which is not allowed"
        for name in code
        if (root / name).exists() and IMPORTS_ATTIC.search((root / name).read_text(encoding="utf-8"))
    ]


def too_long(files: list[str], root: Path = ROOT) -> list[str]:
    """Return a problem for each module and function of the product that is too long."""
    problems = []
    for name in files:
        if name.startswith(SHORT) and name.endswith(".py") and (root / name).exists():
            text = (root / name).read_text(encoding="utf-8")
            if (lines := text.count("\n")) > MODULE_LINES:
                problems.append(f"{name}: {lines} lines; the limit is {MODULE_LINES}: split it")
            problems += [f"{name}: {function} has {lines} lines; the limit is {FUNCTION_LINES}: split it"
                         for function, lines in functions(text) if lines > FUNCTION_LINES]  # fmt: skip
    return problems


def functions(text: str) -> list[tuple[str, int]]:
    """Return each function of a module with its number of lines, without its docstring."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            if ast.get_docstring(node, clean=False) is not None:
                lines -= (node.body[0].end_lineno or 0) - node.body[0].lineno + 1
            found.append((node.name, lines))
    return found


def cycles(files: list[str], root: Path = ROOT) -> list[str]:
    """Return a problem if modules of the package import each other in a cycle."""
    parts = {
        name: Path(name).with_suffix("").parts for name in files if name.startswith("alpha/") and name[-3:] == ".py"
    }
    modules = {".".join(given).removesuffix(".__init__"): root / name for name, given in parts.items()}
    known = {module: path for module, path in modules.items() if path.exists()}
    graph = {
        module: imported(ast.parse(path.read_text(encoding="utf-8")).body, known) for module, path in known.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return [f"{' <- '.join(error.args[1])}: modules that import each other"]
    return []


def imported(body: list[ast.stmt], known: dict[str, Path]) -> set[str]:
    """Return the known modules that statements import when they run, not inside functions or only for type checkers."""
    found = set()
    for statement in running(body):
        if isinstance(statement, ast.ImportFrom):
            names = [f"{statement.module}.{alias.name}" for alias in statement.names]
            found |= {name if name in known else str(statement.module) for name in names}
        elif isinstance(statement, ast.Import):
            found |= {alias.name for alias in statement.names}
    return found & known.keys()


def running(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield the statements of a module that run when it is imported, also those inside branches."""
    for statement in body:
        if isinstance(statement, ast.If) and ast.unparse(statement.test) == "TYPE_CHECKING":
            yield from running(statement.orelse)
        else:
            yield statement
            yield from running([*getattr(statement, "body", []), *getattr(statement, "orelse", [])]
                               if isinstance(statement, ast.If | ast.Try | ast.With) else [])  # fmt: skip


def main() -> int:
    """Print every broken rule; return the exit status."""
    files = git("ls-files")
    problems = [*strangers(files), *imports_of_attic(files), *too_long(files), *cycles(files)]
    print("\n".join(problems) or "structure: no problem")
    return bool(problems)


if __name__ == "__main__":
    sys.exit(main())
