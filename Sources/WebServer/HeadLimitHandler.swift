#if Web
import NIOCore

/// Ends connections that send too much, or too slowly: a head has a limit of bytes and of time, and silence has an end.
/// A client that reads slowly is silent, too, if nothing of what is sent to it arrives.
final class HeadLimitHandler: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    private let limit: Int
    private let seconds: Int64
    private let idleSeconds: Int64
    /// Bytes since the last answer was complete.
    private var byteCount = 0
    private var isAnswering = false
    private var timer: Scheduled<Void>?

    init(limit: Int, seconds: Int64, idleSeconds: Int64) {
        self.limit = limit
        self.seconds = seconds
        self.idleSeconds = idleSeconds
    }

    /// Sent through the pipeline when an answer begins and ends.
    enum Phase: Sendable {
        case answering
        case waiting
    }

    func channelActive(context: ChannelHandlerContext) {
        start(context, seconds)
        context.fireChannelActive()
    }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let bytes = unwrapInboundIn(data).readableBytes
        if byteCount == 0, !isAnswering { start(context, seconds) }
        byteCount += bytes
        // Also of requests that are sent ahead of answers.
        guard byteCount <= limit else {
            timer?.cancel()
            context.close(promise: nil)
            return
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let promise = promise ?? context.eventLoop.makePromise(of: Void.self)
        let loop = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        // What has arrived at the other side's system is progress.
        promise.futureResult.whenSuccess { _ in
            let (handler, context) = loop.value
            if handler.isAnswering { handler.start(context, handler.idleSeconds) }
        }
        context.write(data, promise: promise)
    }

    func triggerUserOutboundEvent(context: ChannelHandlerContext, event: Any, promise: EventLoopPromise<Void>?)
    {
        guard let phase = event as? Phase else {
            return context.triggerUserOutboundEvent(event, promise: promise)
        }
        switch phase {
        case .answering:
            isAnswering = true
            // A page may have to wait for others.
            start(context, 4 * idleSeconds)
        case .waiting:
            isAnswering = false
            byteCount = 0
            start(context, idleSeconds)
        }
        promise?.succeed()
    }

    private func start(_ context: ChannelHandlerContext, _ seconds: Int64) {
        timer?.cancel()
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        timer = context.eventLoop.scheduleTask(in: .seconds(seconds)) { bound.value.close(promise: nil) }
    }
}
#endif
