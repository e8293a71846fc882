"""Load a checkpoint as a model and its processor, complete or not at all, and with nothing on the terminal."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from evalkit.backends.checkpoint_files import Checkpoint
from evalkit.errors import ModelError

if TYPE_CHECKING:
    import torch

# Settings of a checkpoint's generation_config.json about which tokens are possible, not about how to sample them.
STRUCTURAL = ("bos_token_id", "eos_token_id", "bad_words_ids", "suppress_tokens", "begin_suppress_tokens")


def read_model(checkpoint: Checkpoint, *, dtype: str, attention: str, device: torch.device) -> Any:
    """The model in evaluation mode on `device`.

    Raises ModelError when weights are missing, left over, of another shape or unreadable: such a model would generate
    replies, and its scores would be wrong.
    """
    import torch
    from safetensors import SafetensorError
    from transformers import AutoModelForImageTextToText

    weights_dtype = "auto" if dtype == "auto" else getattr(torch, dtype)
    # transformers' error about weights of another shape does not name them; `_refuse_incomplete` does.
    lenient = {"output_loading_info": True, "ignore_mismatched_sizes": True}
    settings = {"dtype": weights_dtype, "attn_implementation": attention, "use_safetensors": True, **lenient}
    target = {} if device.type == "cpu" else {"device_map": {"": device}}
    try:
        with _quiet():
            model, info = _from_pretrained(AutoModelForImageTextToText, checkpoint, **settings, **target)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, SafetensorError) as error:
        raise ModelError(f"{checkpoint.name}: the model cannot be read ({_first_line(error)}); {ADVICE}") from error
    _refuse_incomplete(checkpoint, info)
    return model.eval()


def read_processor(checkpoint: Checkpoint) -> Any:
    """The processor, without its video processor where torchvision, which that needs, is not installed."""
    from transformers import AutoProcessor

    try:
        with _quiet():
            return _from_pretrained(_without_videos(checkpoint) or AutoProcessor, checkpoint)
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError) as error:
        raise ModelError(f"{checkpoint.name}: the processor cannot be read ({_first_line(error)}); {ADVICE}") from error


def plain_generation(model: Any, tokenizer: Any) -> Any:
    """A greedy generation config with the checkpoint's special tokens, and nothing else of its generation_config.json.

    Replies end at the tokens of generation_config.json, else of config.json, else of the tokenizer.
    """
    from transformers import GenerationConfig

    shipped = model.generation_config
    settings = {name: getattr(shipped, name, None) for name in STRUCTURAL}
    config, text = model.config, model.config.get_text_config()
    ends = (
        settings["eos_token_id"],
        *(getattr(c, "eos_token_id", None) for c in (config, text)),
        tokenizer.eos_token_id,
    )
    settings["eos_token_id"] = next((token for token in ends if token is not None), None)
    pads = (tokenizer.pad_token_id, shipped.pad_token_id, *_listed(settings["eos_token_id"]), 0)
    pad = next(token for token in pads if token is not None)
    return GenerationConfig(**settings, pad_token_id=pad, do_sample=False, num_beams=1)


def end_tokens(generation: Any) -> frozenset[int]:
    """The tokens that end a reply under a generation config."""
    return frozenset(_listed(generation.eos_token_id))


ADVICE = "check the folder's files, or copy or download the checkpoint again"


def _from_pretrained(kind: Any, checkpoint: Checkpoint, **settings: Any) -> Any:
    source = checkpoint.folder or checkpoint.name
    return kind.from_pretrained(source, revision=checkpoint.revision or "main", trust_remote_code=False, **settings)


def _listed(tokens: int | list[int] | None) -> list[int]:
    return [] if tokens is None else [tokens] if isinstance(tokens, int) else list(tokens)


def _refuse_incomplete(checkpoint: Checkpoint, info: Any) -> None:
    for problem, names in _problems(info):
        if names:
            examples = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
            raise ModelError(
                f"{checkpoint.name}: {problem} ({examples}), so it is not the model that config.json describes; "
                f"{ADVICE}"
            )


def _problems(info: Any) -> Iterator[tuple[str, list[str]]]:
    """Problems of transformers' loading info, a mapping or an object by version, with the names of the weights."""
    keys: Mapping[str, Any] = info if isinstance(info, Mapping) else vars(info)
    yield "weights are missing", sorted(map(str, keys.get("missing_keys", ())))
    yield "weights have another shape", sorted(str(key[0]) for key in keys.get("mismatched_keys", ()))
    yield "weights are left over", sorted(map(str, keys.get("unexpected_keys", ())))
    errors = keys.get("error_msgs", ())
    yield "weights cannot be assigned", [str(error) for error in errors]


def _without_videos(checkpoint: Checkpoint) -> Any:
    """A processor class without a video processor where torchvision, which that needs, is not installed; else None."""
    from transformers import AutoConfig
    from transformers.models.auto.processing_auto import PROCESSOR_MAPPING
    from transformers.utils import is_torchvision_available

    if is_torchvision_available():
        return None
    processor: Any = PROCESSOR_MAPPING.get(type(_from_pretrained(AutoConfig, checkpoint)), None)
    if processor is None or "video_processor" not in processor.get_attributes():
        return None

    class FramesOnly(processor):  # type: ignore[misc]  # its base is known at run time only
        # transformers reads this signature to learn which parts a processor has.
        def __init__(self, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
            super().__init__(image_processor, tokenizer, video_processor=None, chat_template=chat_template)

    # Messages and saved files then name the real class.
    FramesOnly.__name__ = processor.__name__
    return FramesOnly


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else type(error).__name__


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Turn loading reports and progress bars off: what matters in them is raised as an error."""
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
