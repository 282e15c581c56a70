"""What a question asks for, as far as it excuses an answer that would be odd otherwise."""

from __future__ import annotations

import re

from curate.measure.instruction.base import InstructionBatch


class Wording:
    """Words by which a question is known, in Chinese and in Latin letters (in any case).

    Two patterns rather than one: where every alternative begins with a character of its own and
    case counts, a regular expression passes over all others many times faster.
    """

    def __init__(self, chinese: str, latin: str) -> None:
        """latin: in lower case."""
        self._chinese, self._latin = re.compile(chinese), re.compile(latin)

    def search(self, text: str) -> bool:
        """Whether the text holds such words."""
        return bool(self._chinese.search(text) or self._latin.search(text.lower()))


ROLE = Wording(
    r"扮演|假装|假裝|假扮|假设你|假設你|假如你|想象你|想像你|你现在是|你現在是|请你作为|請你作為|充当|充當|模仿"
    r"|角色|人设|以.{1,12}的(?:身份|口吻|视角|語氣|语气)|从现在开始你|机器人的?(?:角度|视角|口吻)",
    r"\b(?:act as\b|pretend\b|role-?play|imagine (?:you|that you)|you are now\b|in the voice of)",
)
"""The model is asked to be somebody."""
FICTION = Wording(
    "故事|小说|小說|对话|對話|剧本|劇本|台词|臺詞|诗|詩|歌词|歌詞|童话|演讲|演講|自我介绍|自我介紹|广告|廣告|文案|日记|日記",
    r"\b(?:story|dialogue|dialog|conversation|script|poem|song|lyrics|speech|monologue|tagline"
    r"|slogan)\b",
)
"""What somebody says in the answer may be said by somebody else than the model."""
ABOUT_SORRY = Wording(
    "借口|藉口|理由|写信|的信|感谢信|一封|邮件|短信|笑话|笑話|短语|客服"
    "|对不起|對不起|抱歉|道歉|致歉|拒绝|拒絕|婉拒|谢绝|遗憾|委婉|回绝",
    r"\b(?:excuse|letter\b|e-?mail\b|message\b|response\b|phrase\b|joke\b|sorry\b|refus|reject"
    r"|declin|turn(?:ing)? down\b)|apolog",
)
"""The question holds or asks for words of refusal, or for what somebody writes to somebody."""
TEXT_GIVEN = Wording(
    "翻译|翻譯|译成|改写|改寫|重写|润色|潤色|续写|續寫|造句|改正|纠正|复述|抄写|缩写|摘要|总结|文言文|提取|改成|换成|转换"
    "|推文|推特|比喻|隐喻|重新排列|朗诵|背诵|替换|标记|选择单词|同义词|给定的例子|示例|下联|对联|上联|歇后语|成语|填空|补全|完成(?:句子|下面|以下)|概括",
    r"\b(?:translat|rewrit|paraphras|edit\b|correct|rephras|convert|summar|complete the"
    r"|sentence\b|continue\b|change\b|make this\b|transform|reply\b|excerpt|extract"
    r"|replace|select all|recite|tweet|synonym|metaphor|simile|reword|ticket)",
)
"""The answer is a text made from one that was given, whoever speaks in it."""
LANGUAGE = Wording(
    "英文|英语|英語|日文|日语|日語|法文|法语|法語|德文|德语|德語|俄文|俄语|俄語|韩文|韩语|韓語|韓文|西班牙|葡萄牙|意大利语|拉丁|阿拉伯语"
    "|泰语|越南语|印尼语|外语|外語|外文|双语|雙語|翻译|翻譯|译成|譯成|译为|中译英|中英|单词|單詞|词汇|拼音|罗马音|字母|缩写|首字母"
    "|语言|語言|域名|网址|邮箱|用户名|昵称|网名|名字|名称|品牌|口号|标题|歌词|歌詞|歌曲|复数|单数|时态|名词|动词|形容词|变位|反义词|同义词|雅思|托福|四级|六级|英汉|汉英|音标|语法",
    r"\b(?:english|translat\w*|chinese|mandarin|language|french|german|spanish|japanese|korean"
    r"|in [a-z]+ese)\b",
)
"""The question names a language, or asks for what is often not in the question's own."""
CODE = Wording(
    "代码|代碼|程序|程式|编程|編程|函数|函數|算法|脚本|腳本|正则|正規|语句|查询|查詢|命令|公式|表达式|方程|算式|编写.{0,12}类|网页|网站|数组|变量"
    "|化学式|分子式|符号|密码|编码|解码|加密|软件|库存?|框架|数据库|表格|接口",
    r"python|java|c\+\+|c#|html|xml|json|yaml|latex|markdown|bash|shell|linux|excel|matlab|regex"
    r"|svg|emoji|prompt|midjourney|stable diffusion|rust|php|ruby|swift|kotlin|vba|arduino|docker"
    r"|git\b|\b(?:js\b|sql\b|css\b|api\b|code\b|program|function\b|script\b|query\b|go\b)",
)
"""The answer may be in a language for machines."""


def asked_by_user(batch: InstructionBatch, row: int) -> str:
    """All that the user said before the model answered: earlier turns and the question."""
    turns = range(int(batch.turns[row]), int(batch.turns[row + 1]))
    said = batch.history_user.strings(turns)
    return "\n".join([*said, batch.instruction[row], batch.input[row]])
