#ifndef CHTTP_H
#define CHTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// HTTP by libcurl, which is opened at run time: who never talks to a registry does not load it, nor needs it installed.
/// Linked, it and its 32 libraries would add 8 ms to the start of every command.

/// Opens libcurl, once. Returns null, or what went wrong, which stays valid.
const char *mr_http_open(void);

/// A client: connections that are kept for the next request. For one thread at a time.
typedef struct mr_http mr_http;

/// Makes a client; null where there is no libcurl or no memory.
mr_http *mr_http_make(void);

/// Closes a client's connections. Null is fine.
void mr_http_free(mr_http *client);

/// A request. Texts end in NUL, and stay the caller's.
typedef struct {
    /// GET, HEAD, PUT, POST, DELETE.
    const char *method;
    /// http:// or https://, without credentials.
    const char *url;
    /// `Name: value`, each.
    const char *const *headers;
    size_t header_count;
    /// Whether the request has a body, which may be empty.
    bool has_body;
    const void *body;
    size_t body_count;
    long connect_timeout_milliseconds;
    /// The request is given up if it moves fewer bytes a second than this, in both directions together, for that many seconds.
    long least_bytes_per_second;
    long patience_seconds;
    /// Whether to ignore the proxies that the environment names.
    bool avoids_proxies;
    /// Certificates to trust: a file and a folder; null for those of the system.
    const char *certificate_file;
    const char *certificate_folder;
} mr_http_request;

/// Functions that are called as an answer arrives. Each gets `context`; the request ends if one returns false.
typedef struct {
    void *context;
    /// One line of the head, with its end; also those of a `100 Continue` before.
    bool (*header)(void *context, const char *line, size_t count);
    /// Bytes of the body, without any encoding that the answer has.
    bool (*body)(void *context, const void *bytes, size_t count);
    /// How many bytes of the request's body have been sent so far.
    bool (*sent)(void *context, uint64_t count);
} mr_http_observer;

/// How a request ended.
typedef enum {
    /// The whole answer was received.
    MR_HTTP_DONE,
    /// An observer said false.
    MR_HTTP_STOPPED,
    /// The connection could not be made, ended early or was too slow. Another try may succeed.
    MR_HTTP_CUT,
    /// The head is longer than libcurl takes.
    MR_HTTP_ENDLESS_HEAD,
    /// The other side cannot prove who it is, or speaks no TLS that we know.
    MR_HTTP_NOT_TRUSTED,
    /// Anything else, such as an address that is none.
    MR_HTTP_FAILED,
} mr_http_end;

typedef struct {
    mr_http_end end;
    /// 0 where none came. Known also for some answers that do not end well.
    long status;
    /// What libcurl says of the end, if it is not the good one. Holds host names, but no paths and no headers.
    char problem[256];
} mr_http_result;

/// Sends a request and waits for its answer. Redirects are not followed, cookies not kept, .netrc not read.
mr_http_result mr_http_send(mr_http *client, const mr_http_request *request, const mr_http_observer *observer);

#endif
