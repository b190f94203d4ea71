"""Makes the golden files in tests/golden/bert_feat with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python tests/golden/make_bert_feat.py

config.json         a tiny BERT (L 2, H 8)
values.safetensors  its weights and those of torch.nn.LSTM and the attention on its last layer's states; a batch of
                    pairs of several lengths; logits, loss, and each gradient but those of BERT, which is frozen

The LSTM reads packed sequences, so that padding is never computed. Everything is computed in float64.
"""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence
from transformers import BertConfig, BertModel

HERE = Path(__file__).parent / "bert_feat"
LENGTHS, T, UNITS, CLASSES = [9, 3, 6, 2], 9, 5, 3


class BertFeat(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.bert = BertModel(config, add_pooling_layer=False)
        self.lstm = nn.LSTM(config.hidden_size, UNITS, batch_first=True, bidirectional=True)
        self.pooling = nn.ModuleDict({
            "w1": nn.Linear(2 * UNITS, 2 * UNITS, bias=False),
            "w2": nn.Linear(2 * UNITS, 1, bias=False),
        })
        self.classifier = nn.Linear(2 * UNITS, CLASSES)

    def forward(self, ids, mask, types):
        with torch.no_grad():
            states = self.bert(ids, attention_mask=mask, token_type_ids=types).last_hidden_state
        packed = pack_padded_sequence(states, mask.sum(1), batch_first=True, enforce_sorted=False)
        features = []
        for text, length in zip(pad_packed_sequence(self.lstm(packed)[0], batch_first=True)[0], mask.sum(1)):
            h = text[:length]
            attention = self.pooling["w2"](torch.tanh(self.pooling["w1"](h))).softmax(0)
            features.append((attention * h).sum(0))
        return self.classifier(torch.stack(features))


def main():
    generator = torch.Generator().manual_seed(3)
    config = BertConfig(
        vocab_size=30, hidden_size=8, num_hidden_layers=2, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    model = BertFeat(config)
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            noise = torch.randn(tensor.shape, generator=generator)
            tensor.copy_(1 + 0.2 * noise if "LayerNorm.weight" in name else 0.5 * noise)
    values = {f"parameter.{name}": tensor.detach().clone() for name, tensor in model.named_parameters()}
    model = model.double().eval()

    ids = torch.randint(1, config.vocab_size, (len(LENGTHS), T), generator=generator)
    mask = (torch.arange(T) < torch.tensor(LENGTHS)[:, None]).long()
    ids = ids * mask
    types = (torch.arange(T) >= torch.tensor(LENGTHS)[:, None] // 2).long() * mask
    labels = torch.tensor([2, 0, 1, 2])
    logits = model(ids, mask, types)
    loss = nn.functional.cross_entropy(logits, labels)
    loss.backward()
    trained = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    assert not any(name.startswith("bert.") for name in trained)
    values |= {f"gradient.{name}": gradient for name, gradient in trained.items()}
    values |= {"logits": logits.detach(), "loss": loss.detach()}
    tensors = {name: value.float().contiguous() for name, value in values.items()}
    tensors |= {"ids": ids.int(), "mask": mask.int(), "type_ids": types.int(), "labels": labels.int()}

    HERE.mkdir(exist_ok=True)
    save_file(tensors, HERE / "values.safetensors")
    (HERE / "config.json").write_text(json.dumps(config.to_dict(), indent=2) + "\n")
    print("loss", loss.item(), {name: round(gradient.norm().item(), 4) for name, gradient in trained.items()})


if __name__ == "__main__":
    main()
