import Glibc

/// Times work and prints the fastest and the median of several rounds.
struct Bench {
    /// Texts of which a work's name must contain one; all works run where there are none.
    let wanted: [String]

    /// Rounds of each work.
    var roundCount = 5

    /// Whether the work called `name` is to run.
    func wants(_ name: String) -> Bool { wanted.isEmpty || wanted.contains { name.contains($0) } }

    /// Prints `{"what": …, "min_us": …, "median_us": …}` for `count` calls of `body` in each round.
    func time(_ name: String, _ count: Int, _ body: () -> Void) {
        guard wants(name) else { return }
        for _ in 0..<min(count, 20) { body() }
        let clock = ContinuousClock()
        let rounds = (0..<roundCount).map { _ in
            let elapsed = clock.measure { for _ in 0..<count { body() } }
            return elapsed / Duration.seconds(1) * 1e6 / Double(count)
        }.sorted()
        print(
            "{\"what\": \"\(name)\", \"min_us\": \(rounded(rounds[0])), \"median_us\": \(rounded(rounds[roundCount / 2]))}"
        )
    }

    /// Prints `{"what": …, "kib": …}`: the peak memory that `body` adds to the process.
    func memory(_ name: String, _ body: () -> Void) {
        guard wants(name) else { return }
        let before = resident("VmRSS")
        if let file = fopen("/proc/self/clear_refs", "w") {
            // Resets the peak.
            fputs("5", file)
            fclose(file)
        }
        body()
        print("{\"what\": \"\(name)\", \"kib\": \(resident("VmHWM") - before)}")
    }

    /// A field of `/proc/self/status`, in KiB.
    private func resident(_ field: String) -> Int {
        guard let file = fopen("/proc/self/status", "r") else { return 0 }
        defer { fclose(file) }
        var line = [CChar](repeating: 0, count: 256)
        while fgets(&line, Int32(line.count), file) != nil {
            let text = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
            if text.hasPrefix(field) { return Int(text.filter(\.isNumber)) ?? 0 }
        }
        return 0
    }

    private func rounded(_ microseconds: Double) -> Double { (microseconds * 100).rounded() / 100 }
}
