"""Who takes part: the modes that a backend has, its framework's own zoo, its matrix product; and who runs together."""

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
    """What a backend says of the modes.

    device: "cpu" or "gpu", where they run.
    modes: those it has, with what their options come to; no two of them come to the same.
    rows: those that were asked for and that it lacks, with the reason.
    """

    backend: str
    device: str
    modes: tuple[tuple[Mode, Options], ...]
    rows: tuple[ModeResult, ...]


def describe(process: BackendProcess, modes: Sequence[Mode], device: str, named: bool) -> Described:
    """Ask a backend what the modes come to there; what goes wrong with it as a whole is a row of its own.

    named: whether they were asked for by name; else those go that have another compiler or layout than there is, or
        TF32 where there is no GPU.
    """
    found: dict[tuple[Options, bool], Mode] = {}
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
                found.setdefault((options, mode.tf32), mode)
        except Unavailable as error:
            rows.append(ModeResult(process.name, "", "unavailable", str(error)))
        except BackendFailed as error:
            rows.append(ModeResult(process.name, "", "error", str(error)))
    return Described(process.name, where, tuple((mode, options) for (options, _), mode in found.items()), tuple(rows))


def runners(described: Described, start: Start, workload: Workload) -> list[Runner]:
    """One backend's modes, and its framework's own zoo where that has the network, or PyTorch's plain module."""
    name = described.backend
    found: list[Runner] = [ModeRunner(name, start, workload, *mode) for mode in described.modes]
    baseline = find_baseline(name, workload.architecture)
    if baseline or name == "pytorch":
        found.append(ZooRunner(name, start, workload, baseline, described.device))
    return found


def products(described: Described, start: Start, size: int) -> list[Product]:
    """One backend's matrix products, `size` x `size`, in the precisions of its modes."""
    precisions = dict.fromkeys(mode.precision(options) for mode, options in described.modes)
    apart = [tuple(each for each in precisions if (each == TF32) == tf32) for tf32 in (False, True)]
    return [Product(described.backend, start, size, each, described.device) for each in apart if each]


def fit_together(workload: Workload, processes: int, training_batch: int | None) -> bool:
    """Whether so many processes fit in memory at once, so that they can take turns with one another.

    Batches that no process can hold are not counted.
    """
    batch = max(each for each in workload.batches if not workload.too_large(each))
    trained = training_batch if training_batch and not workload.too_large(training_batch) else 0
    each = timed_process(Sizes.of(workload.architecture, 1, *workload.size), batch, trained)
    memory = available_memory()
    return memory is None or processes * each <= memory


def turn_groups(backends: Sequence[Sequence[T]], fit: Callable[[int], bool]) -> tuple[Turns, list[list[T]]]:
    """Who takes turns with whom; `fit` tells whether memory holds so many of them."""
    everyone = [each for own in backends for each in own]
    if fit(len(everyone)):
        return "all", [everyone]
    if fit(max(map(len, backends), default=0)):
        return "backend", [list(own) for own in backends]
    return "none", [[each] for each in everyone]
