"""Makes data of YAML text with PyYAML (extra ``interop``), which is imported only here, when it is needed.

PyYAML by itself takes the last of keys that are given twice, raises whatever its constructors run into, and makes
gigabytes of a few kilobytes. Here what a text holds is counted before anything is built of it.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from typing import Any, cast

from ...faults import Fault, InputError, InputWarning, listed, shown
from ..json_files import MAX_DEPTH

MAX_VALUES = 200_000
"""Most values in a file, aliases counted wherever they stand; a large network has a few thousand."""

_LONGEST_NUMBER = 309
"""Digits of the largest binary64 number; what is longer is no number that anybody means."""

_MERGE = "tag:yaml.org,2002:merge"
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_TIME = "tag:yaml.org,2002:timestamp"
_CONSTRUCTION_ERRORS = (LookupError, ValueError, TypeError, AttributeError, ArithmeticError)
"""What PyYAML's constructors raise on scalars that are not what their tag says."""


def too_many_values(file: str) -> InputError:
    """The fault of a file with more, or deeper nested, values than are read."""
    message = f"expected at most {MAX_VALUES} values nested at most {MAX_DEPTH} deep, aliases counted in full"
    return InputError.single(file, "", message)


def parsed_yaml(text: str, file: str) -> object:
    """The data in a YAML text. Times are text; a tagged mapping gets the tag as its ``type`` unless it has one.

    Raises:
        InputError: when it is not YAML, gives a key twice (ZigZag's hardware may, with a warning), holds too much, or
            PyYAML is not installed.
    """
    try:
        import yaml
    except ImportError as error:
        message = "reading YAML needs PyYAML: pip install 'dmaze-solve[interop]'"
        raise InputError.single(file, "", message) from error
    try:
        _check_amount(yaml, text, file)
        loader = _loader(yaml, text)
        node = loader.get_single_node()
        if node is None:
            return None
        faults = listed(_repeated_keys(yaml, node, file))
        if faults and not _is_zigzag_hardware(yaml, node):
            raise InputError(faults)
        for fault in faults:
            warnings.warn(f"{fault}; the last is taken, as by ZigZag", InputWarning, stacklevel=2)
        return loader.construct_document(node)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1} column {mark.column + 1}" if mark is not None else ""
        raise InputError.single(file, place, f"expected YAML ({error.problem})") from error
    except (yaml.YAMLError, ValueError) as error:
        raise InputError.single(file, "", f"expected YAML ({' '.join(str(error).split())})") from error
    except RecursionError as error:
        raise InputError.single(file, "", "expected lists and mappings that are not nested as deeply") from error


def _safe_loader(yaml: Any) -> Any:
    """The loader in C where PyYAML has it: over twenty times as fast."""
    return getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def _check_amount(yaml: Any, text: str, file: str) -> None:
    """Count values and depth without building anything.

    Raises:
        InputError: when there are too many.
    """
    depth, num_values = 0, 0
    for event in yaml.parse(text, _safe_loader(yaml)):
        if isinstance(event, yaml.events.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.events.CollectionEndEvent):
            depth -= 1
        num_values += isinstance(event, yaml.events.NodeEvent)
        if depth > MAX_DEPTH or num_values > MAX_VALUES:
            raise too_many_values(file)


def _is_zigzag_hardware(yaml: Any, root: Any) -> bool:
    """Whether a text is ZigZag's hardware, of which published files give ``ports`` twice."""
    pairs: list[tuple[Any, Any]] = root.value if isinstance(root, yaml.MappingNode) else []
    return {"memories", "operational_array"} <= {key.value for key, _ in pairs if isinstance(key, yaml.ScalarNode)}


def _repeated_keys(yaml: Any, root: Any, file: str) -> Iterator[Fault]:
    """Keys that one mapping is given more than once, each where it stands again."""
    pending, seen = [root], {id(root)}
    while pending:
        node = pending.pop()
        pairs: list[tuple[Any, Any]] = node.value if isinstance(node, yaml.MappingNode) else []
        first: dict[tuple[str, str], int] = {}
        for key, _ in pairs:
            if not isinstance(key, yaml.ScalarNode) or key.tag == _MERGE:
                continue
            line, name = key.start_mark.line + 1, (key.tag, key.value.replace("-", "_"))  # which Timeloop takes as one
            if name in first:
                place = f"line {line} column {key.start_mark.column + 1}"
                message = f"expected {shown(key.value)} once, but given more than once"
                yield Fault(file, place, f"{message} (first in line {first[name]})")
            first.setdefault(name, line)
        for part in _parts(node.value):
            if id(part) not in seen:
                seen.add(id(part))
                pending.append(part)


def _parts(value: Any) -> Iterator[Any]:
    """The nodes that a node is made of: none of a scalar, whose value is text."""
    for member in () if isinstance(value, str) else value:
        yield from member if isinstance(member, tuple) else (member,)


def _loader(yaml: Any, text: str) -> Any:
    """A loader of a text that says where a scalar is not what its tag says, and takes tags that it does not know."""
    base: Any = _safe_loader(yaml)

    class Loader(base):
        """Safe, bounded, and with a place for every fault."""

        num_merged = 0

        def construct_object(self, node: Any, deep: bool = False) -> Any:
            if node.tag in _NUMBERS and len(node.value) > _LONGEST_NUMBER:
                problem = f"a number of {len(node.value)} characters"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
            try:
                return base.construct_object(self, node, deep)
            except _CONSTRUCTION_ERRORS as error:
                problem = f"{shown(node.value)} is no {node.tag.rpartition(':')[2]}"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

        def flatten_mapping(self, node: Any) -> None:
            before = len(node.value)
            base.flatten_mapping(self, node)
            self.num_merged += max(len(node.value) - before, 0)
            if self.num_merged > MAX_VALUES:  # a chain of mappings, each merged into the next
                raise yaml.constructor.ConstructorError(None, None, "merged too often", node.start_mark)

    cast("Any", Loader).add_multi_constructor("!", _tagged)
    cast("Any", Loader).add_constructor(_TIME, _time_as_text)
    return Loader(text)


def _tagged(loader: Any, suffix: str, node: Any) -> object:
    """What stands behind a tag that nobody knows."""
    if node.id == "mapping":
        loaded = cast("dict[object, object]", loader.construct_mapping(node, deep=True))
        return {"type": suffix.lower(), **loaded}
    if node.id == "sequence":
        return cast("list[object]", loader.construct_sequence(node, deep=True))
    return cast("object", loader.construct_scalar(node))


def _time_as_text(loader: Any, node: Any) -> str:
    loader.construct_yaml_timestamp(node)  # what is none is refused
    return str(node.value)
