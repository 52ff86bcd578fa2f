internal import CKernels

/// How the engine uses the machine.
public enum Compute {
    /// Threads that one operation may use, the caller's included, 1 to 64. At first, the available processors.
    ///
    /// Results do not depend on it, except for sums of many elements, whose rounding does.
    public static var threadCount: Int {
        get { Int(mr_thread_count()) }
        set { mr_set_thread_count(Int32(clamping: newValue)) }
    }

    /// Instruction sets that kernels are compiled for, from narrow to wide.
    public enum InstructionSet: UInt32, CaseIterable, Sendable {
        case portable
        case avx2
        case avx512
    }

    /// The instruction set in use: the widest the processor has, or less where it was limited.
    public static var instructionSet: InstructionSet {
        InstructionSet(rawValue: mr_available_level(MR_CPU_IN_USE).rawValue) ?? .portable
    }

    /// Uses at most `limit` from now on, for tests and measurements. Not to be called while tensors are computed.
    ///
    /// It limits all kernels, also those of the codec and of hashes, whose results do not depend on it.
    public static func limit(to limit: InstructionSet) { mr_limit_level(mr_cpu_level(limit.rawValue)) }

    /// Bytes of freed tensors that are kept for the next ones. At most 256 MiB.
    public static var keptByteCount: Int { mr_kept_memory() }

    /// Gives the bytes of freed tensors back to the system.
    public static func releaseKeptMemory() { mr_trim_memory() }

    /// Bytes of living tensors, at most, since ``resetPeak()``.
    public static var peakByteCount: Int { mr_peak_memory() }

    /// Lets ``peakByteCount`` start over from what is alive.
    public static func resetPeak() { mr_reset_peak_memory() }
}
