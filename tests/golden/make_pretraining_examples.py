"""Statistics of BERT's own pre-training examples, for tests/paper/masked_words_test.ts.

Runs create_pretraining_data.py of github.com/google-research/bert (commit eedf571) on documents of fixed sentence
lengths, without TensorFlow:

    python make_pretraining_examples.py path/to/create_pretraining_data.py > pretraining_examples.json
"""
import collections
import json
import random
import sys

source = open(sys.argv[1]).read()
recipe = source[source.index("def create_instances_from_document") : source.index("def main(_)")]


class FLAGS:
    do_whole_word_mask = False


class TrainingInstance:
    def __init__(self, tokens, segment_ids, is_random_next, masked_lm_positions, masked_lm_labels):
        self.tokens = len(tokens)
        self.a = segment_ids.count(0) - 2
        self.is_random_next = is_random_next
        self.masks = len(masked_lm_positions)


scope = {
    "FLAGS": FLAGS,
    "TrainingInstance": TrainingInstance,
    "collections": collections,
}
exec(recipe, scope)


def sentence_length(document, sentence):
    return 1 + (document * document + 31 * sentence * sentence + 17 * sentence * document) % 89 * (document % 3 + 1) // 4


documents = [
    [["word"] * sentence_length(document, sentence) for sentence in range(1 + document * 37 % 25)]
    for document in range(4000)
]
runs = []
for seed in range(16):
    rng = random.Random(seed)
    instances = [
        instance
        for document in range(len(documents))
        for instance in scope["create_instances_from_document"](
            documents, document, 128, 0.1, 0.15, 20, ["word"], rng
        )
    ]
    mean = lambda value: sum(map(value, instances)) / len(instances)
    runs.append(
        {
            "examples": len(instances),
            "random": mean(lambda x: x.is_random_next),
            "tokens": mean(lambda x: x.tokens),
            "full": mean(lambda x: x.tokens == 128),
            "below32": mean(lambda x: x.tokens < 32),
            "lengthA": mean(lambda x: x.a),
            "masks": mean(lambda x: x.masks),
        }
    )


def spread(name):
    values = [run[name] for run in runs]
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / (len(values) - 1)) ** 0.5
    return {"mean": round(mean, 5), "deviation": round(deviation, 5)}


json.dump({name: spread(name) for name in runs[0]}, sys.stdout, indent=2)
print()
