"""Takes out of a model what the installed library does not know and what changes no shape: it refuses the whole model.

Tools write attributes of their own into nodes of the standard, and exporters are sometimes newer than the library.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from ..contributed.output_shapes import DOMAIN as CONTRIBUTED
from ..contributed.output_shapes import NO_PRODUCTS
from .model_limits import nodes_within

if TYPE_CHECKING:
    from onnx import ModelProto, NodeProto, OperatorSetIdProto

STANDARD_DOMAINS = ("", "ai.onnx")
"""Names of the domain of the operators that the ONNX standard defines."""

UNREGISTERED = "unregistered"
"""The domain that operators are given which name the standard, and which the library does not find there."""


def take_unknown_out(model: ModelProto) -> Iterator[str]:
    """Bring a model down to what the library knows, and say what for."""
    from onnx import IR_VERSION, helper

    model.ir_version = min(model.ir_version, IR_VERSION)
    opsets = [*model.opset_import, *(opset for function in model.functions for opset in function.opset_import)]
    yield from _lowered(opsets)
    found: Counter[str] = Counter()
    found += _without_attributes(model.graph.node, {opset.domain: opset.version for opset in model.opset_import})
    for function in model.functions:
        found += _without_attributes(function.node, {opset.domain: opset.version for opset in function.opset_import})
    if found:
        names = ", ".join(f"{name} ({number} nodes)" for name, number in found.most_common())
        yield f"attributes that the standard has not are skipped: {names}"
    for owner, nodes in [(model, model.graph.node), *((function, function.node) for function in model.functions)]:
        used = {node.domain for node in nodes_within(nodes)} & {UNREGISTERED, CONTRIBUTED}
        for domain in used - {opset.domain for opset in owner.opset_import}:
            owner.opset_import.append(helper.make_opsetid(domain, 1))


def _lowered(opsets: Iterable[OperatorSetIdProto]) -> Iterator[str]:
    from onnx import defs

    newest = defs.onnx_opset_version()
    newer = [opset for opset in opsets if opset.domain in STANDARD_DOMAINS and opset.version > newest]
    if newer:
        yield f"operator set {newer[0].version} is newer than the library and read as its last one, {newest}"
    for opset in newer:
        opset.version = newest


def _without_attributes(nodes: Iterable[NodeProto], opsets: Mapping[str, int]) -> Counter[str]:
    """Remove attributes that operators do not have; gives on how many nodes each was found."""
    known: dict[tuple[str, str], frozenset[str] | None] = {}
    found: Counter[str] = Counter()
    for node in nodes_within(nodes):
        operator = (node.domain, node.op_type)
        if operator not in known:
            known[operator] = _attributes_of(node, opsets)
        names = known[operator]
        if names is None:
            if node.domain in STANDARD_DOMAINS:  # ONNX Runtime has some of its own there, too
                node.domain = CONTRIBUTED if node.op_type in NO_PRODUCTS else UNREGISTERED
            continue
        unknown = [attribute.name for attribute in node.attribute if attribute.name not in names]
        if unknown:
            found.update(dict.fromkeys(unknown, 1))
            kept = [attribute for attribute in node.attribute if attribute.name not in unknown]
            del node.attribute[:]
            node.attribute.extend(kept)
    return found


def _attributes_of(node: NodeProto, opsets: Mapping[str, int]) -> frozenset[str] | None:
    """The names of the attributes of a node's operator; ``None`` where the library does not know it."""
    from onnx import defs

    domain = "" if node.domain in STANDARD_DOMAINS else node.domain
    version = max((opsets[name] for name in (node.domain, domain) if name in opsets), default=1)
    try:
        return frozenset(defs.get_schema(node.op_type, version, domain).attributes)
    except defs.SchemaError:
        return None
