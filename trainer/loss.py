"""Cross entropy summed over the valid tokens, and a form of it that never holds all logits.

The loss of a step is the sum over the valid tokens of the global batch divided by their number,
whatever micro-batches and processes they were in. Means of means are not that: they give a token in
a short answer more weight than one in a long answer.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

CHUNK_CELLS = {"cpu": 1 << 24, "cuda": 1 << 27}
"""Most cells of a chunk's logits, 64 and 512 MiB in float32: the weight's gradient is gone through
once a chunk, so few tokens of a large vocabulary cost more than their logits."""
CHUNK_TOKENS = {"cpu": 512, "cuda": 4096}
"""Most tokens of a chunk: more are not faster, and with a small vocabulary leave the cache."""


def plain_loss(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """Sum of the cross entropies, with all logits in memory.

    hidden: (N, d) states from which `targets`, (N,), are predicted. weight: (V, d).
    """
    logits = torch.nn.functional.linear(hidden, weight, bias)
    return cross_entropy(logits.float(), targets, reduction="sum")


def chunked_loss(hidden: Tensor, weight: Tensor, bias: Tensor | None, targets: Tensor) -> Tensor:
    """As `plain_loss`, with the logits of a chunk of tokens at a time.

    Gradients are made together with the loss, chunk by chunk, as Liger Kernel does (Hsu et al.
    2024, "Liger Kernel: Efficient Triton Kernels for LLM Training"), so logits are computed once
    and memory is a chunk's logits and one float32 copy of the weight's gradient. Under autocast
    products are in its type, sums in float32.
    """
    kind = hidden.device.type
    reduced = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else hidden.dtype
    apply: Any = _ChunkedLoss.apply
    loss: Tensor = apply(hidden, weight, bias, targets, reduced)
    return loss


class _ChunkedLoss(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        hidden: Tensor,
        weight: Tensor,
        bias: Tensor | None,
        targets: Tensor,
        reduced: torch.dtype,
    ) -> Tensor:
        wants_hidden, wants_weight, wants_bias = ctx.needs_input_grad[:3]
        total = torch.zeros((), dtype=torch.float32, device=hidden.device)
        grad_hidden = torch.empty_like(hidden) if wants_hidden else None
        grad_weight = torch.zeros_like(weight, dtype=torch.float32) if wants_weight else None
        grad_bias = (
            torch.zeros_like(bias, dtype=torch.float32) if bias is not None and wants_bias else None
        )
        kind = "cpu" if hidden.device.type == "cpu" else "cuda"
        chunk = min(len(targets), CHUNK_TOKENS[kind], max(1, CHUNK_CELLS[kind] // len(weight)))
        # Memory of the system's is dear to get, page by page, so all chunks use the same.
        cells = hidden.new_empty((chunk, len(weight)), dtype=torch.float32)
        with torch.autocast(hidden.device.type, enabled=False):
            matrix = weight.to(reduced)
            for begin in range(0, len(targets), chunk or 1):
                end = min(begin + chunk, len(targets))
                states = hidden[begin:end].to(reduced)
                logits = cells[: end - begin]
                if reduced == torch.float32:
                    torch.mm(states, matrix.t(), out=logits)
                else:
                    logits.copy_(torch.mm(states, matrix.t()))
                if bias is not None:
                    logits += bias.float()
                wanted = targets[begin:end, None]
                top = logits.amax(1, keepdim=True)
                picked = logits.gather(1, wanted)
                exponents = logits.sub_(top).exp_()
                sums = exponents.sum(1, keepdim=True)
                total += (sums.log() + top - picked).sum()
                if not (wants_hidden or wants_weight or wants_bias):
                    continue
                # The gradient is p - 1 at the target and p elsewhere. It stays multiplied with the
                # sums, which the narrow sides of the products are divided by instead.
                gradient = exponents.scatter_add_(1, wanted, -sums)
                if grad_bias is not None:
                    grad_bias += (gradient / sums).sum(0)
                narrow = gradient.to(reduced)
                if grad_hidden is not None:
                    grad_hidden[begin:end] = torch.mm(narrow, matrix).float() / sums
                if grad_weight is not None:
                    shares = (states.float() / sums).to(reduced)
                    if reduced == torch.float32:
                        grad_weight.addmm_(narrow.t(), shares)
                    else:
                        grad_weight += torch.mm(narrow.t(), shares)
        ctx.save_for_backward(grad_hidden, grad_weight, grad_bias)
        ctx.types = (weight.dtype, None if bias is None else bias.dtype)
        return total

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        (scale,) = grads
        hidden, weight, bias = ctx.saved_tensors
        weight_type, bias_type = ctx.types
        return (
            None if hidden is None else hidden * scale.to(hidden.dtype),
            None if weight is None else (weight * scale).to(weight_type),
            None if bias is None else (bias * scale).to(bias_type),
            None,
            None,
        )
