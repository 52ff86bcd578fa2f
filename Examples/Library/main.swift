import ModelReg

let registry = try Registry(path: "models.db")

// Tensors, lists, dictionaries, state dicts and nested checkpoints are saved alike.
let embedding = Tensor([Float](repeating: 0.5, count: 12), shape: [4, 3])
let weights: StateDict = [
    "embedding.weight": embedding,
    "head.weight": embedding,  // tied: one storage, and so again after loading
    "head.bias": Tensor([Float](repeating: 0, count: 4)),
]
let first = try registry.save(weights, as: "lm", message: "baseline")

// A version loads whole or in part.
let back: StateDict = try registry.load("lm")
let bias: StateDict = try registry.load("lm:v1", only: ["*.bias"])
print(first.version.reference, back.names, bias.names)

// Files of PyTorch, safetensors and NumPy go in and out, folders of models too.
try registry.saveFile("Examples/data/mlp-step-100.pt", as: "mlp")
try registry.exportFile("mlp", to: "mlp.safetensors")
try registry.setAlias("best", to: "mlp:v1")
print(try registry.diff("lm", "mlp:best").changes.count, "changes")
for version in try registry.versions(of: "lm") { print(version.reference, version.contentID.short) }
