internal import CKernels

// The kernels of recurrent layers and of products for one element type, so that a sequence is written once.
protocol RecurrentScalar: ComputeScalar {
    typealias Elements = UnsafeMutablePointer<Self>
    typealias Active = UnsafePointer<UInt8>?

    static var gemm:
        (
            Int, Int, Int, UnsafePointer<Self>?, Int, Int, UnsafePointer<Self>?, Int, Int, Elements?, Int,
            mr_gemm_start,
            UnsafePointer<Self>?
        ) -> Void
    { get }
    static var lstmStep:
        (
            Int, Int, Active, Elements?, UnsafePointer<Self>?, UnsafePointer<Self>?, Elements?, Elements?,
            Elements?
        ) -> Void
    { get }
    static var lstmSlope:
        (
            Int, Int, Active, UnsafePointer<Self>?, UnsafePointer<Self>?, UnsafePointer<Self>?,
            UnsafePointer<Self>?,
            Elements?, Elements?, Elements?
        ) -> Void
    { get }
    static var gruStep:
        (
            Int, Int, Active, Elements?, UnsafePointer<Self>?, UnsafePointer<Self>?, Elements?, Elements?
        ) -> Void
    { get }
    static var gruSlope:
        (
            Int, Int, Active, UnsafePointer<Self>?, UnsafePointer<Self>?, UnsafePointer<Self>?,
            UnsafePointer<Self>?,
            Elements?, Elements?, Elements?
        ) -> Void
    { get }
    static var rnnStep:
        (
            Int32, Int, Int, Active, UnsafePointer<Self>?, UnsafePointer<Self>?, Elements?, Elements?
        ) -> Void
    { get }
    static var rnnSlope:
        (
            Int32, Int, Int, Active, UnsafePointer<Self>?, UnsafePointer<Self>?, Elements?, Elements?
        ) -> Void
    { get }
}

extension Float: RecurrentScalar {
    static var gemm:
        (
            Int, Int, Int, UnsafePointer<Float>?, Int, Int, UnsafePointer<Float>?, Int, Int,
            UnsafeMutablePointer<Float>?, Int, mr_gemm_start, UnsafePointer<Float>?
        ) -> Void
    { mr_sgemm }
    static var lstmStep:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafeMutablePointer<Float>?, UnsafePointer<Float>?,
            UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?,
            UnsafeMutablePointer<Float>?
        ) -> Void
    { mr_lstm_step_f32 }
    static var lstmSlope:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
            UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?,
            UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
        ) -> Void
    { mr_lstm_slope_f32 }
    static var gruStep:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafeMutablePointer<Float>?, UnsafePointer<Float>?,
            UnsafePointer<Float>?, UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
        ) -> Void
    { mr_gru_step_f32 }
    static var gruSlope:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
            UnsafePointer<Float>?, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?,
            UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
        ) -> Void
    { mr_gru_slope_f32 }
    static var rnnStep:
        (
            Int32, Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
            UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
        ) -> Void
    { mr_rnn_step_f32 }
    static var rnnSlope:
        (
            Int32, Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Float>?, UnsafePointer<Float>?,
            UnsafeMutablePointer<Float>?, UnsafeMutablePointer<Float>?
        ) -> Void
    { mr_rnn_slope_f32 }
}

extension Double: RecurrentScalar {
    static var gemm:
        (
            Int, Int, Int, UnsafePointer<Double>?, Int, Int, UnsafePointer<Double>?, Int, Int,
            UnsafeMutablePointer<Double>?, Int, mr_gemm_start, UnsafePointer<Double>?
        ) -> Void
    { mr_dgemm }
    static var lstmStep:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafeMutablePointer<Double>?, UnsafePointer<Double>?,
            UnsafePointer<Double>?, UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?,
            UnsafeMutablePointer<Double>?
        ) -> Void
    { mr_lstm_step_f64 }
    static var lstmSlope:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
            UnsafePointer<Double>?, UnsafePointer<Double>?, UnsafeMutablePointer<Double>?,
            UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?
        ) -> Void
    { mr_lstm_slope_f64 }
    static var gruStep:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafeMutablePointer<Double>?, UnsafePointer<Double>?,
            UnsafePointer<Double>?, UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?
        ) -> Void
    { mr_gru_step_f64 }
    static var gruSlope:
        (
            Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
            UnsafePointer<Double>?, UnsafePointer<Double>?, UnsafeMutablePointer<Double>?,
            UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?
        ) -> Void
    { mr_gru_slope_f64 }
    static var rnnStep:
        (
            Int32, Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
            UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?
        ) -> Void
    { mr_rnn_step_f64 }
    static var rnnSlope:
        (
            Int32, Int, Int, UnsafePointer<UInt8>?, UnsafePointer<Double>?, UnsafePointer<Double>?,
            UnsafeMutablePointer<Double>?, UnsafeMutablePointer<Double>?
        ) -> Void
    { mr_rnn_slope_f64 }
}
