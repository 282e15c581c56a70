"""The texts of benchmarks/quality.py: real ones by kind, and bad ones made for the purpose.

Real text is read where it lies (CURATE_REAL_DATA, else .cache/real) and nothing of it is part of
this project. Bad text is made here by rules, from a fixed seed, out of phrases written for this
file and, for word salad and hijacked pages, out of the real text at hand.
"""

from __future__ import annotations

import csv
import importlib.util
import json
import random
import re
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.labelled_text import real_data

Texts = dict[str, list[str]]

CANTONESE = """
我唔知佢喺邊度，你打個電話問下啦。
今日落大雨，我哋不如留喺屋企食火鍋。
你食咗飯未呀？未食就一齊去飲茶囉。
呢件衫好靚，不過貴咗少少，可唔可以平啲？
佢哋琴晚去咗睇戲，十二點先至返到屋企。
阿媽話聽日要早啲起身，唔好成日瞓到晏晝。
嗰間舖頭嘅叉燒包好好食，成日都大排長龍。
我細個嗰陣住喺九龍城，成日見到飛機喺頭頂飛過。
你咁夜先嚟，啲餸都凍晒啦。
唔該借借，我想喺前面嗰個站落車。
佢講嘅嘢我一句都聽唔明，你幫我解釋下得唔得？
啲細路仔喺公園度踢波，嘈到拆天。
"""
"""Colloquial Cantonese written for this file."""


def sources(root: Path | None = None) -> Texts:
    """Real texts by kind, each in the order of its file. Kinds whose files are absent are empty."""
    root = root or real_data()
    found: Texts = {}
    for kind, read in _READERS.items():
        try:
            found[kind] = [text for text in read(root) if text.strip()]
        except FileNotFoundError:
            found[kind] = []
    return found


def _lines(path: Path) -> Iterator[str]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line.rstrip("\n")


def _json(path: Path) -> Iterator[dict[str, str]]:
    return map(json.loads, _lines(path))


def _csl(root: Path) -> Iterator[str]:
    for line in _lines(root / "csl" / "csl_camera_readly.tsv"):
        title, abstract = line.split("\t")[:2]
        yield f"{title}\n{abstract}"


def _reviews(root: Path) -> Iterator[str]:
    with (root / "reviews" / "waimai_10k.csv").open(encoding="utf-8", newline="") as file:
        yield from (row[1] for row in csv.reader(file))


def _dialogues(root: Path) -> Iterator[str]:
    for group in json.loads((root / "lccc" / "toy_data.json").read_text("utf-8")).values():
        for dialogue in group:
            turns = dialogue if isinstance(dialogue, list) else [dialogue]
            yield "\n".join(str(turn).replace(" ", "") for turn in turns)


def _drcd(root: Path) -> Iterator[str]:
    for article in json.loads((root / "drcd" / "DRCD_dev.json").read_text("utf-8"))["data"]:
        yield "\n".join(paragraph["context"] for paragraph in article["paragraphs"])


def _poems(root: Path, folder: str) -> Iterator[str]:
    for path in sorted((root / "chinese_poetry" / folder).rglob("*.json")):
        for poem in json.loads(path.read_text("utf-8")):
            yield "\n".join(poem["paragraphs"])


def _classical(root: Path) -> Iterator[str]:
    for path in sorted((root / "classical_modern").rglob("bitext.txt")):
        old = [line[3:] for line in _lines(path) if line.startswith("古文")]
        for i in range(0, len(old), 8):
            yield "\n".join(old[i : i + 8])


def _web(root: Path) -> Iterator[str]:
    for row in _json(root / "chinese_web_quality" / "2021-43" / "cleared1.jsonl"):
        yield row["raw_content"]


def _cantonese(root: Path) -> Iterator[str]:
    yield from CANTONESE.split()


_READERS: dict[str, Callable[[Path], Iterator[str]]] = {
    "wiki": lambda root: (row["text"] for row in _json(root / "wiki_zh" / "AA" / "wiki_00")),
    "news": lambda root: (r["zh"] for r in _json(root / "news_commentary" / "train_10k.jsonl")),
    "abstracts": _csl,
    "mixed web": lambda r: _lines(r / "cluecorpus_small" / "CLUECorpusSmall_sampled.txt"),
    "reviews": _reviews,
    "dialogues": _dialogues,
    "traditional": _drcd,
    "Tang verse": lambda root: _poems(root, "全唐诗"),
    "Song lyrics": lambda root: _poems(root, "宋词"),
    "classical": _classical,
    "Cantonese": _cantonese,
    "crawl": _web,
}


def paragraphs(texts: list[str], least: int = 120, most: int = 600) -> list[str]:
    """Texts of paragraph size: short ones joined by a line end, long ones cut at line ends."""
    out: list[str] = []
    held = ""
    for text in texts:
        for line in text.split("\n"):
            held = f"{held}\n{line}" if held else line
            if len(held) >= least:
                out.append(held[:most])
                held = ""
    return out


# Bad text


def shuffled_characters(text: str, chance: random.Random) -> str:
    """The Han characters of a text in another order; everything else stays where it is."""
    places = [i for i, c in enumerate(text) if "\u3400" <= c <= "\u9fff"]
    order = places[:]
    chance.shuffle(order)
    out = list(text)
    for place, source in zip(places, order, strict=True):
        out[place] = text[source]
    return "".join(out)


def shuffled_words(text: str, chance: random.Random) -> str:
    """The words of a text (as jieba finds them) in another order; marks stay where they are."""
    import jieba

    jieba.setLogLevel(60)
    words = jieba.lcut(text)
    places = [i for i, word in enumerate(words) if re.search(r"\w", word)]
    order = places[:]
    chance.shuffle(order)
    out = list(words)
    for place, source in zip(places, order, strict=True):
        out[place] = words[source]
    return "".join(out)


_MENU = (
    "首页 新闻 财经 体育 娱乐 科技 汽车 房产 教育 健康 旅游 女性 视频 论坛 博客 公司简介 "
    "产品展示 企业文化 新闻动态 资质荣誉 成功案例 人才招聘 在线留言 联系方式 售后服务 "
    "下载中心 会员登录 购物车 帮助中心 网站地图"
).split()
_CITIES = (
    "北京 上海 广州 深圳 杭州 南京 武汉 成都 西安 济南 青岛 郑州 长沙 合肥 苏州 无锡 宁波"
).split()
_GOODS = (
    "轴承 水泵 阀门 吸塑盒 打包机 输送带 彩钢板 保温管 脚手架 空压机 电缆桥架 护栏网 过滤器"
).split()
_CALLS = (
    "欢迎来电咨询 厂家直销 质优价廉 量大从优 立即咨询 限时优惠 货到付款 现货供应 免费领取 "
    "全国包邮 批发价格 诚招代理 点击进入 扫码关注"
).split()
_BETS = (
    "真人百家乐 老虎机 时时彩 北京赛车 娱乐城 注册送彩金 首存优惠 返水 太阳城官网 "
    "葡京娱乐 体育投注 棋牌下载 幸运飞艇 六合彩资料 开奖结果 真人荷官"
).split()


def _menu(chance: random.Random) -> str:
    words = [*_MENU, *_CITIES]
    if chance.random() < 0.5:
        return "\n".join(chance.sample(words, chance.randint(12, 30)))
    joint = chance.choice([" ", " | ", " > ", "　"])
    return "\n".join(
        joint.join(chance.sample(words, chance.randint(5, 9))) for _ in range(chance.randint(3, 8))
    )


def _phone(chance: random.Random) -> str:
    return chance.choice(["138", "159", "186"]) + "".join(chance.choices("0123456789", k=8))


def _advert(chance: random.Random) -> str:
    lines = []
    for _ in range(chance.randint(4, 9)):
        goods, city = chance.choice(_GOODS), chance.choice(_CITIES)
        lines.append(
            chance.choice(
                [
                    f"{city}{goods}厂家，{chance.choice(_CALLS)}，{chance.choice(_CALLS)}！",
                    f"{goods}价格：仅需{chance.randint(9, 999)}元/件，{chance.choice(_CALLS)}",
                    f"联系电话：{_phone(chance)} 微信：{_phone(chance)}",
                    f"{city}{goods}哪家好？{city}{goods}多少钱？{chance.choice(_CALLS)}。",
                    f"{goods}批发 {goods}报价 {goods}图片 {city}{goods}",
                ]
            )
        )
    return "\n".join(lines)


def _gambling(chance: random.Random, real: list[str]) -> str:
    """A real text into which the names of games were put, as hijacked pages have them."""
    pieces = re.split(r"(?<=[，。])", chance.choice(real))
    for _ in range(max(4, len(pieces) // 3)):
        pieces.insert(chance.randrange(len(pieces) + 1), chance.choice(_BETS))
    return "".join(pieces) + "\n" + " ".join(chance.sample(_BETS, 6))


def _repeated(chance: random.Random, real: list[str]) -> str:
    """A few sentences said over and over."""
    sentences = [s for s in re.split(r"(?<=[。！？])", chance.choice(real)) if len(s) > 5][:3]
    return "".join(chance.choice(sentences or ["请稍后再试。"]) for _ in range(12))


def _stuffed(chance: random.Random) -> str:
    """Search terms one after another."""
    goods = chance.choice(_GOODS)
    ends = ["厂家", "价格", "批发", "报价", "图片", "哪家好", "多少钱", "型号", "规格", "品牌"]
    picked = [f"{c}{goods}{chance.choice(ends)}" for c in chance.choices(_CITIES, k=40)]
    return chance.choice(["，", " ", "、"]).join(picked)


def planted(real: list[str], each: int, seed: int = 1) -> Texts:
    """Bad texts by kind, `each` of a kind; word salad and hijacked pages are made of `real`."""
    chance = random.Random(seed)
    made: Texts = {}
    kinds: dict[str, Callable[[], str]] = {
        "menus": lambda: _menu(chance),
        "advertisements": lambda: _advert(chance),
        "gambling": lambda: _gambling(chance, real),
        "repetition": lambda: _repeated(chance, real),
        "search terms": lambda: _stuffed(chance),
        "shuffled characters": lambda: shuffled_characters(chance.choice(real), chance),
    }
    if importlib.util.find_spec("jieba"):
        kinds["shuffled words"] = lambda: shuffled_words(chance.choice(real), chance)
    for kind, make in kinds.items():
        made[kind] = [make() for _ in range(each)]
    return made
