"""Makes the golden files in tests/golden/pretraining with PyTorch and Hugging Face transformers.

    pip install torch transformers safetensors
    python tests/golden/make_pretraining.py

tiny/            a random BertForPreTraining (V 200, L 2, H 32, N 4) as transformers saves it
tiny.safetensors   a batch of pairs of texts with masked places (mlm_labels is -100 elsewhere), and what the model
                 makes of it: logits, the loss at each masked place, both losses, and the gradient by parameter of
                 their sum (gradient.*) and of BertForMaskedLM's loss alone (mlm_gradient.*)

Everything is computed in float64, so that the stored values carry no rounding but that to float32.
"""

import shutil
from pathlib import Path

import torch
from make_bert import draw_batch, randomize
from safetensors.torch import save_file
from transformers import BertConfig, BertForMaskedLM, BertForPreTraining

HERE = Path(__file__).parent / "pretraining"
IGNORED = -100


def draw_masked(generator, mask):
    """About a third of the real tokens, more in some sequences than in others; the first one, [CLS], never."""
    places = torch.rand(mask.shape, generator=generator) < 0.35
    places[:, 0] = False
    return places & mask.bool()


def gradients(model, loss, prefix):
    model.zero_grad()
    loss.backward()
    return {f"{prefix}.{name}": p.grad.clone() for name, p in model.named_parameters()}


def main():
    generator = torch.Generator().manual_seed(3)
    config = BertConfig(
        vocab_size=200, hidden_size=32, num_hidden_layers=2, num_attention_heads=4, intermediate_size=64,
        max_position_embeddings=24, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
        attn_implementation="eager",
    )
    randomize(BertForPreTraining(config), generator).save_pretrained(HERE / "tiny")
    model = BertForPreTraining.from_pretrained(HERE / "tiny", attn_implementation="eager").double()
    masked_lm = BertForMaskedLM.from_pretrained(HERE / "tiny", attn_implementation="eager").double()

    ids, mask, types, nsp_labels = draw_batch(generator, config, 4, 16)
    places = draw_masked(generator, mask)
    inputs = {"input_ids": ids, "attention_mask": mask, "token_type_ids": types}
    logits = model(**inputs).prediction_logits
    # At every other masked place the model is right.
    words = torch.randint(0, config.vocab_size, (int(places.sum()),), generator=generator)
    words[::2] = logits[places].argmax(-1)[::2]
    mlm_labels = torch.full_like(ids, IGNORED)
    mlm_labels[places] = words

    output = model(**inputs, labels=mlm_labels, next_sentence_label=nsp_labels)
    values = gradients(model, output.loss, "gradient")
    mlm = masked_lm(**inputs, labels=mlm_labels)
    values |= gradients(masked_lm, mlm.loss, "mlm_gradient")
    losses = torch.nn.functional.cross_entropy(output.prediction_logits[places], words, reduction="none")
    nsp_loss = torch.nn.functional.cross_entropy(output.seq_relationship_logits, nsp_labels)
    assert torch.allclose(mlm.loss + nsp_loss, output.loss)
    values |= {
        "prediction_logits": output.prediction_logits, "nsp_logits": output.seq_relationship_logits,
        "mlm_losses": losses, "loss": output.loss, "mlm_loss": mlm.loss, "nsp_loss": nsp_loss,
    }
    tensors = {name: value.detach().float().contiguous() for name, value in values.items()}
    correct = output.prediction_logits[places].argmax(-1) == words
    integers = {
        "ids": ids, "mask": mask, "type_ids": types, "mlm_labels": mlm_labels, "nsp_labels": nsp_labels,
        "mlm_correct": correct,
    }
    save_file(tensors | {name: tensor.int() for name, tensor in integers.items()}, HERE / "tiny.safetensors")
    print(f"{int(places.sum())} masked places by sequence {places.sum(1).tolist()}, {int(correct.sum())} right,")
    print(f"MLM loss {mlm.loss.item():.6f}, NSP loss {nsp_loss.item():.6f}")


if __name__ == "__main__":
    shutil.rmtree(HERE, ignore_errors=True)
    HERE.mkdir(parents=True)
    main()
