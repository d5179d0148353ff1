"""Recognises files of other formats by their content, to say what to do with them where they are not read."""

from __future__ import annotations

import re
from typing import Any, cast

ACCELFORGE = (
    "this looks like a file of AccelForge, which is not read, rendered or not: give its layers as layers of type "
    "loop_nest in a spec, its machine as an architecture with nodes (docs/hierarchies.md)"
)
"""What to say of AccelForge's workloads, architectures and mappings."""

_ACCELFORGE_WORDS = (
    r"einsums?|rank_sizes|rank_variables?|iteration_space_shape|bits_per_(value|action)|persistent_tensors"
)
_ACCELFORGE_TAGS = r"!(Memory|Toll|Compute|Storage|Einsum|Workload|Arch)\b"

_HINTS = {
    "onnx": "this is an ONNX model: name it as the workload of a spec, or solve it with --architecture NAME",
    "yaml": "this looks like YAML: layers in YAML stand in place of a spec (with --architecture NAME), in a workload, "
    "or go through import; the files of a Timeloop design go together; specs and all else of ours are JSON",
    "csv": "this looks like a table (CSV): tables of layers (.csv of SCALE-Sim and GAMMA) stand in place of a spec "
    "(with --architecture NAME) or in a workload",
    "cfg": "this looks like a configuration of [sections]: one of SCALE-Sim (.cfg) goes with its table of layers; give "
    "any other machine as an architecture in JSON",
}
"""What to do with a file, by its format."""

_ONNX_FIELDS = re.compile(rb"\A\x08[\x01-\x20](\x12|\x1a|\x3a|\x42)")
"""How models begin: the version of the format, then the producer's name, the graph or the operator sets."""

_PEEK = 4096

JsonLike = dict[str, Any]


def is_accelforge(text: str) -> bool:
    """Whether the text of a YAML file or template is AccelForge's."""
    words = rf"^[\s-]*(\w+\s*:\s*[{{[]\s*)?({_ACCELFORGE_WORDS})\s*:"
    return re.search(words, text, re.MULTILINE) is not None or re.search(_ACCELFORGE_TAGS, text) is not None


def is_accelforge_data(document: object) -> bool:
    """Whether the data of a YAML file is AccelForge's: a workload of einsums, an architecture or a mapping of its."""
    if not isinstance(document, dict):
        return False
    parts = _objects(list(cast("JsonLike", document).values()))
    if any("einsums" in part or "rank_sizes" in part for part in parts):
        return True
    nodes = [node for part in parts for node in _objects(part.get("nodes"))]
    return any(str(node.get("type")) in ("memory", "toll", "compute", "storage") for node in nodes)


def _objects(values: object) -> list[JsonLike]:
    """The objects in a list; none where it is no list."""
    members = cast("list[object]", values) if isinstance(values, list) else []
    return [cast("JsonLike", member) for member in members if isinstance(member, dict)]


def hint(content: bytes, file: str) -> str:
    """What a file that is no JSON seems to be, and what to do with it; empty where nobody knows."""
    suffix = file.rpartition(".")[2].lower()
    start = content[:_PEEK]
    if suffix == "onnx" or _ONNX_FIELDS.match(start):
        return _HINTS["onnx"]
    if b"\0" in start:
        return ""
    text = start.decode("utf-8-sig", errors="replace")
    if suffix in ("yaml", "yml", "csv", "cfg"):
        return ACCELFORGE if suffix != "csv" and is_accelforge(text) else _HINTS["yaml" if suffix == "yml" else suffix]
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("#", ";"))]
    first = lines[0].strip() if lines else ""
    if re.fullmatch(r"\[[A-Za-z]\w*\]", first):
        return _HINTS["cfg"]
    if re.match(r"(---|- |[\"']?[\w -]+[\"']?\s*:(\s|$))", first):
        return _HINTS["yaml"]
    if len(lines) > 1 and first.count(",") >= 2 and not re.match(r"[{\[]", first):
        return _HINTS["csv"]
    return ""
