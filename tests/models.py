"""Tiny random checkpoints of several families, built in a second, whose replies depend on every pixel and word."""

from __future__ import annotations

from pathlib import Path
from typing import Any

WORDS = ["<unk>", *(f"w{n}" for n in range(180)), *"ABCDE", "What", "is", "this", "?", "yes", "no"]
WORDS += ["user", "system", "assistant", ":", ";"]
# Added after the words and to no word list, as in real tokenizers: plain text never turns into them.
SPECIAL = [
    "<pad>",
    "<bos>",
    "<eos>",
    "<image>",
    "<|vision_start|>",
    "<|vision_end|>",
    "<|image_pad|>",
    "<|video_pad|>",
    "<fake_token_around_image>",
    "<global-img>",
    "<end_of_utterance>",
    *(f"<row_{i}_col_{j}>" for i in range(1, 3) for j in range(1, 3)),
]
ID = {token: n for n, token in enumerate([*WORDS, *SPECIAL])}

TEMPLATE = (
    "{% for turn in messages %}{{ turn['role'] }} : {% for part in turn['content'] %}"
    "{% if part['type'] == 'image' %}IMAGE{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %} ; {% endfor %}{% if add_generation_prompt %}assistant : {% endif %}"
)


CLIP = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "image_size": 28,
    "patch_size": 14,
}
QWEN = {
    "vision_start_token_id": ID["<|vision_start|>"],
    "vision_end_token_id": ID["<|vision_end|>"],
    "image_token_id": ID["<|image_pad|>"],
    "video_token_id": ID["<|video_pad|>"],
}
QWEN_TEMPLATE = TEMPLATE.replace("IMAGE", " <|vision_start|><|image_pad|><|vision_end|> ")


def tokenizer() -> Any:
    """A word-level tokenizer: every reply can be read back token by token."""
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import WhitespaceSplit
    from transformers import PreTrainedTokenizerFast

    inner = Tokenizer(WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="<unk>"))
    inner.pre_tokenizer = WhitespaceSplit()
    inner.add_special_tokens(SPECIAL)
    made = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        pad_token="<pad>",
        bos_token="<bos>",
        eos_token="<eos>",
        extra_special_tokens=SPECIAL[3:],
    )
    made.model_max_length = 4096
    return made


def text_settings() -> dict[str, Any]:
    """A two-layer decoder whose random weights are large enough that its argmax depends on everything it reads."""
    return {
        "vocab_size": len(ID),
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": 4096,
        "pad_token_id": ID["<pad>"],
        "bos_token_id": ID["<bos>"],
        "eos_token_id": ID["<eos>"],
    }


def llava(folder: Path, *, seed: int = 0) -> Path:
    """LLaVA: a CLIP tower of 28-pixel pictures, four tokens each."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    words = tokenizer()
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(**CLIP),
        text_config=LlamaConfig(**text_settings()),
        image_token_id=ID["<image>"],
        image_seq_length=4,
        vision_feature_select_strategy="default",
        vision_feature_layer=-2,
    )
    pictures = CLIPImageProcessorPil(size={"shortest_edge": 28}, crop_size={"height": 28, "width": 28})
    processor = LlavaProcessor(
        image_processor=pictures,
        tokenizer=words,
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE.replace("IMAGE", " <image> "),
    )
    return _save(folder, LlavaForConditionalGeneration, config, processor, seed=seed)


def qwen2_vl(folder: Path, *, seed: int = 0) -> Path:
    """Qwen2-VL: pictures of any size, patches in one row, three-dimensional positions."""
    from transformers import Qwen2VLConfig, Qwen2VLForConditionalGeneration, Qwen2VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    config = Qwen2VLConfig(
        text_config={**text_settings(), "rope_scaling": {"type": "mrope", "mrope_section": [2, 1, 1]}},
        vision_config={
            "depth": 2,
            "embed_dim": 32,
            "hidden_size": 32,
            "num_heads": 4,
            "mlp_ratio": 2,
            "patch_size": 14,
        },
        **QWEN,
    )
    pictures = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 84)
    processor = _without_video(Qwen2VLProcessor)(pictures, tokenizer(), chat_template=QWEN_TEMPLATE)
    return _save(folder, Qwen2VLForConditionalGeneration, config, processor, seed=seed)


def qwen3_vl(folder: Path, *, seed: int = 0) -> Path:
    """Qwen3-VL: as Qwen2-VL, and its tower feeds several layers of the decoder."""
    from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLProcessor
    from transformers.models.qwen2_vl.image_processing_pil_qwen2_vl import Qwen2VLImageProcessorPil

    config = Qwen3VLConfig(
        text_config={
            **text_settings(),
            "head_dim": 8,
            "rope_scaling": {"rope_type": "default", "mrope_section": [2, 1, 1]},
        },
        vision_config={
            "depth": 2,
            "hidden_size": 32,
            "out_hidden_size": 32,
            "intermediate_size": 64,
            "num_heads": 4,
            "patch_size": 14,
            "num_position_embeddings": 64,
            "deepstack_visual_indexes": [0],
        },
        **QWEN,
    )
    pictures = Qwen2VLImageProcessorPil(min_pixels=28 * 28, max_pixels=56 * 84, patch_size=14)
    processor = _without_video(Qwen3VLProcessor)(pictures, tokenizer(), chat_template=QWEN_TEMPLATE)
    return _save(folder, Qwen3VLForConditionalGeneration, config, processor, seed=seed)


def llava_next(folder: Path, *, seed: int = 0) -> Path:
    """LLaVA-NeXT: pictures are cut into as many squares as their shape asks for, filled up to the most of a prompt."""
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaNextConfig,
        LlavaNextForConditionalGeneration,
        LlavaNextProcessor,
    )
    from transformers.models.llava_next.image_processing_pil_llava_next import LlavaNextImageProcessorPil

    shapes = [[28, 56], [56, 28], [56, 56]]
    config = LlavaNextConfig(
        vision_config=CLIPVisionConfig(**CLIP),
        text_config=LlamaConfig(**text_settings()),
        image_token_id=ID["<image>"],
        image_grid_pinpoints=shapes,
        vision_feature_layer=-2,
    )
    size = {"size": {"shortest_edge": 28}, "crop_size": {"height": 28, "width": 28}}
    processor = LlavaNextProcessor(
        LlavaNextImageProcessorPil(**size, image_grid_pinpoints=shapes),
        tokenizer(),
        patch_size=14,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=TEMPLATE.replace("IMAGE", " <image> "),
    )
    return _save(folder, LlavaNextForConditionalGeneration, config, processor, seed=seed)


def idefics3(folder: Path, *, seed: int = 0) -> Path:
    """Idefics3: every picture is split into tiles, so pictures of different shapes take different numbers of rows."""
    from transformers import Idefics3Config, Idefics3ForConditionalGeneration, Idefics3Processor
    from transformers.models.idefics3.image_processing_pil_idefics3 import Idefics3ImageProcessorPil

    config = Idefics3Config(
        text_config={**text_settings(), "model_type": "llama"},
        vision_config={
            "hidden_size": 32,
            "intermediate_size": 64,
            "num_hidden_layers": 2,
            "num_attention_heads": 4,
            "image_size": 32,
            "patch_size": 8,
        },
        image_token_id=ID["<image>"],
        scale_factor=2,
        pad_token_id=ID["<pad>"],
    )
    pictures = Idefics3ImageProcessorPil(size={"longest_edge": 64}, max_image_size={"longest_edge": 32})
    processor = Idefics3Processor(
        pictures, tokenizer(), image_seq_len=4, chat_template=TEMPLATE.replace("IMAGE", " <image> ")
    )
    return _save(folder, Idefics3ForConditionalGeneration, config, processor, seed=seed)


def _without_video(kind: Any) -> Any:
    def init(self: Any, image_processor: Any = None, tokenizer: Any = None, chat_template: Any = None) -> None:
        kind.__init__(self, image_processor, tokenizer, video_processor=None, chat_template=chat_template)

    return type(kind.__name__, (kind,), {"__init__": init})


def _save(folder: Path, kind: Any, config: Any, processor: Any, *, seed: int) -> Path:
    import torch
    from transformers.utils import logging

    logging.disable_progress_bar()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = kind(config)
        with torch.no_grad():
            for weight in model.parameters():
                if weight.dim() > 1:
                    weight.copy_(torch.randn_like(weight) * 0.35)
    model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder


FAMILIES = {
    "llava": llava,
    "llava_next": llava_next,
    "qwen2_vl": qwen2_vl,
    "qwen3_vl": qwen3_vl,
    "idefics3": idefics3,
}
