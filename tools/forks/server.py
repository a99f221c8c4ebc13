"""The process behind `WarmProcess`: it imports `isomorph` once, and runs each request, a line of JSON, in a fork."""

import atexit
import gc
import json
import os
import runpy
import sys
import traceback
import warnings
from collections.abc import Mapping, Sequence
from importlib import import_module
from pkgutil import walk_packages
from typing import Never

import isomorph.tools
from forks import oracle
from isomorph.backends import process


def run(arguments: Sequence[str], folder: str, streams: Sequence[str], environment: Mapping[str, str]) -> Never:
    """Run a command as `python -W error -m isomorph` does, and end this process.

    It ends without taking its modules apart, which lasts longer than most commands do.
    """
    opened = [os.open(path, os.O_RDWR) for path in streams]
    oracle.enter(environment, opened)
    for file in opened:
        os.close(file)
    os.chdir(folder)
    warnings.simplefilter("error")
    process.start = oracle.start_oracle_forked
    sys.argv[1:] = arguments
    sys.path.insert(0, "")
    status: object = 0
    try:
        runpy.run_module("isomorph", run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        status = ended.code
    except BaseException:
        traceback.print_exc()
        status = 1
    atexit._run_exitfuncs()
    sys.stdout.flush()
    os._exit(status if isinstance(status, int) else 1)


def serve() -> None:
    """Answer each request on stdin with the exit status of its command, until there are no more."""
    with os.fdopen(os.dup(0)) as requests, os.fdopen(os.dup(1), "w") as answers:
        for line in requests:
            if not (child := os.fork()):
                run(**json.loads(line))
            print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), file=answers, flush=True)


if __name__ == "__main__":
    for module in walk_packages(isomorph.tools.__path__, "isomorph.tools."):
        import_module(module.name)
    gc.freeze()  # pages that are not written to are shared
    serve()
