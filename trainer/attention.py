"""Attention for packed rows: the documents of a row do not see each other.

One function stands under the name `packed` in transformers' table of attention functions. A model
loaded with `attn_implementation="packed"` builds no mask of its own and hands what it was called
with as `packing=` on to every layer's attention.

    model(input_ids=tokens, position_ids=positions, packing=Packing(boundaries))

Without `packing` it is plain causal attention, so that the same model can generate.

On a CPU segments are attended one by one with SDPA's causal kernel, and runs of short ones together
under a block-diagonal mask, so the work grows with the documents' lengths and not with the row's.
On CUDA it is torch's variable-length flash attention in 16-bit types and FlexAttention in others;
these two paths are written after torch's documentation, and the masks of the second are tested on a
CPU, but neither has been run on a GPU here.
"""

from __future__ import annotations

from functools import cache
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface
from transformers.utils.logging import disable_progress_bar

NAME = "packed"

RUN = 256
"""Tokens of short segments that are attended together. A call of the kernel costs as much as some
10,000 cells of a mask, so runs of this size waste little and save most of the calls."""


class Packing:
    """Where the segments of a flattened batch begin and end.

    boundaries: (S + 1,) int32 on the CPU, 0 to B x L, as the loader's batches have them.
    longest: tokens of the longest segment.
    """

    def __init__(self, boundaries: Tensor, longest: int) -> None:
        self.boundaries = boundaries
        self.longest = longest
        self._blocks: dict[int | None, list[tuple[int, int, Tensor | None]]] = {}
        self._documents: dict[torch.device, Tensor] = {}
        self._masks: dict[tuple[torch.device, int | None], Any] = {}
        self._on: dict[torch.device, Tensor] = {}

    def on(self, device: torch.device) -> Tensor:
        """The boundaries on a device."""
        if device not in self._on:
            self._on[device] = self.boundaries.to(device)
        return self._on[device]

    def documents(self, device: torch.device) -> Tensor:
        """(B x L,) int32: the segment each token belongs to."""
        if device not in self._documents:
            lengths = self.boundaries.diff().long()
            numbers = torch.arange(len(lengths), dtype=torch.int32)
            self._documents[device] = torch.repeat_interleave(numbers, lengths).to(device)
        return self._documents[device]

    def blocks(self, window: int | None) -> list[tuple[int, int, Tensor | None]]:
        """(begin, end, mask) of what is attended in one call.

        A mask of None is causal attention over a single segment. window: tokens a token sees, its
        own included; None for all before it.
        """
        if window not in self._blocks:
            self._blocks[window] = [
                (begin, end, self._mask(begin, end, window)) for begin, end in self._runs()
            ]
        return self._blocks[window]

    def _runs(self) -> list[tuple[int, int]]:
        """Long segments alone, neighbouring short ones joined up to RUN tokens."""
        runs: list[tuple[int, int]] = []
        for begin, end in pairwise(self.boundaries.tolist()):
            if runs and end - runs[-1][0] <= RUN:
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((begin, end))
        return runs

    def _mask(self, begin: int, end: int, window: int | None) -> Tensor | None:
        documents = self.documents(torch.device("cpu"))[begin:end]
        single = bool(documents[0] == documents[-1])
        if single and (window is None or end - begin <= window):
            return None
        at = torch.arange(end - begin)
        distance = at[:, None] - at[None, :]
        mask = (documents[:, None] == documents[None, :]) & (distance >= 0)
        return mask if window is None else mask & (distance < window)

    def flex_mask(self, device: torch.device, window: int | None) -> Any:
        """The same as a block mask for FlexAttention, over the flattened batch."""
        if (device, window) not in self._masks:
            from torch.nn.attention.flex_attention import create_block_mask

            documents = self.documents(device)

            def visible(b: Tensor, h: Tensor, q: Tensor, k: Tensor) -> Tensor:
                seen = (documents[q] == documents[k]) & (q >= k)
                return seen if window is None else seen & (q - k < window)

            n = len(documents)
            self._masks[device, window] = create_block_mask(
                visible, None, None, n, n, device=str(device)
            )
        return self._masks[device, window]


def packed_attention(
    module: torch.nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    sliding_window: int | None = None,
    packing: Packing | None = None,
    **others: Any,
) -> tuple[Tensor, None]:
    """Attention as transformers calls it: (B, H, L, D) to (B, L, H, D).

    Raises ValueError for what packed rows do not support: soft caps and learnt sinks.
    """
    if others.get("softcap") is not None or others.get("s_aux") is not None:
        raise ValueError("packed rows are attended without soft caps and attention sinks")
    if packing is None:
        return _plain(query, key, value, scaling, sliding_window), None
    batch, heads, length, size = query.shape
    # Rows end to end: (1, H, B L, D).
    q, k, v = (x.transpose(0, 1).flatten(1, 2)[None] for x in (query, key, value))
    if not query.is_cuda:
        out = _by_blocks(q, k, v, packing, dropout, scaling, sliding_window)
    elif query.dtype in (torch.float16, torch.bfloat16) and dropout == 0:
        out = _variable_length(q, k, v, packing, scaling, sliding_window)
    else:
        out = _flex(q, k, v, packing, scaling, sliding_window)
    return out[0].transpose(0, 1).reshape(batch, length, heads, size), None


def _by_blocks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    dropout: float,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    parts = []
    for begin, end, mask in packing.blocks(window):
        parts.append(
            scaled_dot_product_attention(
                query[:, :, begin:end],
                key[:, :, begin:end],
                value[:, :, begin:end],
                attn_mask=mask,
                dropout_p=dropout,
                is_causal=mask is None,
                scale=scaling,
                enable_gqa=query.shape[1] != key.shape[1],
            )
        )
    return torch.cat(parts, dim=2) if len(parts) > 1 else parts[0]


def _variable_length(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    from torch.nn.attention.varlen import varlen_attn

    ends = packing.on(query.device)
    q, k, v = (x[0].transpose(0, 1).contiguous() for x in (query, key, value))
    # (left, right) tokens beside its own: right 0 is causal, left -1 without a limit.
    sides = (-1 if window is None else window - 1, 0)
    out: Any = varlen_attn(
        q,
        k,
        v,
        ends,
        ends,
        packing.longest,
        packing.longest,
        scale=scaling,
        window_size=sides,
        enable_gqa=q.shape[1] != k.shape[1],
    )
    result: Tensor = out
    return result.transpose(0, 1)[None]


@cache
def _compiled_flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return torch.compile(flex_attention)


def _flex(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    packing: Packing,
    scaling: float | None,
    window: int | None,
) -> Tensor:
    mask = packing.flex_mask(query.device, window)
    attend = _compiled_flex() if query.is_cuda else _uncompiled_flex()
    gqa = query.shape[1] != key.shape[1]
    out: Tensor = attend(query, key, value, block_mask=mask, scale=scaling, enable_gqa=gqa)
    return out


def _uncompiled_flex() -> Any:
    from torch.nn.attention.flex_attention import flex_attention

    return flex_attention


def _plain(
    query: Tensor, key: Tensor, value: Tensor, scaling: float | None, window: int | None
) -> Tensor:
    """Causal attention of the last tokens to all of them, as generation with a cache needs it."""
    q, k = query.shape[2], key.shape[2]
    at = torch.arange(k - q, k, device=query.device)[:, None]
    seen = torch.arange(k, device=query.device)[None, :]
    mask = seen <= at
    if window is not None:
        mask &= at - seen < window
    out = scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=mask,
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return out.transpose(1, 2)


def register() -> None:
    """Makes the function known to transformers, and keeps its bars for files off the terminal.

    Calling it again changes nothing.
    """
    # Compiled blocks call it as it is: rows with other segments then need no other code.
    opaque: Any = torch.compiler.disable
    AttentionInterface.register(NAME, opaque(packed_attention))
    quiet: Any = disable_progress_bar
    quiet()
