"""The chunked loss beside torch's own: values and gradients."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from trainer import loss  # noqa: E402


def inputs(dtype, bias: bool, n: int = 23):
    generator = torch.manual_seed(0)
    hidden = torch.randn(n, 16, generator=generator).to(dtype).requires_grad_()
    weight = torch.randn(50, 16, generator=generator).to(dtype).requires_grad_()
    shift = torch.randn(50, generator=generator).to(dtype).requires_grad_() if bias else None
    return hidden, weight, shift, torch.randint(0, 50, (n,), generator=generator)


@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("cells", [50, 50 * 7, 1 << 23])
def test_values_and_gradients_are_those_of_the_plain_loss(monkeypatch, bias, cells):
    monkeypatch.setitem(loss.CHUNK_CELLS, "cpu", cells)
    one, two = inputs(torch.float32, bias), inputs(torch.float32, bias)
    # A factor after it, as dividing by the number of tokens is.
    got, want = loss.chunked_loss(*one) / 7, loss.plain_loss(*two) / 7
    torch.testing.assert_close(got, want)
    got.backward()
    want.backward()
    for a, b in zip(one[:3], two[:3], strict=True):
        if a is not None:
            torch.testing.assert_close(a.grad, b.grad, atol=1e-6, rtol=1e-5)


def test_the_gradient_is_that_of_finite_differences(monkeypatch):
    hidden, weight, _, targets = inputs(torch.float32, False, n=3)
    loss.chunked_loss(hidden, weight, None, targets).backward()
    with torch.no_grad():
        step = 1e-2
        for i, j in ((0, 0), (2, 5)):
            shifted = hidden.double().clone()
            shifted[i, j] += step
            up = loss.plain_loss(shifted, weight.double(), None, targets)
            shifted[i, j] -= 2 * step
            down = loss.plain_loss(shifted, weight.double(), None, targets)
            assert hidden.grad[i, j].item() == pytest.approx(
                ((up - down) / (2 * step)).item(), 1e-2
            )


def test_autocast_multiplies_in_16_bits_and_sums_in_32():
    one, two = inputs(torch.float32, False), inputs(torch.float32, False)
    with torch.autocast("cpu", torch.bfloat16):
        got, want = loss.chunked_loss(*one), loss.plain_loss(*two)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got, want, rtol=1e-2, atol=0.0)
    got.backward()
    want.backward()
    for a, b in zip(one[:2], two[:2], strict=True):
        assert a.grad.dtype == torch.float32
        torch.testing.assert_close(a.grad, b.grad, atol=5e-2, rtol=5e-2)


def test_no_valid_tokens_is_a_loss_of_zero():
    hidden, weight, _, targets = inputs(torch.float32, False)
    value = loss.chunked_loss(hidden[:0], weight, None, targets[:0])
    value.backward()
    assert value.item() == 0 and weight.grad.abs().sum() == 0
