"""The HTML report: what it says, that nothing in it runs or phones, and that a browser shows it."""

from __future__ import annotations

import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest

from curate.build import Build, Options
from curate.recipe import parsed
from manifests.examples import examples, shown
from manifests.histograms import histograms
from manifests.opened import OpenedBuild, open_build
from manifests.report import report_page, write_report
from tests.curate.corpus import sentence

HOSTILE = [
    "<script>document.title='owned'</script>" + sentence(1),
    '"><img src=x onerror="document.title=\'owned\'">' + sentence(2),
    "</blockquote></article><iframe src='https://example.org'></iframe>" + sentence(3),
    "{{ 7 * 7 }}{% raw %}" + sentence(4),
    "javascript:alert(1) ]]> --> </style><style>*{display:none}</style>" + sentence(5),
    "<svg onload=alert(1)>" + sentence(6),
]
LABEL = "a<b onclick='x'>&\"c"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> OpenedBuild:
    """Rows that are markup, kept, dropped and merged, in a source whose label is markup, too."""
    root = tmp_path_factory.mktemp("hostile")
    near = [text.replace("，", "", 1) + "完" for text in HOSTILE]
    (root / "in.txt").write_text("\n".join([*HOSTILE, *near, HOSTILE[0], "<b>x</b>短"]) + "\n")
    recipe = parsed(
        "name: hostile\nsources: [{name: text, path: in.txt, licence: '<i>mine</i>'}]\n"
        "rewrite: {markup: false, escapes: false}\nquality: {characters: {min: 20}}\n"
    )
    [source] = recipe.sources
    recipe = recipe.model_copy(update={"sources": (source.model_copy(update={"label": LABEL}),)})
    options = Options(out=root / "out", workers=1, recipe_folder=root)
    return open_build(Build(recipe, options).run().folder)


class Page(HTMLParser):
    """Elements of a page with their attributes, and its text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._quiet = 0
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._quiet += tag in ("script", "style")

    def handle_endtag(self, tag: str) -> None:
        self._quiet -= tag in ("script", "style")

    def handle_data(self, data: str) -> None:
        if not self._quiet:
            self.text += data

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def test_rows_are_text_and_never_markup(hostile):
    page = Page(report_page(hostile))
    assert len(page.named("script")) == 1 and len(page.named("style")) == 1
    assert not {tag for tag, _ in page.elements} & {
        "iframe",
        "img",
        "object",
        "embed",
        "link",
        "b x",
    }
    for tag, attributes in page.elements:
        assert not [name for name in attributes if name.startswith("on")], (tag, attributes)
    for text in HOSTILE[:4]:
        assert text[:30] in page.text
    assert LABEL in page.text and "<i>mine</i>" in page.text


def test_it_asks_no_network_for_anything(hostile):
    text = report_page(hostile)
    page = Page(text)
    for tag, attributes in page.elements:
        for name in ("src", "href", "action", "data", "xlink:href", "srcset"):
            value = attributes.get(name)
            assert value is None or value.startswith("#"), (tag, name, value)
    [style] = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert "url(" not in style and "@import" not in style
    policy = next(
        a["content"] for a in page.named("meta") if "Policy" in (a.get("http-equiv") or "")
    )
    assert policy is not None and policy.startswith("default-src 'none'; ")
    assert "script-src 'sha256-" in policy and "unsafe-eval" not in policy


def test_it_says_what_the_manifest_says(build):
    page = Page(report_page(build))
    counts = build.manifest["counts"]
    for key in ("read", "kept", "duplicates", "quarantined"):
        assert f"{counts[key]:,}" in page.text
    for stage in build.manifest["sources"]["web"]["counts"]["reasons"].values():
        assert all(reason in page.text for reason in stage)
    fates = {a["data-fate"] for a in page.named("article")}
    assert fates == {"kept", "merged", "dropped", "quarantined"}
    assert "min 1" in page.text and "unstated" in page.text


def test_histograms_count_every_row_that_was_read(build):
    counts = build.manifest["counts"]
    found = {h.column: h for h in histograms(build)}
    whole = counts["read"] - counts["quarantined"]
    assert {"characters", "han_ratio", "digit_ratio"} <= set(found)
    for h in found.values():
        if not h.column.startswith(("zh_", "en_")):
            assert sum(h.kept) == counts["kept"] and sum(h.kept) + sum(h.lost) == whole, h.column
        assert h.edges == sorted(set(h.edges)) and len(h.edges) == len(h.kept) + 1
    assert (found["characters"].low, found["characters"].high) == (1.0, None)
    assert found["characters"].edges[0] == 1.0


def test_examples_are_spread_over_sources_and_reasons(build):
    found = examples(build, each=2)
    groups: dict[tuple[str, str | None], int] = {}
    for example in found:
        key = (example.fate, example.row["reason"])
        groups[key] = groups.get(key, 0) + 1
    assert all(1 <= n <= 2 for n in groups.values())
    assert {fate for fate, _ in groups} == {"kept", "merged", "dropped", "quarantined"}
    near = next(e for e in found if e.row["reason"] == "near_duplicate")
    assert near.parts is not None
    assert "".join(text for text, _ in near.parts[0]) == near.text
    assert "".join(text for text, _ in near.parts[1]) == near.other
    assert {kind for _, kind in near.parts[0]} <= {"same", "gone"}
    assert len(examples(build, each=3, most=4)) == 4


def test_what_went_for_a_person_is_withheld(build, monkeypatch):
    monkeypatch.setattr("manifests.texts.HIDDEN_STAGES", ("language",))
    found = examples(build)
    hidden = [e for e in found if e.row["reason"] == "language"]
    assert hidden and all(e.withheld and e.text is None for e in hidden)
    assert "The ferry" not in report_page(build)


def test_what_cannot_be_seen_is_written_out():
    assert shown("a\u202eb\u200b\x07\nc") == "a[U+202E]b[U+200B][U+0007]\nc"
    assert shown("长" * 500) == "长" * 400 + "…"
    assert shown("𠮷野家、《红楼梦》") == "𠮷野家、《红楼梦》"


def test_it_stays_small_and_is_the_same_twice(build, tmp_path):
    size = write_report(build, tmp_path / "a.html")
    write_report(build, tmp_path / "b.html")
    assert size < 1_000_000
    assert (tmp_path / "a.html").read_bytes() == (tmp_path / "b.html").read_bytes()


# In a browser


@pytest.fixture(scope="module")
def chromium() -> str:
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium on this machine (apt-get install chromium)")


def browsed(chromium: str, folder: Path, *arguments: str) -> str:
    """Standard output of headless Chromium with an empty profile."""
    flags = (
        *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--hide-scrollbars"),
        *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
        f"--user-data-dir={folder / 'profile'}",
    )
    done = subprocess.run(
        [chromium, *flags, *arguments], capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-500:]
    return done.stdout


def test_its_script_runs_and_that_of_rows_does_not(chromium, hostile, tmp_path):
    write_report(hostile, tmp_path / "r.html")
    address = (tmp_path / "r.html").as_uri()
    page = browsed(chromium, tmp_path, "--dump-dom", address)
    assert "owned" not in page[: page.index("</title>")] and "<title>hostile" in page
    every = page.count("<article")
    assert f"{every} of {every} examples" in page
    merged = browsed(
        chromium, tmp_path, "--dump-dom", f"{address}#fate=merged&reason=near_duplicate"
    )
    [(some, of)] = re.findall(r"(\d+) of (\d+) examples", merged)
    assert 0 < int(some) < int(of) == every
    assert merged.count('data-reason="near_duplicate"') > 0
    assert len(re.findall(r"<article [^>]*hidden", merged)) == every - int(some)


def test_it_fits_a_phone(chromium, build, tmp_path):
    write_report(build, tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text()
    probe = "parent.postMessage([document.documentElement.scrollWidth, innerWidth].join(), '*')"
    page = re.sub(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", page)
    (tmp_path / "p.html").write_text(page.replace("</body>", f"<script>{probe}</script></body>"))
    for width in (320, 390, 1200):
        # A window cannot be as narrow as a phone; a frame can.
        (tmp_path / "frame.html").write_text(
            "<title>-</title><script>onmessage = (e) => (document.title = e.data)</script>"
            f'<iframe src="p.html" width="{width}" height="800" style="border:0"></iframe>'
        )
        dumped = browsed(
            chromium, tmp_path, "--window-size=1400,900", "--virtual-time-budget=5000",
            "--dump-dom", (tmp_path / "frame.html").as_uri(),
        )  # fmt: skip
        assert f"<title>{width},{width}</title>" in dumped


def test_it_is_light_and_dark(chromium, build, tmp_path):
    from PIL import Image, ImageStat

    write_report(build, tmp_path / "r.html")
    brightness = {}
    # Blink's number for a preferred colour scheme: 0 dark, 1 light.
    for scheme in (0, 1):
        picture = tmp_path / f"{scheme}.png"
        browsed(
            chromium, tmp_path, f"--blink-settings=preferredColorScheme={scheme}",
            "--window-size=900,1400", f"--screenshot={picture}", (tmp_path / "r.html").as_uri(),
        )  # fmt: skip
        statistics = ImageStat.Stat(Image.open(picture).convert("L"))
        brightness[scheme] = statistics.mean[0]
        assert statistics.stddev[0] > 10  # something is drawn
    assert brightness[1] > 200 and brightness[0] < 70
