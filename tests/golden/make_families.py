"""Makes the golden files in tests/golden/families with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors sentencepiece
    python tests/golden/make_families.py [FAMILY...]

For each family (bert's relatives of lib/bert/family):

FAMILY/            a random classifier (L 3, H 32, N 4, C 3) as transformers saves it, with its tokenizer's files, which
                   Python's tokenizers trained on a few lines
FAMILY.safetensors   a batch, and what the classifier makes of it: hidden states, logits, loss, each gradient; and of
                   masked words: logits, loss, each gradient, and the head's parameters; of ModernBERT's also with
                   classifier_pooling "mean"
FAMILY.json        ten batches and the ten losses of AdamW with a linear schedule; 60 awkward texts and a few pairs, with
                   the ids that AutoTokenizer gives them

Everything is computed in float64, so that the stored values carry no rounding but that to float32.
"""

import json
import shutil
import sys
import tempfile
from pathlib import Path

import sentencepiece
import torch
import transformers
from make_bert import train_adamw
from make_tokenizer_folders import TEXTS as BERT_TEXTS
from safetensors.torch import save_file
from tokenizers import (AddedToken, Tokenizer, models, normalizers, pre_tokenizers, processors, trainers)
from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification, AutoTokenizer

HERE = Path(__file__).parent / "families"
LABELS = {0: "bad", 1: "fair", 2: "good"}
STEPS = 10
LINES = [
    "A good film is a joy, and a bad film is two hours that nobody gives back.",
    "The actors weren't bad; they've done better, but it's the script that I'd blame.",
    "Il était une fois un petit café près de la gare, où l'on buvait du vin.",
    "Über den Wolken muss die Freiheit wohl grenzenlos sein, sagt die Straße.",
    "我 喜欢 这部 电影 ， 很 好看 。 世界 你好", "Ёлка и йод: в лесу родилась ёлочка, в лесу она росла.",
    "numbers 1 22 333 4444 and dates 2020-01-02, prices $5.00 and 50%", "naïve façade déjà-vu emoji 😀 👍🏽 ok",
    "def f(x):\n    return x ** 2\n\n\n  indented   text\twith\ttabs", "Σίσυφος και ΟΔΟΣ, 한국 사람, がんばって",
]
TEXTS = [text.replace("[", "<").replace("]", ">") if index % 2 else text for index, text in enumerate(BERT_TEXTS)] + [
    "<mask>", "a <mask> b", "a<mask>b", " <mask> ", "<s> a </s> b <pad> <unk>", "  two  blanks   three", "don't I'll we've",
    "DON'T it'S", "a\u0085b\ufeffc\u200bd", "\u2581under\u2581score \u2581", "trailing blank ", "\n\nlines\r\n", "ﬁne ½ ① Ａ",
    "x\u0301y\u0323\u0301 e\u0301", "a" * 300, "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "١٢٣ ४५",
]
PAIRS = [["good film", "bad film"], ["", "a"], ["the actors weren't bad", "they've done better"], ["世界", "emoji 😀"]]


def specials(tokens):
    return [AddedToken(token, special=True, normalized=False, lstrip=token == "<mask>") for token in tokens]


def byte_level(tokens, normalizer=None, prefix=False, size=420):
    tokenizer = Tokenizer(models.BPE())
    if normalizer:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix)
    trainer = trainers.BpeTrainer(
        vocab_size=size, special_tokens=specials(tokens), initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 3, trainer)
    return tokenizer


def charsmap():
    """The table of a SentencePiece model with some rules of its own: a text, and what takes its place."""
    rules = ["0041 0308\t00C4", "00BD\t0031 2044 0032", "FB01\t0066 0069", "2460\t0031", "FF21\t0041", "00A0\t0020",
             "0009\t0020", "000A\t0020", "3000\t0020", "200B\t", "FEFF\t", "0065 0301\t00E9", "0085\t0020", "0007\t",
             "2028\t0020", "2026\t002E 002E 002E", "03A3\t03C3"]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "rules.tsv").write_text("\n".join(rules) + "\n")
        (Path(folder) / "lines.txt").write_text("\n".join(LINES * 5))
        sentencepiece.SentencePieceTrainer.train(
            input=f"{folder}/lines.txt", model_prefix=f"{folder}/model", vocab_size=200, character_coverage=1.0,
            normalization_rule_tsv=f"{folder}/rules.tsv", minloglevel=2, hard_vocab_limit=False,
        )
        from sentencepiece import sentencepiece_model_pb2

        proto = sentencepiece_model_pb2.ModelProto()
        proto.ParseFromString((Path(folder) / "model.model").read_bytes())
        return proto.normalizer_spec.precompiled_charsmap


def unigram(tokens, unk="<unk>"):
    tokenizer = Tokenizer(models.Unigram())
    tokenizer.normalizer = normalizers.Precompiled(charsmap())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()])
    trainer = trainers.UnigramTrainer(
        vocab_size=300, special_tokens=specials(tokens), unk_token=unk, show_progress=False,
    )
    tokenizer.train_from_iterator(LINES * 3, trainer)
    return tokenizer


def wordpiece():
    tokens = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=300, special_tokens=specials(tokens), show_progress=False)
    tokenizer.train_from_iterator(LINES * 3, trainer)
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    return tokenizer, {"tokenizer_class": "BertTokenizer", "do_lower_case": True}


ANGLED = {f"{name}_token": f"<{text}>" for name, text in
          {"bos": "s", "eos": "/s", "sep": "/s", "cls": "s", "unk": "unk", "pad": "pad", "mask": "mask"}.items()}


def roberta_tokenizer():
    tokenizer = byte_level(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0), add_prefix_space=False)
    return tokenizer, {"tokenizer_class": "RobertaTokenizer", "add_prefix_space": False, **ANGLED}


def double_separators(tokenizer, cls, sep):
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", cls), ("</s>", sep)],
    )
    return tokenizer


def xlm_roberta_tokenizer():
    tokenizer = unigram(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return double_separators(tokenizer, 0, 2), {"tokenizer_class": "XLMRobertaTokenizer", **ANGLED}


def camembert_tokenizer():
    tokenizer = unigram(["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<unk>NOTUSED", "<s>", "</s>", "<mask>"])
    return double_separators(tokenizer, 5, 6), {"tokenizer_class": "CamembertTokenizer", **ANGLED}


def modernbert_tokenizer():
    names = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"]
    tokenizer = byte_level(names, normalizers.NFC())
    # ModernBERT's own vocabulary has tokens of several blanks, too.
    tokenizer.add_tokens([AddedToken("   ", normalized=True, special=False), AddedToken("  ", normalized=True, special=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS]:0 $A:0 [SEP]:0", pair="[CLS]:0 $A:0 [SEP]:0 $B:0 [SEP]:0", special_tokens=[("[CLS]", 1), ("[SEP]", 2)],
    )
    special = {f"{name[1:-1].lower()}_token": name for name in names}
    return tokenizer, {"tokenizer_class": "PreTrainedTokenizerFast", **special}


SHAPE = dict(hidden_size=32, num_hidden_layers=3, num_attention_heads=4, intermediate_size=48)
STILL = dict(hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
ROBERTA = dict(**SHAPE, **STILL, max_position_embeddings=26, type_vocab_size=1, layer_norm_eps=1e-5, pad_token_id=1)
FAMILIES = {
    "roberta": (roberta_tokenizer, ROBERTA),
    "xlm-roberta": (xlm_roberta_tokenizer, ROBERTA),
    "camembert": (camembert_tokenizer, {**ROBERTA, "bos_token_id": 5, "eos_token_id": 6}),
    "distilbert": (wordpiece, dict(dim=32, n_layers=3, n_heads=4, hidden_dim=48, dropout=0.0, attention_dropout=0.0,
                                   seq_classif_dropout=0.0, max_position_embeddings=24)),
    "modernbert": (modernbert_tokenizer, dict(
        **SHAPE, max_position_embeddings=200, local_attention=6, global_attn_every_n_layers=2, pad_token_id=3,
        bos_token_id=1, eos_token_id=2, cls_token_id=1, sep_token_id=2,
    )),
    "electra": (wordpiece, dict(**SHAPE, **STILL, embedding_size=16, max_position_embeddings=24)),
}


def randomize(model, generator, deviation=0.2):
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            is_norm = "norm" in name.lower() and name.endswith("weight")
            tensor.copy_(1 + 0.2 * noise if is_norm else deviation * noise)
    return model.eval()


def draw_batch(generator, config, batch=4, length=16):
    """
    Ids with padding at the end, and segment types 0…0 1…1 0…0 as for a pair of texts. Where attention is local no
    padding is farther from its text than it sees: PyTorch gives NaN to a token that sees none.
    """
    shortest = length - getattr(config, "local_attention", 24) // 2
    ids = torch.randint(5, config.vocab_size, (batch, length), generator=generator)
    mask, types = torch.ones_like(ids), torch.zeros_like(ids)
    for row in range(batch):
        real = length if row == 0 else int(torch.randint(shortest, length, (1,), generator=generator))
        mask[row, real:] = 0
        ids[row, ids[row] == config.pad_token_id] = 4
        ids[row, real:] = config.pad_token_id
        types[row, real // 2 : real] = 1
    return ids, mask, types, torch.randint(0, 3, (batch,), generator=generator)


def run(model, batch, has_types, **options):
    ids, mask, types, _ = batch
    given = {"token_type_ids": types} if has_types else {}
    return model(ids, attention_mask=mask, **given, **options)


def mean_pooling(model, batch):
    """The same classifier where it reads the mean of all states."""
    model.config.classifier_pooling = "mean"
    output = run(model, batch, False, labels=batch[3])
    output.loss.backward()
    values = {"mean.logits": output.logits, "mean.loss": output.loss}
    return values | {f"mean.gradient.{name}": p.grad for name, p in model.named_parameters()}


class Classifier(torch.nn.Module):
    """A classifier that train_adamw of make_bert.py can call, which always gives types."""

    def __init__(self, model, has_types):
        super().__init__()
        self.model, self.has_types = model, has_types

    def named_parameters(self, *args, **options):
        # Decay as of BERT: neither biases nor LayerNorm.
        for name, parameter in self.model.named_parameters():
            yield name.replace("layer_norm", "LayerNorm").replace("norm.", "LayerNorm."), parameter

    def forward(self, ids, attention_mask, token_type_ids, labels, output_hidden_states):
        return run(self.model, (ids, attention_mask, token_type_ids, labels), self.has_types, labels=labels)


def make(name, seed):
    make_tokenizer, settings = FAMILIES[name]
    folder = HERE / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    tokenizer, tokenizer_config = make_tokenizer()
    tokenizer.save(str(folder / "tokenizer.json"), pretty=False)
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config, indent=2) + "\n")
    generator = torch.Generator().manual_seed(seed)
    config = transformers.AutoConfig.for_model(
        name, vocab_size=tokenizer.get_vocab_size(), id2label=LABELS, label2id={v: k for k, v in LABELS.items()}, **settings,
    )
    config._attn_implementation = "eager"
    randomize(AutoModelForSequenceClassification.from_config(config), generator).save_pretrained(folder)

    def load():
        return AutoModelForSequenceClassification.from_pretrained(folder, attn_implementation="eager").double()

    # RoBERTa's tokenizers give no segment types, which its classes would take.
    has_types = name in ("bert", "electra")
    model, batch = load(), draw_batch(generator, config)
    ids, mask, types, labels = batch
    output = run(model, batch, has_types, labels=labels, output_hidden_states=True)
    output.loss.backward()
    values = {f"hidden_states.{i}": state for i, state in enumerate(output.hidden_states)}
    values |= {"logits": output.logits, "loss": output.loss}
    values |= {f"gradient.{name}": p.grad for name, p in model.named_parameters()}
    if name == "modernbert":  # positions that are computed, in a text of many windows
        long = torch.randint(5, config.vocab_size, (2, 150), generator=generator)
        values["long_logits"] = model(long).logits
        values |= mean_pooling(load(), batch)

    masked_lm = randomize(AutoModelForMaskedLM.from_config(config), generator)
    known = dict(model.named_parameters())
    named = dict(masked_lm.named_parameters(remove_duplicate=False))
    with torch.no_grad():
        for n in known.keys() & named.keys():
            named[n].copy_(known[n])
    shared = {n: p for n, p in named.items() if n in known}
    # The decoder is the table of words, by whichever name it comes first.
    own = {n: p for n, p in masked_lm.named_parameters() if not any(p is q for q in shared.values())}
    masked_lm = masked_lm.double()
    places = (torch.rand(ids.shape, generator=generator) < 0.35) & mask.bool()
    places[:, 0], places[0, 3] = False, True
    words = torch.full_like(ids, -100)
    words[places] = torch.randint(0, config.vocab_size, (int(places.sum()),), generator=generator)
    mlm = run(masked_lm, batch, has_types, labels=words)
    mlm.loss.backward()
    values |= {"mlm_loss": mlm.loss, "mlm_logits": mlm.logits[places]}
    values |= {f"mlm_gradient.{n}": p.grad for n, p in (shared | own).items()}
    values |= {f"mlm.{n}": p for n, p in own.items()}
    tensors = {name: value.detach().float().contiguous() for name, value in values.items()}
    integers = {"long_ids": long} if name == "modernbert" else {}
    integers |= {"ids": ids, "mask": mask, "type_ids": types, "labels": labels, "mlm_labels": words}
    save_file(tensors | {name: tensor.int() for name, tensor in integers.items()}, HERE / f"{name}.safetensors")

    batches = [draw_batch(generator, config) for _ in range(STEPS)]
    losses = train_adamw(Classifier(load(), has_types), batches, "linear")
    python = AutoTokenizer.from_pretrained(folder)
    keys = ["ids", "mask", "type_ids", "labels"]
    made = {
        "made_with": {"torch": torch.__version__, "transformers": transformers.__version__},
        "batches": [dict(zip(keys, (tensor.tolist() for tensor in batch))) for batch in batches],
        "losses": losses,
        "texts": TEXTS,
        "encoded": [python(text, add_special_tokens=False)["input_ids"] for text in TEXTS],
        "pairs": [{"texts": pair, "ids": python(*pair)["input_ids"]} for pair in PAIRS],
    }
    (HERE / f"{name}.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")
    print(name, type(python).__name__, " ".join(f"{loss:.4f}" for loss in losses))


if __name__ == "__main__":
    for seed, name in enumerate(FAMILIES):
        if name in (sys.argv[1:] or FAMILIES):
            make(name, seed + 11)
