"""The findings of a comparison so far, and the nodes with their causes applied, which prove them."""

from collections import Counter
from dataclasses import dataclass, field

from isomorph.backends.array_forms import Array
from isomorph.backends.graphs.graph import Node, Tensor
from isomorph.conformance.likeness.comparison import Comparison
from isomorph.conformance.likeness.finding import Finding
from isomorph.conformance.likeness.operands import Operand
from isomorph.spec.operations import Operation


@dataclass
class Repair:
    """A node of the first graph with its causes applied.

    reads: what its counterpart reads, as the node reads it, where that is something else; None where it is not.
    is_theirs: whether it reads and gives the axes of its counterpart.
    """

    operation: Operation
    tensors: dict[str, Tensor]
    reads: list[Operand] | None
    is_theirs: bool = False


@dataclass
class Explanation:
    """The findings of a comparison, and what proves them.

    findings: by the number of the node of the first graph.
    repairs: number of a node of the first graph -> the node with its causes applied.
    others: name -> tensors of the first model, in whose place another may be.
    missing, extra: nodes of the first graph, and of the second, that findings have named.
    exchanged: pairs of nodes of the first graph whose order is exchanged.
    rounding: nodes of the first graph whose operands are rounded.
    padded: node of the first graph -> words for padding that the second model has in front of it.
    sources: node of the first graph -> what it alone reads, and what its counterpart alone reads, by the numbers of the
        first graph.
    """

    comparison: Comparison
    findings: list[tuple[int, Finding]] = field(default_factory=list)
    repairs: dict[int, Repair] = field(default_factory=dict)
    missing: set[int] = field(default_factory=set)
    extra: set[int] = field(default_factory=set)
    exchanged: list[set[int]] = field(default_factory=list)
    rounding: set[int] = field(default_factory=set)
    padded: dict[int, str] = field(default_factory=dict)
    sources: dict[int, tuple[set[int], set[int]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.others: dict[str, Array] = {}
        parts: Counter[str] = Counter()  # of packed tensors, as queries, keys and values are
        for node in self.comparison.one.nodes.values():
            for tensor in node.tensors.values():
                if tensor.name is None:
                    continue
                parts[tensor.name] += 1
                count = parts[tensor.name]
                self.others[tensor.name if count == 1 else f"{tensor.name}, part {count}"] = tensor.value

    def say(self, node: Node, cause: str, says: str, theirs: Node | None = None, **more: object) -> None:
        """Add a finding at a node of the first graph; `theirs` is the second one's, and `more` its other fields."""
        name = theirs.name if theirs is not None else ""
        self.findings.append((node.number, Finding(cause, node.name, says, name, **more)))  # type: ignore[arg-type]
