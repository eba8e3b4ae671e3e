"""The tokenizer: a small SentencePiece model, and the same as Hugging Face's tokenizer.json."""

import io
import json
import random
import string

import sentencepiece
from tokenizers import Tokenizer

import examples
import world

VOCABULARY = 767  # pieces; the image soft token is one more
PAD, EOS, BOS, UNK = range(4)
TURNS = ["<start_of_turn>", "<end_of_turn>"]
IMAGE = ["<start_of_image>", "<end_of_image>"]
NEWLINES = ["\n" * n for n in range(1, 5)]
SPACES = ["\u2581" * n for n in range(2, 5)]
SOFT_TOKEN = "<image_soft_token>"

# English that the examples lack, so that other prompts are not spelt letter by letter.
ENGLISH = """What do you see in this picture? Please describe the image in a few words.
Is there a star in the sky? How many of them are there, and which color do they have?
The answer is yes or no. I think that it is not so. You can see one more on the left.
Who are you? I am a small model that knows about planets, hands, numbers and shapes.
Where is the sun? When does the day begin? Why is the night dark? It should have been here.
You are a helpful assistant. Tell me about it. Hello! Thank you very much.
"""


def corpus(seed=0, sentences=6000):
    """What the pieces are counted on: the texts, every sentence about pictures, some English."""
    rng = random.Random(seed)
    lines = [examples.text_example(rng).strip() for _ in range(sentences)]
    for planet in world.PLANETS:
        lines += [
            world.sentence(fact).format(world.answer(planet, fact))
            for fact in ["name"] + world.facts_of(planet, with_picture=False)
        ] * 2
    for _, kind in examples.KINDS.values():
        lines += [f"This image shows {kind}."] * 20
    for form in examples.COUNTS.values():
        lines += [form.format(word) for word in world.NUMBERS] * 4
    lines += (list(examples.QUESTIONS.values()) + [examples.QUESTION_FINGERS]) * 20
    lines += [examples.FIRST.format(3), examples.SECOND.format(4), "user", "model"] * 100
    # A chat's answer begins without a space.
    lines += (world.PLANETS + world.NUMBERS[1:] + world.FACTS["color"][1]) * 40
    return lines + ENGLISH.strip().split("\n") * 20


def train(folder):
    """Writes tokenizer.model and tokenizer.json. Deterministic."""
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()),
        model_writer=model,
        model_type="bpe",
        vocab_size=VOCABULARY,
        byte_fallback=True,
        split_digits=True,
        character_coverage=1.0,
        required_chars=string.ascii_letters + string.digits + string.punctuation,
        normalization_rule_name="identity",
        add_dummy_prefix=False,
        remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True,
        pad_id=PAD,
        eos_id=EOS,
        bos_id=BOS,
        unk_id=UNK,
        pad_piece="<pad>",
        eos_piece="<eos>",
        bos_piece="<bos>",
        unk_piece="<unk>",
        user_defined_symbols=TURNS + IMAGE + NEWLINES + SPACES,
        num_threads=1,
        minloglevel=2,
    )
    (folder / "tokenizer.model").write_bytes(model.getvalue())
    pieces = sentencepiece.SentencePieceProcessor(model_proto=model.getvalue())
    text = json.dumps(tokenizer_json(pieces), ensure_ascii=False, indent=1)
    (folder / "tokenizer.json").write_text(text + "\n", encoding="utf-8")


def special_tokens(pieces):
    """Every token that is found in text before the merges, by id, and whether decoding drops it."""
    found = {pieces.piece_to_id(name): (name, True) for name in ("<pad>", "<eos>", "<bos>", "<unk>")}
    found |= {pieces.piece_to_id(name): (name, True) for name in TURNS + IMAGE}
    found |= {pieces.piece_to_id(name): (name, False) for name in NEWLINES + SPACES}
    found[pieces.get_piece_size()] = (SOFT_TOKEN, True)
    return dict(sorted(found.items()))


def tokenizer_json(pieces):
    """The layout of Gemma's tokenizer.json: BPE with byte fallback over text whose spaces are ▁."""
    vocabulary = {pieces.id_to_piece(i): i for i in range(pieces.get_piece_size())}
    bos = {"SpecialToken": {"id": "<bos>", "type_id": 0}}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [
            {
                "id": i,
                "content": content,
                "single_word": False,
                "lstrip": False,
                "rstrip": False,
                "normalized": False,
                "special": special,
            }
            for i, (content, special) in special_tokens(pieces).items()
        ],
        "normalizer": {"type": "Replace", "pattern": {"String": " "}, "content": "\u2581"},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"String": " "},
            "behavior": "MergedWithPrevious",
            "invert": False,
        },
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [bos, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [
                bos,
                {"Sequence": {"id": "A", "type_id": 0}},
                {"SpecialToken": {"id": "<bos>", "type_id": 1}},
                {"Sequence": {"id": "B", "type_id": 1}},
            ],
            "special_tokens": {"<bos>": {"id": "<bos>", "ids": [BOS], "tokens": ["<bos>"]}},
        },
        "decoder": {
            "type": "Sequence",
            "decoders": [
                {"type": "Replace", "pattern": {"String": "\u2581"}, "content": " "},
                {"type": "ByteFallback"},
                {"type": "Fuse"},
            ],
        },
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": "<unk>",
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": True,
            "byte_fallback": True,
            "ignore_merges": False,
            "vocab": vocabulary,
            "merges": merges(pieces, vocabulary),
        },
    }


def merges(pieces, vocabulary):
    """The pairs that make each piece. SentencePiece numbers BPE pieces in the order of merging."""
    found_before = special_tokens(pieces)
    pairs = []
    for i in range(pieces.get_piece_size()):
        piece = pieces.id_to_piece(i)
        if i in found_before or pieces.is_byte(i):
            continue
        halves = [(piece[:k], piece[k:]) for k in range(1, len(piece))]
        halves = [(a, b) for a, b in halves if a in vocabulary and b in vocabulary]
        pairs += sorted(halves, key=lambda pair: (vocabulary[pair[0]], vocabulary[pair[1]]))
    return [list(pair) for pair in pairs]


def load(folder):
    return Tokenizer.from_file(str(folder / "tokenizer.json"))
