"""Write finished runs in the formats of other tools, one format per file; a field that is unknown is left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from evalkit.interop.write.eval_results import write_eval_results
from evalkit.interop.write.every_eval_ever import write_every_eval_ever
from evalkit.interop.write.inspect_log import write_inspect
from evalkit.interop.write.lm_eval import write_lm_eval
from evalkit.interop.write.model_index import write_model_index
from evalkit.interop.write.publication import Publication
from evalkit.interop.write.vlmevalkit import write_vlmevalkit
from evalkit.results.run import Run

__all__ = ["FORMATS", "Publication", "WriteRuns"]


class WriteRuns(Protocol):
    """A function that writes runs in one format."""

    def __call__(self, runs: Sequence[Run], publication: Publication) -> list[Path]:
        """Write complete runs below `publication.out` and return the files.

        Raises EvalkitError where the format needs something that neither the runs nor the publication know.
        """


FORMATS: Mapping[str, WriteRuns] = {
    "model-index": write_model_index,
    "eval-results": write_eval_results,
    "lm-eval": write_lm_eval,
    "vlmevalkit": write_vlmevalkit,
    "inspect": write_inspect,
    "every-eval-ever": write_every_eval_ever,
}
