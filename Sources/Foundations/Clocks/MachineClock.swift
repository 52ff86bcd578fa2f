import Glibc

/// A clock that nobody sets.
package enum MachineClock {
    /// Seconds since the machine started, also those that it slept.
    package static func seconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_BOOTTIME, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// The start of the machine that ``seconds()`` counts from; `nil` where the system does not say.
    package static let boot: String? = SmallFile.text("/proc/sys/kernel/random/boot_id").map {
        String($0.prefix { $0 != "\n" })
    }
}
