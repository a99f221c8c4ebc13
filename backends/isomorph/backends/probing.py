"""A worker that also tries builds and exports, for `isomorph list --capabilities`.

PYTHON -P -m isomorph.backends.probing NAME SOCKET MEMORY ARITHMETIC
"""

import sys
from typing import Any

from isomorph.backends.arrays import SharedArrays
from isomorph.backends.options import Device, Options
from isomorph.backends.scratch import ScratchFolder
from isomorph.backends.worker import Worker, main
from isomorph.spec.document import from_document


class ProbingWorker(Worker):
    """A worker that also exports its networks."""

    def offers(self, device: Device) -> dict[str, Any]:
        """Return the device that `device` means, whether the framework was built for GPUs, and its export formats."""
        where = self.backend.resolve_device(device)
        return {"device": where, "gpu_build": self.backend.has_gpu_build(), "exports": list(self.backend.exports())}

    def build_anyway(self, key: int, architecture: dict[str, Any], options: dict[str, Any]) -> None:
        """Build as `Backend.build` does, without first asking the backend whether its framework can."""
        layout = self.backend.layouts(options["device"])[0]
        network = self.backend._build(from_document(architecture), Options(layout=layout, **options))
        self.networks[key] = network

    def export(self, key: int, form: str, images: dict[str, Any], out: str) -> dict[str, Any]:
        """Export a network in a format, and answer "images" by the export; return its files' sizes and the answer."""
        batch = SharedArrays.from_document(images).open()["images"].copy()
        with ScratchFolder() as folder:
            run = self.backend.exports()[form](self.networks[key], batch, folder)
            sizes = {str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()}
            answer = run(batch)
        return {"files": sizes, "arrays": SharedArrays.write(out, {"answer": answer}).to_document()}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], ProbingWorker)
