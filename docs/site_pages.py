"""Adds to the site what does not lie in docs/: the README, the guide for contributors, and the keys of the schema."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
# Page of the site: the file beside docs/ that it is made of.
_BESIDE = {"index.md": "README.md", "contributing.md": "CONTRIBUTING.md", "changelog.md": "CHANGELOG.md"}
_TITLES = {
    "Header": "The file",
    "ModelEntry": "Model",
    "DatasetEntry": "Dataset",
    "BaselineEntry": "Baseline",
    "EvaluationEntry": "Evaluation",
    "CheckEntry": "Check",
    "DefaultsEntry": "Defaults",
}


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the pages."""
    for page, source in _BESIDE.items():
        text = (ROOT / source).read_text(encoding="utf-8")
        files.append(File.generated(config, page, content=text))
    files.append(File.generated(config, "reference.md", content=reference()))
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Turns links between files of the repository into links between pages; to code there is none."""
    inside = "" if page.file.src_uri in _BESIDE else "docs/"

    def link(match: re.Match[str]) -> str:
        text, target = match[1], match[2]
        if "://" in target or target.startswith("#"):
            return match[0]
        path, _, anchor = target.partition("#")
        there = (ROOT / inside / path).resolve().relative_to(ROOT).as_posix()
        pages = {source: name for name, source in _BESIDE.items()}
        if there in pages or there.startswith("docs/"):
            found = pages.get(there, there.removeprefix("docs/"))
            return f"{text}({found}{'#' + anchor if anchor else ''})"
        # A file of the repository, of which the site has no page.
        return text[1:-1]

    parts = re.split(r"(^```.*?^```$)", markdown, flags=re.MULTILINE | re.DOTALL)
    return "".join(
        part if part.startswith("```") else re.sub(r"(!?\[[^\]]*\])\(([^)\s]+)\)", link, part)
        for part in parts
    )


def reference() -> str:
    """Every key with type, default and meaning, as the JSON Schema has them."""
    from pytest_modelqa.spec.json_schema import json_schema
    from pytest_modelqa.tasks.registry import catalogue

    return "\n".join(_reference(json_schema(catalogue()))) + "\n"


def _reference(schema: Mapping[str, Any]) -> Iterator[str]:
    yield "# All keys"
    yield ""
    yield "Generated from the JSON Schema of the language (`modelqa schema`). [spec.md](spec.md) explains them."
    definitions = schema["$defs"]
    yield from _table("The file", schema)
    for name, title in _TITLES.items():
        if name in definitions:
            yield from _table(title, definitions[name])
    for name in sorted(set(definitions) - set(_TITLES)):
        if definitions[name].get("properties"):
            told = str(definitions[name].get("description", ""))
            of_something = re.fullmatch(r"The arguments of (.+)\.", told)
            yield from _table(f"Arguments of {of_something[1]}" if of_something else name, definitions[name])


def _table(title: str, definition: Mapping[str, Any]) -> Iterator[str]:
    yield f"\n## {title}\n"
    if definition.get("description"):
        yield f"{definition['description']}\n"
    yield "| key | type | default | meaning |"
    yield "|---|---|---|---|"
    required = definition.get("required", [])
    for key, entry in definition["properties"].items():
        default = (
            "required"
            if key in required
            else _code(entry["default"])
            if entry.get("default") not in (None, "")
            else "—"
        )
        cells = (f"`{key}`", _type(entry), default, _meaning(entry))
        yield "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _type(entry: Mapping[str, Any]) -> str:
    if "const" in entry:
        return _code(entry["const"])
    if "enum" in entry:
        return ", ".join(_code(value) for value in entry["enum"] if value is not None)
    if "anyOf" in entry:
        return " or ".join(dict.fromkeys(_type(one) for one in entry["anyOf"] if one.get("type") != "null"))
    if "$ref" in entry:
        return f"`{entry['$ref'].rpartition('/')[2]}`"
    kind = entry.get("type", "any")
    if isinstance(kind, list):
        return " or ".join("mapping" if one == "object" else one for one in kind if one != "null")
    if kind == "array":
        return f"list of {_type(entry.get('items') or {})}"
    return "mapping" if kind == "object" else str(kind)


def _meaning(entry: Mapping[str, Any]) -> str:
    examples = ", ".join(_code(one) for one in entry.get("examples", ()))
    return f"{entry.get('description', '')}{f' Such as {examples}.' if examples else ''}".strip() or "—"


def _code(value: Any) -> str:
    import json

    return f"`{value if isinstance(value, str) else json.dumps(value)}`"
