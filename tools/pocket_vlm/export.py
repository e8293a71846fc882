"""Write the model folder: python -m tools.pocket_vlm.export --work runs/pocket [--out evalkit/assets/pocket-vlm]

The weights are stored in half precision; load them with dtype=torch.float32.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from transformers import GenerationConfig, LlavaProcessor, PreTrainedTokenizerFast, SiglipImageProcessorPil

from tools.pocket_vlm.model import IMAGE_SIZE, PATCH
from tools.pocket_vlm.tokenizer import CHAT_TEMPLATE, IMAGE, build_tokenizer
from tools.pocket_vlm.train import new_model

OUT = Path("evalkit/assets/pocket-vlm")


def build_processor(tokenizer: PreTrainedTokenizerFast) -> LlavaProcessor:
    """Pillow-only image processing, one IMAGE token expanded to 36 per picture."""
    pictures = SiglipImageProcessorPil(
        size={"height": IMAGE_SIZE, "width": IMAGE_SIZE},
        resample=3,
        image_mean=[0.5, 0.5, 0.5],
        image_std=[0.5, 0.5, 0.5],
        do_convert_rgb=True,
    )
    return LlavaProcessor(
        image_processor=pictures,
        tokenizer=tokenizer,
        patch_size=PATCH,
        vision_feature_select_strategy="full",
        chat_template=CHAT_TEMPLATE,
        image_token=IMAGE,
        num_additional_image_tokens=0,
    )


def export(*, work: Path, out: Path) -> None:
    """From the checkpoint in `work` to an ordinary transformers folder."""
    tokenizer = build_tokenizer()
    model = new_model(tokenizer)
    model.load_state_dict(torch.load(work / "model.pt"))
    model.set_attn_implementation("sdpa")
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        do_sample=False,
        max_new_tokens=16,
    )
    out.mkdir(parents=True, exist_ok=True)
    model.half().save_pretrained(out)
    build_processor(tokenizer).save_pretrained(out)
    (out / "model.safetensors").chmod(0o644)
    size = sum(path.stat().st_size for path in out.iterdir())
    print(f"{out}: {size / 1e6:.2f} MB, {sum(weight.numel() for weight in model.parameters()) / 1e6:.2f} M weights")


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    export(work=args.work, out=args.out)


if __name__ == "__main__":
    main()
