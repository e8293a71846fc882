"""Finished runs in the formats of other tools, one format per file; a field that is not known is left out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from evalkit.interop.write import eval_results, every_eval_ever, inspect_log, lm_eval, model_index, vlmevalkit
from evalkit.interop.write.publication import Publication
from evalkit.results.run import Run

__all__ = ["FORMATS", "Publication"]

# A format writes complete runs below `publication.out` and returns its files. It raises EvalkitError where it needs to
# know what neither the runs nor the publication say.
FORMATS: Mapping[str, Callable[[Sequence[Run], Publication], list[Path]]] = {
    "model-index": model_index.write,
    "eval-results": eval_results.write,
    "lm-eval": lm_eval.write,
    "vlmevalkit": vlmevalkit.write,
    "inspect": inspect_log.write,
    "every-eval-ever": every_eval_ever.write,
}
