extension Module {
    /// Makes modules whose parameters get no first values, as they are to be loaded: `Module.withoutInitialization {
    /// BERT(config) }`.
    ///
    /// No ``Initializer`` writes anything, no number is taken from a generator, and parameters of layers are 0 until
    /// something is loaded. Tensors that a module makes by other means, such as `Tensor.ones`, are as ever. Holds within
    /// `body` and the tasks it makes.
    public static func withoutInitialization<Result, Failure: Error>(
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        // The function that sets a task-local value does not know typed errors.
        let result: Swift.Result<Result, Failure> = Initializer.$isSkipped.withValue(true) {
            do throws(Failure) { return .success(try body()) } catch { return .failure(error) }
        }
        return try result.get()
    }
}
