"""A network as a graph: what each layer, sum and mean reads, in the order in which it is computed."""

from isomorph.spec import Architecture, Block, Convention, Head, Stem, StemConvolution, StemPool, plan
from isomorph.spec.architecture import AuxiliaryHead
from isomorph.spec.graph import Join, Mean, graph

STEM = Stem((StemConvolution("conv1", 6, 3, stride=2), StemPool("pool1", 3, stride=2)))
BLOCKS = (
    Block("block1", "basic", ((8, 4, 2), (8, 4, 2), (8, 4, 1))),
    Block("block2", "inception", ((1, 2, 3, 4, 5, 6),)),
    Block("block3", "convolution", ((4, 3, 1),)),
)
UNIT, INCEPTION = "block1/unit_{}/basic_v1", "block2/unit_1/inception"
BRANCHES = ("branch1", "branch2", "branch3", "branch4")


def network(**options: object) -> Architecture:
    return Architecture("x/y", STEM, BLOCKS, Head(10), Convention()).with_options(**options)


def unit(number: int, read: str, shortcut: str) -> dict[str, tuple[str, ...]]:
    """A basic unit that reads `read`, and what it is added to."""
    scope = UNIT.format(number)
    return {
        f"{scope}/conv1": (read,),
        f"{scope}/conv2": (f"{scope}/conv1",),
        scope: (shortcut, f"{scope}/conv2"),
    }


def test_what_every_node_reads_in_order() -> None:
    first, second, third = (UNIT.format(number) for number in (1, 2, 3))
    expected = (
        {"conv1": ("input",), "pool1": ("conv1",), f"{first}/shortcut": ("pool1",)}
        | unit(1, "pool1", f"{first}/shortcut")
        | {f"{second}/shortcut": (first,)}
        | unit(2, first, f"{second}/shortcut")
        | unit(3, second, second)
        | {
            f"{INCEPTION}/branch1": (third,),
            f"{INCEPTION}/branch2_reduce": (third,),
            f"{INCEPTION}/branch2": (f"{INCEPTION}/branch2_reduce",),
            f"{INCEPTION}/branch3_reduce": (third,),
            f"{INCEPTION}/branch3": (f"{INCEPTION}/branch3_reduce",),
            f"{INCEPTION}/branch4_pool": (third,),
            f"{INCEPTION}/branch4": (f"{INCEPTION}/branch4_pool",),
            INCEPTION: tuple(f"{INCEPTION}/{branch}" for branch in BRANCHES),
            "block3": (INCEPTION,),
            "global_pool": ("block3",),
            "logits": ("global_pool",),
        }
    )
    assert [(node.name, node.reads) for node in graph(plan(network()))] == list(expected.items())


def test_sums_are_rectified_and_inceptions_joined() -> None:
    joins = {node.name: node.operation for node in graph(plan(network())) if isinstance(node.operation, Join)}
    sums = {UNIT.format(number): Join(concatenated=False, activation="relu") for number in (1, 2, 3)}
    assert joins == sums | {INCEPTION: Join(concatenated=True, activation=None)}


def test_a_network_without_a_pool_has_dense_logits_and_one_without_classes_ends_in_its_pool() -> None:
    dense = list(graph(plan(network(global_pool=False))))
    assert (dense[-1].name, dense[-1].reads) == ("logits", ("block3",))
    featured = list(graph(plan(network(num_classes=None))))
    assert (featured[-1].name, featured[-1].reads, featured[-1].operation) == ("global_pool", ("block3",), Mean())


def test_an_auxiliary_head_reads_its_unit_and_nothing_reads_it() -> None:
    head = AuxiliaryHead("aux1", "block1", 2, pool=None, cells=2, depth=5, hidden=7)
    nodes = {node.name: node.reads for node in graph(plan(network(auxiliary=(head,))))}
    inside = {name: reads for name, reads in nodes.items() if name.startswith("aux1")}
    assert next(iter(inside.values())) == (UNIT.format(2),)
    assert nodes["block1/unit_3/basic_v1/conv1"] == (UNIT.format(2),)
    assert not {read for name, reads in nodes.items() if name not in inside for read in reads} & inside.keys()
