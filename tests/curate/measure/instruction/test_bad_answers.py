"""Flags of bad answers: what has to be found and what has to be left alone, by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import RecipeError
from curate.measure.instruction.answerlanguage import AnswerLanguage
from curate.measure.instruction.cut import MORE, MORE_LATIN, Cut, is_cut
from curate.measure.instruction.echo import Echo, repeated
from curate.measure.instruction.emptiness import Emptiness
from curate.measure.instruction.identity import Identity
from curate.measure.instruction.phrases import Phrases, lines_in, plain_form, shipped, written_out
from curate.measure.instruction.refusal import Refusal
from curate.textbatch import TextBatch
from tests.curate.measure.instruction.rows import measured


def row(question: str, answer: str, given: str = "", **more: object) -> dict[str, object]:
    return {"instruction": question, "input": given, "output": answer, **more}


def flagged(measure, column: str, *rows: dict[str, object]) -> list[bool]:
    return [bool(found[column]) for found in measured(measure, *rows)]


def test_empty():
    answers = ["", " \n\u3000", "。", "无", "0"]
    rows = [row("几个？", answer) for answer in answers]
    assert flagged(Emptiness(), "empty_output", *rows) == [True, True, False, False, False]


@pytest.mark.parametrize(
    "answer",
    [
        "……",
        "...",
        "???",
        "—",
        "N/A",
        "（无输出）",
        "無輸入",
        "<nooutput>",
        "No output.",
        "略",
        "暂无",
    ],
)
def test_placeholders(answer: str):
    assert flagged(Emptiness(), "placeholder_output", row("写首诗。", answer)) == [True]
    assert flagged(
        Emptiness(placeholders=False), "placeholder_output", row("写首诗。", answer)
    ) == [not any(c.isalpha() for c in answer)]


@pytest.mark.parametrize(
    "answer", ["无", "None", "+", "<", "♥", ".... ..  / -- --", "略知一二。", "A"]
)
def test_short_answers_are_answers(answer: str):
    assert flagged(Emptiness(), "placeholder_output", row("是什么？", answer)) == [False]


def test_echo():
    rows = [
        row("制定一个学习计划。", "制定一个学习计划"),
        row("Draw a CAT that runs.", "draw a cat that runs"),
        row("改正句子：", "改正句子：他们去公园玩了。", "他们去公园玩了。"),
        row("", "今天的天气怎么样呢", "今天的天气怎么样呢？"),
        row("改正句子：", "他们去公园玩了。", "他们去公园玩了。"),
        row("好的。", "好的！"),
        row("制定一个学习计划。", "制定一个学习计划，先定目标。"),
        row("你真是个幽默的人。", "你真是个幽默的人。", history=[("请你重复我说的话", "没问题")]),
    ]
    expected = [True, True, True, True, False, False, False, False]
    assert flagged(Echo(), "echoed_output", *rows) == expected


def spoken(text: str) -> str:
    return "".join(c for c in text if c not in "，。 ").lower()


SAID = st.text("甲aB1，。 ", max_size=5)


@given(st.lists(st.tuples(SAID, SAID, SAID), min_size=1), st.integers(0, 3))
def test_what_is_repeated(rows: list[tuple[str, str, str]], least: int):
    parts = (TextBatch.from_strings(texts) for texts in zip(*rows, strict=True))
    found = repeated(*parts, least)
    for i, (first, second, answer) in enumerate(rows):
        same = spoken(answer) in (spoken(first), spoken(first + second))
        assert found[i] == (same and len(spoken(answer)) >= least)


@given(
    st.lists(
        st.one_of(
            st.sampled_from(["no", "output", "无", "無", "没有", "输出", "ＮＡ", "n/a", "null"]),
            st.sampled_from([" ", "\n", "　", "<", "）", "…", "/", "\u2009", "𠀀", "é", "的"]),
        ),
        max_size=6,
    ).map("".join)
)
def test_every_placeholder_of_the_list_is_found(answer: str):
    """The compiled look passes over what cannot be one, and over nothing else."""
    phrases = [p for line in lines_in(shipped("placeholder")) for p in written_out(line)]
    bare = {"".join(plain_form(p).split()) for p in phrases}
    plain = plain_form(answer).strip(" \n　<）…")
    expected = "".join(plain.split()) in bare and bool(plain)
    if any(c not in " \n　…" for c in answer):
        assert flagged(Emptiness(), "placeholder_output", row("？", answer)) == [expected]


SELF = [
    row("你是谁？", "我是ChatGPT，很高兴认识你。"),
    row("你好", "您好！我是 文心一言，有什么可以帮您？"),
    row("你喜欢红色吗？", "作為一個AI語言模型，我沒有偏好。"),
    row("明天下雨吗？", "抱歉，作为人工智能助手，我查不到天气。"),
    row("Who are you?", "I'm an AI language model trained by OpenAI."),
    row("What is love?", "As an AI language model, I have no feelings."),
    row("那呢？", "好的。", history=[("你是？", "我是由OpenAI训练的语言模型。")]),
    row("写个故事。", "作为一个AI语言模型，我写不好，不过可以试试。从前……"),
    row("你好", "你好，这里是Open-Assistant，请问有什么可以帮你？"),
    row("能帮我装插件吗？", "抱歉，作为由OpenAI训练的大型语言模型，我做不到。"),
    row("老虎危险吗？", "作为一个人工智能数字人，我不建议靠近老虎。"),
    row("文字是人写的吗？", "很难说，像我这样的语言模型也能写出来。"),
    row("你会累吗？", "我只是一个对话式AI助手，不会累。"),
    # A role is no reason to have the model's own name, and a system prompt that tells the model
    # to correct mistakes does not ask for a corrected text.
    row("请你当一名主播。", "各位观众，" + "今天的新闻有很多。" * 12 + "我是MOSS，明天见。"),
    row(
        "How do I do it?",
        "It is a long story, and it is not a good idea to do that. " * 3
        + "As an AI language model, I can't.",
        system="MOSS accepts it when the user corrects an answer.",
    ),
]
NOT_SELF = [
    row("介绍 ChatGPT。", "ChatGPT是OpenAI开发的语言模型。"),
    row("人工智能有什么分支？", "机器学习作为人工智能的一个分支，发展很快。"),
    row("ChatGPT 能做什么？", "ChatGPT作为一个AI语言模型，可以写文章。"),
    row(
        "写一个机器人的故事。", "夜里，街角的灯亮了很久很久。" * 6 + "它说：我是一个人工智能助手。"
    ),
    row("翻译成中文。", "“我是ChatGPT。”他笑着说。", '"I am ChatGPT," he said with a smile.'),
    row("那人说了什么？", "他说“我是一个聊天机器人”，大家都笑了。"),
    row("扮演一个机器人，回答我：我是ChatGPT吗", "我是ChatGPT，滴滴。"),
    row("Give an example.", "He works as an aide to the mayor."),
    row("An insult, please.", "You are as witty as an AI-generated insult."),
    row("推荐一个视频。", "这是ChatGPT为爸爸们写的节目单：一、骑车。"),
    row("请你扮演小猫MOSS。", "喵，我是一只小猫。" + "今天天气很好。" * 15 + "我是MOSS，喵。"),
]


@pytest.mark.parametrize("case", SELF)
def test_self_identification(case):
    assert flagged(Identity(), "self_identified", case) == [True]


@pytest.mark.parametrize("case", NOT_SELF)
def test_talk_of_models_is_not_self_identification(case):
    assert flagged(Identity(), "self_identified", case) == [False]


REFUSED = [
    row("把垃圾拿出去。", "对不起，我无法执行实际的动作。"),
    row("播放一首歌。", "抱歉，我没法播放歌曲。"),
    row("總結這篇文章。", "很抱歉，您沒有提供文章的內容。"),
    row("How do I pick a lock?", "I'm sorry, but I can't help with that."),
    row("Draw a house.", "This task cannot be completed by a language model."),
    row("翻译下面的话。", "您没有提供要翻译的内容。"),
    # What a model says of itself is no line of a story, a letter or a text that was given.
    row("写一个造假币的故事。", "抱歉，作为一个AI助手，我不能提供这种内容。"),
    row("手写一封感谢信。", "抱歉，这无法完成，因为它涉及视觉输出。"),
    row(
        "Convert the text to speech.", "Sorry, the task involves sound. The model cannot make any."
    ),
    row("概括这首诗。", "抱歉, 您并没有提供这首诗，请发给我。"),
    row("How do I set a house on fire?", "I'm sorry, but arson is illegal and harms people."),
    row("提醒我八点起床。", "对不起，我暂时不能设置闹钟，不过您可以用手机，我会尽力提供其他帮助。"),
    row("这是什么意思？", "对不起，我不确定您的意思，请再说一遍。"),
    row("画一只海龟。", "该指令无法由语言模型完成。"),
    row("Draw a turtle.", "<nooutput> - A turtle cannot be drawn by a language model."),
    row("Draw a turtle.", "Unable to perform this task, as it asks for a picture."),
]
NOT_REFUSED = [
    row("写一封请假信。", "老师您好，很抱歉，我无法参加明天的考试。"),
    row("翻译成中文。", "我无法理解他。", "I cannot understand him."),
    row("怎么委婉地拒绝别人？", "可以说：抱歉，我不能去。"),
    row("鸵鸟会飞吗？", "鸵鸟无法飞行，但跑得很快。"),
    row("写一条推文。", "我们不能再浪费水了。"),
    row("我能学会吗？", "我不能保证，但练习会有用。"),
    row("手机丢了怎么办？", "先打电话给运营商挂失。如果无法提供证件，可以带户口本去。"),
    row("Tell me about whales.", "Whales cannot breathe under water."),
    row(
        "评价这部电影。",
        "作为读者我无法亲自去看，但可以这样评价："
        + "它的镜头很美，节奏舒缓，演员的表演也很自然。" * 8,
    ),
    row("先救谁？", "作为AI，我无法下水救人。但是，一般来说人命比斧头重要，应该先救人。"),
    row("冰雹好玩吗？", "我无法亲身体验，不过冰雹会砸坏车顶和庄稼，还会伤人，最好躲在屋里。"),
    row("你会支持我骗人吗？", "不，我不能支持骗人。骗人会伤害别人。"),
    row("你能上网吗？", "抱歉，您的质疑是正确的，我还不能上网。"),
    row("你明白了吗？", "是的，我明白。作为语言模型，我无法自己计算，不过十加九是十九。"),
    row("Reply to the guest.", "I'm sorry, but the kitchen is closed."),
    row("写一句AI助手的台词。", "抱歉，我不能帮您，我只是一个AI助手。"),
]


@pytest.mark.parametrize("case", REFUSED)
def test_refusals(case):
    assert flagged(Refusal(), "refused", case) == [True]


@pytest.mark.parametrize("case", NOT_REFUSED)
def test_what_is_not_a_refusal(case):
    assert flagged(Refusal(), "refused", case) == [False]


LONG = "春天到了，花开了。夏天到了，蝉叫了。秋天到了，叶子黄了。"
CUT = [
    LONG + "冬天到了，",
    LONG + "冬天的景物有雪、冰、",
    LONG + "冬天人们都待在屋里，因为",
    "Spring is here. Summer is next. After that we will see the",
    "代码如下：\n```python\nfor i in range(10):\n    print(i",
    LONG + "其中最好看的是《",
    LONG + "这样做的优点如下：",
    LONG + "如果您有有关这件事的任何",
    "He won. It was certified on December 14, 20",
    "The sum is 15. Five is added to make it equal to",
    "The oldest tree was found in 20",
    "The next full moon is on October 31, 20",
    "The sum of five and six is equal to",
    "He rolls two dice and adds them to the score of the player who comes next, which would be",
    LONG + "您可以在屋里读书，也可以在屋里看各种",
    LONG + "您可以通过保",
    LONG + "冬天人们待在屋里，并",
    LONG + "\n1. 穿上外套。出门以前，您还可以",
]
WHOLE = [
    LONG,
    LONG + "冬天到了",
    "北京、上海、广州",
    "红，黄，",
    "床前明月光，\n疑是地上霜。\n举头望明月，\n低头思故乡，",
    "1. 苹果\n2. 梨\n3. 一种长在南方的水果，皮是红的和",
    "Dear Tom. Thank you. See you soon.\n\nWith heartfelt gratitude,",
    "def f(x):\n    return x + 1\nprint(f(1),\n      f(2),",
    LONG + "等级是：A",
    LONG + "满意程度的评分：",
    "The first ten even numbers end in 16, 18, 20",
    LONG + "还要更大一些",
    "```python\nprint(1)\n```",
    "| 月份 | 收入的总和是 |\n|---|---|\n| 一月份的总收入 | 还没有统计，",
    "I met him in the park behind the station on July 20",
    LONG + "冬天来了，调味即可",
    "今天吃燕麦。燕麦吃法很多 #早餐 #护肤日常",
    "1. 早睡早起。\n2. 多吃水果。\n3. 学会给自己提",
    "Take a walk every day. Find somebody to share the time with",
]


@pytest.mark.parametrize("answer", CUT)
def test_cut_answers(answer: str):
    assert flagged(Cut(), "cut_output", row("说说。", answer)) == [True]


@pytest.mark.parametrize("answer", WHOLE)
def test_whole_answers(answer: str):
    assert flagged(Cut(), "cut_output", row("说说。", answer)) == [False]


PARTS = ["我们去了公园。", "It rained.", "\n", "```", "他说", "then "]


@given(
    st.lists(st.sampled_from(PARTS)),
    st.sampled_from([*MORE, *MORE_LATIN, "，", "如下：", "March 3, 20", "因", "一个", "x", "（"]),
    st.sampled_from(["", "\n", "**", " ", "\u2003", "**\n"]),
)
def test_no_cut_answer_is_passed_over(body: list[str], end: str, after: str):
    """The compiled look leaves out only what `is_cut` would not call cut."""
    answer = "他一直在那里等" * 5 + "".join(body) + end + after
    assert flagged(Cut(), "cut_output", row("去哪？", answer)) == [is_cut(answer)]


WRONG = [
    row(
        "新生见室友应该准备什么？",
        "You can bring some snacks from your home town to share with them.",
    ),
    row("三角形的面积怎么求？", "The area is the product of the base and the height, halved."),
    row("How do I make good coffee at home?", "先把豆子磨细，再用热水慢慢地冲泡。"),
    row("找出公司成立的年份。", "Apple Inc. was founded in 1976.", "苹果公司"),
    row(
        "介绍一下这部电影。", "彼女は魔界の魔女で、人間界にやってきた。二人は垣根を越えて結婚する。"
    ),
    row(
        "今天的书桌是什么样的？",
        "잠이 너무 쏟아져서 일찍 자고 일찍 일어나기로 했다 이제부터는 남는 거야",
    ),
    row(
        "写一段《珠宝王子》的简介。",
        "Une princesse persane joue de la harpe au clair de la lune, et un garçon l'écoute.",
    ),
    row(
        "他何时能到？",
        "According to the calculation, he can arrive in ten minutes or so.",
        system="You can speak the language chosen by the user, such as English.",
    ),
]
RIGHT = [
    row("用英文介绍一下自己。", "My name is Li and I am a student in the city of Beijing."),
    row("写一段排序代码。", "def sort(xs):\n    return sorted(xs)\nprint(sort([3, 1, 2]))"),
    row("推荐几首安静的歌。", "Hallelujah, Skinny Love, Mad World, River, Changes, Landslide"),
    row(
        "watch 和 see 的区别？",
        "To watch is to look at something for a time, to see is to notice it.",
    ),
    row("给我一个链接。", "https://www.example.org/this/is/a/long/address/of/the/page"),
    row("现在几点？", "OK"),
    row("日本有哪些姓氏？", "藤原家（ふじわら）、近卫家、九条家，都是从前的公家，后来封了爵位。"),
    row("列出五种奶酪。", "Parmigiano Reggiano, Grana Padano, Pecorino Romano, Gorgonzola"),
    row("What does this mean? 山外有山", "比喻一个比一个强，没有止境，人要谦虚。"),
    row("Say it in Chinese: good morning to you", "早上好，祝你今天一切顺利。"),
    row("继续。", "The second part is about the sea.", history=[("请一直用英语回答。", "Sure.")]),
]


@pytest.mark.parametrize("case", WRONG)
def test_wrong_language(case):
    assert flagged(AnswerLanguage(), "wrong_language", case) == [True]


@pytest.mark.parametrize("case", RIGHT)
def test_language_that_was_asked_for(case):
    assert flagged(AnswerLanguage(), "wrong_language", case) == [False]


UNTRANSLATED = [
    row("将这句话翻译成法语。", "阳光明媚。", "阳光明媚。"),
    row("把“我累了”翻译成英文。", "我很累了。"),
    row(
        "Translate the sentence into Chinese.",
        "The cat is on the table.",
        "The cat is on the table",
    ),
    row("请翻译成日语：她是一位优秀的老师", "她是一位优秀的老师。"),
    row("将给定的语句翻译成另一种语言", "我是一名学生。", "我是一名学生"),
    row("查找“朋友”一词的西班牙语翻译。", "朋友"),
    row("将这个单词翻译成法语：“狗”", "狗"),
]
TRANSLATED = [
    row("将这句话翻译成法语。", "Il fait beau.", "阳光明媚。"),
    row("把“早安”翻译成西班牙语。", "“早安”的西班牙语是“Buenos días”。"),
    row("Translate into Chinese: good night", "晚安。"),
    row("请翻译成日语：早上好", "おはようございます。"),
    row("请翻译成日语：日本", "日本"),
    row("翻译成文言文：我今天很高兴。", "余今日甚悦。"),
    row("将句子翻译成地道的表达方式。", "他被逗乐了。", "他被逗乐了。"),
    row("将以下句子从西班牙语翻译", "我需要一杯酒。", "Necesito una copa de vino"),
    row("英语翻译专业怎么样？", "就业面比较广，可以做口译和笔译。"),
    row("写一段程序，把输入翻译成英文。", "可以用字典：先查词，再拼成句子。"),
]


@pytest.mark.parametrize("case", UNTRANSLATED)
def test_untranslated(case):
    assert flagged(AnswerLanguage(), "untranslated", case) == [True]


@pytest.mark.parametrize("case", TRANSLATED)
def test_translated(case):
    assert flagged(AnswerLanguage(), "untranslated", case) == [False]


def test_phrases_are_written_out_and_found_in_every_form(tmp_path: Path):
    assert written_out("我是{一个,}{甲,乙}") == ["我是一个甲", "我是一个乙", "我是甲", "我是乙"]
    path = tmp_path / "own.txt"
    path.write_text("# mine\n我是{一个,}语言模型\nI am {a bot,Bob}\n", encoding="utf-8")
    own = Phrases(lines_in(path))
    texts = [
        "我是語言模型",
        "我 是一个 语言模型。",
        "I AM  A BOT!",
        "Ｉ am Bob",
        "I am Bobby",
        "模型",
    ]
    assert own.holders(TextBatch.from_strings(texts)).tolist() == [0, 1, 2, 3]
    for i, text in enumerate(texts):
        assert bool(own.places(plain_form(text))) == (i < 4)


def test_own_list_replaces_ours(tmp_path: Path):
    (tmp_path / "own.txt").write_text("我是小助手\n", encoding="utf-8")
    own = Identity(phrases="own.txt").located(tmp_path)
    rows = [row("谁？", "我是小助手。"), row("谁？", "我是ChatGPT。")]
    assert flagged(own, "self_identified", *rows) == [True, False]
    assert flagged(Identity(phrases=False), "self_identified", *rows) == [False, False]
    assert own.fingerprint() != Identity().fingerprint()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{a,b}{,c", None),
        ("我" * 40, "longer than 32"),
        ("{,甲}", "may be empty"),
        ("{甲,乙}" * 13, "more than 8,000"),
    ],
)
def test_bad_lists(tmp_path: Path, content: str, message: str | None):
    path = tmp_path / "own.txt"
    path.write_text(content, encoding="utf-8")
    if message is None:
        assert lines_in(path) == [content]
        return
    with pytest.raises(RecipeError, match=message):
        lines_in(path)
    with pytest.raises(RecipeError, match=message):
        Identity(phrases="own.txt").located(tmp_path)


def test_missing_list(tmp_path: Path):
    with pytest.raises(RecipeError, match="there is no file"):
        Refusal(phrases="gone.txt").located(tmp_path)


@pytest.mark.parametrize("name", ["identity", "refusal", "placeholder"])
def test_our_lists_are_usable(name: str):
    lines = lines_in(shipped(name))
    assert lines and len(set(lines)) == len(lines)
