"""
Writes wordpieces/uncased.json and wordpieces/cased.json: awkward texts and the wordpieces that Hugging Face's
tokenizers give for them.

    python tests/golden/make_wordpieces.py FOLDER    # a folder with tokenizer.json of an uncased BERT, e.g. MiniLM

Each file is {"vocabulary": [...], "cases": [[text, ids], ...]}. The vocabulary holds only the pieces that occur, in
the order of the full one, and ids point into it: longest match first finds the same pieces in it as in the full one
(a longer match in the part would be one in the whole, and a word that is unknown to the whole is unknown to the
part), so that the test needs no model.
"""
import json
import sys
from pathlib import Path

from tokenizers import Tokenizer
from tokenizers.implementations import BertWordPieceTokenizer

TEXTS = [
    "",
    " ",
    "\n\t  \r\n",
    "Hello, world!",
    "  leading and   inner    and trailing   ",
    "tabs\tand\nnew\r\nlines\rhere",
    "The quick brown fox jumps over the lazy dog's back.",
    "unaffable antidisestablishmentarianism pneumonoultramicroscopicsilicovolcanoconiosis",
    "don't can't won't I'd've y'all'd'nt've",
    "e-mail: someone@example.org, http://example.org/a_b?c=d&e=f#g",
    "C++ / C# / F#; x += y--; if (a <= b && !c) { return a[i]->f(&p, *q); }",
    "$1,234.56 — 50% off!!! (only €9.99 / £8.50 / ¥900)",
    "3.14159 1e-10 0xDEADBEEF 1/2 ½ ¾ x² y³ H₂O",
    "<br />A film<br /><br />with <b>tags</b> &amp; entities&nbsp;&quot;",
    "caf\u00e9 na\u00efve r\u00e9sum\u00e9 \u00c9COLE \u00dcber Stra\u00dfe \u1e9e",
    "cafe\u0301 nai\u0308ve combining \u0301 alone",
    "Z\u0351\u0346\u035ca\u0334\u0341l\u0335\u0301g\u0328\u0324o\u0330\u0315",
    "\u0130stanbul \u0131s\u0131k I\u0307 i\u0307",
    "\u039f\u0394\u039f\u03a3 \u03a3\u03af\u03c3\u03c5\u03c6\u03bf\u03c2 \u03a3 \u0391\u03a3\u0391\u03a3.",
    "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440! \u0401\u043b\u043a\u0430 \u0419\u043e\u0434",
    "Ti\u1ebfng Vi\u1ec7t c\u00f3 d\u1ea5u \u0110\u1eb7ng",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0627\u0644\u0639\u0627\u0644\u0645\u060c \u0643\u064e\u062a\u064e\u0628\u064e",
    "\u05e9\u05c1\u05b8\u05dc\u05d5\u05b9\u05dd \u05e2\u05d5\u05dc\u05dd",
    "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e\u0964",
    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e0a\u0e32\u0e27\u0e42\u0e25\u0e01",
    "\uc548\ub155\ud558\uc138\uc694 \uc138\uacc4",
    "\u3053\u3093\u306b\u3061\u306f\u4e16\u754c \u30ab\u30bf\u30ab\u30ca \uff76\uff80\uff76\uff85 \u30d1\u30d4\u30d7 \u3071",
    "\u4f60\u597d\uff0c\u4e16\u754c\u3002\u5317\u4eac2008\u5e74\u5965\u8fd0\u4f1aabc\u4e2d\u6587def",
    "\U00020000\U0002a6d6 a\U00020001b \U0002b820\U0002f800",
    "\uf900\uf90a \u2f00 \u3400\u4db5 \u3007 \u3005 \u3006",
    "\uff21\uff22\uff23 \uff41\uff42\uff43 \uff11\uff12\uff13\uff01\uff1f \u3000 ideographic\u3000space",
    "\ufb01nd \ufb02ow \ufb03 \u2460 \u2160\u2163 \u210c \u2122 \u00ae \u00a9",
    "\U0001d400\U0001d401 \U0001d49c \U0001d7d8 \u2102\u2115",
    "\u201cquotes\u201d \u2018single\u2019 \u00abguillemets\u00bb \u2026 \u2013 \u2014 \u2012 \u2011 \u00ad soft\u00adhyphen",
    "I \u2764\ufe0f \U0001f600 emoji \U0001f44d\U0001f3fd \U0001f468\u200d\U0001f469\u200d\U0001f467 \U0001f1e9\U0001f1ea",
    "new emoji \U0001fae0 \U0001fac3 \U0001f979 \U0001fa75 done",
    "\u2600\u2603\u266b\u2192\u21d2\u221e\u2260\u2264\u00b1\u00d7\u00f7\u221a\u2211 \u2588\u2591 \u25a0\u25cf \u2713",
    "a\u00a0b\u2003c\u2028d\u2029e\u202ff\u205fg\u1680h\u180ei",
    "zero\u200bwidth\u200cjoin\u200ders\ufeffbom\u2060word",
    "\ufeffstarts with a byte order mark",
    "nul\u0000byte bell\u0007 esc\u001b[31mred\u001b[0m del\u007f c1\u0085next \u009f",
    "vertical\u000btab form\u000cfeed \u001cfs\u001dgs\u001ers\u001fus",
    "replacement \ufffd char\ufffdacter",
    "private \ue000use\uf8ff \U000f0000x noncharacter\uffff \ufdd0 unassigned\u0378x",
    "\u202eright to left\u202c \u200fmark\u200e",
    "x" * 99 + " " + "y" * 100 + " " + "z" * 101,
    "a" * 200 + "," + "b" * 50,
    "\u00e9" * 60 + " " + "e\u0301" * 60,
    "[CLS] literal [SEP] specials [MASK] in [PAD] text [UNK] [sep] [ CLS ] x[MASK]y",
    "##ing ## # #hash ##",
    "!!!???...---___~~~```^^^|||\\\\\\",
    "`code` $x^2$ {braces} [brackets] <angles> a|b a~b a_b a+b a=b",
    "MiXeD CaSe SHOUTING iPhone McDonald's USA U.S.A. Ph.D.",
    "constructor __proto__ toString hasOwnProperty valueOf",
    "\u00df \u1e9e \u017f \u0149 \u01c5 \u0345 \u1fbc \ufb05",
    "\u0f40\u0f72 \u1780\u17b6 \u10d0\u1c90 \u13a0\uab70 \u0531\u0587",
    "\u07ca\u07eb \u16a0 \u2c80 \U00010400\U00010428 \U0001e900",
    "\u00b7 \u30fb \u2e3a \u2e52 \U00010100 \u0964 \u061f \u055a \u00a7 \u00b6 \u00bf\u00a1",
    "12,345,678.90 1st 2nd 3rd 10th 1990s '90s 24/7 9/11 7:30pm",
    "word" + "\u0300" * 120 + " end",
]


def write(name, tokenizer):
    encoded = [tokenizer.encode(text, add_special_tokens=False).tokens for text in TEXTS]
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    used = {token for tokens in encoded for token in tokens} | set(specials)
    vocabulary = sorted(used, key=tokenizer.token_to_id)
    place = {token: i for i, token in enumerate(vocabulary)}
    cases = [[text, [place[token] for token in tokens]] for text, tokens in zip(TEXTS, encoded)]
    lines = ",\n".join(json.dumps(case) for case in cases)
    body = f'{{"vocabulary": {json.dumps(vocabulary)},\n"cases": [\n{lines}\n]}}\n'
    (Path(__file__).parent / "wordpieces" / name).write_text(body)


folder = Path(sys.argv[1])
uncased = Tokenizer.from_file(str(folder / "tokenizer.json"))
uncased.no_truncation()
uncased.no_padding()
write("uncased.json", uncased)
write("cased.json", BertWordPieceTokenizer(uncased.get_vocab(), lowercase=False))
