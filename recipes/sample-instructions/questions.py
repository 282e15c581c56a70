"""Questions and answers of ours, with slots, from which the sample of instructions is made."""

from __future__ import annotations

QUESTIONS = [
    ("给{place}的{thing}写一句欢迎词。", "", "欢迎来到{place}{thing}，愿您在这里度过{n}分钟的安静时光。"),
    ("把下面的句子改写得更礼貌。", "{person}，把{thing}的门关上。", "{person}您好，麻烦您把{thing}的门关一下，谢谢。"),
    ("列出去{place}旅行前要准备的三样东西。", "", "1. 雨伞：{place}多雨。\n2. 零钱：坐船要{n}元。\n3. 一双好走的鞋。"),
    ("计算下面的题目。", "{person}有{n}个{crop}，又买了{m}个，一共有几个？", "{n}+{m}={sum}，所以一共有{sum}个。"),
    ("用{animal}造一个句子。", "", "清晨，一只{animal}落在{place}河边的{thing}上。"),
    ("概括下面这段话的大意。", "{document}", "这段话讲的是{place}的人和事。"),
    ("{season}适合种{crop}吗？为什么？", "", "要看当地的气温。在{place}，{season}常有{n}天的阴雨，{person}的经验是等天晴再种。"),
    ("写一个 Python 函数，返回前 n 个{kind}数。", "", "```python\ndef first(n):\n    # {kind}数\n    return [{step} * i for i in range(1, n + 1)]\n```\n调用 `first({n})` 就得到前{n}个。"),
    ("用 JSON 表示下面这个人。", "{person}，{n}岁，住在{place}", '{{"name": "{person}", "age": {n}, "city": "{place}"}}'),
    ("比较{place}和{other}，用表格回答。", "", "| 地方 | 人口（万） |\n|---|---|\n| {place} | {n} |\n| {other} | {m} |"),
    ("把下面的公式用文字读出来。", "$a^2 + {n} = {m}$", "a 的平方加{n}等于{m}。"),
    ("判断下面这句话的情感。", "{place}的{crop}真好吃，下次还买{n}斤。", "积极"),
    ("帮{person}起草一条请假消息，理由是{season}感冒。", "", "老师好，我是{person}，因{season}感冒发烧，想请假{n}天，望批准。"),
    ("{place}到{other}有{n}公里，每小时走{m}公里，大约要多久？", "", "用路程除以速度：{n}÷{m}，约{hours}小时。"),
]
"""Instruction, input and output."""

ENGLISH = [
    ("Write one sentence about {animal_en} in the rain.", "", "The {animal_en} waited under the bridge for {n} minutes until the rain stopped."),
    ("Add the two numbers.", "{n} and {m}", "{n} + {m} = {sum}"),
    ("Give a reason to visit {place_en}.", "", "In {place_en} you can walk {n} kilometres along the coast without meeting a car."),
    ("Rewrite the sentence in the passive voice.", "{place_en} opened {n} schools.", "{n} schools were opened by {place_en}."),
]
ANIMALS_EN = "heron squirrel hedgehog magpie sparrow owl".split()

TALKS = [
    (("你好", "你好，请问想了解什么？"), ("{place}的{thing}几点开门？", "早上{h}点开门，周一休息。"), ("那{season}呢？", "{season}推迟到{h}点半，门口有告示，可以打{thing}的电话再问一次。")),
    (("帮我想一个{crop}店的名字。", "叫“{place}{crop}”怎么样？"), ("太普通了。", "那叫“第{n}颗{crop}”。"), ("好，再写一句广告词。", "第{n}颗{crop}，是{person}留给你的。")),
    (("{n}乘以{m}等于多少？", "{product}。"), ("再加上{h}呢？", "{product}加{h}等于{more}。")),
    (("我在{place}，想去{other}。", "可以坐船，大约{n}分钟。"), ("行李多怎么办？", "码头有推车，押金{h}元。"), ("谢谢！", "不客气，祝{person}一路顺风。")),
]
"""Turns of the user and answers to them."""

PROMPTS = [
    ("下面这条新闻属于哪一类？\n{document}\n选项：{choices}\n答案：", "classify", "体育 财经 教育 科技 农业 旅游 交通 健康 文化 军事".split()),
    ("“{a}”和“{b}”说的是同一件事吗？\n选项：是，不是\n回答：", "nli", ["是", "不是"]),
]
"""Prompt, kind of task and choices, as pCLUE has them."""

REFUSALS = [
    "作为一个AI语言模型，我无法回答这个问题。",
    "抱歉，我不能提供{place}的信息。",
]
