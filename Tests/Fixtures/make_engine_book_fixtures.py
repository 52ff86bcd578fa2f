#!/usr/bin/env python3
"""Writes the figures for recurrent layers, transformers and the rest of the engine's layers and functions, made by PyTorch:
engine/book.json.

Run as `python3 make_engine_book_fixtures.py`; made with PyTorch 2.13.0 on the CPU. Numbers are float32 to nine digits, which is in full.
"""
import json
import pathlib
import warnings

import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

here = pathlib.Path(__file__).parent / "engine"
torch.manual_seed(11)
torch.set_num_threads(1)
warnings.simplefilter("ignore")
x = torch.randn


def number(value):
    """Nine digits tell all float32 apart."""
    return float(f"{value:.9g}") if isinstance(value, float) else value


def packed(t):
    t = t.detach()
    return {"shape": list(t.shape), "dtype": str(t.dtype)[6:], "data": [number(v) for v in t.reshape(-1).tolist()]}


def flat(out):
    return [t for part in out for t in flat(part)] if isinstance(out, (tuple, list)) else [out]


def case(name, function, *inputs, module=None):
    """Outputs and gradients of `function`, a module or one that uses it, for `inputs`."""
    module = module if module is not None else function if isinstance(function, nn.Module) else None
    if module is not None:
        with torch.no_grad():
            for p in module.parameters():
                p.add_(torch.randn_like(p) * 0.2)
    leaves = [i.clone().requires_grad_(i.is_floating_point()) for i in inputs]
    outputs = flat(function(*leaves))
    gradients = [torch.randn_like(o) if o.is_floating_point() and o.requires_grad else None for o in outputs]
    pairs = [(o, g) for o, g in zip(outputs, gradients) if g is not None]
    if pairs:
        torch.autograd.backward([o for o, _ in pairs], [g for _, g in pairs])
    return {
        "name": name, "printed": repr(module) if module is not None else None,
        "state": [[k, packed(v)] for k, v in module.state_dict().items()] if module is not None else [],
        "inputs": [packed(i) for i in inputs], "outputs": [packed(o) for o in outputs],
        "gradients": [packed(g) if g is not None else None for g in gradients],
        "inputGradients": [packed(i.grad) if i.grad is not None else None for i in leaves],
        "parameterGradients": {k: packed(p.grad) for k, p in module.named_parameters() if p.grad is not None}
        if module is not None else {},
    }


def by_lengths(layer, lengths):
    def run(sequences, *state):
        given = state[0] if len(state) == 1 else tuple(state) if state else None
        out, last = layer(pack_padded_sequence(sequences, lengths, enforce_sorted=False), given)
        return pad_packed_sequence(out, total_length=sequences.shape[0])[0], last
    return run


def stacked(kind, **options):
    return kind(3, 4, num_layers=2, bidirectional=True, **options)


cases = []
for kind in (nn.RNN, nn.LSTM, nn.GRU):
    title = kind.__name__.lower()
    cells = (x(4, 3, 4),) if kind is nn.LSTM else ()
    cases += [
        case(title, kind(3, 5), x(6, 2, 3)),
        case(f"{title} of one sequence, no bias, batch first", kind(3, 5, bias=False, batch_first=True), x(6, 3)),
        case(f"{title} stacked", (layer := stacked(kind)) and (lambda s, h, *c, l=layer: l(s, (h, *c) if c else h)),
             x(5, 3, 3), x(4, 3, 4), *cells, module=layer),
        case(f"{title} by lengths", by_lengths((layer := stacked(kind)), [3, 5, 1]), x(5, 3, 3), x(4, 3, 4), *cells,
             module=layer),
        case(f"{title} of many", kind(3, 18), x(4, 7, 3)),
    ]
cases += [
    case("rnn of relu", nn.RNN(3, 5, nonlinearity="relu"), x(6, 2, 3)),
    case("rnn cell", nn.RNNCell(3, 4, nonlinearity="relu"), x(2, 3), x(2, 4)),
    case("gru cell", nn.GRUCell(3, 4, bias=False), x(2, 3), x(2, 4)),
    case("lstm cell", (layer := nn.LSTMCell(3, 4)) and (lambda i, h, c, l=layer: l(i, (h, c))), x(2, 3), x(2, 4), x(2, 4),
         module=layer),
    case("conv1d", nn.Conv1d(4, 6, 3, stride=2, padding=1, dilation=2, groups=2), x(2, 4, 9)),
    case("conv1d of one", nn.Conv1d(2, 3, 2, bias=False), x(2, 5)),
    case("conv2d of one place", nn.Conv2d(5, 7, 1), x(3, 5, 4, 3)),
    case("conv2d of one place, strided", nn.Conv2d(5, 4, 1, stride=2), x(3, 5, 5, 4)),
    case("conv2d depthwise", nn.Conv2d(6, 6, 3, padding=1, groups=6), x(3, 6, 5, 19)),
    case("conv2d depthwise, strided, two filters each",
         nn.Conv2d(3, 6, (3, 2), stride=2, padding=(2, 1), dilation=(1, 2), groups=3), x(2, 3, 7, 8)),
    case("conv2d of many images", nn.Conv2d(3, 5, 3, padding=1), x(9, 3, 6, 7)),
    case("conv transpose 2d", nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), x(2, 4, 3, 4)),
    case("conv transpose 2d dilated", nn.ConvTranspose2d(3, 2, (2, 3), dilation=2, bias=False), x(2, 3, 4, 3)),
    case("max pool 1d", nn.MaxPool1d(3, stride=2, padding=1), x(2, 3, 8)),
    case("avg pool 1d", nn.AvgPool1d(2), x(2, 3, 8)),
    case("adaptive avg pool 1d", nn.AdaptiveAvgPool1d(3), x(2, 3, 7)),
    case("adaptive max pool 2d", nn.AdaptiveMaxPool2d((2, 3)), x(2, 2, 5, 7)),
    case("group norm", nn.GroupNorm(2, 6), x(2, 6, 3, 2)),
    case("rms norm", nn.RMSNorm(6), x(3, 6)),
    case("rms norm with epsilon", nn.RMSNorm((2, 3), eps=1e-3), x(4, 2, 3)),
    case("prelu", nn.PReLU(3), x(2, 3, 4)),
    case("mish", nn.Mish(), x(3, 4) * 3), case("relu6", nn.ReLU6(), x(3, 4) * 5),
    case("hardsigmoid", nn.Hardsigmoid(), x(3, 4) * 3), case("hardswish", nn.Hardswish(), x(3, 4) * 3),
    case("selu", nn.SELU(), x(3, 4)), case("log sigmoid", nn.LogSigmoid(), x(3, 4) * 5),
    case("glu", nn.GLU(), x(3, 6)),
    case("unflatten", nn.Unflatten(1, (2, 3)), x(2, 6)),
    case("upsample nearest", nn.Upsample(scale_factor=2.0), x(1, 2, 3, 2)),
    case("upsample bilinear", nn.Upsample(size=(5, 7), mode="bilinear"), x(1, 2, 3, 4)),
    case("upsample bilinear aligned", lambda i: F.interpolate(i, size=(5, 3), mode="bilinear", align_corners=True),
         x(1, 2, 3, 4)),
    case("encoder layer", nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), x(5, 2, 8)),
    case("encoder layer, norm first", nn.TransformerEncoderLayer(
        8, 4, 16, dropout=0.0, activation="gelu", batch_first=True, norm_first=True), x(2, 5, 8)),
    case("encoder", nn.TransformerEncoder(nn.TransformerEncoderLayer(8, 2, 12, dropout=0.0), 2, nn.LayerNorm(8)), x(4, 2, 8)),
    case("decoder layer", (layer := nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0)) and (
        lambda t, m, l=layer: l(t, m, tgt_mask=nn.Transformer.generate_square_subsequent_mask(t.shape[0]))),
        x(4, 2, 8), x(6, 2, 8), module=layer),
    case("decoder layer, norm first", nn.TransformerDecoderLayer(8, 2, 16, dropout=0.0, norm_first=True),
         x(4, 2, 8), x(6, 2, 8)),
    case("attention", F.scaled_dot_product_attention, x(2, 3, 4, 6), x(2, 3, 5, 6), x(2, 3, 5, 7)),
    case("attention, causal", lambda q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True),
         x(2, 4, 6), x(2, 4, 6), x(2, 4, 6)),
    case("attention with a mask", lambda q, k, v: F.scaled_dot_product_attention(
        q, k, v, attn_mask=torch.ones(4, 5, dtype=torch.bool).tril(1), scale=0.3), x(2, 4, 6), x(2, 5, 6), x(2, 5, 6)),
    case("bce", F.binary_cross_entropy, torch.rand(4, 3), torch.rand(4, 3)),
    case("smooth l1", lambda i, t: F.smooth_l1_loss(i, t, beta=0.7), x(4, 3) * 2, x(4, 3)),
    case("kl div", lambda i, t: F.kl_div(i.log_softmax(1), t.softmax(1), reduction="batchmean"), x(4, 3), x(4, 3)),
    case("kl div of logarithms", lambda i, t: F.kl_div(i.log_softmax(1), t.log_softmax(1), log_target=True),
         x(4, 3), x(4, 3)),
    case("cosine embedding", lambda a, b: F.cosine_embedding_loss(a, b, torch.tensor([1, -1, -1, 1]), margin=0.1),
         x(4, 3), x(4, 3)),
    case("triplet margin", F.triplet_margin_loss, x(4, 3), x(4, 3), x(4, 3)),
    case("einsum of matrices", lambda a, b: torch.einsum("bij,bjk->bik", a, b), x(2, 3, 4), x(2, 4, 5)),
    case("einsum of attention", lambda a, b: torch.einsum("bqhd,bkhd->bhqk", a, b), x(2, 3, 2, 4), x(2, 5, 2, 4)),
    case("einsum of three", lambda a, b, c: torch.einsum("ij,kj,k->i", a, b, c), x(2, 3), x(4, 3), x(4)),
    case("einsum without an arrow", lambda a, b: torch.einsum("cb,ba", a, b), x(2, 3), x(3, 4)),
    case("einsum with dots", lambda a, b: torch.einsum("...ij,jk->...ik", a, b), x(2, 2, 3, 4), x(4, 5)),
    case("einsum of a diagonal", lambda a: torch.einsum("ii->i", a), x(3, 3)),
    case("einsum outer", lambda a, b: torch.einsum("i,j->ji", a, b), x(3), x(4)),
    case("cumsum", lambda t: t.cumsum(1), x(3, 4, 2)),
    case("flip", lambda t: t.flip([0, 2]), x(3, 4, 2)),
    case("roll", lambda t: t.roll(-5, 1), x(3, 4)),
    case("unbind", lambda t: t.unbind(1), x(3, 4, 2)),
    case("pad", lambda t: F.pad(t, (1, 2, 0, 3), value=0.5), x(2, 3)),
    case("pad less", lambda t: F.pad(t, (-1, 2)), x(2, 3)),
    case("pad reflecting", lambda t: F.pad(t, (2, 1, 1, 1), mode="reflect"), x(1, 2, 3, 4)),
    case("pad replicating", lambda t: F.pad(t, (2, 1), mode="replicate"), x(1, 2, 3)),
    case("pad circular", lambda t: F.pad(t, (2, 1), mode="circular"), x(1, 2, 3)),
    case("meshgrid", lambda a, b: torch.meshgrid(a, b, indexing="ij"), x(3), x(2)),
    case("norms", lambda t: [torch.linalg.vector_norm(t, p, dim=1) for p in (0, 1, 2, 3, float("inf"))], x(3, 4)),
    case("normalize", F.normalize, x(3, 4)),
    case("cosine similarity", F.cosine_similarity, x(3, 4), x(3, 4)),
    case("scatter", lambda t, v: t.scatter(1, torch.tensor([[0, 3], [2, 1]]), v), x(3, 4), x(2, 2)),
    case("index put", lambda t, v: t.clone().index_put((torch.tensor([2, 0]),), v), x(3, 4), x(2, 4)),
    case("median", lambda t: t.median(1), x(3, 4)),
    case("quantile", lambda t: torch.quantile(t, 0.3, dim=1), x(3, 6)),
    case("diagonal", lambda t: t.diagonal(1), x(3, 4)),
    case("slices", lambda t: [t[1:3], t[2], t[:, 1:], t[1] * 2], x(4, 3)),
    case("unfold", lambda t: F.unfold(t, (2, 3), padding=1, stride=2), x(2, 2, 4, 5)),
]


def schedule(name, make, steps, metrics=None):
    parameter = nn.Parameter(torch.zeros(1))
    optimizer = torch.optim.SGD([parameter], lr=0.4)
    scheduler = make(optimizer)
    rates = [optimizer.param_groups[0]["lr"]]
    for step in range(steps):
        optimizer.step()
        scheduler.step(*([metrics[step]] if metrics else []))
        rates.append(optimizer.param_groups[0]["lr"])
    return {"name": name, "rates": rates}


S = torch.optim.lr_scheduler
measures = [1.0, 0.9, 0.95, 0.9, 0.89999, 0.91, 0.92, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.6, 0.6]
schedules = [
    schedule("one cycle", lambda o: S.OneCycleLR(o, 2.0, total_steps=20), 19),
    schedule("one cycle linear", lambda o: S.OneCycleLR(o, 2.0, total_steps=17, pct_start=0.4, anneal_strategy="linear"), 16),
    schedule("restarts", lambda o: S.CosineAnnealingWarmRestarts(o, 3, 2, eta_min=0.01), 25),
    schedule("restarts of one length", lambda o: S.CosineAnnealingWarmRestarts(o, 4), 15),
    schedule("polynomial", lambda o: S.PolynomialLR(o, 6, 2.0), 9),
    schedule("cyclic", lambda o: S.CyclicLR(o, 0.1, 0.7, 3, 5), 20),
    schedule("sequence", lambda o: S.SequentialLR(
        o, [S.LinearLR(o, 0.1, total_iters=4), S.ExponentialLR(o, 0.9)], [4]), 10),
    schedule("plateau", lambda o: S.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1), 15, measures),
    schedule("plateau of most", lambda o: S.ReduceLROnPlateau(
        o, mode="max", patience=1, threshold=0.05, threshold_mode="abs", min_lr=0.01), 15, measures),
]
(here / "book.json").write_text(json.dumps({"cases": cases, "schedules": schedules}, separators=(",", ":")))
