"""What an example becomes in every format, and that exactly the answer is learnt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import RecipeError
from curate.tokens.encode import PieceEncoder
from curate.tokens.example import BadExample, example
from curate.tokens.prompts import FORMATS, Part
from curate.tokens.template import ChatTemplate
from curate.tokens.tokenizer import load_tokenizer
from tests.curate.tokens.packing_files import byte_level, llama_like

PLAIN = {"instruction": "翻译", "input": "你好", "output": "Hello"}
DIALOGUE = {
    "instruction": "然后呢？",
    "input": "",
    "output": "再见。",
    "history": [["你好", "您好！"]],
    "system": "你说话很短。",
}

CHATML = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
LLAMA2 = (
    "{% if messages[0]['role'] == 'system' %}{% set system = '<<SYS>>\n' + messages[0]['content'] "
    "+ '\n<</SYS>>\n\n' %}{% set messages = messages[1:] %}"
    "{% else %}{% set system = '' %}{% endif %}"
    "{% for message in messages %}{% if message['role'] == 'user' %}{{ bos_token }}[INST] "
    "{{ (system if loop.first else '') + message['content'] }} [/INST]"
    "{% else %} {{ message['content'] | trim }} {{ eos_token }}{% endif %}{% endfor %}"
)


@pytest.fixture(scope="module", params=["byte_level", "llama_like"])
def tokenizer(request, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tokenizer")
    path = byte_level(folder) if request.param == "byte_level" else llama_like(folder / "a.model")
    return load_tokenizer(path)


def rendered(pieces) -> str:
    names = {Part.BOS: "<BOS>", Part.EOS: "<EOS>"}
    return "".join(names.get(piece.part, piece.text) for piece in pieces)


def test_alpaca_word_for_word():
    assert rendered(FORMATS["alpaca"](example(PLAIN))) == (
        "<BOS>Below is an instruction that describes a task, paired with an input that provides "
        "further context. Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n翻译\n\n### Input:\n你好\n\n### Response:Hello<EOS>"
    )
    no_input = example({"instruction": "写诗", "input": "", "output": "春眠"})
    assert rendered(FORMATS["alpaca"](no_input)) == (
        "<BOS>Below is an instruction that describes a task. Write a response that appropriately "
        "completes the request.\n\n### Instruction:\n写诗\n\n### Response:春眠<EOS>"
    )


def test_plain_is_instruction_input_and_answer_end_to_end():
    pieces = FORMATS["plain"](example(PLAIN))
    assert rendered(pieces) == "<BOS>翻译你好Hello<EOS>"
    assert [piece.fresh for piece in pieces if piece.text] == [True, True]


def test_chatml():
    assert rendered(FORMATS["chatml"](example(DIALOGUE))) == (
        "<|im_start|>system\n你说话很短。<|im_end|>\n"
        "<|im_start|>user\n你好<|im_end|>\n<|im_start|>assistant\n您好！<|im_end|>\n"
        "<|im_start|>user\n然后呢？<|im_end|>\n<|im_start|>assistant\n再见。<|im_end|>\n"
    )


def test_llama_2_zh():
    assert rendered(FORMATS["llama-2-zh"](example(DIALOGUE))) == (
        "<BOS>[INST] <<SYS>>\n你说话很短。\n<</SYS>>\n\n你好 [/INST]您好！<EOS>"
        "<BOS>[INST] 然后呢？ [/INST]再见。<EOS>"
    )


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"output": ""}, "empty_output"),
        ({"output": None}, "no_output"),
        ({"output": 3}, "no_output"),
        ({"instruction": " ", "input": ""}, "empty_instruction"),
        ({"history": [["你好"]]}, "bad_history"),
        ({"history": "[[1, 2]]"}, "bad_history"),
        ({"history": "not JSON"}, "bad_history"),
    ],
)
def test_rows_that_are_no_examples(change, reason):
    with pytest.raises(BadExample) as caught:
        example({**PLAIN, **change})
    assert caught.value.reason == reason


def test_history_in_each_of_its_forms():
    wanted = example({**PLAIN, "history": [["你好", "您好！"]]})
    for history in ([{"user": "你好", "assistant": "您好！"}], '[["你好", "您好！"]]'):
        assert example({**PLAIN, "history": history}) == wanted


# Text that a tokenizer would merge with what stands before it, or read as a control token.
TEXTS = (
    st.lists(
        st.sampled_from([*"答案：先把水烧开。 \n:#aeRs<|/>", "</s>", "<|im_end|>"]),
        min_size=1,
        max_size=20,
    )
    .map("".join)
    .filter(str.strip)
)


@given(answer=TEXTS, question=TEXTS, before=TEXTS)
@pytest.mark.parametrize("name", [*FORMATS, "template-chatml", "template-llama2"])
def test_what_is_learnt_is_the_last_answer_and_its_end(tokenizer, name, answer, question, before):
    row = example({"instruction": question, "output": answer, "history": [[before, before]]})
    pieces = formats(tokenizer, name)(row)
    found = PieceEncoder(tokenizer).encode([pieces], "last")
    learnt = np.flatnonzero(found.mask)
    assert np.array_equal(learnt, np.arange(learnt[0], learnt[-1] + 1))
    ids = found.ids[learnt]
    if name.endswith("chatml"):
        end = tokenizer.special_tokens.get("<|im_end|>")
    else:
        end = tokenizer.eos_id
    if end is None:
        # Without such a token its letters are learnt; a template does not say where they end.
        after = "\n" if name.startswith("template") else ""
        assert tokenizer.decode(ids, inner=True) == f"{answer}<|im_end|>{after}"
        return
    assert ids[-1] == end
    fresh = any(piece.fresh for piece in pieces if piece.part is Part.ANSWER)
    text = tokenizer.decode(ids[:-1], inner=not fresh)
    assert text.strip() == answer.strip() if name == "template-llama2" else text == answer


def formats(tokenizer, name):
    if not name.startswith("template"):
        return FORMATS[name]
    source = CHATML if name.endswith("chatml") else LLAMA2
    return ChatTemplate(source, list(tokenizer.special_tokens), "<s>", "</s>")


@pytest.mark.parametrize("source", [CHATML, LLAMA2])
def test_a_template_gives_the_text_that_transformers_gives(source, tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = byte_level(tmp_path)
    theirs = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        chat_template=source,
        bos_token="<s>",
        eos_token="</s>",
    )
    messages = [{"role": "system", "content": "你说话很短。"}]
    for asked, said in (("你好", "您好！"), ("然后呢？", "再见。")):
        messages += [{"role": "user", "content": asked}, {"role": "assistant", "content": said}]
    ours = load_tokenizer(folder)
    pieces = ChatTemplate(source, list(ours.special_tokens), "<s>", "</s>")(example(DIALOGUE))
    ids = PieceEncoder(ours).encode([pieces], "last").ids
    assert ours.decode(ids, special=True) == theirs.apply_chat_template(messages, tokenize=False)


def test_every_answer_or_every_token_is_learnt(tokenizer):
    pieces = FORMATS["llama-2-zh"](example(DIALOGUE))
    encoder = PieceEncoder(tokenizer)
    answers = encoder.encode([pieces], "answers")
    runs = np.split(
        answers.ids[answers.mask > 0], np.flatnonzero(np.diff(np.flatnonzero(answers.mask)) > 1) + 1
    )
    assert [tokenizer.decode(run) for run in runs] == ["您好！", "再见。"]
    assert encoder.encode([pieces], "all").mask.all()
    assert encoder.encode([pieces], "last").mask.sum() < answers.mask.sum()


def test_ids_do_not_depend_on_what_else_is_in_the_batch(tokenizer):
    rows = [example(PLAIN), example(DIALOGUE)]
    for name, render in FORMATS.items():
        encoder = PieceEncoder(tokenizer)
        together = encoder.encode([render(row) for row in rows], "answers")
        apart = [encoder.encode([render(row)], "answers") for row in rows]
        assert np.array_equal(together.ids, np.concatenate([e.ids for e in apart])), name


def test_a_template_that_rewrites_earlier_turns_is_refused():
    source = "{% for m in messages %}{{ loop.length }}{{ m.content }}{% endfor %}"
    template = ChatTemplate(source, [], None, None)
    with pytest.raises(BadExample, match="template_rewrites_turns"):
        template(example(DIALOGUE))


@pytest.mark.parametrize(
    "source",
    [
        "{{ ''.__class__.__mro__ }}",
        "{{ messages.append(1) }}",
        "{{ raise_exception('no') }}",
        "{{ strftime_now('%Y') }}",
        "{% for i in range(999999999) %}x{% endfor %}",
    ],
)
def test_a_template_reaches_nothing(source):
    with pytest.raises(BadExample, match="template_refuses"):
        ChatTemplate(source, [], None, None)(example(PLAIN))


def test_a_template_that_does_not_compile():
    with pytest.raises(RecipeError, match="does not compile"):
        ChatTemplate("{% for %}", [], None, None)


def test_generation_marks_of_templates_are_understood():
    source = (
        "{% for m in messages %}{% if m.role == 'user' %}Q{{ m.content }}A{% else %}"
        "{% generation %}{{ m.content }}</s>{% endgeneration %}{% endif %}{% endfor %}"
    )
    pieces = ChatTemplate(source, ["</s>"], None, "</s>")(example(PLAIN))
    assert [(piece.part, piece.text) for piece in pieces] == [
        (Part.TEXT, "Q翻译\n你好A"),
        (Part.ANSWER, "Hello"),
        (Part.STOP, "</s>"),
    ]
