extension FileFormat {
    /// The ending that files of the format usually have, without the dot.
    public var fileExtension: String {
        switch self {
        case .safetensors: "safetensors"
        case .pytorch: "pt"
        case .npy: "npy"
        case .npz: "npz"
        case .gguf: "gguf"
        case .pickle: "pkl"
        }
    }

    /// The format that a path asks for by its ending; `nil` if it asks for none.
    ///
    /// For files that are to be written. What an existing file is, its content says.
    public init?(path: String) {
        let name = path.split(separator: "/").last ?? ""
        guard let dot = name.lastIndex(of: ".") else { return nil }
        self.init(name: String(name[name.index(after: dot)...]))
    }

    /// The format of a name that users give it: its own, or an ending.
    public init?(name: String) {
        switch name.lowercased() {
        case "safetensors": self = .safetensors
        case "pt", "pth", "ckpt", "bin", "pytorch": self = .pytorch
        case "npy": self = .npy
        case "npz": self = .npz
        case "gguf": self = .gguf
        case "pkl", "pickle", "pdparams", "pdopt": self = .pickle
        default: return nil
        }
    }
}
