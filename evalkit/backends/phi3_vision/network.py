"""The model as modules: transformers' Phi-3 decoder, its CLIP encoder, and what the checkpoint puts between them.

The names of the parameters are those of the official files; `vision_embed_tokens.wte`, a second name of the token
embedding, has no place here.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.backends.phi3_vision.geometry import CROP, SIDE, Grid
from evalkit.backends.phi3_vision.pixels import Picture

if TYPE_CHECKING:
    import torch

# config.json names the encoder; these are the numbers of openai/clip-vit-large-patch14-336.
CLIP_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "image_size": CROP,
    "patch_size": 14,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
# How config.json says that pictures become tokens; `see` knows this one way.
EMBEDDING = {
    "use_hd_transform": True,
    "with_learnable_separator": True,
    "hd_transform_order": "sub_glb",
    "projection_cls": "mlp",
}
# Crops that go through the encoder at once: bounds its memory, whatever the batch.
CROPS_AT_ONCE = 64
# Keys of the official config.json that mean nothing to the decoder, or that are given to it in another form.
FOREIGN = ("model_type", "architectures", "auto_map", "embd_layer", "img_processor", "rope_scaling", "rope_theta")
UNUSED = ("torch_dtype", "dtype", "transformers_version", "sliding_window", "_name_or_path", "_attn_implementation")


def build(config: Mapping[str, Any], *, attention: str = "sdpa") -> Any:
    """The model that `config` (config.json) describes, its parameters without storage and its buffers with.

    A `Phi3ForCausalLM` whose `model.vision_embed_tokens` turns crops into embeddings. Raises ValueError for a config
    that puts pictures together in another way.
    """
    from accelerate import init_empty_weights
    from transformers import Phi3Config, Phi3ForCausalLM

    said = {key: config["embd_layer"].get(key) for key in EMBEDDING}
    if said != EMBEDDING:
        raise ValueError(f"embd_layer says {said}, and only {EMBEDDING} is known")
    kept = {key: value for key, value in config.items() if key not in FOREIGN + UNUSED}
    decoder = Phi3Config(
        **kept, rope_parameters=_rope(config), sliding_window=_window(config), attn_implementation=attention
    )
    # Buffers (rotary frequencies, positions) are in no file, so unlike parameters they must hold their values at once.
    with init_empty_weights(include_buffers=False):
        model = Phi3ForCausalLM(decoder)
        model.model.vision_embed_tokens = _vision(config["img_processor"], decoder.hidden_size)
    return model.eval()


def see(model: Any, pictures: Sequence[Picture]) -> list[torch.Tensor]:
    """The embeddings [tokens of its grid, hidden size] of each picture."""
    import torch

    if not pictures:
        return []
    vision = model.model.vision_embed_tokens
    weight = vision.img_projection[0].weight
    crops = torch.cat([picture.crops for picture in pictures])
    parts = (crops[first : first + CROPS_AT_ONCE] for first in range(0, len(crops), CROPS_AT_ONCE))
    tokens = torch.cat([merged(features(vision, part.to(weight.device, weight.dtype))) for part in parts])
    ends = list(itertools.accumulate(len(picture.crops) for picture in pictures))
    return [
        _assembled(vision, tokens[end - len(picture.crops) : end], picture.grid)
        for picture, end in zip(pictures, ends, strict=True)
    ]


def features(vision: Any, crops: torch.Tensor) -> torch.Tensor:
    """What the encoder makes of crops [n, 3, 336, 336]: [n, 576, width], from the layer before the last."""
    tower = vision.img_processor.vision_model
    hidden: torch.Tensor = tower.pre_layrnorm(tower.embeddings(crops))
    # The last layer and its norm are part of the checkpoint, but nothing looks at them.
    for layer in tower.encoder.layers[:-1]:
        hidden = layer(hidden, None)
    # The class token in front is not a patch.
    return hidden[:, 1:]


def merged(patches: torch.Tensor) -> torch.Tensor:
    """Patches [n, 576, width] as [n, 12, 12, 4 * width]: 2 x 2 neighbours side by side, row by row."""
    count, _, width = patches.shape
    blocks = patches.reshape(count, SIDE, 2, SIDE, 2, width).permute(0, 1, 3, 2, 4, 5)
    return blocks.reshape(count, SIDE, SIDE, 4 * width)


def _assembled(vision: Any, tokens: torch.Tensor, grid: Grid) -> torch.Tensor:
    """One picture's embeddings from the tokens [1 + crops, 12, 12, width] of its crops."""
    import torch

    rows, columns = grid
    parts = tokens[1:].reshape(rows, columns, SIDE, SIDE, -1).transpose(1, 2)
    sheet = parts.reshape(rows * SIDE, columns * SIDE, -1)
    # The order that config.json calls "sub_glb": the crops, a separator, the whole picture.
    lines = torch.cat([_lines(vision, sheet), vision.glb_GN[0], _lines(vision, tokens[0])])
    embedded: torch.Tensor = vision.img_projection(lines)
    return embedded


def _lines(vision: Any, sheet: torch.Tensor) -> torch.Tensor:
    """Tokens [rows, columns, width] as one sequence in which every row ends with a separator."""
    import torch

    ends = vision.sub_GN[0].expand(len(sheet), 1, -1)
    return torch.cat([sheet, ends], dim=1).flatten(0, 1)


def _vision(config: Mapping[str, Any], hidden: int) -> Any:
    import torch
    from transformers import CLIPVisionConfig, CLIPVisionModel

    # A checkpoint with another encoder than the official one states its numbers.
    clip = CLIPVisionModel(CLIPVisionConfig(**(config.get("vision_config") or CLIP_LARGE), attn_implementation="sdpa"))
    vision: Any = torch.nn.Module()
    # Some versions of transformers wrap the encoder once more under the name that the files have.
    vision.img_processor = torch.nn.ModuleDict({"vision_model": getattr(clip, "vision_model", clip)})
    width = 4 * clip.config.hidden_size
    vision.glb_GN = torch.nn.Parameter(torch.zeros(1, 1, width))
    vision.sub_GN = torch.nn.Parameter(torch.zeros(1, 1, 1, width))
    vision.img_projection = torch.nn.Sequential(
        torch.nn.Linear(width, hidden), torch.nn.GELU(), torch.nn.Linear(hidden, hidden)
    )
    return vision


def _rope(config: Mapping[str, Any]) -> dict[str, Any]:
    """LongRoPE in the form of today's transformers; the official file calls it "su"."""
    scaling, original = config["rope_scaling"], config["original_max_position_embeddings"]
    return {
        "rope_type": "longrope",
        "rope_theta": config["rope_theta"],
        "short_factor": scaling["short_factor"],
        "long_factor": scaling["long_factor"],
        "original_max_position_embeddings": original,
        # Attention is scaled by sqrt(1 + ln(factor) / ln(original)).
        "factor": config["max_position_embeddings"] / original,
    }


def _window(config: Mapping[str, Any]) -> int | None:
    """The sliding window where a prompt can outgrow it; the official one is longer than the longest prompt."""
    window = config.get("sliding_window")
    return window if window is not None and window < config["max_position_embeddings"] else None
