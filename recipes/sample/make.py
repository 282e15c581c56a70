"""Makes the sample files beside this script: every corpus source in its published format, with the
defects that the real files have. Run it again after changing it; the result is the same each time.

    python recipes/sample/make.py
"""

from __future__ import annotations

import gzip
import io
import json
import random
import tarfile
import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import stock

HERE = Path(__file__).parent
SEED = 20_26


class Writer:
    """Fills slots of the stock with a seeded choice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def filled(self, template: str, **fixed: str) -> str:
        r = self.random
        place, other = r.sample(stock.PLACES, 2)
        values = {
            "place": place,
            "other": other,
            "person": r.choice(stock.PEOPLE),
            "crop": r.choice(stock.CROPS),
            "thing": r.choice(stock.THINGS),
            "season": r.choice(stock.SEASONS),
            "animal": r.choice(stock.ANIMALS),
            "n": str(r.randint(3, 96)),
            "y": r.choice("二三四五六七八九") + r.choice("一二三四五六七八九"),
        }
        return template.format(**{**values, **fixed})

    def document(self, sentences: int) -> str:
        place = self.random.choice(stock.PLACES)
        middles = self.random.sample(stock.MIDDLES, sentences - 2)
        parts = [self.random.choice(stock.OPENINGS), *middles, self.random.choice(stock.CLOSINGS)]
        return "".join(self.filled(part, place=place) for part in parts)

    def pair(self, stock_pairs: list[tuple[str, str]]) -> tuple[str, str]:
        """Two sentences about two places, in both languages."""
        sentences = []
        for zh, en in self.random.sample(stock_pairs, 2):
            place_zh, place_en = self.random.choice(stock.PLACES_EN)
            values = {
                "place_zh": place_zh,
                "place_en": place_en,
                "year": str(self.random.randint(1951, 2019)),
                "n": str(self.random.randint(3, 96)),
            }
            sentences.append((zh.format(**values), en.format(**values)))
        (zh_1, en_1), (zh_2, en_2) = sentences
        return zh_1 + zh_2, f"{en_1} {en_2}"

    def paper(self) -> tuple[str, str, str, str, str]:
        field, discipline, words = self.random.choice(stock.FIELDS)
        a, b, c = self.random.sample(words, 3)
        place = self.random.choice(stock.PLACES)
        title = self.random.choice(stock.TITLES).format(a=a, b=b, place=place)
        lines = [stock.ABSTRACTS[0], *self.random.sample(stock.ABSTRACTS[1:], 4)]
        n = str(self.random.randint(3, 96))
        abstract = "".join(line.format(a=a, b=b, c=c, place=place, n=n) for line in lines)
        return title, abstract, "_".join((a, b, c)), discipline, field


def written(path: str, data: bytes | str) -> None:
    target = HERE / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(data.encode() if isinstance(data, str) else data)


def json_lines(rows: list[dict[str, object]], **options: object) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def near_copy(text: str) -> str:
    """The text with a word put in and a comma taken out: a near duplicate."""
    return text.replace("，", "", 1).replace("。", "吧。", 1)


def misread(text: str, encoding: str) -> str:
    """UTF-8 read as another encoding: mojibake that can be undone."""
    return text.encode().decode(encoding, errors="strict")


def wmt18(w: Writer) -> None:
    pairs = [w.pair(stock.PAIRS) for _ in range(160)]
    pairs[11] = pairs[10]
    pairs[20] = (pairs[20][0].replace("的", "�", 1), pairs[20][1])
    pairs[30] = (pairs[30][1], pairs[30][1])
    pairs[40] = (pairs[40][0], "")
    pairs[50] = (misread(pairs[50][0], "latin-1"), pairs[50][1])
    pairs[60] = (pairs[60][0] + "\u200b", pairs[60][1] + " &amp; others")
    pairs[70] = ("　　" + pairs[70][0].replace("19", "１９"), pairs[70][1])
    sides = ["".join(p[i] + "\n" for p in pairs).encode() for i in (0, 1)]
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for side, data in zip(("zh", "en"), sides, strict=True):
            info = tarfile.TarInfo(f"training-parallel-nc-v13/news-commentary-v13.zh-en.{side}")
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    written("wmt18/training-parallel-nc-v13.tgz", gzip.compress(buffer.getvalue(), mtime=0))

    segmented = [w.pair(stock.SEGMENTED) for _ in range(60)]
    written("wmt18/UNv1.0.en-zh.zh", "".join(p[0] + "\n" for p in segmented))
    # One line short: the last Chinese line has no partner.
    written("wmt18/UNv1.0.en-zh.en", "".join(p[1] + "\n" for p in segmented[:-1]))

    news = [w.pair(stock.PAIRS) for _ in range(30)]
    for side, kind, language in ((0, "src", "zh"), (1, "ref", "en")):
        segments = "\n".join(f'<seg id="{i}">{p[side]}</seg>' for i, p in enumerate(news, 1))
        written(
            f"wmt18/dev/newsdev2017-zhen-{kind}.{language}.sgm",
            f'<{kind}set setid="newsdev2017" srclang="zh" trglang="en">\n'
            f'<doc sysid="{kind}" docid="sample.1" genre="news" origlang="zh">\n<p>\n{segments}\n'
            f"</p>\n</doc>\n</{kind}set>\n",
        )
    table = [w.pair(stock.PAIRS) for _ in range(40)]
    lines = [f"{en}\t{zh}" for zh, en in table]
    lines[7] = "This line has lost its other half."
    written("wmt18/talks.tsv", "\r\n".join(lines) + "\r\n")
    hub = [
        {"translation": {"zh": zh, "en": en}} for zh, en in (w.pair(stock.PAIRS) for _ in range(40))
    ]
    written("wmt18/hub/train.json", json_lines(hub) + '{"translation": {"zh": "这一行被')


def cluecorpus2020(w: Writer) -> None:
    news: list[dict[str, object]] = []
    for i in range(120):
        news.append(
            {
                "news_id": f"{1000 + i}",
                "title": w.filled("{place}：{crop}与{thing}的一年"),
                "content": w.document(w.random.randint(5, 9)),
                "keywords": w.random.choice(stock.CROPS),
                "desc": "",
                "source": w.random.choice(stock.PLACES) + "日报",
                "time": "2016-05-12 08:30",
            }
        )
    text = [str(n["content"]) for n in news]
    news[3]["content"] = text[2]
    news[3]["title"] = news[2]["title"]
    news[5] = {**news[4], "content": near_copy(text[4])}
    news[7]["content"] = misread(text[7], "gb18030") if decodes(text[7], "gb18030") else text[7]
    news[9]["content"] = text[9] + "\n责任编辑：" + stock.PEOPLE[0] + "\n上一篇：旧闻 下一篇：新事"
    news[11]["content"] = "<p>" + text[11].replace("。", "。</p>\n<p>", 2) + "</p>&nbsp;"
    news[13]["content"] = None
    news[15]["content"] = 20160512
    news[17]["content"] = text[17].replace("。", "。。。。。。", 1) + "！！！！！！"
    news[19]["content"] = text[19].replace("。", "。\\n", 2)
    news[21]["content"] = "锟斤拷锟斤拷" + text[21]
    news[23]["content"] = w.filled(
        "Report {n} was published in English only, and nobody in the town read it in time."
    )
    news[25]["content"] = "役場の前で夏祭りが行われ、子どもたちは夜遅くまで踊っていました。"
    lines = json_lines(news).splitlines()
    lines[27] = lines[27][: len(lines[27]) // 2]
    written("cluecorpus2020/new2016zh/news2016zh_valid.json", "\n".join(lines) + "\n")

    answers: list[dict[str, object]] = []
    for i in range(80):
        question, answer = w.random.choice(stock.QUESTIONS)
        fixed = {"place": w.random.choice(stock.PLACES), "animal": w.random.choice(stock.ANIMALS)}
        answers.append(
            {
                "qid": 7000 + i,
                "title": w.filled(question, **fixed),
                "desc": "",
                "topic": "生活",
                "star": w.random.randint(0, 30),
                "content": w.filled(answer, **fixed) + w.filled(w.random.choice(stock.MIDDLES)),
                "answer_id": 90_000 + i,
                "answerer_tags": "",
            }
        )
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        info = zipfile.ZipInfo("webtext2019zh/web_text_zh_valid.json", (2019, 1, 1, 0, 0, 0))
        archive.writestr(info, json_lines(answers))
        # A member that would land outside: refused, on record, and the others go on.
        archive.writestr(zipfile.ZipInfo("../outside.txt", (2019, 1, 1, 0, 0, 0)), "不该写到外面")
    written("cluecorpus2020/webtext2019zh.zip", packed.getvalue())

    articles: list[dict[str, object]] = []
    for i in range(60):
        place = w.random.choice(stock.PLACES)
        body = w.document(w.random.randint(6, 10)).replace(place, place + "（）", 1)
        title = w.filled("{place}{thing}") + str(i)
        articles.append(
            {
                "id": str(40 + i),
                "url": f"https://example.org/wiki?curid={40 + i}",
                "title": title,
                "text": f"{title}\n\n{body}",
            }
        )
    articles[2]["text"] = (
        str(articles[2]["text"])
        + "[编辑]\n\n\n\n參考資料：臺灣的圖書館裡，讀者們看著舊書，並不著急。"
    )
    articles[4]["text"] = (
        "臺灣南部的漁村每年冬天都會舉行祭典，村民們從四面八方趕回來，廣場上擠滿了人。孩子們看著煙火，大人們聊著今年的收穫。"
    )
    written("cluecorpus2020/wiki_zh/AA/wiki_00", json_lines(articles[:40]))
    written("cluecorpus2020/wiki_zh/AB/wiki_00", json_lines(articles[40:]))

    comments = [w.filled(w.random.choice(stock.COMMENTS)) for _ in range(120)]
    comments[5:9] = ["好吃。", "开会。", "还可以", "不错不错"]
    comments[20] = "好评！好评！好评！好评！好评！好评！好评！好评！好评！好评！"
    comments[30] = "电话１３８００１３８０００，地址" + stock.PLACES[0] + "镇"
    comments[40] = ""
    comments[50] = "12345"
    comments[60] = comments[61]
    written("cluecorpus2020/comments2019.txt", "\n".join(comments) + "\n")

    stories = []
    for _ in range(40):
        stories.append(w.document(w.random.randint(4, 8)).replace("。", "。\n").strip())
    written("cluecorpus2020/sentences.txt", "\n\n".join(stories) + "\n")


def decodes(text: str, encoding: str) -> bool:
    try:
        misread(text, encoding)
    except UnicodeDecodeError:
        return False
    return True


def csl(w: Writer) -> None:
    papers = [w.paper() for _ in range(150)]
    papers[3] = papers[2]
    rows = ["\t".join(p) for p in papers]
    rows[5] = rows[5].rsplit("\t", 2)[0]
    rows[8] = rows[8].replace("研究", "研 究", 1)
    written("csl/csl_camera_readly.tsv", "\n".join(rows) + "\n")
    keys = ("title", "abstract", "keywords", "discipline", "category")
    hub = [dict(zip(keys, w.paper(), strict=True)) for _ in range(50)]
    pq.write_table(pa.Table.from_pylist(hub), HERE / "csl" / "hub.parquet")


def own(w: Writer) -> None:
    texts = [w.document(w.random.randint(4, 8)) for _ in range(150)]
    written("own/notes.txt", "\n".join(texts[:40]).encode("gb18030"))
    table = ["编号,标题,正文"] + [f'{i},第{i}篇,"{t}"' for i, t in enumerate(texts[40:80], 1)]
    written("own/notes.csv", "\ufeff" + "\r\n".join(table) + "\r\n")
    rows: list[dict[str, object]] = [{"id": i, "text": t} for i, t in enumerate(texts[80:110])]
    written("own/notes.jsonl.gz", gzip.compress(json_lines(rows).encode(), mtime=0))
    rows = [
        {"id": i, "content": t, "author": w.random.choice(stock.PEOPLE)}
        for i, t in enumerate(texts[110:])
    ]
    pq.write_table(pa.Table.from_pylist(rows), HERE / "own" / "notes.parquet")


def main() -> None:
    for folder in ("csl", "own"):
        (HERE / folder).mkdir(exist_ok=True)
    w = Writer(SEED)
    for make in (wmt18, cluecorpus2020, csl, own):
        make(w)


if __name__ == "__main__":
    main()
