#if Web
import Foundations
import NIOCore
import NIOHTTP1
import NIOPosix
import Pages

/// Answers the requests of one connection, one after the other.
final class RequestHandler: ChannelInboundHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundOut = HTTPServerResponsePart

    private let state: ServerState
    private var head: HTTPRequestHead?

    init(_ state: ServerState) { self.state = state }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
            // A body that nobody wants is not waited for.
            if case .refused = state.rules.verdict(head) { respond(context) }
        case .body: break
        case .end: respond(context)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func respond(_ context: ChannelHandlerContext) {
        guard let head else { return }
        self.head = nil
        context.triggerUserOutboundEvent(HeadLimitHandler.Phase.answering, promise: nil)
        switch state.rules.verdict(head) {
        case .refused(let status, let text):
            var answer = ServerAnswer(
                status: status, contentType: "text/plain; charset=utf-8", Array((text + "\n").utf8))
            if status == .methodNotAllowed { answer.headers.add(name: "Allow", value: "GET, HEAD") }
            answer.closes = true
            write(answer, to: head, context)
        case .session:
            var answer = ServerAnswer(status: .noContent, contentType: nil, [])
            answer.headers.add(
                name: "Set-Cookie",
                value: "\(RequestRules.cookie)=\(state.options.token ?? ""); Path=/; HttpOnly; SameSite=Strict")
            write(answer, to: head, context)
        case .signIn:
            write(
                ServerAnswer(
                    status: .unauthorized, contentType: PageAnswer.html, Array(SignIn.page.markup.utf8)),
                to: head, context)
        case .allowed: ask(head, context)
        }
    }

    /// Makes the answer on another thread.
    private func ask(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let state = state
        let answer = state.threads.runIfActive(eventLoop: context.eventLoop) { () -> PageAnswer in
            if head.uri == "/sign-in.js" {
                return PageAnswer(
                    contentType: "text/javascript; charset=utf-8", body: .bytes(Array(SignIn.javaScript.utf8)))
            }
            return state.site.answer(to: head.uri)
        }
        answer.whenComplete { result in
            let (handler, context) = bound.value
            guard case .success(let page) = result else { return context.close(promise: nil) }
            switch page.body {
            case .bytes(let bytes):
                var answer = ServerAnswer(
                    status: HTTPResponseStatus(statusCode: page.status), contentType: page.contentType, bytes)
                answer.name(page.fileName)
                answer.tag(page.entityTag, unless: head)
                handler.write(answer, to: head, context)
            case .export(let export): handler.send(export, page, to: head, context)
            }
        }
    }

    // MARK: Writing

    private func write(_ answer: ServerAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        guard context.channel.isActive else { return }
        let keepsAlive = head.isKeepAlive && !answer.closes
        var response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.headers)
        response.headers.add(name: "Connection", value: keepsAlive ? "keep-alive" : "close")
        if answer.status != .notModified, answer.status != .noContent {
            response.headers.add(name: "Content-Length", value: "\(answer.bytes.count)")
        }
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        if head.method != .HEAD, !answer.bytes.isEmpty, answer.status != .notModified {
            let buffer = context.channel.allocator.buffer(bytes: answer.bytes)
            context.write(wrapOutboundOut(.body(.byteBuffer(buffer))), promise: nil)
        }
        finish(keepsAlive, context)
    }

    private func finish(_ keepsAlive: Bool, _ context: ChannelHandlerContext) {
        let bound = NIOLoopBound(context, eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.end(nil))).whenComplete { _ in
            let context = bound.value
            context.triggerUserOutboundEvent(HeadLimitHandler.Phase.waiting, promise: nil)
            if !keepsAlive { context.close(promise: nil) }
        }
    }

    // MARK: Files

    private func send(
        _ export: PageExport, _ page: PageAnswer, to head: HTTPRequestHead, _ context: ChannelHandlerContext
    ) {
        let bound = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let state = state
        let made = state.exportThreads.runIfActive(eventLoop: context.eventLoop) {
            try state.exports.file(export, state.site)
        }
        made.whenComplete { result in
            let (handler, context) = bound.value
            switch result {
            case .failure(let error):
                let failure = PageSite.failure(error, asJSON: true)
                guard case .bytes(let bytes) = failure.body else { return context.close(promise: nil) }
                handler.write(
                    ServerAnswer(
                        status: HTTPResponseStatus(statusCode: failure.status),
                        contentType: failure.contentType, bytes),
                    to: head, context)
            case .success(let file): handler.send(file, export, page, to: head, context)
            }
        }
    }

    private func send(
        _ file: ExportedFile, _ export: PageExport, _ page: PageAnswer, to head: HTTPRequestHead,
        _ context: ChannelHandlerContext
    ) {
        var answer = ServerAnswer(status: .ok, contentType: page.contentType, [])
        answer.name(page.fileName)
        answer.headers.replaceOrAdd(name: "Accept-Ranges", value: "bytes")
        answer.tag(export.entityTag, unless: head)
        if answer.status == .notModified { return write(answer, to: head, context) }
        let isStale = head.headers.first(name: "if-range").map { $0 != export.entityTag } ?? false
        var range = 0..<file.byteCount
        switch isStale ? .whole : ByteRange(head.headers["range"], byteCount: file.byteCount) {
        case .whole: break
        case .part(let part):
            answer.status = .partialContent
            answer.headers.add(
                name: "Content-Range",
                value: "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(file.byteCount)")
            range = part
        case .impossible:
            answer.status = .rangeNotSatisfiable
            answer.headers.add(name: "Content-Range", value: "bytes */\(file.byteCount)")
            return write(answer, to: head, context)
        }
        guard context.channel.isActive else { return }
        var response = HTTPResponseHead(version: .http1_1, status: answer.status, headers: answer.headers)
        response.headers.add(name: "Connection", value: head.isKeepAlive ? "keep-alive" : "close")
        response.headers.add(name: "Content-Length", value: "\(range.count)")
        context.write(wrapOutboundOut(.head(response)), promise: nil)
        guard head.method != .HEAD, let handle = file.open() else { return finish(head.isKeepAlive, context) }
        sendParts(of: handle, range, head.isKeepAlive, context)
    }

    /// A part after the other is there: so a slow client is told from one that has gone.
    private func sendParts(
        of handle: NIOFileHandle, _ range: Range<Int>, _ keepsAlive: Bool, _ context: ChannelHandlerContext
    ) {
        guard !range.isEmpty else {
            try? handle.close()
            return finish(keepsAlive, context)
        }
        let part = range.prefix(1 << 20)
        let region = FileRegion(fileHandle: handle, readerIndex: part.lowerBound, endIndex: part.upperBound)
        let bound = NIOLoopBound((self, context, handle), eventLoop: context.eventLoop)
        context.writeAndFlush(wrapOutboundOut(.body(.fileRegion(region)))).whenComplete { result in
            let (handler, context, handle) = bound.value
            guard case .success = result else {
                try? handle.close()
                return context.close(promise: nil)
            }
            handler.sendParts(of: handle, part.upperBound..<range.upperBound, keepsAlive, context)
        }
    }
}
#endif
