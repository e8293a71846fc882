"""Read a checkpoint into a model and its processor, complete or not at all, and without a line on the terminal."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evalkit.backends.checkpoint_files import Checkpoint
from evalkit.errors import ModelError

if TYPE_CHECKING:
    import torch

# Settings of a checkpoint's generation_config.json that say what may be said at all, not how to draw from it.
STRUCTURAL = ("bos_token_id", "eos_token_id", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens")


def read_model(checkpoint: Checkpoint, *, dtype: str, attention: str, device: torch.device) -> Any:
    """The model in evaluation mode on `device`.

    Raises ModelError when weights are missing, left over, of another shape or unreadable: such a model would answer,
    and its scores would be wrong.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    chosen = "auto" if dtype == "auto" else getattr(torch, dtype)
    # Weights of another shape are let through here, so that they are named below.
    lenient = {"output_loading_info": True, "ignore_mismatched_sizes": True}
    settings = {"dtype": chosen, "attn_implementation": attention, "use_safetensors": True, **lenient}
    placed = {} if device.type == "cpu" else {"device_map": {"": device}}
    try:
        with _quiet():
            model, found = _read(AutoModelForImageTextToText, checkpoint, **settings, **placed)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
        raise ModelError(f"{checkpoint.name}: the model cannot be read ({_first_line(error)}); {ADVICE}") from error
    _refuse_incomplete(checkpoint, found)
    return model.eval()


def read_processor(checkpoint: Checkpoint) -> Any:
    """The processor; where torchvision is absent, one that takes no videos if it would need it for them."""
    from transformers import AutoProcessor

    try:
        with _quiet():
            return _read(_without_videos(checkpoint) or AutoProcessor, checkpoint)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError) as error:
        raise ModelError(f"{checkpoint.name}: the processor cannot be read ({_first_line(error)}); {ADVICE}") from error


def plain_generation(model: Any, tokenizer: Any) -> Any:
    """A greedy generation config with the checkpoint's special tokens, and nothing else of what it was shipped with.

    Replies end at the tokens of generation_config.json, else of config.json, else of the tokenizer.
    """
    from transformers import GenerationConfig

    shipped = model.generation_config
    kept = {name: getattr(shipped, name, None) for name in STRUCTURAL}
    config, text = model.config, model.config.get_text_config()
    ends = (kept["eos_token_id"], *(getattr(c, "eos_token_id", None) for c in (config, text)), tokenizer.eos_token_id)
    kept["eos_token_id"] = next((token for token in ends if token is not None), None)
    pads = (tokenizer.pad_token_id, shipped.pad_token_id, *_listed(kept["eos_token_id"]), 0)
    pad = next(token for token in pads if token is not None)
    return GenerationConfig(**kept, pad_token_id=pad, do_sample=False, num_beams=1)


def end_tokens(generation: Any) -> frozenset[int]:
    """The tokens that end a reply under a generation config."""
    return frozenset(_listed(generation.eos_token_id))


ADVICE = "check the folder's files, or copy or download the checkpoint again"


def _read(kind: Any, checkpoint: Checkpoint, **settings: Any) -> Any:
    where = checkpoint.folder or checkpoint.name
    return kind.from_pretrained(where, revision=checkpoint.revision or "main", trust_remote_code=False, **settings)


def _listed(tokens: int | list[int] | None) -> list[int]:
    return [] if tokens is None else [tokens] if isinstance(tokens, int) else list(tokens)


def _refuse_incomplete(checkpoint: Checkpoint, found: Any) -> None:
    for what, names in _problems(found):
        if names:
            shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise ModelError(
                f"{checkpoint.name}: {what} ({shown}), so it is not the model that config.json describes; {ADVICE}"
            )


def _problems(found: Any) -> Iterator[tuple[str, list[str]]]:
    info: Mapping[str, Any] = found if isinstance(found, Mapping) else vars(found)
    yield "weights are missing", sorted(map(str, info.get("missing_keys", ())))
    yield "weights have another shape", sorted(str(key[0]) for key in info.get("mismatched_keys", ()))
    yield "weights are left over", sorted(map(str, info.get("unexpected_keys", ())))
    errors = info.get("error_msgs", ())
    yield "weights cannot be assigned", [str(error) for error in errors]


def _without_videos(checkpoint: Checkpoint) -> Any:
    """A processor class that asks for no video processor, where that one needs a torchvision that is not there."""
    from transformers import AutoConfig
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
    from transformers.utils import is_torchvision_available

    if is_torchvision_available():
        return None
    whole: Any = PROCESSOR_MAPPING.get(type(_read(AutoConfig, checkpoint)), None)
    if whole is None or "video_processor" not in whole.get_attributes():
        return None

    class FramesOnly(whole):  # type: ignore[misc]  # its base is known at run time only
        # transformers reads this signature to learn which parts a processor has.
        def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
            super().__init__(image_processor, tokenizer, video_processor=None, chat_template=chat_template)

    # Messages and saved files then name the real class.
    FramesOnly.__name__ = whole.__name__
    return FramesOnly


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Loading reports and progress bars off: what matters in them is raised as an error, the rest is noise."""
    from transformers.utils import logging

    level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(level)
        if bars:
            logging.enable_progress_bar()
