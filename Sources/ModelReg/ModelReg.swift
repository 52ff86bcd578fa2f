// The umbrella: one import for users of the library, and what needs more than one of the layers below.
@_exported public import Checkpoints
@_exported public import Expressions
@_exported public import Formats
@_exported public import ModelRegistry
@_exported public import NN
@_exported public import OrderedCollections
@_exported public import Tensors
@_exported public import WeightDiff

@_exported public import enum Remotes.RemoteError
@_exported public import enum TensorCodec.EncodingEffort
