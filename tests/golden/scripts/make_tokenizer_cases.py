"""Token ids, decoded texts and chat templates of the tiny model, as Transformers gives them.

    python make_tokenizer_cases.py [GOLDEN_DIR]

Writes tokenizer_cases.json:
  encode  {text, ids}: ids without BOS; half of them seeded random mixtures of what goes wrong easily
  decode  {ids, text}: among them incomplete byte runs and ids that no token has
  chat    {turns: [{role, parts: [str or null for an image]}], add_generation_prompt, text}
Needs transformers and jinja2, not torch.
"""
import json
import pathlib
import random
import sys

from transformers import AutoTokenizer

PIECES = ["the ", "capital", " of", "France", "<bos>", "<eos>", "<pad>", "<unused1>", "<", "0x41>", "<0x41>", "é",
          "\x00", "\u00a0", "e\u0301", "😀", "\ufeff", "\r", "s", "?", " is", "\u2003", "\ufffd", "<start_of_image>",
          "<image_soft_token>", "\u2581\u2581", "     ", " ", "  ", "\u2581", "\t", "\n", "東京", "<end_of_turn>"]
WRITTEN = ["", " ", "      of", " " * 40, "\n" * 13, "The capital of France is", "12+34=", "\u2581 \u2581",
           "<<bos>>", "<start_of_<start_of_turn>turn>", "user\n\n\nwhat?\n", "\u2581of  \u2581the"]
CHATS = [
    ([("user", ["  hello \n"])], True),
    ([("user", ["\u00a0\u3000x\u2003"])], False),
    ([("user", [None, "and ", None, " which is larger?"])], True),
    ([("system", [" Be brief. "]), ("user", ["How many?"]), ("assistant", [" five "]), ("user", ["Why?"])], True),
    ([("system", ["Look."]), ("user", [None, "What?"]), ("assistant", ["A hand."])], False),
]


def encode_cases(tokenizer):
    rng = random.Random(7)
    texts = WRITTEN + ["".join(rng.choice(PIECES) for _ in range(rng.randint(1, 14))) for _ in range(200)]
    return [{"text": t, "ids": tokenizer.encode(t, add_special_tokens=False)} for t in texts]


def decode_cases(tokenizer):
    byte = tokenizer.convert_tokens_to_ids("<0x00>")
    runs = [[], [byte + 0xE6], [byte + 0xE6, byte + 0x9D, byte + 0xB1], [byte + 0xE6, byte + 0x41],
            [byte + 0xE6, 460, byte + 0x9D, byte + 0xB1], [512, 513, 519, 2], [21, 22, 458], [byte + 0x41]]
    rng = random.Random(8)
    runs += [[rng.randrange(520) for _ in range(rng.randint(1, 12))] for _ in range(60)]
    return [{"ids": ids, "text": tokenizer.decode(ids, skip_special_tokens=False)} for ids in runs]


def chat_cases(tokenizer):
    cases = []
    for turns, generate in CHATS:
        messages = [{"role": role, "content": [{"type": "image"} if part is None else {"type": "text", "text": part}
                                               for part in parts]} for role, parts in turns]
        text = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=generate)
        cases.append({"turns": [{"role": role, "parts": parts} for role, parts in turns],
                      "add_generation_prompt": generate, "text": text})
    return cases


def main():
    golden = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else pathlib.Path(__file__).parent.parent)
    tokenizer = AutoTokenizer.from_pretrained(golden / "tiny")
    cases = {"encode": encode_cases(tokenizer), "decode": decode_cases(tokenizer), "chat": chat_cases(tokenizer)}
    (golden / "tokenizer_cases.json").write_text(json.dumps(cases, indent=0, ensure_ascii=True) + "\n")


if __name__ == "__main__":
    main()
