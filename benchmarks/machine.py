"""Where and with what something was measured: told without names or folders of the machine."""

from __future__ import annotations

import os
import platform
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from importlib import metadata
from pathlib import Path

import rebut

PACKAGES = ("langgraph", "xllamacpp", "litellm", "vllm")


def command(argv: Sequence[str]) -> str:
    """The command as it was given, without folders of this machine."""
    return hidden(shlex.join(["python", *argv]))


def hidden(text: str) -> str:
    """The text without the folders of this machine: of an absolute path only its last part stays.

    >>> hidden("--data /srv/data/gsm8k --store runs/a.db")
    '--data …/gsm8k --store runs/a.db'
    """
    begins = r"(?:(?<=\blocal/)|(?<=\bvllm/)|(?<=\btransformers/)|(?<![\w.:…~/]))"
    return re.sub(begins + r"(?:~|[A-Za-z]:)?/(?!/)(?:[^\s/'\"]+/)*(?=[^\s/'\"])", "…/", text)


def machine() -> str:
    """Cores and processor, and the accelerator where there is one; never the machine's name."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    said = f"{usable} of {os.cpu_count()} logical cores, {_processor()}, {platform.system()}"
    return f"{said}, {gpu}" if (gpu := _accelerator()) else said


def _processor() -> str:
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return " ".join(line.partition(":")[2].split())
    return platform.processor() or platform.machine()


def _accelerator() -> str:
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, timeout=10, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""
    return ", ".join(f"{n} x {name}" for name, n in Counter(found.split("\n")).items() if name.strip())


def versions() -> str:
    """Of rebut, Python and the packages that answer."""
    said = [f"rebut {rebut.__version__}", f"Python {platform.python_version()}"]
    for name in PACKAGES:
        with suppress(metadata.PackageNotFoundError):
            said.append(f"{name} {metadata.version(name)}")
    return ", ".join(said)
