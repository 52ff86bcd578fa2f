/// What the command line says.
struct Settings {
    var registry = "modelreg.db"
    var model = "digits"
    var run = "baseline"
    var data = "Examples/Digits/digits.npz"
    var epochs = 20
    var threads = 1
    var optimizer = "adamw"
    /// Steps between checkpoints; `nil` for one at the end of each epoch.
    var every: Int?
    var crashAtStep: Int?
    var evaluate: String?
    var pauseMicroseconds = 0

    static let usage = """
        usage: Digits [--registry FILE] [--model NAME] [--run NAME] [--data FILE] [--epochs N] [--threads N]
                      [--every STEPS] [--optimizer adamw|adam|sgd|rmsprop] [--crash-at-step N] [--pause MICROSECONDS]
               Digits --evaluate REFERENCE [--registry FILE] [--data FILE]

        Trains a network on handwritten digits, saves as it goes, and goes on where it was if it is started again.
        """

    /// - Throws: ``DataError`` for what cannot be understood.
    init(_ arguments: [String]) throws {
        var rest = arguments[...]
        while let option = rest.popFirst() {
            guard let value = rest.popFirst() else { throw DataError(description: Settings.usage) }
            switch (option, Int(value)) {
            case ("--registry", _): registry = value
            case ("--model", _): model = value
            case ("--run", _): run = value
            case ("--data", _): data = value
            case ("--optimizer", _): optimizer = value
            case ("--evaluate", _): evaluate = value
            case ("--epochs", let number?) where number > 0: epochs = number
            case ("--threads", let number?): threads = number
            case ("--every", let number?) where number > 0: every = number
            case ("--crash-at-step", let number?): crashAtStep = number
            case ("--pause", let number?): pauseMicroseconds = number
            default: throw DataError(description: Settings.usage)
            }
        }
    }
}
