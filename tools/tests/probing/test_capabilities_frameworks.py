"""`capabilities` of the frameworks: what their own tests show, seen by the tool."""

import pytest

from isomorph.tools import capabilities

# backend -> what it has on any machine; and what it lacks on a CPU
HAS = {
    "pytorch": {"float64", "bfloat16", "NCHW", "NHWC", "graph", "folded batch norms", "state_dict", "torch.export"},
    "keras": {"float64", "bfloat16", "NHWC", "graph", "xla", "folded batch norms", ".keras", "SavedModel"},
    "paddle": {"float64", "NCHW", "NHWC", "graph", "engine", "folded batch norms", ".pdparams", "jit.save"},
}
LACKS = {"pytorch": {"TF32", "xla"}, "keras": {"TF32", "engine", "NCHW"}, "paddle": {"TF32", "xla", "bfloat16"}}


@pytest.mark.thorough
@pytest.mark.parametrize("backend", HAS)
def test_what_a_framework_has_and_lacks_on_a_cpu(backend: str) -> None:
    (found,) = capabilities([backend], device="cpu").backends
    reasons = {cell.name: cell.detail for cell in found.cells if not cell.has}
    assert not HAS[backend] & reasons.keys(), reasons
    assert all(reasons.get(name) for name in LACKS[backend])
    assert found.device == "cpu"
    for cell in found.cells:
        if cell.group == "exports to":
            assert "bytes in" in cell.detail
