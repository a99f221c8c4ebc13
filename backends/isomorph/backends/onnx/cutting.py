"""Cut an ONNX model where operators begin that no standard defines, so that the rest of it still runs."""

import onnx
from onnx import ModelProto, NodeProto, ValueInfoProto

_RUNTIMES = "com.microsoft"
"""The domain of the operators that ONNX Runtime has beside those of the standard."""


def cut(model: ModelProto) -> tuple[ModelProto, tuple[str, ...]]:
    """Return a model without its unknown operators and all that depends on them, and words for these operators.

    It returns what they read, and whatever of its results is left.

    >>> from onnx import helper
    >>> nodes = [helper.make_node("Relu", ["x"], ["y"]), helper.make_node("Mine", ["y"], ["z"], domain="my.ops")]
    >>> imported = [helper.make_opsetid("", 17), helper.make_opsetid("my.ops", 1)]
    >>> graph = helper.make_graph(nodes, "graph", [], [ValueInfoProto(name="z")])
    >>> rest, unknown = cut(helper.make_model(graph, opset_imports=imported))
    >>> [node.op_type for node in rest.graph.node], [each.name for each in rest.graph.output], unknown
    (['Relu'], ['y'], ('my.ops.Mine of z',))
    """
    versions = {each.domain: each.version for each in model.opset_import}
    unknown: list[NodeProto] = []
    lost: set[str] = set()
    kept: list[NodeProto] = []
    for node in model.graph.node:
        if not lost.isdisjoint(node.input):
            lost.update(node.output)
        elif node.domain != _RUNTIMES and not onnx.defs.has(node.op_type, versions.get(node.domain, 0), node.domain):
            unknown.append(node)
            lost.update(node.output)
        else:
            kept.append(node)
    made = {output for node in kept for output in node.output}
    results = [each for each in model.graph.output if each.name not in lost]
    names = {each.name for each in results}
    read = dict.fromkeys(name for node in unknown for name in node.input if name in made and name not in names)
    rest = ModelProto()
    rest.CopyFrom(model)
    del rest.graph.node[:], rest.graph.output[:]
    rest.graph.node.extend(kept)
    rest.graph.output.extend((*results, *(ValueInfoProto(name=name) for name in read)))
    return rest, tuple(f"{each.domain}.{each.op_type} of {each.name or each.output[0]}" for each in unknown)
