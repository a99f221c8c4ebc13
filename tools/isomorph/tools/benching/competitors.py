"""The competitors: a backend's modes, its framework's own zoo, its matrix product; and which of them take turns."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from isomorph.backends import Unavailable
from isomorph.backends.memory import available_memory
from isomorph.backends.options import Options
from isomorph.backends.process import BackendFailed, BackendProcess
from isomorph.conformance.memory import Sizes, timed_process
from isomorph.spec import BadInput
from isomorph.tools.benching.baselines import find_baseline
from isomorph.tools.benching.modes import TF32, Mode
from isomorph.tools.benching.results import ModeResult, Turns
from isomorph.tools.benching.runner import ModeRunner, Runner, ZooRunner
from isomorph.tools.benching.timed_process import Product, Start
from isomorph.tools.benching.workload import Workload

T = TypeVar("T")


@dataclass(frozen=True)
class Described:
    """The modes that a backend has.

    device: "cpu" or "gpu", where they run.
    modes: the modes with their resolved options, no two of which are the same.
    rows: results of modes that it lacks, with the reason.
    """

    backend: str
    device: str
    modes: tuple[tuple[Mode, Options], ...]
    rows: tuple[ModeResult, ...]


def describe(
    process: BackendProcess, modes: Sequence[Mode], device: str, named: bool, first: bool = False
) -> Described:
    """Ask a backend's process which modes it has; a failure of the whole backend is a row of its own.

    named: whether the user named the modes; if not, modes are dropped whose compiler or layout the backend lacks, and
        TF32 without a GPU.
    first: whether the first mode that it has is enough.
    """
    resolved: dict[tuple[Options, bool], Mode] = {}
    rows: list[ModeResult] = []
    where = device
    with process:
        try:
            offered = process.call("choices", device=device)
            where, choices = offered["device"], offered["choices"]
            for mode in modes:
                lacks = [name for name in choices.keys() & mode.options if mode.options[name] not in choices[name]]
                no_tf32 = mode.tf32 and where == "cpu"
                if not named and (lacks or no_tf32):
                    continue
                try:
                    options = Options(**process.call("resolve", options={"device": where, **mode.options}))
                    if no_tf32:
                        raise Unavailable(f"TF32 is a precision of GPUs, and {process.name} runs on the CPU here.")
                except (Unavailable, BadInput) as error:
                    rows.append(ModeResult(process.name, mode.name, "unavailable", str(error)))
                    continue
                resolved.setdefault((options, mode.tf32), mode)
                if first:
                    break
        except Unavailable as error:
            rows.append(ModeResult(process.name, "", "unavailable", str(error)))
        except BackendFailed as error:
            rows.append(ModeResult(process.name, "", "error", str(error)))
    return Described(
        process.name, where, tuple((mode, options) for (options, _), mode in resolved.items()), tuple(rows)
    )


def runners(described: Described, start: Start, workload: Workload) -> list[Runner]:
    """Return the runners of one backend's modes and of its baseline, if any; PyTorch has at least a plain module."""
    name = described.backend
    all_runners: list[Runner] = [ModeRunner(name, start, workload, *mode) for mode in described.modes]
    baseline = find_baseline(name, workload.architecture)
    if baseline or name == "pytorch":
        all_runners.append(ZooRunner(name, start, workload, baseline, described.device))
    return all_runners


def products(described: Described, start: Start, size: int) -> list[Product]:
    """Return one backend's matrix products, `size` x `size`, in the precisions of its modes; TF32 apart."""
    precisions = dict.fromkeys(mode.precision(options) for mode, options in described.modes)
    split = [tuple(each for each in precisions if (each == TF32) == tf32) for tf32 in (False, True)]
    return [Product(described.backend, start, size, each, described.device) for each in split if each]


def fit_together(workload: Workload, processes: int, training_batch: int | None) -> bool:
    """Tell whether so many processes fit in memory at once, so that they can take turns with one another.

    Batches that no process can hold do not count.
    """
    batch = max(each for each in workload.batches if not workload.too_large(each))
    trained = training_batch if training_batch and not workload.too_large(training_batch) else 0
    needed = timed_process(Sizes.of(workload.architecture, 1, *workload.size), batch, trained)
    memory = available_memory()
    return memory is None or processes * needed <= memory


def turn_groups(backends: Sequence[Sequence[T]], fit: Callable[[int], bool]) -> tuple[Turns, list[list[T]]]:
    """Return the groups that take turns with one another: all, each backend's own, or each alone, as memory allows.

    fit: tells whether memory holds so many processes.
    """
    everyone = [each for group in backends for each in group]
    if fit(len(everyone)):
        return "all", [everyone]
    if fit(max(map(len, backends), default=0)):
        return "backend", [list(group) for group in backends]
    return "none", [[each] for each in everyone]
