"""Operations that a token of training takes, and what a device could do: together, MFU.

Model FLOPs utilisation (PaLM, Chowdhery et al. 2022, appendix B) is the operations that the model
needs for the tokens it saw a second, as a share of what the device could do. Work that an
implementation adds, such as computing blocks again, counts for nothing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


def flops_per_token(facts: Any, attended: float, trained: int | None = None) -> float:
    """Operations of a token's forward and backward pass: 6 N + 12 L H Q T.

    N: parameters that every token is multiplied with, see `multiplied`. L H Q: layers, heads and
    width of a head; a key that a query meets costs 2 Q for the score and 2 Q for the value in each
    head, and twice that going back. T is `attended`, the mean number of tokens that a token sees,
    its own included (`mean_attended`), so neither the masked half nor other documents of the row
    count. Figures published elsewhere mostly put the whole row there (llm-foundry, torchtitan):
    for one to compare with them give the length of the row.

    facts: a model's configuration (transformers). trained: how many of the N are trained, where the
    rest is frozen (LoRA): a frozen matrix costs 4 and not 6, since its own gradient is left out.
    """
    n = multiplied(facts)
    frozen = 0 if trained is None else max(0, n - trained)
    text = facts.get_text_config()
    heads = text.num_attention_heads
    head = getattr(text, "head_dim", None) or text.hidden_size // heads
    attention = 12.0 * text.num_hidden_layers * heads * head * attended
    return 6.0 * n - 2.0 * frozen + attention


def multiplied(facts: Any) -> int:
    """Parameters of a dense model that each token is multiplied with.

    All but the input embedding, which is looked up; an output matrix that is the same tensor counts
    once, for the output.
    """
    from transformers import AutoModelForCausalLM

    build: Any = AutoModelForCausalLM.from_config
    with torch.device("meta"):
        network = build(facts)
    # Parameters that are shared are listed once.
    count = sum(p.numel() for p in network.parameters())
    embedding = network.get_input_embeddings().weight
    output = network.get_output_embeddings()
    tied = output is not None and output.weight is embedding
    return int(count - (0 if tied else embedding.numel()))


def mean_attended(lengths: Sequence[int] | NDArray[np.integer], window: int | None = None) -> float:
    """Tokens that a token sees on average, its own included, in documents of these lengths.

    The i-th token of a document sees min(i, window). 0 where there are none.
    """
    n = np.asarray(lengths, np.float64)
    if not n.sum():
        return 0.0
    seen = n * (n + 1) / 2
    if window is not None:
        over = np.maximum(n - window, 0)
        seen -= over * (over + 1) / 2
    return float(seen.sum() / n.sum())


# Highest dense rates in 10^12 operations a second, from the makers' data sheets: bfloat16 (float16
# where there is none) with float32 sums, and plain float32. The first pattern found in the name
# that torch gives the device counts, so narrower ones come first.
_PEAKS: tuple[tuple[str, float, float], ...] = (
    (r"GB200", 2500.0, 80.0),
    (r"B200", 2250.0, 75.0),
    (r"H100 NVL", 835.5, 60.0),
    (r"H100 PCIe", 756.0, 51.0),
    (r"GH200|H200|H100|H800", 989.4, 66.9),
    (r"H20\b", 148.0, 44.0),
    (r"A100|A800", 312.0, 19.5),
    (r"A40\b", 149.7, 37.4),
    (r"A30\b", 165.0, 10.3),
    (r"A10G", 70.0, 35.0),
    (r"A10\b", 125.0, 31.2),
    (r"L40S", 362.0, 91.6),
    (r"L40\b", 181.0, 90.5),
    (r"L4\b", 121.0, 30.3),
    (r"RTX 5090", 209.5, 104.8),
    (r"RTX 4090", 165.2, 82.6),
    (r"RTX 3090", 71.0, 35.6),
    (r"V100", 125.0, 15.7),
    (r"T4\b", 65.0, 8.1),
    (r"MI300X", 1307.4, 163.4),
)


def peak_flops(name: str, dtype: torch.dtype) -> float | None:
    """Operations a second that a device could do in a type; None where it is not known.

    name: as `torch.cuda.get_device_name` gives it. dtype: bfloat16 or float16, or float32 without
    TF32. Sparsity is not counted.
    """
    for pattern, half, single in _PEAKS:
        if re.search(pattern, name):
            return (half if dtype in (torch.bfloat16, torch.float16) else single) * 1e12
    return None
