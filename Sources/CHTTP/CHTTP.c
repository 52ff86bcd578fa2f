#include "CHTTP.h"

#include <dlfcn.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

// From curl/curl.h of libcurl 7.88, which says of these numbers that they never change (libcurl.so.4 since 2006).
enum {
    OPTION_WRITE_DATA = 10001,
    OPTION_URL = 10002,
    OPTION_PROXY = 10004,
    OPTION_READ_DATA = 10009,
    OPTION_ERROR_BUFFER = 10010,
    OPTION_WRITE_FUNCTION = 20011,
    OPTION_READ_FUNCTION = 20012,
    OPTION_USER_AGENT = 10018,
    OPTION_LOW_SPEED_LIMIT = 19,
    OPTION_LOW_SPEED_TIME = 20,
    OPTION_HTTP_HEADER = 10023,
    OPTION_HEADER_DATA = 10029,
    OPTION_CUSTOM_REQUEST = 10036,
    OPTION_NO_PROGRESS = 43,
    OPTION_NO_BODY = 44,
    OPTION_UPLOAD = 46,
    OPTION_PROGRESS_DATA = 10057,
    OPTION_VERIFY_PEER = 64,
    OPTION_CA_FILE = 10065,
    OPTION_HEADER_FUNCTION = 20079,
    OPTION_HTTP_GET = 80,
    OPTION_VERIFY_HOST = 81,
    OPTION_HTTP_VERSION = 84,
    OPTION_CA_PATH = 10097,
    OPTION_BUFFER_SIZE = 98,
    OPTION_NO_SIGNAL = 99,
    OPTION_ACCEPT_ENCODING = 10102,
    OPTION_BODY_SIZE = 30115,
    OPTION_CONNECT_TIMEOUT = 156,
    OPTION_SEEK_FUNCTION = 20167,
    OPTION_SEEK_DATA = 10168,
    OPTION_PROTOCOLS = 181,
    OPTION_TCP_KEEPALIVE = 213,
    OPTION_PROGRESS_FUNCTION = 20219,
    OPTION_PATH_AS_IS = 234,
    OPTION_SUPPRESS_CONNECT_HEADERS = 265,
    OPTION_NO_USER_IN_URL = 278,
    OPTION_UPLOAD_BUFFER_SIZE = 280,

    INFO_STATUS = 0x200002,

    GLOBAL_ALL = 3,
    PROTOCOL_HTTP = 1,
    PROTOCOL_HTTPS = 2,
    HTTP_1_1 = 2,

    CODE_OUT_OF_MEMORY = 27,
    CODE_TOO_LARGE = 100,
};

struct curl_list;

static struct {
    int (*global_init)(long flags);
    void *(*init)(void);
    void (*cleanup)(void *easy);
    void (*reset)(void *easy);
    int (*set)(void *easy, int option, ...);
    int (*perform)(void *easy);
    int (*info)(void *easy, int info, ...);
    const char *(*text)(int code);
    struct curl_list *(*append)(struct curl_list *list, const char *text);
    void (*free_list)(struct curl_list *list);
} curl;

static const char *problem;
static char problem_text[512];

static void open_library(void) {
    // Beside OpenSSL's, Debian has builds with GnuTLS under another name; they speak the same.
    static const char *const names[] = {"libcurl.so.4", "libcurl-gnutls.so.4"};
    void *library = NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names && !library; i++) {
        library = dlopen(names[i], RTLD_NOW | RTLD_LOCAL);
        if (!library && i == 0) {
            const char *reason = dlerror();
            snprintf(problem_text, sizeof problem_text, "%s", reason ? reason : "libcurl.so.4 cannot be opened");
        }
    }
    if (!library) {
        problem = problem_text;
        return;
    }
    const struct {
        const char *name;
        void **place;
    } functions[] = {
        {"curl_global_init", (void **)&curl.global_init}, {"curl_easy_init", (void **)&curl.init},
        {"curl_easy_cleanup", (void **)&curl.cleanup},    {"curl_easy_reset", (void **)&curl.reset},
        {"curl_easy_setopt", (void **)&curl.set},         {"curl_easy_perform", (void **)&curl.perform},
        {"curl_easy_getinfo", (void **)&curl.info},       {"curl_easy_strerror", (void **)&curl.text},
        {"curl_slist_append", (void **)&curl.append},     {"curl_slist_free_all", (void **)&curl.free_list},
    };
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
        *functions[i].place = dlsym(library, functions[i].name);
        if (!*functions[i].place) {
            snprintf(problem_text, sizeof problem_text, "libcurl has no %s", functions[i].name);
            problem = problem_text;
            return;
        }
    }
    if (curl.global_init(GLOBAL_ALL) != 0) problem = "libcurl does not start";
}

const char *mr_http_open(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    return problem;
}

struct mr_http {
    void *easy;
};

mr_http *mr_http_make(void) {
    if (mr_http_open()) return NULL;
    mr_http *client = calloc(1, sizeof *client);
    if (!client) return NULL;
    client->easy = curl.init();
    if (!client->easy) {
        free(client);
        return NULL;
    }
    return client;
}

void mr_http_free(mr_http *client) {
    if (!client) return;
    curl.cleanup(client->easy);
    free(client);
}

/// The state that libcurl's callbacks share.
typedef struct {
    const mr_http_request *request;
    const mr_http_observer *observer;
    size_t position;
    uint64_t sent;
    bool is_stopped;
    /// Whether the connection broke after a part of the body was sent.
    bool is_broken;
} exchange;

static size_t take_header(char *bytes, size_t size, size_t count, void *context) {
    exchange *current = context;
    if (current->observer->header(current->observer->context, bytes, size * count)) return size * count;
    current->is_stopped = true;
    return 0;
}

static size_t take_body(char *bytes, size_t size, size_t count, void *context) {
    exchange *current = context;
    if (size * count == 0 || current->observer->body(current->observer->context, bytes, size * count)) {
        return size * count;
    }
    current->is_stopped = true;
    // Any other number than that of the bytes: 0 could be theirs.
    return size * count + 1;
}

static size_t give_body(char *buffer, size_t size, size_t count, void *context) {
    exchange *current = context;
    size_t left = current->request->body_count - current->position;
    size_t part = left < size * count ? left : size * count;
    if (part > 0) memcpy(buffer, (const char *)current->request->body + current->position, part);
    current->position += part;
    return part;
}

/// Refuses to send a body again, which libcurl would do where a kept connection breaks before any answer came: a registry may
/// have a part of it, and would take this for the next.
static int seek_body(void *context, int64_t offset, int origin) {
    exchange *current = context;
    if (origin == SEEK_SET && offset == 0 && current->position == 0) return 0;
    current->is_broken = true;
    return 1;
}

static int note_progress(void *context, int64_t to_get, int64_t got, int64_t to_send, int64_t sent) {
    (void)to_get, (void)got, (void)to_send;
    exchange *current = context;
    if (sent < 0 || (uint64_t)sent == current->sent) return 0;
    current->sent = (uint64_t)sent;
    if (current->observer->sent(current->observer->context, current->sent)) return 0;
    current->is_stopped = true;
    return 1;
}

/// Sends while nobody in this thread is told that the other side has closed a connection: OpenSSL writes to sockets as to
/// pipes, and with OPTION_NO_SIGNAL libcurl leaves the signal for that to us.
static int perform_without_pipe_signals(void *easy) {
    sigset_t pipe_signal, before, pending;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    sigpending(&pending);
    bool was_pending = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    int code = curl.perform(easy);
    if (!was_pending) {
        const struct timespec now = {0, 0};
        while (sigtimedwait(&pipe_signal, NULL, &now) > 0) {
        }
    }
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return code;
}

static mr_http_end end_of(int code) {
    switch (code) {
    case 0: return MR_HTTP_DONE;
    case CODE_OUT_OF_MEMORY: // what libcurl before 8 says of a line above 100 kB
    case CODE_TOO_LARGE: return MR_HTTP_ENDLESS_HEAD;
    case 5:  // the proxy's name does not resolve
    case 6:  // the host's name does not resolve
    case 7:  // no connection
    case 8:  // an answer that is not HTTP
    case 16: // HTTP/2 framing
    case 18: // fewer bytes than announced
    case 28: // too slow
    case 35: // TLS handshake
    case 52: // nothing came
    case 55: // sending
    case 56: // receiving
    case 65: // see seek_body
    case 81: // the socket was not ready
    case 92: // HTTP/2 stream
        return MR_HTTP_CUT;
    case 51: case 53: case 54: case 58: case 59: case 60: case 64: case 66: case 77: case 80: case 82: case 83: case 90:
    case 91: return MR_HTTP_NOT_TRUSTED;
    default: return MR_HTTP_FAILED;
    }
}

mr_http_result mr_http_send(mr_http *client, const mr_http_request *request, const mr_http_observer *observer) {
    mr_http_result result = {.end = MR_HTTP_FAILED};
    exchange current = {.request = request, .observer = observer};
    void *easy = client->easy;
    // Keeps the connections.
    curl.reset(easy);

    struct curl_list *headers = NULL;
    for (size_t i = 0; i <= request->header_count; i++) {
        // Without that, libcurl waits a second for leave to send a body, which many servers do not give.
        const char *line = i < request->header_count ? request->headers[i] : "Expect:";
        struct curl_list *longer = curl.append(headers, line);
        if (!longer) {
            curl.free_list(headers);
            snprintf(result.problem, sizeof result.problem, "out of memory");
            return result;
        }
        headers = longer;
    }

    curl.set(easy, OPTION_ERROR_BUFFER, result.problem);
    curl.set(easy, OPTION_URL, request->url);
    curl.set(easy, OPTION_PROTOCOLS, (long)(PROTOCOL_HTTP | PROTOCOL_HTTPS));
    curl.set(easy, OPTION_HTTP_VERSION, (long)HTTP_1_1);
    curl.set(easy, OPTION_PATH_AS_IS, 1L);
    curl.set(easy, OPTION_NO_USER_IN_URL, 1L);
    curl.set(easy, OPTION_NO_SIGNAL, 1L);
    curl.set(easy, OPTION_TCP_KEEPALIVE, 1L);
    curl.set(easy, OPTION_SUPPRESS_CONNECT_HEADERS, 1L);
    curl.set(easy, OPTION_USER_AGENT, "modelreg");
    curl.set(easy, OPTION_HTTP_HEADER, headers);
    // Asks for bytes as they are, and yet undoes an encoding that comes all the same.
    curl.set(easy, OPTION_ACCEPT_ENCODING, "identity");
    curl.set(easy, OPTION_VERIFY_PEER, 1L);
    curl.set(easy, OPTION_VERIFY_HOST, 2L);
    if (request->certificate_file) curl.set(easy, OPTION_CA_FILE, request->certificate_file);
    if (request->certificate_folder) curl.set(easy, OPTION_CA_PATH, request->certificate_folder);
    if (request->avoids_proxies) curl.set(easy, OPTION_PROXY, "");
    curl.set(easy, OPTION_CONNECT_TIMEOUT, request->connect_timeout_milliseconds);
    curl.set(easy, OPTION_LOW_SPEED_LIMIT, request->least_bytes_per_second);
    curl.set(easy, OPTION_LOW_SPEED_TIME, request->patience_seconds);
    curl.set(easy, OPTION_BUFFER_SIZE, 512L << 10);

    if (request->has_body) {
        curl.set(easy, OPTION_UPLOAD, 1L);
        curl.set(easy, OPTION_UPLOAD_BUFFER_SIZE, 1L << 20);
        curl.set(easy, OPTION_BODY_SIZE, (int64_t)request->body_count);
        curl.set(easy, OPTION_READ_FUNCTION, give_body);
        curl.set(easy, OPTION_READ_DATA, &current);
        curl.set(easy, OPTION_SEEK_FUNCTION, seek_body);
        curl.set(easy, OPTION_SEEK_DATA, &current);
    } else if (strcmp(request->method, "HEAD") == 0) {
        curl.set(easy, OPTION_NO_BODY, 1L);
    } else {
        curl.set(easy, OPTION_HTTP_GET, 1L);
    }
    if (strcmp(request->method, "HEAD") != 0) curl.set(easy, OPTION_CUSTOM_REQUEST, request->method);
    curl.set(easy, OPTION_HEADER_FUNCTION, take_header);
    curl.set(easy, OPTION_HEADER_DATA, &current);
    curl.set(easy, OPTION_WRITE_FUNCTION, take_body);
    curl.set(easy, OPTION_WRITE_DATA, &current);
    curl.set(easy, OPTION_NO_PROGRESS, 0L);
    curl.set(easy, OPTION_PROGRESS_FUNCTION, note_progress);
    curl.set(easy, OPTION_PROGRESS_DATA, &current);

    int code = perform_without_pipe_signals(easy);
    curl.info(easy, INFO_STATUS, &result.status);
    result.end = current.is_stopped ? MR_HTTP_STOPPED : end_of(code);
    if (current.is_broken) snprintf(result.problem, sizeof result.problem, "the connection broke while sending");
    if (code != 0 && !result.problem[0]) snprintf(result.problem, sizeof result.problem, "%s", curl.text(code));
    // They point into this call.
    curl.reset(easy);
    curl.free_list(headers);
    return result;
}
