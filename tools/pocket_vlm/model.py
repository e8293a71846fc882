"""The architecture: a small Siglip tower and a small Llama behind transformers' LLaVA, 36 tokens a picture."""

from __future__ import annotations

import torch
from transformers import LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, SiglipVisionConfig

IMAGE_SIZE, PATCH = 72, 12
PATCHES = (IMAGE_SIZE // PATCH) ** 2


def vision_config() -> SiglipVisionConfig:
    """Four layers of width 160 over six by six patches."""
    return SiglipVisionConfig(
        hidden_size=160,
        intermediate_size=640,
        num_hidden_layers=4,
        num_attention_heads=5,
        image_size=IMAGE_SIZE,
        patch_size=PATCH,
        vision_use_head=False,
    )


def text_config(*, vocab_size: int, eos: int, pad: int, bos: int) -> LlamaConfig:
    """Four layers of width 192 with tied embeddings; long enough for sixteen frames and subtitles."""
    return LlamaConfig(
        vocab_size=vocab_size,
        hidden_size=192,
        intermediate_size=512,
        num_hidden_layers=4,
        num_attention_heads=6,
        num_key_value_heads=6,
        max_position_embeddings=4096,
        tie_word_embeddings=True,
        eos_token_id=eos,
        pad_token_id=pad,
        bos_token_id=bos,
    )


def build(*, vocab_size: int, image: int, eos: int, pad: int, bos: int, seed: int) -> LlavaForConditionalGeneration:
    """An untrained model; the seed alone decides its weights."""
    torch.manual_seed(seed)
    config = LlavaConfig(
        vision_config=vision_config(),
        text_config=text_config(vocab_size=vocab_size, eos=eos, pad=pad, bos=bos),
        image_token_id=image,
        image_seq_length=PATCHES,
        vision_feature_select_strategy="full",
        vision_feature_layer=-1,
        tie_word_embeddings=True,
        attn_implementation="sdpa",
    )
    config.eos_token_id, config.pad_token_id, config.bos_token_id = eos, pad, bos
    model = LlavaForConditionalGeneration(config)
    model.config._attn_implementation = "sdpa"
    return model
