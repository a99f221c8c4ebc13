"""`list_`: what there is, architectures by zoo and backends by what they can do here."""

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from rich.columns import Columns
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from isomorph.backends.failures import BackendFailed, Unavailable
from isomorph.backends.registry import Registered, registered
from isomorph.spec import zoos
from isomorph.tools.tables import Report, plain_table, printable

if TYPE_CHECKING:
    from isomorph.backends.process import BackendProcess


@dataclass(frozen=True)
class BackendStatus:
    """Whether a backend can be used here: its framework's version and, where it was started, devices; or why not."""

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
        tried = any(backend.devices for backend in self.backends)
        backends = plain_table("runs in", "version", *(["on"] if tried else []))
        for backend in self.backends:
            version = backend.version or Text(printable(backend.reason), "dim")
            backends.add_row(backend.name, version, *([", ".join(backend.devices) or "-"] if tried else []))
        return Group(*networks, backends)


def list_(devices: bool = False) -> ListReport:
    """Describe all architectures by zoo, and every backend with its version, or why it cannot be used.

    devices: start each backend, too, which takes seconds, to see what it computes on. Without it a backend's version is
        that of the installed package, and `devices` of each status is empty.

    >>> [backend.name for backend in list_().backends][:3]
    ['oracle', 'pytorch', 'keras']
    """
    names = {zoo.name: tuple(f"{zoo.name}/{name}" for name in zoo.networks) for zoo in zoos().values()}
    return ListReport(names, _started() if devices else tuple(map(_installed, registered().values())))


def _installed(backend: Registered) -> BackendStatus:
    reason = backend.why_not()
    return BackendStatus(backend.name, None if reason else backend.installed_version(), (), reason or "")


def _started() -> tuple[BackendStatus, ...]:
    """Every backend as it says of itself, in a process of its own."""
    from isomorph.backends.process import BackendProcess  # noqa: PLC0415 - nobody needs it who starts none

    processes = {name: BackendProcess(name) for name, backend in registered().items() if backend.why_not() is None}
    try:
        return tuple(_described(backend, processes.get(name)) for name, backend in registered().items())
    finally:
        for process in processes.values():
            process.close()


def _described(backend: Registered, process: "BackendProcess | None") -> BackendStatus:
    if process is None:
        return _installed(backend)
    try:
        described = process.describe()
    except (Unavailable, BackendFailed) as error:
        return BackendStatus(backend.name, None, (), str(error))
    return BackendStatus(backend.name, described["version"], ("cpu", "gpu") if described["gpu"] else ("cpu",))
