"""The published form of manifest.json and of the ledger: models, and JSON Schemas made of them.

`manifests/schemas/` holds the schemas as files, for those who read builds without this package;
`curate schema manifest` and `curate schema ledger` print them. A key that is added, or one whose
meaning changes, raises `manifests.manifest.VERSION` (or `manifests.ledger.VERSION`); what an older
version lacks is optional here, so that older builds stay readable.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from manifests import ledger
from manifests.manifest import VERSION
from manifests.opened import ManifestError, OpenedBuild

_DIALECT = "https://json-schema.org/draft/2020-12/schema"

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Step(BaseModel):
    """A rewrite or measure as it ran; further keys say what else decides its result."""

    model_config = ConfigDict(extra="allow", use_attribute_docstrings=True)

    step: str
    """Its name in recipes and ledgers."""
    class_: str = Field(alias="class")
    """`module:Class` of its code."""
    version: int
    """Raised whenever the same text may give another result."""
    libraries: dict[str, str]
    """Versions of libraries that decide its result."""
    options: dict[str, Any]
    """Its options, defaults included."""


class InputFile(_Model):
    """A file that was read, as it lay in the source's folder."""

    file: str
    """Path relative to the source's folder."""
    read_as: str | None = None
    """`file` of its rows in the ledger; null for archives and for files without rows. Since 2."""
    sha256: Sha256
    bytes: Count
    url: str | None
    """Where it was fetched from, if `curate sources fetch` got it."""
    revision: str | None
    """Commit it was fetched at, for repositories."""


class Member(_Model):
    """A file unpacked from an archive among the inputs."""

    file: str
    """`archive/path inside`."""
    read_as: str | None = None
    """`file` of its rows in the ledger. Since 2."""
    sha256: Sha256


class NotRead(_Model):
    """A file in the source's folder that holds no data."""

    file: str
    why: str


class Amount(_Model):
    """What was lost at a stage."""

    rows: Count
    bytes: Count
    """UTF-8 bytes of text as read."""
    characters: Count
    """Code points of text after every rewrite."""


class Labelled(_Model):
    """Rows kept under a label."""

    rows: Count
    characters: Count


class Counts(_Model):
    """Rows by fate: read = kept + dropped + quarantined."""

    read: Count
    kept: Count
    dropped: Count
    quarantined: Count
    duplicates: Count
    """Those of the dropped that went for a row that is kept: at `exact`, `near` and `sides`."""
    bytes_read: Count
    """UTF-8 bytes of text as read."""
    bytes_kept: Count
    characters_read: Count | None = None
    """Code points of text after every rewrite. Since 2."""
    characters_kept: Count | None = None
    """Since 2."""


class SourceCounts(Counts):
    """Rows of one source by fate."""

    reasons: dict[str, dict[str, Count]]
    """Rows lost, by stage and reason."""
    lost: dict[str, Amount] = {}
    """The same by stage, in rows, bytes and characters. Since 2."""
    languages: dict[str, Labelled] = {}
    """Rows kept by language label, "" where none was measured. Since 2."""
    scripts: dict[str, Labelled] = {}
    """Rows kept by script label. Since 2."""


class Terms(_Model):
    """What a licence allows and asks for; null where nobody has said."""

    spdx: str | None
    """SPDX expression; null for words that are none."""
    commercial: bool | None
    """Whether commercial use is allowed."""
    derivatives: bool | None
    """Whether changed versions may be passed on."""
    attribution: bool | None
    """Whether the authors must be named."""
    share_alike: bool | None
    """Whether what is made of it must be passed on under the same terms."""


class LicenceUse(Terms):
    """A licence of rows that were kept."""

    licence: str
    """What the rows' column `licence` says: SPDX expression, words, or `unstated`."""
    rows: Count
    characters: Count
    sources: list[str]
    """Labels of the sources under it."""


class Use(_Model):
    """What the result may be used for: the strictest of the licences in it."""

    commercial: bool | None
    derivatives: bool | None
    attribution: bool | None
    share_alike: bool | None
    licences: list[LicenceUse]
    """Most characters first."""


class SourceEntry(_Model):
    """One source: where it is from, what was read, what was done, what became of its rows."""

    name: str
    """Catalogue or adapter name."""
    title: str | None
    homepage: str | None
    licence: str | None
    """SPDX expression, words, or `unstated`; what every row of it carries."""
    licence_stated: str | None = None
    """The licence as the recipe or upstream states it. Since 2."""
    non_commercial: bool | None
    """Whether use is limited to non-commercial purposes; null where nobody has said."""
    terms: Terms | None = None
    """Since 2."""
    refused: str | None = None
    """The rule of the recipe that refused its licence; null when none did. Since 2."""
    row_type: str
    """document | pair | paper"""
    render: str
    """How a row's fields became one text."""
    rewrites: list[Step]
    """In the order they ran."""
    choices: dict[Literal["drawn", "not_listed", "unclear"], Count] | None = None
    """Of instructions: questions that list choices, by what became of these. Since 2."""
    inputs: list[InputFile]
    members: list[Member]
    not_read: list[NotRead]
    counts: SourceCounts | None
    """Null for a source without rows."""


class Output(_Model):
    """A file that the build wrote."""

    path: str
    """Relative to the build's folder."""
    rows: Count
    first: str | None = None
    """Id of its first row; null when it has none. Since 2."""
    last: str | None = None
    """Id of its last row. Since 2."""
    bytes: Count
    sha256: Sha256


class Environment(_Model):
    """Versions that may matter to someone repeating the build."""

    python: str
    system: str
    packages: dict[str, str | None]


class CountedWith(_Model):
    """A tokenizer."""

    fingerprint: str
    """Of its vocabulary and settings, as packed shards have it."""
    vocab_size: Count


class Manifest(BaseModel):
    """manifest.json: what went in, what was done, what came out, and that it all adds up."""

    model_config = ConfigDict(
        extra="forbid",
        use_attribute_docstrings=True,
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"schema_version": {"minimum": 2}}},
                    "then": {"required": ["use", "checksum"]},
                }
            ]
        },
    )

    schema_version: int = Field(ge=1, le=VERSION)
    """Version of this form."""
    ledger_version: int = Field(ge=1, le=ledger.VERSION)
    """Version of the ledger's form."""
    kind: str
    """What was built: `corpus`."""
    name: str
    """Name of the build, from the recipe."""
    curate_version: str
    limit: int | None
    """At most so many rows of every file were read; null for all."""
    recipe: dict[str, Any]
    """The recipe with all its defaults written out; docs/recipe.md describes its keys."""
    measures: list[Step]
    """In the order they ran."""
    sources: dict[str, SourceEntry]
    """By label."""
    counts: Counts
    """Over all sources."""
    use: Use | None = None
    """Since 2."""
    contamination: dict[str, Any] | None = None
    """Evaluation sets looked for and how much of them was found; null where none were. Since 2."""
    tokenizer: CountedWith | None = None
    """What counted the tokens of the mixture's budgets; not there where none are in tokens."""
    outputs: list[Output]
    """Sorted by path."""
    environment: Environment
    checksum: str | None = Field(default=None, pattern=r"^sha256:[0-9a-f]{64}$")
    """SHA-256 of the file with these digits as zeros. Since 2."""


class LedgerRow(BaseModel):
    """A row of the ledger: what became of one row that was read.

    Columns that are not listed hold one measure each: a number, a label, or null where it was not
    measured (rows that could not be read; measures of pairs in documents).
    """

    model_config = ConfigDict(
        extra="allow",
        use_attribute_docstrings=True,
        json_schema_extra={
            "allOf": [
                {
                    "if": {"properties": {"status": {"const": "kept"}}},
                    "then": {"properties": {"stage": {"const": None}, "reason": {"const": None}}},
                    "else": {
                        "properties": {"stage": {"type": "string"}, "reason": {"type": "string"}}
                    },
                },
                {
                    "if": {"properties": {"status": {"const": "quarantined"}}},
                    "then": {"properties": {"stage": {"const": "ingest"}}},
                },
                {
                    "if": {"properties": {"stage": {"enum": ["exact", "near", "sides"]}}},
                    "then": {
                        "properties": {
                            "duplicate_of": {"type": "string"},
                            "similarity": {"type": "number"},
                        }
                    },
                    "else": {
                        "properties": {
                            "duplicate_of": {"const": None},
                            "similarity": {"const": None},
                        }
                    },
                },
            ]
        },
    )
    __pydantic_extra__: dict[str, int | float | str | None]

    id: str = Field(pattern=r"#\d{9,}$")
    """`source/file#row`; the row counts from 1 and is padded, so that ids sort as the source."""
    source: str
    """Label of the source in the recipe."""
    file: str
    """File or archive member, as the source names it."""
    row: int = Field(ge=1)
    """Which row of the file."""
    status: Literal["kept", "dropped", "quarantined"]
    stage: Literal["ingest", "decide", "exact", "near", "sides"] | None
    """Where it was lost; null for rows kept."""
    reason: str | None
    """Why, as `section.measure.bound` or a word; null for rows kept."""
    measure: str | None
    """What was measured, as `column=value`, for rows dropped by a limit."""
    limit: str | None
    """The bound it missed."""
    duplicate_of: str | None
    """Id of the kept row that it duplicates."""
    similarity: float | None = Field(ge=0, le=1)
    """Jaccard similarity with that row; 1 for exact duplicates, and for pairs equal on one side."""
    rewrites: str | None
    """Names of the rewrite steps that changed it, in order, joined by a space."""
    bytes: int | None = Field(ge=0)
    """UTF-8 bytes of its text as read."""
    detail: str | None
    """What was seen of a row that could not be read."""


def manifest_schema() -> dict[str, Any]:
    """The JSON Schema of manifest.json."""
    return _published(Manifest, f"urn:curate-zh:manifest:{VERSION}")


def ledger_schema() -> dict[str, Any]:
    """The JSON Schema of a ledger row, as the Parquet row reads in JSON."""
    return _published(LedgerRow, f"urn:curate-zh:ledger:{ledger.VERSION}")


def _published(model: type[BaseModel], name: str) -> dict[str, Any]:
    return {"$schema": _DIALECT, "$id": name, **model.model_json_schema(by_alias=True)}


def checked(build: OpenedBuild) -> OpenedBuild:
    """The build, when its manifest has the published form.

    Raises ManifestError, in one sentence, when it has not or its ledger is of a newer version.
    """
    path = build.folder / "manifest.json"
    version = build.manifest.get("ledger_version")
    if isinstance(version, int) and version > ledger.VERSION:
        raise ManifestError(
            f"{path} belongs to a ledger of version {version} and this curate reads up to "
            f"{ledger.VERSION}; update curate to look into this build"
        )
    try:
        Manifest.model_validate(build.manifest)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ManifestError(
            f"{path} is no manifest as `curate schema manifest` describes it "
            f"({where}: {first['msg']}); run the same build again to write it anew"
        ) from None
    return build
