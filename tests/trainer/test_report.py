"""The report of a run: what it says, that rows are text only, and that any run's files will do."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from curate.errors import RecipeError
from tests.manifests.test_report import Page, browsed, chromium  # noqa: F401
from tests.trainer.training_files import config, text_shards
from trainer import loop
from trainer.curves import Line, curve, smoothed
from trainer.recorded import Recorded
from trainer.report import report_page, summary

HOSTILE = "</blockquote><script>document.title='owned'</script>{{ 7 * 7 }}\u202e水"


@pytest.fixture(scope="module")
def root(tmp_path_factory) -> Path:
    """Two runs with evaluations and samples: `first` and `second`."""
    folder = tmp_path_factory.mktemp("report")
    text_shards(folder)
    for name, lr in (("first", 1e-2), ("second", 3e-3)):
        wanted = config(
            folder,
            name=name,
            optimizer={"lr": lr},
            evaluation={"every": 4, "rows": 2},
            samples={"every": 3, "prompts": ["图书馆里有", HOSTILE], "tokens": 6},
        )
        loop.train(wanted, "pretrain")
    return folder


def test_it_says_what_the_files_say(root):
    run = root / "runs/first"
    page = Page(report_page(run))
    told = summary(Recorded(run))
    lines = [json.loads(x) for x in (run / "metrics.jsonl").read_text().splitlines()]
    assert told["finished"] and told["tokens"] == lines[-1]["tokens"]
    assert told["loss"] == pytest.approx(np.mean([x["loss"] for x in lines[-5:]]))
    scores = [json.loads(x) for x in (run / "evaluations.jsonl").read_text().splitlines()]
    assert told["heldout"]["loss"] == scores[-1]["loss"] and scores[-1]["source"] == "all"
    assert f"{scores[-1]['bits_per_character']:.3f}" in page.text
    labels = [a["aria-label"] for name, a in page.elements if name == "path" and "aria-label" in a]
    shown = f"first, step {12:,}: {lines[-1]['loss']:,.4g}, smoothed"
    assert [label for label in labels if label.startswith(shown)]
    for score in scores:
        said = f"{score['source']}, step {score['step']}: {score['bits_per_character']:,.4g}"
        assert said in labels, said
    titles = ["learning rate", "norm of the gradient", "tokens a second", "TFLOP/s a device"]
    assert all(title in page.text for title in [*titles, "perplexity", "bits per character"])
    facts = json.loads((run / "run.json").read_text())
    assert facts["data"]["shards"] in page.text and facts["versions"]["torch"] in page.text
    assert "hidden_size: 16" in page.text and "checkpoints/step-12" in page.text
    for source in ("wiki", "news"):
        assert source in page.text
    assert "The loss did not jump" in page.text


def test_samples_stand_side_by_side_by_step(root):
    text = report_page(root / "runs/first")
    lines = [json.loads(x) for x in (root / "runs/first/samples.jsonl").read_text().splitlines()]
    assert {x["step"] for x in lines} == {0, 3, 6, 9, 12}
    [article] = re.findall(r"<article>\s*<h3[^>]*>图书馆里有</h3>(.*?)</article>", text, re.DOTALL)
    assert re.findall(r"<span>step (\d+)</span>", article) == ["0", "3", "6", "9", "12"]
    assert '<h3 dir="auto" lang="zh-Hans">图书馆里有' in text


def test_what_a_model_wrote_is_text_and_nothing_is_fetched(root):
    text = report_page(root / "runs/first", [root / "runs/second"])
    page = Page(text)
    assert len(page.named("script")) == 1 and "[U+202E]" in page.text
    assert HOSTILE.split("\u202e")[0] in page.text
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")]
        for name in ("src", "data", "xlink:href", "srcset", "action"):
            assert name not in attributes, (tag, name)
        if "href" in attributes:
            assert re.match(r"#|https?://", attributes["href"]), attributes
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style and "@import" not in style
    assert "default-src 'none'" in text


def test_runs_are_drawn_over_each_other(root):
    page = Page(report_page(root / "runs/second", [root / "runs/first"]))
    labels = [a.get("aria-label") or "" for name, a in page.elements if name == "path"]
    for name in ("first", "second"):
        assert [x for x in labels if x.startswith(f"{name}, step 12: ")]
        assert [x for x in labels if x.startswith(f"{name}, tokens ")]
    assert "bits per character of wiki" in page.text
    with pytest.raises(RecipeError, match="is no training run"):
        report_page(root / "runs/second", [root])


def test_two_runs_of_one_name_are_told_apart(root, tmp_path):
    shutil.copytree(root / "runs/first", tmp_path / "other")
    page = Page(report_page(root / "runs/first", [tmp_path / "other"]))
    assert str(tmp_path / "other") in page.text


def test_a_run_that_goes_on_without_evaluations_and_with_a_cut_line(root, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(root / "runs/first", run)
    lines = (run / "metrics.jsonl").read_text().splitlines()
    # As older versions wrote them, too: no seconds, no operations.
    old = [
        {k: json.loads(x)[k] for k in ("step", "loss", "tokens", "tokens_per_s", "lr")}
        for x in lines[:7]
    ]
    text = "\n".join(map(json.dumps, old))
    (run / "metrics.jsonl").write_text(text + "\n" + lines[7][:25])
    (run / "evaluations.jsonl").unlink()
    (run / "samples.jsonl").unlink()
    (run / "checkpoints/step-12/trainer/state.json").write_text("{")
    page = Page(report_page(run))
    told = summary(Recorded(run))
    assert told["step"] == 7 and not told["finished"] and told["tflops"] is None
    assert "so far 7 of 12 steps" in page.text and "Held-out text" not in page.text
    assert "cut short" in page.text
    shutil.rmtree(run / "checkpoints")
    (run / "metrics.jsonl").write_text("")
    page = Page(report_page(run))
    assert "No step is on file yet" in page.text and "There is none yet" in page.text


def test_a_jump_leads_to_its_documents(root, tmp_path):
    run = tmp_path / "run"
    shutil.copytree(root / "runs/first", run)
    facts = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**facts, "steps": 40}))
    losses = [5 - 0.02 * i + 0.01 * (i % 3) for i in range(40)]
    losses[29] += 2
    lines = [json.dumps({"step": i + 1, "loss": x, "tokens": i}) for i, x in enumerate(losses)]
    (run / "metrics.jsonl").write_text("\n".join(lines))
    from trainer.trace import traced_step

    text = report_page(run)
    page = Page(text)
    entries = [d for row in traced_step(run, 30)["rows"] for d in row["documents"]]
    [article] = re.findall(r'<article class="jump".*?</article>', text, re.DOTALL)
    found = [a["href"] for a in Page(article).named("a")]
    assert len(found) == min(len(entries), 12) and found[0] == entries[0]["url"]
    assert entries[0]["document"] in page.text
    labels = [a.get("aria-label") for name, a in page.elements if name == "path"]
    assert "jump at step 30: 6.44" in labels
    # Shards that are not there any more are said to be missing, and the rest stands.
    facts["config"]["shards"] = str(tmp_path / "gone")
    (run / "run.json").write_text(json.dumps({**facts, "steps": 40}))
    page = Page(report_page(run))
    assert "The shards cannot be shown" in page.text and "step 30" in page.text


def test_smoothing_has_no_lag_and_keeps_a_line():
    line = np.arange(50) * 0.5
    assert smoothed(line, 9) == pytest.approx(line)
    values = [1.0, 5.0, 3.0, 7.0]
    assert smoothed(values, 3) == pytest.approx([1, 3, 5, 7])


def test_long_runs_are_drawn_with_few_points_and_keep_their_extremes():
    y = np.full(100_000, 2.0)
    y[50_123] = 9.0
    drawing = curve([Line("x", np.arange(100_000), y, smooth=True)], "x")
    assert drawing is not None and len(drawing) < 60_000
    flat = curve([Line("x", np.arange(100_000), np.full(100_000, 2.0), smooth=True)], "x")
    assert drawing != flat
    assert curve([Line("x", [], [])], "nothing") is None


def test_a_browser_shows_it_on_a_phone_too(chromium, root, tmp_path):  # noqa: F811
    page = report_page(root / "runs/first", [root / "runs/second"])
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    shown = browsed(chromium, tmp_path, "--dump-dom", (tmp_path / "page.html").as_uri())
    # The script ran: marks have titles; what the model was asked did not.
    assert "<title>first, step 12: " in shown
    assert "<title>first: report of a training run</title>" in shown
    probe = "parent.postMessage([document.documentElement.scrollWidth, innerWidth].join(), '*')"
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (tmp_path / "p.html").write_text(page.replace("</body>", f"<script>{probe}</script></body>"))
    (tmp_path / "frame.html").write_text(
        "<title>-</title><script>onmessage = (e) => (document.title = e.data)</script>"
        '<iframe src="p.html" width="340" height="800" style="border:0"></iframe>'
    )
    shown = browsed(
        chromium, tmp_path, "--window-size=1400,900", "--virtual-time-budget=5000",
        "--dump-dom", (tmp_path / "frame.html").as_uri(),
    )  # fmt: skip
    assert "<title>340,340</title>" in shown
