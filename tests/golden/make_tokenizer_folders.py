"""
Writes tokenizer_folders.json: small model folders, awkward texts, and the ids that transformers' AutoTokenizer gives
in each folder.

    python tests/golden/make_tokenizer_folders.py    # transformers 5.23.0, tokenizers 0.23.3

The file is {"texts": [...], "folders": {name: {"files": {name: text}, "ids": [[...], ...]}}}; "ids" has one list a
text, without [CLS] and [SEP]. Each folder also has the config.json of a BERT, which is left out of "files".
"""
import json
import tempfile
from pathlib import Path

from transformers import AutoTokenizer

SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
LETTERS = [letter for letter in "abcdefghijklmnopqrstuvwxyz0123456789"]
LOWER = SPECIALS + LETTERS + ["##" + letter for letter in LETTERS] + list("!\"#$%&'()*+,-./:;<=>?@[]_`{|}~\\^") + (
    "é ##é ü ##ü ß ##ß σ ##σ ς ##ς α ##α 世 界 世界 ##世 ##界 \U00020000 good lamp bad user url my new the ##ing ##ed naive un "
    "##aff ##able i̇ ##i̇ и й ё ##й ##ё e ##e \u0301 ##\u0301 한 국 ##국 か が ##が 。 ， “ ” € ½ x1"
).split(" ")
LOWER = list(dict.fromkeys(LOWER))
CAPITALS = [letter.upper() for letter in LETTERS[:26]]
CASED = LOWER + CAPITALS + ["##" + letter for letter in CAPITALS] + ["É", "##É", "Good", "Lamp", "Σ", "##Σ"]
TEXTS = [
    "", " ", "good lamp", "Good Lamp", "GOOD LAMP!", "good  lamp", "a good lamp.", "goodlamp lampgood", "good lamps",
    "xgood lampx", "good\tlamp", "good\nlamp", "[user] said [url]", "[USER] said [URL]", "[User][url][user]", "x[user]y",
    " [user] , [url] ", "[my user]", "[MY USER]", "[ my user ]", "[my  user] [my\u00a0user]", "a [my user] b [MASK] c",
    "[MASK]", "[mask]", "x [MASK] y", "x[MASK]y", "\u00a0[MASK]\u2003", "[CLS] a [SEP] b [PAD] [UNK]", "[cls] [sep]",
    "Café CAFÉ cafe\u0301 CAFE\u0301", "naïve Über ÜBER Straße STRASSE", "É é E\u0301 e\u0301", "İstanbul I\u0307 ı",
    "ΟΔΟΣ Σίσυφος Σ ας", "世界", "世界abc世 界", "hello世界world", "\U00020000\U0002a6d6 a\U00020000b", "한국 がか 。，",
    "Ёлка йод И\u0306", "unaffable running NAIVE", "don't (stop) [this] {now} <b>", "$5.00 50% a_b a-b a/b a\\b ^ ` | ~",
    "“quotes” €½ …", "tab\there\u00a0nbsp\u2028line\u0085next", "nul\u0000bell\u0007soft\u00adhyphen\u200bzero\ufeffbom",
    "\ufffdbad\ufffd", "emoji 😀 a😀b 👍🏽", "x" * 100, "x" * 101, "user users userx xuser user-user _user user_",
    "USER User\u0301 user\u0301 user1 1user user世", "url url  url\turl", "  <ent>  <ENT>\u3000<ent>x <ent><ent> ", "new york New York NEW YORK",
    "new york city", "newyork new  york", "Ünïcode ünïcode UNICODE", "x1 X1 x 1", "constructor __proto__ toString",
    "##ing ## [ MASK ] [MASK", "café bar Café Bar cafe bar", "a" * 50 + "[user]" + "b" * 50, "good [user] lamp good lamp",
]
BERT = {"model_type": "bert", "vocab_size": 400, "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 1,
        "intermediate_size": 8, "max_position_embeddings": 16}


def lines(pieces):
    return "".join(piece + "\n" for piece in pieces)


def token(content, id=None, **changes):
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    return {**({} if id is None else {"id": id}), "content": content, **flags, **changes}


def backend(pieces, added=(), normalizer={}, model={}):
    """The text of a tokenizer.json."""
    vocab = {piece: id for id, piece in enumerate(pieces)}
    return json.dumps({
        "version": "1.0", "truncation": None, "padding": None,
        "added_tokens": [token(piece, vocab[piece]) for piece in SPECIALS] + list(added),
        "normalizer": {"type": "BertNormalizer", "clean_text": True, "handle_chinese_chars": True,
                       "strip_accents": None, "lowercase": True, **normalizer},
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]},
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": True},
        "model": {"type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
                  "max_input_chars_per_word": 100, "vocab": vocab, **model},
    }, ensure_ascii=False)


N, M = len(LOWER), len(CASED)
LOW, CAP = lines(LOWER), lines(CASED)
BLANKED = [token("good lamp", N, normalized=True, special=False), token("[my user]", N + 1),
           token("[url]", N + 2, special=False)]
WORD = [token("user", LOWER.index("user"), single_word=True, special=False), token("New York", N, normalized=True, special=False)]
STRIP = [token("<ent>", N, lstrip=True, rstrip=True)]


def config(**entries):
    return json.dumps(entries, ensure_ascii=False)


def decoder(*tokens):
    return {str(t["id"]): {key: value for key, value in t.items() if key != "id"} for t in tokens}


V, C, T, A, S = "vocab.txt", "tokenizer_config.json", "tokenizer.json", "added_tokens.json", "special_tokens_map.json"
FOLDERS = {
    "vocab alone": {V: LOW},
    "vocab, \\r\\n at line ends": {V: LOW.replace("\n", "\r\n")},
    "vocab, no end of the last line": {V: LOW[:-1]},
    "vocab with an empty line and blanks at ends": {V: LOW.replace("good\n", "good \n\n")},
    "vocab with a piece twice": {V: LOW + "good\n", A: config(**{"[user]": N + 1})},
    "vocab, lower-casing": {V: CAP, C: config(do_lower_case=True)},
    "vocab, cased": {V: CAP, C: config(do_lower_case=False)},
    "vocab, cased, accents stripped": {V: CAP, C: config(do_lower_case=False, strip_accents=True)},
    "vocab, accents kept": {V: LOW, C: config(strip_accents=False)},
    "vocab, Chinese words": {V: LOW, C: config(tokenize_chinese_chars=False)},
    "vocab, tokenizer_class": {V: LOW, C: config(tokenizer_class="BertTokenizerFast", do_basic_tokenize=False)},
    "json alone": {T: backend(LOWER)},
    "json and vocab": {T: backend(LOWER), V: LOW},
    "json and another vocab": {T: backend(LOWER), V: CAP, C: config(do_lower_case=True)},
    "json lower-cases, config does not": {T: backend(CASED), C: config(do_lower_case=False)},
    "json is cased, config lower-cases": {T: backend(CASED, normalizer={"lowercase": False}), C: config(do_lower_case=True)},
    "json strips accents, config does not": {T: backend(LOWER, normalizer={"strip_accents": True}), C: config(strip_accents=False, do_lower_case=True)},
    "json splits Chinese, config does not": {T: backend(LOWER), C: config(tokenize_chinese_chars=False)},
    "json with other limits": {T: backend(LOWER, normalizer={"clean_text": False}, model={"max_input_chars_per_word": 4}), C: config(do_lower_case=True)},
    "json as it is": {T: backend(CASED, normalizer={"lowercase": False, "strip_accents": True}, model={"max_input_chars_per_word": 6}), C: config(tokenizer_class="PreTrainedTokenizerFast", do_lower_case=True, unk_token="[UNK]", cls_token="[CLS]", sep_token="[SEP]", pad_token="[PAD]", mask_token="[MASK]")},
    "json as it is, with tokens": {T: backend(LOWER, BLANKED), C: config(tokenizer_class="PreTrainedTokenizerFast", additional_special_tokens=["[user]"])},
    "json, added tokens with blanks": {T: backend(LOWER, BLANKED)},
    "json, added tokens with blanks, cased": {T: backend(CASED, [token("good lamp", M, normalized=True, special=False)]), C: config(do_lower_case=False)},
    "json, whole words": {T: backend(LOWER, WORD)},
    "json, tokens that take blanks": {T: backend(LOWER, STRIP)},
    "json, added ids after a gap": {T: backend(LOWER, [token("[user]", N + 7), token("[url]", N + 9)])},
    "json, added_tokens_decoder wins": {T: backend(LOWER, BLANKED), C: config(added_tokens_decoder=decoder(token("[user]", N)))},
    "added_tokens.json": {V: LOW, A: config(**{"[user]": N, "[url]": N + 1, "good lamp": N + 2})},
    "added_tokens.json and special_tokens_map.json": {V: LOW, C: config(do_lower_case=True), A: config(**{"[USER]": N, "[url]": N + 1}), S: config(additional_special_tokens=["[USER]", "[url]"], cls_token="[CLS]")},
    "added_tokens.json, special by tokenizer_config.json": {V: LOW, A: config(**{"[USER]": N, "[url]": N + 1}), C: config(additional_special_tokens=["[USER]"])},
    "added_tokens_decoder": {V: LOW, C: config(added_tokens_decoder=decoder(token("[PAD]", 0), token("[my user]", N), token("Good Lamp", N + 1, normalized=True, special=False), token("<ent>", N + 2, lstrip=True, special=False)))},
    "added_tokens_decoder, cased": {V: CAP, C: config(do_lower_case=False, added_tokens_decoder=decoder(token("New York", M, normalized=True, single_word=True, special=False), token("café bar", M + 1, normalized=True)))},
    "added_tokens_decoder is empty": {V: LOW, A: config(**{"[user]": N}), C: config(added_tokens_decoder={})},
    "additional_special_tokens": {V: LOW, C: config(additional_special_tokens=["[url]", "[my user]"])},
    "extra_special_tokens": {V: LOW, C: config(extra_special_tokens=["[url]", "good"])},
    "special_tokens_map.json": {V: LOW, S: json.dumps({"mask_token": token("[MASK]", lstrip=True), "additional_special_tokens": ["[user]"], "bos_token": "[url]"})},
    "special_tokens_map.json, other names": {V: LOW.replace("[MASK]", "<ent>"), S: config(mask_token="<ent>")},
    "[MASK] takes blanks": {V: LOW, C: json.dumps({"mask_token": {"__type": "AddedToken", **token("[MASK]", lstrip=True)}})},
    "overlapping tokens": {V: LOW, C: config(additional_special_tokens=["good", "good lamp", "[user", "[user]"])},
    "json as it is, ids after a gap": {T: backend(LOWER, [token("[user]", N + 7), token("[url]", N + 9)]), C: config(tokenizer_class="TokenizersBackend")},
    "json as it is, other flags": {T: backend(LOWER, [token("[user]", N)]), C: config(tokenizer_class="PreTrainedTokenizerFast", added_tokens_decoder=decoder(token("[user]", N, lstrip=True, normalized=True), token("[MASK]", 4, rstrip=True)))},
    "json is cased, config is silent": {T: backend(CASED, normalizer={"lowercase": False})},
    "json keeps accents, config is silent": {T: backend(LOWER, normalizer={"strip_accents": False}), C: config(do_lower_case=True)},
    "a special token of another name": {V: LOW, C: config(user_token="[user]", extra_special_tokens=["[url]"])},
    "vocab with capitals alone": {V: CAP},
    "json as it is, texts as they are": {T: backend(CASED, normalizer={"lowercase": False, "clean_text": False}), C: config(tokenizer_class="PreTrainedTokenizerFast")},
    "additional tokens beside named ones": {V: LOW, C: config(additional_special_tokens=["世界", "good lamp"], extra_special_tokens={"user_token": "[user]"}, added_tokens_decoder=decoder(token("[url]", N)))},
    "additional tokens beside named ones, special_tokens_map.json": {V: LOW, C: config(additional_special_tokens=["世界"], extra_special_tokens={"user_token": "[user]"}), S: config(additional_special_tokens=["x1"], bos_token="[url]")},
    "tokens that normalize": {V: LOW, C: config(added_tokens_decoder=decoder(token("CAFÉ BAR", N, normalized=True, special=False), token("世界", N + 1, normalized=True, special=False)))},
}


def main():
    made = {}
    for name, files in FOLDERS.items():
        with tempfile.TemporaryDirectory() as folder:
            for file, text in {**files, "config.json": json.dumps(BERT)}.items():
                (Path(folder) / file).write_text(text, encoding="utf-8", newline="")
            tokenizer = AutoTokenizer.from_pretrained(folder)
            ids = [tokenizer(text, add_special_tokens=False)["input_ids"] for text in TEXTS]
        made[name] = {"files": files, "ids": ids}
    folders = ",\n".join(f"{json.dumps(name)}: {json.dumps(folder, separators=(',', ':'))}" for name, folder in made.items())
    text = f'{{"texts": {json.dumps(TEXTS)},\n"folders": {{\n{folders}\n}}}}\n'
    (Path(__file__).parent / "tokenizer_folders.json").write_text(text)


main()
