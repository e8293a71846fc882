"""Phi-3-vision as modules: transformers' Phi-3 decoder and CLIP encoder, and the checkpoint's projector between them.

The names of the parameters are those of the official files, except `vision_embed_tokens.wte`, a second name of the
token embedding.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evalkit.backends.phi3_vision.geometry import CROP_SIZE, TOKENS_PER_SIDE, CropGrid
from evalkit.backends.phi3_vision.pixels import ImageCrops

if TYPE_CHECKING:
    import torch

# config.json only names the image encoder; these are the numbers of openai/clip-vit-large-patch14-336.
CLIP_LARGE = {
    "hidden_size": 1024,
    "intermediate_size": 4096,
    "num_attention_heads": 16,
    "num_hidden_layers": 24,
    "image_size": CROP_SIZE,
    "patch_size": 14,
    "projection_dim": 768,
    "hidden_act": "quick_gelu",
    "layer_norm_eps": 1e-5,
}
# `embd_layer` of config.json: the one way from crops to image features that `image_features` implements.
IMAGE_EMBEDDING = {
    "use_hd_transform": True,
    "with_learnable_separator": True,
    "hd_transform_order": "sub_glb",
    "projection_cls": "mlp",
}
# Crops in one call of the image encoder: bounds its memory, whatever the batch.
ENCODER_BATCH = 64
# Keys of the official config.json that mean nothing to the decoder, or that it takes in another form.
NOT_FOR_DECODER = (
    *("model_type", "architectures", "auto_map", "embd_layer", "img_processor", "rope_scaling", "rope_theta"),
    *("torch_dtype", "dtype", "transformers_version", "sliding_window", "_name_or_path", "_attn_implementation"),
)


def build_model(config: Mapping[str, Any], *, attention: str = "sdpa") -> Any:
    """The model that `config` (config.json) describes, with buffers but without storage for its parameters.

    A `Phi3ForCausalLM` whose `model.vision_embed_tokens` holds image encoder, separators and projector. Raises
    ValueError for a config with another way from crops to image features.
    """
    from accelerate import init_empty_weights
    from transformers import Phi3Config, Phi3ForCausalLM

    embedding = {key: config["embd_layer"].get(key) for key in IMAGE_EMBEDDING}
    if embedding != IMAGE_EMBEDDING:
        raise ValueError(f"embd_layer says {embedding}, and only {IMAGE_EMBEDDING} is known")
    settings = {key: value for key, value in config.items() if key not in NOT_FOR_DECODER}
    window = config.get("sliding_window")
    decoder = Phi3Config(
        **settings,
        rope_parameters=_rope_parameters(config),
        # The official window is longer than the longest prompt, so no prompt can outgrow it.
        sliding_window=window if window is not None and window < config["max_position_embeddings"] else None,
        attn_implementation=attention,
    )
    # Buffers (rotary frequencies, positions) are in no file, so unlike parameters they must hold their values at once.
    with init_empty_weights(include_buffers=False):
        model = Phi3ForCausalLM(decoder)
        model.model.vision_embed_tokens = _vision_modules(config["img_processor"], decoder.hidden_size)
    return model.eval()


def image_features(model: Any, images: Sequence[ImageCrops]) -> list[torch.Tensor]:
    """The image features [tokens of its grid, hidden size] of each image, which replace its placeholders."""
    import torch

    if not images:
        return []
    vision = model.model.vision_embed_tokens
    weight = vision.img_projection[0].weight
    crops = torch.cat([image.crops for image in images])
    batches = (crops[start : start + ENCODER_BATCH] for start in range(0, len(crops), ENCODER_BATCH))
    tokens = torch.cat([merge_patches(patch_features(vision, b.to(weight.device, weight.dtype))) for b in batches])
    ends = list(itertools.accumulate(len(image.crops) for image in images))
    return [
        _project(vision, tokens[end - len(image.crops) : end], image.grid)
        for image, end in zip(images, ends, strict=True)
    ]


def patch_features(vision: Any, crops: torch.Tensor) -> torch.Tensor:
    """Features [n, 576, width] of the patches of crops [n, 3, 336, 336], from the encoder's layer before the last."""
    encoder = vision.img_processor.vision_model
    hidden: torch.Tensor = encoder.pre_layrnorm(encoder.embeddings(crops))
    # The last layer and its norm are part of the checkpoint, but nothing uses their output.
    for layer in encoder.encoder.layers[:-1]:
        hidden = layer(hidden, None)
    # The class token in front is not a patch.
    return hidden[:, 1:]


def merge_patches(patches: torch.Tensor) -> torch.Tensor:
    """Patches [n, 576, width] as tokens [n, 12, 12, 4 * width], each the concatenation of 2 x 2 neighbours, row by row.

    `reshape_hd_patches_2x2merge` of the reference, before crops are joined.
    """
    count, _, width = patches.shape
    blocks = patches.reshape(count, TOKENS_PER_SIDE, 2, TOKENS_PER_SIDE, 2, width).permute(0, 1, 3, 2, 4, 5)
    return blocks.reshape(count, TOKENS_PER_SIDE, TOKENS_PER_SIDE, 4 * width)


def _project(vision: Any, tokens: torch.Tensor, grid: CropGrid) -> torch.Tensor:
    """Image features [tokens of `grid`, hidden size] from the tokens [1 + crops, 12, 12, 4 * width] of one image.

    The order is that which config.json calls "sub_glb": sub crops, separator `glb_GN`, global crop.
    """
    import torch

    rows, columns = grid
    sub = tokens[1:].reshape(rows, columns, TOKENS_PER_SIDE, TOKENS_PER_SIDE, -1).transpose(1, 2)
    sub = sub.reshape(rows * TOKENS_PER_SIDE, columns * TOKENS_PER_SIDE, -1)
    sequence = torch.cat([_add_separators(vision, sub), vision.glb_GN[0], _add_separators(vision, tokens[0])])
    features: torch.Tensor = vision.img_projection(sequence)
    return features


def _add_separators(vision: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Tokens [rows, columns, width] as [rows * (columns + 1), width]: the separator `sub_GN` ends every row."""
    import torch

    separators = vision.sub_GN[0].expand(len(tokens), 1, -1)
    return torch.cat([tokens, separators], dim=1).flatten(0, 1)


def _vision_modules(config: Mapping[str, Any], hidden: int) -> Any:
    """Image encoder, separators and projector (to `hidden`), under the names of the official files."""
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


def _rope_parameters(config: Mapping[str, Any]) -> dict[str, Any]:
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
