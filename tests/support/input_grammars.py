"""Random inputs from grammars: specs in JSON, files in YAML, and ONNX models, nearly right and wrong in many ways."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

Written = list[str]
"""The names of the files that an input is written to."""

NAMES = ("a", "b", "M", "N", "K", "x y", "", "é", "\x1b[31m", "=1+1", "\u202e", "a" * 1500)
NUMBERS = (0, 1, 2, 3, 7, 64, 4096, -1, 2**31 - 1, 2**31, 2**53 + 1, 2**63, 10**30, 0.5, -0.0, 1e308, 1e-320)
JUNK: tuple[Any, ...] = (*NUMBERS, *NAMES, None, True, False, [], {}, [[]], {"a": []}, float("nan"), float("inf"))


def _mostly(rng: Random, good: Any, odd: Sequence[Any] = JUNK, chance: float = 0.05) -> Any:
    """A value that makes sense, and sometimes one that may make none."""
    return rng.choice(odd) if rng.random() < chance else good


def _size(rng: Random) -> Any:
    return _mostly(rng, rng.choice((1, 2, 3, 4, 6, 8)), chance=0.02)


# Specs


def _layer(rng: Random, number: int) -> dict[str, Any]:
    name = _mostly(rng, f"l{number}", NAMES)
    kind = _mostly(rng, rng.choice(("conv2d", "gemm", "loop_nest", "einsum")), ("network", "conv4d"))
    if kind == "conv2d":
        fields = ("batch", "out_channels", "in_channels", "kernel_height", "kernel_width")
        sizes = {field: _size(rng) for field in fields} | {"in_height": 8, "in_width": 8}
        return {"type": kind, "name": name, **sizes, "stride": _size(rng), "padding": 4}
    if kind == "gemm":
        return {"type": kind, "name": name, "m": _size(rng), "n": _size(rng), "k": _size(rng)}
    bounds = {dim: _size(rng) for dim in rng.sample("abcdef", rng.randrange(1, 6))}
    if kind == "einsum":
        letters = "".join(bounds)
        text = f"{letters},{letters[:2]}->{letters[:1]}{_mostly(rng, '', ('z', '->', ','))}"
        return {"type": "loop_nest", "name": name, "bounds": bounds, "einsum": text}
    indices = [_expression(rng, list(bounds)) for _ in range(rng.randrange(0, 4))]
    tensors = [{"name": f"T{n}", "index": indices[: n + 1]} for n in range(3)]
    return {
        "type": "loop_nest",
        "name": name,
        "bounds": bounds,
        "tensors": [*tensors[:2], {**tensors[2], "output": True}],
    }


def _expression(rng: Random, dims: Sequence[str]) -> str:
    terms = [f"{rng.choice(('', '2*'))}{rng.choice(dims)}" for _ in range(rng.randrange(1, 4))]
    return _mostly(rng, " + ".join(terms), (f"{terms[0]} - {dims[-1]}", f"{terms[0]} / 2", "(", "1e9", "2**a", ""))


def _architecture(rng: Random) -> Any:
    own = {
        "name": "own", "pes": _size(rng), "rf_bytes_per_pe": 64, "spm": {"banks": 8, "bytes_per_bank": 256},
        "bytes_per_element": 2, "clock_mhz": _mostly(rng, 500),
        "dma": {"init_cycles": 10, "cycles_per_byte": 0.24, "clock_mhz": _mostly(rng, 500)},
        "access_energy_pj": {"rf": 1, "noc": 2, "spm": 10, "dram": _mostly(rng, 200), "mac": 0.1},
    }  # fmt: skip
    return _mostly(rng, rng.choice(("dmazerunner-256pe", own)), ("eyeriss-168", "dmazerunner"))


def spec_text(rng: Random) -> str:
    """A spec with something odd in some of its fields, as JSON that may itself be broken."""
    layers = [_layer(rng, number) for number in range(rng.randrange(1, 4))]
    document: dict[str, Any] = {
        "architecture": _architecture(rng),
        "workload": rng.choice(
            ({"layers": layers}, {"layers": layers}, "resnet18", {"network": "alexnet", "batch": 2})
        ),
        "objective": _mostly(rng, rng.choice(("edp", "energy", "latency")), ("edp ",)),
        "constraints": _mostly(rng, {}, ({"fixed": {"M": {"rf": 2}}}, {"spatial_dims": ["M"]}, {"fixd": {}})),
        "solver": {"seed": _size(rng), "top_k": _size(rng), "time_limit_s": _mostly(rng, 1)},
    }
    for _ in range(rng.choice((0, 0, 0, 1, 2))):
        document[rng.choice((*document, *NAMES))] = rng.choice(JUNK)
    text = json.dumps(document)
    return _broken(text, rng) if rng.random() < 0.3 else text


def _broken(text: str, rng: Random) -> str:
    """A text with a piece left out, doubled, or replaced."""
    start = rng.randrange(len(text))
    end = min(len(text), start + rng.choice((1, 1, 2, 20)))
    piece = rng.choice(("", text[start:end] * 2, "[" * 100, "9" * 5000, '"\\ud800"', '"a": 1, ', "\x00", "\\", "}}}"))
    return text[:start] + piece + text[end:]


def write_spec(rng: Random, folder: Path) -> Written:
    """A spec."""
    (folder / "spec.json").write_bytes(spec_text(rng).encode("utf-8", "surrogatepass"))
    return ["spec.json"]


# YAML


def _scalar(rng: Random) -> str:
    odd = (
        "!!int ''",
        "!!int x",
        "!!timestamp x",
        "2001-99-99",
        "0b_",
        "1" * 400,
        "1:59:59",
        ".inf",
        "~",
        "yes",
        "'",
        "*a",
    )
    tags = (
        "!Own {a: 1}",
        "!!python/object:os.system x",
        "!!binary x",
        "&a 1",
        "*b",
        "<<",
        "? [a]",
        "[",
        "{",
        "|",
        "- -",
    )
    return rng.choice((*odd, *tags)) if rng.random() < 0.05 else str(rng.choice((1, 2, 3, 4, 16)))


def _problem(rng: Random) -> str:
    dims = rng.sample("CKRPQS", rng.randrange(2, 5))
    instance = [f"{dim}: {_scalar(rng)}" for dim in dims]
    odd = ("HStride: 2", "H: 1", "densities: {}", f"{dims[0]}: 3", "Hstride: 2", "'': 1", "3: 4", "<<: {C: 3}")
    instance.append(_mostly(rng, "W: 1", odd, 0.3))
    spaces = "".join(_space(rng, number, dims) for number in range(3))
    shape = f"\n    dimensions: [{', '.join(dims)}]\n    data-spaces:\n{spaces}"
    shape = _mostly(rng, shape, (" cnn-layer", " cnn", ""))
    return f"problem:\n  version: 0.4\n  shape:{shape}\n  instance: {{{', '.join(instance)}}}\n"


def _space(rng: Random, number: int, dims: Sequence[str]) -> str:
    """A data space, of which the last is the output."""
    projection = rng.choice((f"[{dims[number % 2]}]", f"[[[{dims[0]}], [{dims[1]}]]]"))
    projection = _mostly(rng, projection, (f"[[[{dims[0]}, Hstride]]]", "3", "[[]]", "[X]"))
    output = ", read_write: true" if number == 2 else ""
    return f"    - {{name: T{number}, projection: {projection}{output}}}\n"


def _mapping(rng: Random) -> str:
    targets = rng.choices(("DRAM", "GlobalBuffer", "RegisterFile", "spad", "0", "~"), k=4)
    factors = (f"C={_scalar(rng)} K=1", "[C=2, K=0]", "C2 K3", "{C: 2}", "C=3,2", "[[", "")
    entries = (
        f"- {{target: {target}, type: {rng.choice(('temporal', 'spatial', 'datatype', 'bypass', 'x'))}, "
        f"factors: {rng.choice(factors)!r}, permutation: {rng.choice(('CK', 'KC', '[C, K]', 'CC', '~'))}}}"
        for target in targets
    )
    return "mapping:\n" + "\n".join(entries) + "\n"


def _workload(rng: Random) -> str:
    equation = _mostly(rng, "O[b][k]+=W[k][c]*I[b][c]", ("O[b]+=I[b]", "O[b][k]+=W[k][z]*I[b]", "O[", ""))
    operator = _mostly(rng, rng.choice(("Gemm", "MatMulAdd")), ("Add", "MaxPool"))
    return (
        f"- id: {_scalar(rng)}\n  operator_type: {operator}\n  equation: {equation}\n  loop_dims: [B, K, C]\n"
        f"  loop_sizes: [{_scalar(rng)}, 2, {_scalar(rng)}]\n  operand_precision: {{O: {_scalar(rng)}, I: 8}}\n"
    )


def write_yaml(rng: Random, folder: Path) -> Written:
    """A problem or a workload, and sometimes a mapping, one of which may be broken, or included by the other."""
    first = rng.choice((_problem, _problem, _workload))(rng)
    texts = {"layer.yaml": first, "map.yaml": _mapping(rng)}
    for name, text in texts.items():
        changed = _broken(text, rng) if rng.random() < 0.3 else text
        if rng.random() < 0.05:
            changed += f"\n{{{{include_text('{rng.choice((*texts, 'none.yaml'))}')}}}}\n"
        (folder / name).write_bytes(changed.encode("utf-8", "surrogatepass"))
    return list(texts)[: rng.choice((1, 1, 2))]


# ONNX


@dataclass
class _Graph:
    """Nodes so far, and the names of floats and of sizes that they give."""

    nodes: list[onnx.NodeProto]
    floats: list[str]
    sizes: list[str]


Step = Callable[[_Graph, Random], None]


def _add(graph: _Graph, operator: str, inputs: Sequence[str], into: list[str], **attributes: Any) -> None:
    output = f"t{len(graph.nodes)}"
    graph.nodes.append(helper.make_node(operator, inputs, [output], **attributes))
    into.append(output)


def _product(graph: _Graph, rng: Random) -> None:
    operator = rng.choice(("MatMul", "MatMul", "Gemm", "Add", "Conv", "Einsum"))
    attributes = {"equation": "ij,jk->ik"} if operator == "Einsum" else {}
    _add(graph, operator, rng.choices(graph.floats, k=2), graph.floats, **attributes)


def _move(graph: _Graph, rng: Random) -> None:
    operator = rng.choice(("Relu", "Transpose", "Flatten", "Softmax", "Identity", "Own", "Dropout"))
    _add(graph, operator, [rng.choice(graph.floats)], graph.floats, **({"own": 1} if rng.random() < 0.2 else {}))


def _shape(graph: _Graph, rng: Random) -> None:
    _add(graph, "Shape", [rng.choice(graph.floats)], graph.sizes)


def _arithmetic(graph: _Graph, rng: Random) -> None:
    operator = rng.choice(("Add", "Mul", "Div", "Sub", "Concat", "Unsqueeze", "Squeeze", "Gather", "ReduceProd", "Mod"))
    if operator in ("Unsqueeze", "Squeeze", "ReduceProd"):
        _add(graph, operator, [rng.choice(graph.sizes)], graph.sizes, axes=[0])
    else:
        _add(
            graph, operator, rng.choices(graph.sizes, k=2), graph.sizes, **({"axis": 0} if operator == "Concat" else {})
        )


def _reshape(graph: _Graph, rng: Random) -> None:
    operator = rng.choice(("Reshape", "Expand", "Tile", "ConstantOfShape", "Slice"))
    inputs = [rng.choice(graph.floats), rng.choice(graph.sizes)]
    _add(graph, operator, inputs[1:] if operator == "ConstantOfShape" else inputs, graph.floats)


def _branch(graph: _Graph, rng: Random) -> None:
    taken = rng.choice(graph.floats)
    inner = [helper.make_node("MatMul", [taken, taken], [f"i{len(graph.nodes)}"])]
    branch = helper.make_graph(inner, "b", [], [helper.make_value_info(inner[0].output[0], onnx.TypeProto())])
    _add(graph, "If", [rng.choice(("flag", taken))], graph.floats, then_branch=branch, else_branch=branch)


STEPS: tuple[Step, ...] = (_product, _product, _move, _shape, _arithmetic, _arithmetic, _reshape, _branch)


def model_bytes(rng: Random) -> bytes:
    """A model of some nodes that may contradict each other, at any operator set, and sometimes damaged."""
    graph = _Graph([], ["x", "w"], ["n"])
    for _ in range(rng.randrange(1, 25)):
        rng.choice(STEPS)(graph, rng)
    inputs = [
        helper.make_tensor_value_info("x", TensorProto.FLOAT, [rng.choice((4, "N", "?", 0)), rng.choice((4, 1, "s"))]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, []),
    ]
    weights = [numpy_helper.from_array(np.zeros((4, 4), np.float32), "w")]
    weights.append(numpy_helper.from_array(np.array(rng.choice(([2, 2], [-1], [10**9], [0])), dtype=np.int64), "n"))
    outputs = [helper.make_value_info(graph.nodes[-1].output[0], onnx.TypeProto())]
    made = helper.make_graph(graph.nodes, "fuzzed", inputs, outputs, weights)
    content = bytearray(
        helper.make_model(made, opset_imports=[helper.make_opsetid("", rng.randrange(7, 24))]).SerializeToString()
    )
    for _ in range(rng.choice((0, 0, 0, 1, 3))):
        content[rng.randrange(len(content))] = rng.randrange(256)
    return bytes(content)


def write_model(rng: Random, folder: Path) -> Written:
    """A model."""
    (folder / "net.onnx").write_bytes(model_bytes(rng))
    return ["net.onnx"]
