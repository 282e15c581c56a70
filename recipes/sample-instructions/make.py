"""Makes the sample of instructions beside this script: every source in its published format.

The defects that the real files have are in them. Run it again after changing it; the result is the
same each time.

    python recipes/sample-instructions/make.py
"""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "sample"))

import stock  # noqa: E402

SEED = 20_26
OURS = yaml.safe_load((HERE / "questions.yaml").read_text(encoding="utf-8"))
Example = tuple[str, str, str]
Turns = list[tuple[str, str]]


class Writer:
    """Fills slots with a seeded choice."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)

    def filled(self, *templates: str) -> list[str]:
        """The templates with the same values in all of them."""
        r = self.random
        place, other = r.sample(stock.PLACES, 2)
        n, m, h = r.randint(12, 980), r.randint(3, 60), r.randint(6, 10)
        values = {
            "place": place,
            "other": other,
            "person": r.choice(stock.PEOPLE),
            "crop": r.choice(stock.CROPS),
            "thing": r.choice(stock.THINGS),
            "season": r.choice(stock.SEASONS),
            "animal": r.choice(stock.ANIMALS),
            "n": n,
            "m": m,
            "h": h,
            "sum": n + m,
            "product": n * m,
            "more": n * m + h,
            "hours": round(n / m, 1),
            "kind": r.choice("偶奇质"),
            "step": r.randint(2, 9),
            "y": r.choice("二三四五") + r.choice("六七八九"),
            "animal_en": r.choice(OURS["animals"]),
            "place_en": r.choice(stock.PLACES_EN)[1],
        }
        values["document"] = "".join(
            sentence.format(**values) for sentence in r.sample(stock.MIDDLES, 3)
        )
        return [template.format(**values) for template in templates]

    def example(self, number: int) -> Example:
        """An instruction; numbers go through all there are."""
        every = OURS["questions"]
        a, b, c = self.filled(*every[number % len(every)])
        return a, b, c

    def english(self, number: int) -> Example:
        every = OURS["english"]
        a, b, c = self.filled(*every[number % len(every)])
        return a, b, c

    def talk(self, number: int) -> Turns:
        every = OURS["talks"][number % len(OURS["talks"])]
        texts = self.filled(*(text for turn in every for text in turn))
        return list(zip(texts[::2], texts[1::2], strict=True))

    def pair(self) -> tuple[str, str]:
        zh, en = self.random.choice(stock.PAIRS)
        place_zh, place_en = self.random.choice(stock.PLACES_EN)
        values: dict[str, Any] = {"place_zh": place_zh, "place_en": place_en}
        values |= {"year": self.random.randint(1950, 2024), "n": self.random.randint(3, 96)}
        return zh.format(**values), en.format(**values)

    def paper(self) -> tuple[str, str, str, str, str]:
        discipline, category, terms = self.random.choice(stock.FIELDS)
        a, b, c = self.random.sample(terms, 3)
        values = {"a": a, "b": b, "c": c, "place": self.random.choice(stock.PLACES)}
        sentences = self.random.sample(stock.ABSTRACTS, 5)
        abstract = "".join(s.format(**values, n=self.random.randint(3, 96)) for s in sentences)
        title = self.random.choice(stock.TITLES).format(**values)
        return title, abstract, f"{a}_{b}_{c}", discipline, category


def written(name: str, text: str) -> None:
    path = HERE / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def json_lines(rows: list[Any]) -> str:
    return "".join(f"{json.dumps(row, ensure_ascii=False)}\n" for row in rows)


def fields(example: Example) -> dict[str, str]:
    return dict(zip(("instruction", "input", "output"), example, strict=True))


def alpaca(w: Writer) -> None:
    rows = [fields(w.english(i)) for i in range(24)]
    rows[5]["output"] = ""
    rows[6] = dict(rows[4])
    written("alpaca/alpaca_data.json", json.dumps(rows, indent=4))
    rows = [fields(w.example(i)) for i in range(40)]
    rows[3]["output"] = "<nooutput>"
    rows[8]["output"] = "\n" + rows[8]["output"].replace("。", "。\\n", 1)
    rows[11] = {**rows[10], "output": rows[10]["output"] + "请放心。"}  # another answer
    rows[13]["output"] = rows[13]["instruction"]
    written("alpaca_gpt4_zh/alpaca_gpt4_data_zh.json", json.dumps(rows, ensure_ascii=False))
    both: list[dict[str, Any]] = []
    for i in range(20):
        zh, en = fields(w.example(i)), fields(w.english(i))
        both.append(
            {
                **{f"zh_{key}": value for key, value in zh.items()},
                **{f"en_{key}": value for key, value in en.items()},
                "metadata": {"score": i % 6},
            }
        )
    del both[7]["zh_output"]
    written("alpaca_zh/part_0.json", json.dumps(both, ensure_ascii=False))


def belle(w: Writer) -> None:
    rows: list[dict[str, Any]] = [fields(w.example(i)) for i in range(24)]
    rows[2]["output"] = w.filled(OURS["refusals"][0])[0]
    rows[4]["output"] = w.filled(OURS["refusals"][1])[0]
    for i in range(12):
        *before, (asked, answer) = w.talk(i)
        said = "".join(f"Human:{user}\nAssistant:{said}\n" for user, said in before)
        rows.append(
            {"instruction": f"{said}Human:{asked}\nAssistant:", "input": "", "output": answer}
        )
    rows[30]["instruction"] = rows[30]["instruction"].replace("\nAssistant:", "\nHuman:", 1)
    text = json_lines(rows)
    written("belle/train_0.1K.json", text[:-30])  # the last line is cut
    chats = [w.talk(i) for i in range(8)]
    lists = [{"input": [u for u, _ in talk], "output": [a for _, a in talk]} for talk in chats]
    lists[3]["output"].pop()
    written("belle/chat.json", json_lines(lists))


def pclue(w: Writer) -> None:
    rows = []
    for i in range(40):
        prompt, kind, choices = OURS["prompts"][i % 2]
        [text] = w.filled(
            prompt.replace("{choices}", "，".join(choices))
            .replace("{a}", "{person}把{crop}运到{place}")
            .replace("{b}", "{place}的{crop}是{person}种的")
        )
        target = w.random.choice(choices)
        rows.append({"input": text, "target": target, "answer_choices": choices, "type": kind})
    rows[9]["target"] = "-"
    written("pclue/pCLUE_train_1.json", json_lines(rows))


def guanaco(w: Writer) -> None:
    rows = []
    for i in range(20):
        *before, (asked, answer) = w.talk(i)
        said = " ".join(f"User:{user} Assistant:{answer}" for user, answer in before)
        rows.append({"instruction": said, "input": f"User:{asked}", "output": answer})
    rows[4]["input"] = "System:用户住在白沙。\n" + rows[4]["input"]
    rows[6]["output"] = "这里的圖書館開放時間請看門口的告示，週一休息。"
    written("guanaco/guanaco_chat_all-utf8.json", json.dumps(rows, ensure_ascii=False, indent=1))


def cot(w: Writer) -> None:
    rows = []
    for _ in range(20):
        [question, answer] = w.filled(
            "{person}每天摘{m}斤{crop}，{h}天一共摘多少斤？请一步步思考。",
            "每天{m}斤，{h}天就是{h}个{m}相加。答案：用{m}乘以{h}。",
        )
        rows.append(fields((question, "", answer)))
    rows[3]["output"] += "\n答案："
    written("cot/CoT_Chinese_data.json", json.dumps(rows, ensure_ascii=False))
    table = [
        "\t".join(w.filled("Is {n} more than {m}?", "{answer}".format(answer="yes"), "Count both."))
        for _ in range(12)
    ]
    written("cot/numbers_train.tsv", "\n".join(table) + "\n")


def firefly(w: Writer) -> None:
    rows = []
    for i in range(20):
        asked, given, answer = w.example(i)
        prompt = f"{asked}\n{given}".strip()
        rows.append({"kind": "Sample", "input": prompt, "target": answer})
    written("firefly/firefly-train.jsonl", json_lines(rows))
    talks = [
        {
            "conversation_id": i,
            "category": "Chat",
            "conversation": [{"human": user, "assistant": said} for user, said in w.talk(i)],
        }
        for i in range(8)
    ]
    written("firefly/conversations.jsonl", json_lines(talks))


def moss(w: Writer) -> None:
    rows = []
    for i in range(12):
        chat = {
            f"turn_{number}": {
                "Human": f"<|Human|>: {user}<eoh>\n",
                "Inner Thoughts": "<|Inner Thoughts|>: None<eot>\n",
                "Commands": "<|Commands|>: None<eoc>\n",
                "Tool Responses": "<|Results|>: None<eor>\n",
                "MOSS": f"<|MOSS|>: {said}<eom>\n",
            }
            for number, (user, said) in enumerate(w.talk(i), 1)
        }
        rows.append(
            {
                "conversation_id": i,
                "meta_instruction": "你是一个诚实的助手。\n",
                "num_turns": len(chat),
                "chat": chat,
            }
        )
    rows[5]["chat"].pop("turn_2")
    written("moss/conversations.jsonl", json_lines(rows))


def chats(w: Writer) -> None:
    rows = []
    for i in range(16):
        said = [
            {"from": name, "value": text}
            for turn in w.talk(i)
            for name, text in zip(("human", "gpt"), turn, strict=True)
        ]
        rows.append({"id": f"s{i}", "conversations": said})
    rows[2]["conversations"].pop()
    rows[3]["conversations"].insert(1, dict(rows[3]["conversations"][0]))
    rows[4]["conversations"].pop(0)
    written("sharegpt/common_zh.jsonl", json_lines(rows))
    threads = []
    for i in range(8):
        *before, (asked, answer) = w.talk(i + 1)
        threads.append({**fields((asked, "", answer)), "history": [list(t) for t in before]})
    written("oasst_zh/oasst_zh.json", json.dumps(threads, ensure_ascii=False))
    rows = []
    for i in range(8):
        said = [{"role": "system", "content": "回答要简短。"}]
        for user, answer in w.talk(i):
            said += [{"role": "user", "content": user}, {"role": "assistant", "content": answer}]
        rows.append({"messages": said})
    written("own/talks.jsonl", json_lines(rows))


def others(w: Writer) -> None:
    rows = []
    for i in range(20):
        more = {"task_type": {"major": ["问答"]}, "domain": ["生活"], "answer_from": "human"}
        rows.append({**fields(w.example(i)), **more, "copyright": "sample"})
    written("coig_cqia/sample/full.jsonl", json_lines(rows))
    lines = json_lines(
        [
            {"input": f"{asked}\\n\n{given}", "output": answer}
            for asked, given, answer in (w.example(i) for i in range(16))
        ]
    )
    written("linly/instructions.json", lines)
    own = [
        {"指令": asked, "输入": given, "输出": answer}
        for asked, given, answer in (w.example(i) for i in range(16))
    ]
    text = json_lines(own).splitlines(keepends=True)
    text[2] = text[2].replace('"输出"', '"输出": "一", "输出"')  # a key twice
    text[4] = text[4].replace("}", ', "score": NaN}')
    text[6] = '{"指令": ["列表"], "输入": "", "输出": "一"}\n'
    written("own/rows.jsonl", "".join(text))


def records(w: Writer) -> None:
    papers = [w.paper() for _ in range(30)]
    papers[3] = papers[2]
    keys = ("title", "abstract", "keywords", "discipline", "category")
    rows = [dict(zip(keys, paper, strict=True)) for paper in papers]
    (HERE / "csl").mkdir(exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), HERE / "csl" / "papers.parquet")
    pairs = [w.pair() for _ in range(30)]
    pairs[6] = pairs[5]
    written("wmt18/news.tsv", "".join(f"{zh}\t{en}\n" for zh, en in pairs))


def main() -> None:
    w = Writer(SEED)
    makers: list[Callable[[Writer], None]] = [
        *(alpaca, belle, pclue, guanaco, cot, firefly, moss, chats, others, records)
    ]
    for make in makers:
        make(w)


if __name__ == "__main__":
    main()
