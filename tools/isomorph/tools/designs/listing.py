"""`list_`: what there is, architectures by zoo and backends by what they can do here."""

import json
from dataclasses import asdict, dataclass

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from isomorph.backends import Unavailable, registered
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.spec import zoos
from isomorph.tools.tables import Report, plain_table, printable


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can be used here: its framework's version and devices, or why not."""

    name: str
    version: str | None
    devices: tuple[str, ...]
    reason: str = ""


@dataclass(frozen=True)
class ListReport(Report):
    """All architectures by zoo, and the backends."""

    architectures: dict[str, tuple[str, ...]]
    backends: tuple[BackendStatus, ...]

    def to_json(self) -> str:
        """The report, as the command line's `--json` writes it."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def table(self) -> RenderableType:
        """As people read it."""
        networks: list[RenderableType] = []
        for name, own in self.architectures.items():
            heading = Text.assemble((name, "bold"), f"  {zoos()[name].origin}")
            networks += [heading, Padding(Columns(own, padding=(0, 2)), (0, 0, 1, 2))]
        backends = plain_table("runs in", "version", "on")
        for backend in self.backends:
            version = backend.version or Text(printable(backend.reason), "dim")
            backends.add_row(backend.name, version, ", ".join(backend.devices) or "-")
        return Group(*networks, backends)


def list_() -> ListReport:
    """All architectures by zoo, and every backend with its version and devices, or why it cannot be used."""
    processes = {name: BackendProcess(name) for name, found in registered().items() if found.why_not() is None}
    try:
        backends = tuple(_status(name, processes.get(name)) for name in registered())
    finally:
        for process in processes.values():
            process.close()
    names = {zoo.name: tuple(f"{zoo.name}/{name}" for name in zoo.networks) for zoo in zoos().values()}
    return ListReport(names, backends)


def _status(name: str, process: BackendProcess | None) -> BackendStatus:
    if process is None:
        return BackendStatus(name, None, (), registered()[name].why_not() or "")
    try:
        described = process.describe()
    except (Unavailable, BackendFailed) as error:
        return BackendStatus(name, None, (), str(error))
    return BackendStatus(name, described["version"], ("cpu", "gpu") if described["gpu"] else ("cpu",))
