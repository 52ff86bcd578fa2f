/// Times work and prints the fastest and the median of several rounds.
struct Bench {
    /// Texts of which a work's name must contain one; all works run where there are none.
    let wanted: [String]

    /// Prints `{"what": …, "min_us": …, "median_us": …}` for `count` calls of `body` in each of 5 rounds.
    func time(_ name: String, _ count: Int, _ body: () -> Void) {
        guard wanted.isEmpty || wanted.contains(where: { name.contains($0) }) else { return }
        for _ in 0..<min(count, 20) { body() }
        let clock = ContinuousClock()
        let rounds = (0..<5).map { _ in
            let elapsed = clock.measure { for _ in 0..<count { body() } }
            return elapsed / Duration.seconds(1) * 1e6 / Double(count)
        }.sorted()
        print(
            "{\"what\": \"\(name)\", \"min_us\": \(rounded(rounds[0])), \"median_us\": \(rounded(rounds[2]))}")
    }

    private func rounded(_ microseconds: Double) -> Double { (microseconds * 100).rounded() / 100 }
}
