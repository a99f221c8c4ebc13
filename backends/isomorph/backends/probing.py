"""A worker that also tries what cannot be told from answers: `isomorph list --capabilities` asks it.

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
    """A worker whose networks are exported, too."""

    def offers(self, device: Device) -> dict[str, Any]:
        """What "auto" means, whether the framework was built for GPUs, and the formats that it exports to."""
        where = self.backend.resolve_device(device)
        return {"device": where, "gpu_build": self.backend.has_gpu_build(), "exports": list(self.backend.exports())}

    def build_anyway(self, key: int, architecture: dict[str, Any], options: dict[str, Any]) -> None:
        """As `Backend.build`, but without asking the backend whether its framework can: to see what comes of it."""
        layout = self.backend.layouts(options["device"])[0]
        network = self.backend._build(from_document(architecture), Options(layout=layout, **options))
        self.networks[key] = network

    def export(self, key: int, form: str, images: dict[str, Any], out: str) -> dict[str, Any]:
        """Write a network in a format and answer "images" by what was written: the files' bytes, and the answer."""
        given = SharedArrays.from_document(images).open()["images"].copy()
        with ScratchFolder() as folder:
            run = self.backend.exports()[form](self.networks[key], given, folder)
            written = {
                str(path.relative_to(folder)): path.stat().st_size for path in folder.rglob("*") if path.is_file()
            }
            answer = run(given)
        return {"files": written, "arrays": SharedArrays.write(out, {"answer": answer}).to_document()}


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4], ProbingWorker)
