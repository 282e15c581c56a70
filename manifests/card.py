"""A build described for others: a dataset card for the Hugging Face Hub, and Croissant metadata.

The card is README.md with YAML front matter (https://huggingface.co/docs/hub/datasets-cards);
Croissant is JSON-LD after http://mlcommons.org/croissant/1.0, one record set over `data/`.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from jinja2 import Environment, PackageLoader, StrictUndefined

from manifests.funnel import funnels
from manifests.ledger import VERSION as LEDGER_VERSION
from manifests.opened import ManifestError, OpenedBuild
from manifests.story import run_record, story
from manifests.use import stated_use
from sources.catalogue import catalogue
from sources.licences import UNSTATED

CARD = "README.md"
CROISSANT = "croissant.json"
MARK = "<!-- written by curate manifest card -->"
"""Tells a card of ours, which may be written anew, from one that somebody wrote."""

_SIZES = ("1K", "10K", "100K", "1M", "10M", "100M", "1B", "10B", "100B", "1T")

_HUB_LICENCES = frozenset(
    {
        *("apache-2.0", "mit", "cc0-1.0", "unlicense", "isc", "wtfpl", "pddl", "mpl-2.0", "gfdl"),
        *("cc-by-2.0", "cc-by-2.5", "cc-by-3.0", "cc-by-4.0", "cc-by-nd-4.0"),
        *("cc-by-sa-3.0", "cc-by-sa-4.0", "cc-by-nc-2.0", "cc-by-nc-3.0", "cc-by-nc-4.0"),
        *("cc-by-nc-nd-3.0", "cc-by-nc-nd-4.0", "cc-by-nc-sa-2.0", "cc-by-nc-sa-3.0"),
        *("cc-by-nc-sa-4.0", "bsd-2-clause", "bsd-3-clause", "gpl-2.0", "gpl-3.0", "agpl-3.0"),
        *("lgpl-2.1", "lgpl-3.0", "odc-by", "odbl", "cdla-permissive-1.0", "cdla-permissive-2.0"),
        *("cdla-sharing-1.0", "zlib", "afl-3.0", "artistic-2.0", "etalab-2.0"),
    }
)
"""Identifiers the Hub knows (https://huggingface.co/docs/hub/repositories-licenses), those of
SPDX in small letters but for the versions of a few."""

_LANGUAGE_SHARE = 0.01
"""Languages of fewer rows are left to the report."""

_COLUMNS = {
    "id": "source/file#row: the row that this text was read from",
    "source": "label of the source in the recipe",
    "text": "the text, rewritten as the recipe says",
    "lang": "language label; zh-en for pairs",
    "script": "script of its Han characters",
    "licence": "licence of its source: an SPDX expression, words, or unstated",
    "meta": "JSON object with whatever else the source says of the row",
}


def hub_licence(licences: list[str]) -> str:
    """The Hub's identifier for all rows together: `other` for several, or for terms it lacks."""
    if len(licences) != 1:
        return "other"
    if licences == [UNSTATED]:
        return "unknown"
    name = re.sub(r"-(only|or-later)$", "", licences[0].lower())
    name = {"odc-by-1.0": "odc-by", "odbl-1.0": "odbl", "pddl-1.0": "pddl"}.get(name, name)
    return name if name in _HUB_LICENCES else "other"


def size_category(rows: int) -> str:
    """The Hub's word for a number of rows, such as `10K<n<100K`."""
    bounds = [10 ** (3 + i) for i in range(len(_SIZES))]
    for i, bound in enumerate(bounds):
        if rows < bound:
            return f"n<{_SIZES[0]}" if i == 0 else f"{_SIZES[i - 1]}<n<{_SIZES[i]}"
    return f"n>{_SIZES[-1]}"


def languages(labels: dict[str, dict[str, int]]) -> list[str]:
    """ISO 639 codes of the languages of at least one row in a hundred, most first."""
    rows = sum(numbers["rows"] for numbers in labels.values())
    found: list[str] = []
    for label, numbers in labels.items():
        if numbers["rows"] >= _LANGUAGE_SHARE * rows and label not in ("", "und"):
            parts = ["zh"] if label == "zh-Hant" else label.split("-")
            found += [part for part in parts if part not in found]
    return found


def features(schema: pa.Schema) -> list[dict[str, str]]:
    """`dataset_info.features` of a Parquet schema."""
    return [
        {
            "name": field.name,
            "dtype": str(field.type.value_type)
            if pa.types.is_dictionary(field.type)
            else str(field.type),
        }
        for field in schema
    ]


def front_matter(build: OpenedBuild) -> dict[str, Any]:
    """The card's metadata."""
    told = story(build)
    use = stated_use(build.manifest, {k: f.kept for k, f in funnels(build).items()})
    names = [part["licence"] for part in use["licences"]]
    schema = pq.read_schema(build.data_files[0])
    files = [output for output in build.outputs if output["path"].startswith("data/")]
    size = sum(output["bytes"] for output in files)
    pairs = any(entry["row_type"] == "pair" for entry in build.manifest["sources"].values())
    licence = hub_licence(names)
    return {
        "pretty_name": told["name"],
        "language": languages(told["languages"]),
        "license": licence,
        **(
            {"license_name": "by-source", "license_link": "#licences"} if licence == "other" else {}
        ),
        "size_categories": [size_category(told["counts"]["kept"])],
        "task_categories": ["text-generation", *(["translation"] if pairs else [])],
        "tags": ["curate", "croissant"],
        "configs": [
            {
                "config_name": "default",
                "data_files": [{"split": "train", "path": "data/*.parquet"}],
            }
        ],
        "dataset_info": {
            "features": features(schema),
            "splits": [
                {"name": "train", "num_bytes": size, "num_examples": told["counts"]["kept"]}
            ],
            "download_size": size,
            "dataset_size": size,
        },
    }


def dataset_card(build: OpenedBuild) -> str:
    """README.md: metadata, then what the build holds, where from, under which terms, and how."""
    from huggingface_hub import DatasetCardData

    told = story(build)
    every = funnels(build)
    known = catalogue()
    names = dict.fromkeys(entry["name"] for entry in build.manifest["sources"].values())
    environment = Environment(
        loader=PackageLoader("manifests", "page"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # Markdown: every value goes through `cell` or `words` instead.
    )
    environment.filters |= {"n": lambda v: f"{v:,}", "cell": _cell, "word": _word}
    body = environment.get_template("card.md").render(
        mark=MARK,
        told=told,
        manifest=build.manifest,
        funnels=every,
        use=stated_use(build.manifest, {k: f.kept for k, f in every.items()}),
        columns=_COLUMNS,
        steps=_steps(build.manifest),
        limits=_limits(build.manifest["recipe"]),
        citations=[known[name].citation for name in names if name in known],
        ledger_version=LEDGER_VERSION,
    )
    metadata = DatasetCardData(**front_matter(build)).to_yaml()
    return f"---\n{metadata}\n---\n\n{body}"


def _cell(value: Any) -> str:
    """A value inside Markdown: it starts no markup, no HTML, no cell and no line."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*{}\[\]<>#|~&!])", r"\\\1", text)


def _word(value: bool | None) -> str:
    return "not known" if value is None else "yes" if value else "no"


def _steps(manifest: dict[str, Any]) -> list[str]:
    steps = [step["step"] for entry in manifest["sources"].values() for step in entry["rewrites"]]
    return list(dict.fromkeys(steps))


def _limits(recipe: dict[str, Any]) -> list[str]:
    found = []
    for column, bounds in (recipe.get("quality") or {}).items():
        scope = (
            f" in texts from {least} characters" if (least := bounds.get("from_characters")) else ""
        )
        for name, words in (("min", "at least"), ("max", "at most")):
            if bounds[name] is not None:
                found.append(f"`{column}` {words} {bounds[name]:g}{scope}")
    if language := recipe.get("language"):
        found.append(f"language one of {', '.join(language['keep'])}")
    policy = recipe.get("licences") or {}
    for key in ("allow", "deny"):
        if policy.get(key):
            found.append(f"licences: {key} {', '.join(policy[key])}")
    found += [
        f"licences: deny {key}"
        for key in ("non_commercial", "unknown")
        if policy.get(key) == "deny"
    ]
    return found


def croissant(build: OpenedBuild, url: str | None = None) -> dict[str, Any]:
    """Croissant metadata of the build's data, as JSON-LD; `url`: where it is published."""
    told = story(build)
    use = stated_use(build.manifest, {k: f.kept for k, f in funnels(build).items()})
    run = run_record(build) or {}
    schema = pq.read_schema(build.data_files[0])
    names = ", ".join(build.manifest["sources"])
    finished = str(run.get("finished", ""))[:10]
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": re.sub(r"[^\w-]+", "-", told["name"]),
        "description": (
            f"{told['counts']['kept']:,} texts kept of {told['counts']['read']:,} read from "
            f"{names}; cleaned, deduplicated, and every row on record."
        ),
        "license": [_licence_url(part) for part in use["licences"]],
        **({"url": url} if url else {}),
        "version": "1.0.0",
        **({"datePublished": finished} if finished else {}),
        "inLanguage": languages(told["languages"]),
        "citeAs": "; ".join(
            entry["title"] or label for label, entry in build.manifest["sources"].items()
        ),
        "distribution": [
            *(
                {
                    "@type": "cr:FileObject",
                    "@id": output["path"],
                    "name": output["path"],
                    "contentUrl": output["path"],
                    "contentSize": f"{output['bytes']} B",
                    "encodingFormat": "application/x-parquet",
                    "sha256": output["sha256"],
                }
                for output in build.outputs
                if output["path"].startswith("data/")
            ),
            {
                "@type": "cr:FileSet",
                "@id": "data",
                "name": "data",
                "description": "The rows kept, sorted by id.",
                "encodingFormat": "application/x-parquet",
                "includes": "data/*.parquet",
            },
        ],
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": "rows",
                "name": "rows",
                "description": "One text a record.",
                "key": {"@id": "rows/id"},
                "field": [
                    {
                        "@type": "cr:Field",
                        "@id": f"rows/{field.name}",
                        "name": field.name,
                        "description": _COLUMNS.get(field.name, field.name),
                        "dataType": "sc:Text",
                        "source": {
                            "fileSet": {"@id": "data"},
                            "extract": {"column": field.name},
                        },
                    }
                    for field in schema
                ],
            }
        ],
    }


def _licence_url(part: dict[str, Any]) -> str:
    simple = part["spdx"] and re.fullmatch(r"[A-Za-z0-9.+-]+", part["spdx"])
    if simple and not part["spdx"].startswith("LicenseRef-"):
        return f"https://spdx.org/licenses/{part['spdx']}"
    return str(part["licence"])


def write_card(build: OpenedBuild, folder: Path, url: str | None = None) -> list[Path]:
    """Writes README.md and croissant.json into `folder`; the paths written.

    Raises ManifestError rather than replace a README.md that is not ours.
    """
    from curate.storage import opened_for_writing

    card, metadata = folder / CARD, folder / CROISSANT
    if card.exists() and MARK not in card.read_text(encoding="utf-8", errors="replace"):
        raise ManifestError(
            f"{card} was not written by this command; move it away or give another --out"
        )
    texts = {
        card: dataset_card(build),
        metadata: json.dumps(croissant(build, url), indent=2, ensure_ascii=False) + "\n",
    }
    for path, text in texts.items():
        with opened_for_writing(path) as file:
            file.write(text.encode())
    return list(texts)


_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "sc": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "dct": "http://purl.org/dc/terms/",
    **{
        name: f"cr:{name}"
        for name in (
            *("citeAs", "column", "extract", "field", "fileObject", "fileProperty", "fileSet"),
            *("format", "includes", "isLiveDataset", "jsonPath", "key", "md5", "parentField"),
            *("path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
            *("separator", "source", "subField", "transform", "equivalentProperty"),
        )
    },
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
}
"""The JSON-LD context of Croissant 1.0 (https://docs.mlcommons.org/croissant/docs/croissant-spec.html)."""
