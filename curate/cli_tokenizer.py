"""`curate tokenizer`: train one, add Chinese to one, see what a token holds."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from curate.errors import RecipeError
from curate.progress import Progress, Silent, progress
from curate.tokens.tokenizer import TokenizerError

if TYPE_CHECKING:
    import pyarrow as pa

    from curate.tokens.corpus import Corpus
    from curate.tokens.report import Fit

app = typer.Typer(
    name="tokenizer",
    help="Tokenizers: train, extend with Chinese, compare.",
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
)

AsJson = Annotated[
    bool, typer.Option("--json", help="End standard output with one JSON object, no progress.")
]
Out = Annotated[
    Path, typer.Option("--out", "-o", help="Folder to write; made whole or not at all.")
]
Seed = Annotated[int, typer.Option(help="Chooses the sample, by a hash of each row's id.")]
SampleMb = Annotated[
    float, typer.Option(min=0.001, help="MB of text to sample; more than there is takes all.")
]
Coverage = Annotated[
    float, typer.Option(min=0.9, max=1.0, help="Share of the characters that get a piece.")
]
Characters = Annotated[
    str,
    typer.Option(
        help="Characters that get a piece besides: sample (none), simplified (GB 2312), or both "
        "(with the frequent traditional ones of Big5)."
    ),
]
Special = Annotated[
    list[str] | None,
    typer.Option(
        help="A control token such as '<|im_start|>' or '<pad>'; may be given again. "
        "Never made from text that spells it."
    ),
]
Template = Annotated[
    Path | None, typer.Option(help="Jinja file that becomes the tokenizer's chat template.")
]


@app.command(
    epilog="Examples:  curate tokenizer train builds/my-corpus --size 32000 -o tokenizers/zh   |   "
    "curate tokenizer train text.jsonl --size 8000 --kind unigram -o tokenizers/small"
)
def train(
    place: Annotated[
        Path,
        typer.Argument(metavar="BUILD|FILES", help="A build's folder, or .txt, .jsonl, .parquet."),
    ],
    out: Out,
    size: Annotated[int, typer.Option(min=260, help="Pieces in all.")],
    kind: Annotated[str, typer.Option(help="bpe (as LLaMA) or unigram.")] = "bpe",
    coverage: Coverage = 0.9995,
    characters: Characters = "sample",
    sample_mb: SampleMb = 50,
    seed: Seed = 1,
    special: Special = None,
    chat_template: Template = None,
    as_json: AsJson = False,
) -> None:
    """Train a tokenizer on a sample of a build: SentencePiece model and tokenizer.json."""
    from curate.tokens.save import check_free, save
    from curate.tokens.train import Training, trained_model

    if kind not in ("bpe", "unigram"):
        raise RecipeError(f"--kind {kind}: must be bpe or unigram")
    _check_characters(characters)
    check_free(out)
    template = _template(chat_template)
    options = Training(size, kind, coverage, characters, _tokens(special))  # type: ignore[arg-type]
    with _progress(as_json) as told:
        source = _corpus(place)
        batches = _sample(source, sample_mb, seed, told)
        model = trained_model(
            (text for batch in batches for text in batch.to_pylist()), options, told
        )
        details = {
            "made_by": "train",
            "text": _text_facts(source, sample_mb, seed, batches),
            "options": {**vars(options), "special": list(options.special)},
        }
        manifest = save(out, model, details, batches, template, told)
    _print_written(out, manifest, as_json)


@app.command(
    epilog="Examples:  curate tokenizer extend llama/tokenizer.model --with builds/my-corpus "
    "--size 50000 -o tokenizers/llama-zh   |   curate tokenizer extend llama/tokenizer.model "
    "--with chinese_sp.model --special '<|im_start|>' --special '<|im_end|>' -o tokenizers/llama-zh"
)
def extend(
    base: Annotated[Path, typer.Argument(help="A LLaMA-style SentencePiece model, or its folder.")],
    donor: Annotated[
        Path,
        typer.Option(
            "--with", help="Where new pieces come from: a SentencePiece model, a build, or files."
        ),
    ],
    out: Out,
    size: Annotated[
        int | None,
        typer.Option(help="Pieces in all afterwards. Needed with a build; else all usable ones."),
    ] = None,
    pieces: Annotated[
        str, typer.Option(help="chinese: only pieces with a Chinese character; or all.")
    ] = "chinese",
    coverage: Coverage = 0.9995,
    characters: Characters = "sample",
    sample_mb: SampleMb = 50,
    seed: Seed = 1,
    special: Special = None,
    chat_template: Template = None,
    as_json: AsJson = False,
) -> None:
    """Add Chinese pieces to a tokenizer; the ids it has stay as they are."""
    from curate.fingerprint import file_sha256
    from curate.tokens.extend import check_base, extended, learnt_donor
    from curate.tokens.save import check_free, save
    from curate.tokens.sentencepiece import read_model

    if pieces not in ("chinese", "all"):
        raise RecipeError(f"--pieces {pieces}: must be chinese or all")
    _check_characters(characters)
    check_free(out)
    template = _template(chat_template)
    base_file = _model_file(base)
    base_model = read_model(base_file)
    check_base(base_model)
    tokens = _tokens(special)
    batches: list[Any] = []
    details: dict[str, Any] = {
        "made_by": "extend",
        "base": {"sha256": file_sha256(base_file), "vocab_size": len(base_model.pieces)},
    }
    with _progress(as_json) as told:
        if _is_model(donor):
            donor_model = read_model(_model_file(donor))
            details["donor"] = {"sha256": file_sha256(_model_file(donor))}
        else:
            if size is None:
                raise RecipeError("--size is needed when pieces are learnt from a build or files")
            source = _corpus(donor)
            batches = _sample(source, sample_mb, seed, told)
            texts = (text for batch in batches for text in batch.to_pylist())
            room = size - len(base_model.pieces) - len(tokens)
            if room < 1:
                raise RecipeError(
                    f"--size {size} leaves no room: the base has {len(base_model.pieces):,} pieces"
                )
            donor_model = learnt_donor(texts, room, coverage, characters, told)  # type: ignore[arg-type]
            details["text"] = _text_facts(source, sample_mb, seed, batches)
        result = extended(base_model, donor_model, size, pieces, tokens)  # type: ignore[arg-type]
        if batches and len(result.model.pieces) < (size or 0):
            raise TokenizerError(
                f"the sample gives {len(result.added):,} new pieces, so {len(result.model.pieces)} "
                f"in all; lower --size {size} to that, or raise --sample-mb"
            )
        details["options"] = {
            "size": size,
            "pieces": pieces,
            "coverage": coverage if batches else None,
            "characters": characters if batches else None,
            "special": list(tokens),
        }
        details["added"] = len(result.added)
        details["left_out"] = {reason: len(found) for reason, found in result.left_out.items()}
        details["unreachable"] = result.left_out["unreachable"]
        pieces_as_text = [piece.replace("▁", " ") for piece in result.added]
        manifest = save(out, result.model, details, [pieces_as_text, *batches], template, told)
    _print_written(out, manifest, as_json)


@app.command(
    epilog="Examples:  curate tokenizer report llama/tokenizer.model tokenizers/llama-zh "
    "--build builds/my-corpus --chart report.png   |   "
    "curate tokenizer report tokenizers/zh --text docs.txt --text more.jsonl --json"
)
def report(
    tokenizers: Annotated[
        list[Path], typer.Argument(help="Tokenizers: a model, a tokenizer.json, or a folder.")
    ],
    build: Annotated[Path | None, typer.Option(help="A build's folder.")] = None,
    text: Annotated[
        list[Path] | None,
        typer.Option(help="A .txt, .jsonl or .parquet file, or a folder of them."),
    ] = None,
    sample_mb: SampleMb = 20,
    seed: Seed = 1,
    chart: Annotated[Path | None, typer.Option(help="Write a chart: a .png or .svg file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Compare tokenizers: characters a token, byte fallback, vocabulary use."""
    from curate.tokens.corpus import build_corpus, file_corpus, sampled
    from curate.tokens.report import fits, write_chart
    from curate.tokens.tokenizer import load_tokenizer

    if (build is None) == (not text):
        raise RecipeError("give either --build BUILD or --text FILE")
    if chart is not None and chart.suffix not in (".png", ".svg"):
        raise RecipeError(f"--chart {chart}: must end in .png or .svg")
    loaded = {_name(path, tokenizers): load_tokenizer(path) for path in tokenizers}
    source = build_corpus(build) if build is not None else file_corpus(text or [])
    with _progress(as_json) as told:
        told.stage("report", source.bytes)
        results = fits(loaded, sampled(source, sample_mb, seed, told))
    if not results[0].total.texts:
        raise TokenizerError(f"{source.name}: the sample holds no text; raise --sample-mb")
    if chart is not None:
        write_chart(chart, results)
    if not as_json:
        _print_report(Console(width=None if sys.stdout.isatty() else 200), results)
        if chart is not None:
            print(f"chart: {chart}")
        return
    value = {
        "text": {"name": source.name, "fingerprint": source.fingerprint, "seed": seed},
        "tokenizers": [fit.as_json() for fit in results],
        "chart": str(chart) if chart is not None else None,
    }
    print(json.dumps(value, ensure_ascii=False))


def _name(path: Path, every: list[Path]) -> str:
    """The shortest end of a path that tells it from the others."""
    parts = path.resolve().parts
    for n in range(1, len(parts)):
        name = "/".join(parts[-n:])
        others = sum(p.resolve().parts[-n:] == parts[-n:] for p in every)
        if others == 1 and name not in ("tokenizer.model", "tokenizer.json"):
            return name
    return str(path)


def _print_report(console: Console, results: list[Fit]) -> None:
    from curate.tokens.report import largest

    whole = Table(title="Tokenizers", title_justify="left")
    for column in ("tokenizer", "vocabulary", "used", "characters/token", "bytes/token"):
        whole.add_column(column, justify="left" if column == "tokenizer" else "right")
    for column in ("byte tokens", "unknown", "tokens"):
        whole.add_column(column, justify="right")
    for fit in results:
        figures = fit.as_json()
        total = figures["total"]
        whole.add_row(
            fit.name,
            f"{fit.tokenizer.vocab_size:,}",
            f"{figures['vocabulary_use']:.1%}",
            f"{total['characters_per_token']:.3f}",
            f"{total['bytes_per_token']:.3f}",
            f"{total['byte_share']:.2%}",
            f"{total['unknown_share']:.2%}",
            f"{total['tokens']:,}",
        )
    console.print(whole)
    for title, groups in (
        ("Characters a token, by language", [fit.by_language for fit in results]),
        ("Characters a token, by source", [fit.by_source for fit in results]),
    ):
        console.print(title)
        table = Table()
        table.add_column(title.rpartition(" ")[2])
        table.add_column("texts", justify="right")
        for fit in results:
            table.add_column(fit.name, justify="right")
        for key in largest(groups[0]):
            cells = [
                f"{g[key].characters / g[key].tokens:.3f}" if g[key].tokens else "" for g in groups
            ]
            table.add_row(key, f"{groups[0][key].texts:,}", *cells)
        if rest := len(groups[0]) - len(table.rows):
            table.caption = f"and {rest} with less text (all of them with --json)"
        console.print(table)


class _progress:
    """Progress on standard error, which stays readable while the trainer's log is caught there."""

    def __init__(self, silent: bool) -> None:
        self._silent = silent

    def __enter__(self) -> Progress:
        if self._silent:
            self._told: Progress = Silent()
        else:
            self._file = os.fdopen(os.dup(2), "w", encoding="utf-8")
            self._told = progress(Console(file=self._file))
        return self._told

    def __exit__(self, *_: object) -> None:
        self._told.close()
        if not self._silent:
            self._file.close()


def _corpus(place: Path) -> Corpus:
    from curate.tokens.corpus import corpus

    return corpus(place)


def _sample(source: Corpus, sample_mb: float, seed: int, told: Progress) -> list[pa.Array]:
    """The texts of the sample, in batches; as much memory as the sample has text."""
    from curate.tokens.corpus import sampled

    told.stage("sample", source.bytes)
    return [batch.column("text") for batch in sampled(source, sample_mb, seed, told)]


def _text_facts(
    source: Corpus, sample_mb: float, seed: int, batches: list[pa.Array]
) -> dict[str, Any]:
    import pyarrow.compute as pc

    return {
        "fingerprint": source.fingerprint,
        "seed": seed,
        "sample_mb": sample_mb,
        "rows": sum(map(len, batches)),
        "bytes": sum(pc.sum(pc.binary_length(b)).as_py() or 0 for b in batches),
    }


def _check_characters(which: str) -> None:
    if which not in ("sample", "simplified", "both"):
        raise RecipeError(f"--characters {which}: must be sample, simplified or both")


def _tokens(special: list[str] | None) -> tuple[str, ...]:
    tokens = tuple(special or ())
    for token in tokens:
        if not token.strip() or token != token.strip() or "▁" in token:
            raise RecipeError(
                f"--special {token!r}: a token may not be empty or hold spaces at ends"
            )
    return tokens


def _template(path: Path | None) -> str | None:
    if path is None:
        return None
    if not path.exists():
        raise RecipeError(f"--chat-template {path}: there is no such file")
    return path.read_text(encoding="utf-8")


def _is_model(path: Path) -> bool:
    return path.suffix == ".model" or (path.is_dir() and (path / "tokenizer.model").exists())


def _model_file(path: Path) -> Path:
    if not path.exists():
        raise TokenizerError(f"{path}: there is no such model or folder")
    return path / "tokenizer.model" if path.is_dir() else path


def _print_written(out: Path, manifest: dict[str, Any], as_json: bool) -> None:
    compared = manifest["compared"]
    if as_json:
        print(json.dumps({"out": str(out), **manifest}, ensure_ascii=False))
        return
    print(f"{out}: {manifest['vocab_size']:,} pieces, tokenizer.model and tokenizer.json")
    if manifest["made_by"] == "extend":
        left = ", ".join(
            f"{n:,} {why.replace('_', ' ')}" for why, n in manifest["left_out"].items()
        )
        print(f"{manifest['added']:,} pieces added; left out: {left}")
    print(
        f"both forms compared on {compared['texts']:,} texts ({compared['bytes'] / 1e6:.1f} MB): "
        f"{compared['different']} differ, {compared['lossy']} do not decode to themselves"
    )
