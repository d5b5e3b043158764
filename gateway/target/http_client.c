/*
 * libcurl's multi interface on a libevent base: curl names the sockets and the timer to
 * be watched, libevent calls back, and finished transfers are collected after each
 * call.
 *
 * Callbacks run only from collect(), never from within curl's own callbacks, so that they
 * may start and cancel transfers.
 */
#include "gateway/target/http_client.h"

#include <curl/curl.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

#include "gateway/target/http_spare.h"

struct buffer {
	char *octets; /* zero-terminated, once anything was added */
	size_t len;
	size_t cap;
};

struct http_transfer {
	struct http_client *client;
	LIST_ENTRY(http_transfer) entry;
	CURL *easy;
	struct curl_slist *lines; /* of the request's headers */
	struct buffer headers;
	struct buffer body;
	size_t answer_max;
	bool is_too_large;
	http_done *done;
	void *arg;
	char why[CURL_ERROR_SIZE];
};

struct http_client {
	struct event_base *base;
	CURLM *multi;
	struct alarm alarm; /* when curl wants to be called */
	struct alarm ended; /* a transfer has ended while it was started */
	struct http_spare spare;
	LIST_HEAD(, http_transfer) transfers;
	int count;          /* of them */
	bool is_collecting; /* a callback may be running */
	bool is_freed;      /* while it ran; then collect() frees it */
};

/* ---- answers ---- */

static bool buffer_add(struct buffer *buffer, const char *octets, size_t len, size_t max)
{
	size_t cap = buffer->cap ? buffer->cap : 512;
	char *grown;

	if (len > max - buffer->len)
		return false;
	while (cap < buffer->len + len + 1)
		cap *= 2;
	if (cap != buffer->cap) {
		grown = realloc(buffer->octets, cap);
		if (!grown)
			return false;
		buffer->octets = grown;
		buffer->cap = cap;
	}
	memcpy(buffer->octets + buffer->len, octets, len);
	buffer->len += len;
	buffer->octets[buffer->len] = '\0';
	return true;
}

static size_t on_body(char *octets, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	size_t len = size * count;

	if (buffer_add(&transfer->body, octets, len, transfer->answer_max))
		return len;
	transfer->is_too_large = len > transfer->answer_max - transfer->body.len;
	return CURL_WRITEFUNC_ERROR; /* ends the transfer */
}

static size_t on_header(char *octets, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	size_t len = size * count;

	/* A status line: earlier lines belong to an interim answer. */
	if (len >= 5 && memcmp(octets, "HTTP/", 5) == 0)
		transfer->headers.len = 0;
	return buffer_add(&transfer->headers, octets, len, HTTP_HEADERS_MAX)
		? len
		: CURL_WRITEFUNC_ERROR;
}

/* The value after "name:" if the line has this name. */
static const char *line_value(const char *line, const char *end, const char *name)
{
	size_t len = strlen(name);

	if ((size_t)(end - line) <= len || strncasecmp(line, name, len) != 0)
		return NULL;
	return line[len] == ':' ? line + len + 1 : NULL;
}

static bool is_white(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

bool http_response_header(
	const struct http_response *response, const char *name, char *ret, size_t cap)
{
	const char *line = response->headers;
	const char *all_end = line + response->headers_len;
	bool found = false;

	while (line < all_end) {
		const char *end = memchr(line, '\n', (size_t)(all_end - line));
		const char *last = end ? end : all_end;
		const char *value = line_value(line, last, name);
		line = end ? end + 1 : all_end;
		if (!value)
			continue;
		while (value < last && is_white(*value))
			value++;
		while (last > value && is_white(last[-1]))
			last--;
		if ((size_t)(last - value) >= cap)
			return false;
		memcpy(ret, value, (size_t)(last - value));
		ret[last - value] = '\0';
		found = true;
	}
	return found;
}

char *http_response_take_body(const struct http_response *response)
{
	char *body = response->owned_body ? *response->owned_body : NULL;

	if (body)
		*response->owned_body = NULL;
	return body;
}

/* ---- transfers ---- */

static void wipe_lines(struct curl_slist *lines)
{
	for (struct curl_slist *line = lines; line; line = line->next)
		explicit_bzero(line->data, strlen(line->data));
	curl_slist_free_all(lines);
}

/* A transfer may lack what comes after it was allocated. */
static void transfer_free(struct http_transfer *transfer)
{
	if (!transfer)
		return;
	if (transfer->easy)
		curl_easy_cleanup(transfer->easy);
	wipe_lines(transfer->lines);
	free(transfer->headers.octets);
	free(transfer->body.octets);
	free(transfer);
}

static void leave(struct http_transfer *transfer)
{
	curl_multi_remove_handle(transfer->client->multi, transfer->easy);
	LIST_REMOVE(transfer, entry);
	transfer->client->count--;
}

void http_transfer_cancel(struct http_transfer *transfer)
{
	if (!transfer)
		return;
	leave(transfer);
	transfer_free(transfer);
}

/* Octets of the request that went out, also over connections that turned out dead. */
static long sent_len(const struct http_transfer *transfer)
{
	long len = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &len);
	return len;
}

/* Was there ever a connection?  The time is that of the TCP handshake; it may be 0 if an
 * earlier connection was used. */
static bool has_connected(const struct http_transfer *transfer)
{
	curl_off_t us = 0;

	curl_easy_getinfo(transfer->easy, CURLINFO_CONNECT_TIME_T, &us);
	return us > 0 || sent_len(transfer) > 0;
}

static int error_of(const struct http_transfer *transfer, CURLcode code)
{
	if (code == CURLE_OK)
		return 0;
	if (transfer->is_too_large || code == CURLE_FILESIZE_EXCEEDED)
		return -EFBIG;
	switch (code) {
	case CURLE_OPERATION_TIMEDOUT:
		return has_connected(transfer) ? -ETIMEDOUT : -EIO;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EKEYREJECTED;
	case CURLE_UNSUPPORTED_PROTOCOL: /* HTTP/0.9 is none */
	case CURLE_WEIRD_SERVER_REPLY:
		return -EBADMSG;
	default:
		return -EIO;
	}
}

static void transfer_finish(struct http_transfer *transfer, CURLcode code)
{
	struct http_response response = {
		.error = error_of(transfer, code),
		.headers = transfer->headers.octets ? transfer->headers.octets : "",
		.headers_len = transfer->headers.len,
		.body = transfer->body.octets ? transfer->body.octets : "",
		.body_len = transfer->body.len,
		.owned_body = &transfer->body.octets,
	};

	if (response.error == -EFBIG)
		response.why = "the answer is too large";
	else if (response.error)
		response.why =
			transfer->why[0] ? transfer->why : curl_easy_strerror(code);
	response.is_unsent = response.error && sent_len(transfer) == 0;
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &response.status);
	leave(transfer);
	transfer->done(transfer->arg, &response);
	transfer_free(transfer);
}

static void client_destroy(struct http_client *client)
{
	while (!LIST_EMPTY(&client->transfers))
		http_transfer_cancel(LIST_FIRST(&client->transfers));
	if (client->multi)
		curl_multi_cleanup(client->multi);
	alarm_stop(&client->alarm);
	alarm_stop(&client->ended);
	http_spare_clear(&client->spare);
	free(client);
	curl_global_cleanup();
}

/* Reports finished transfers; the client may be gone afterwards. */
static void collect(struct http_client *client)
{
	CURLMsg *message;
	int left;

	client->is_collecting = true;
	while (!client->is_freed &&
		(message = curl_multi_info_read(client->multi, &left))) {
		struct http_transfer *transfer;
		CURLcode code = message->data.result;
		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(
			message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer_finish(transfer, code);
	}
	client->is_collecting = false;
	if (client->is_freed)
		client_destroy(client);
}

/* ---- the event loop ---- */

static void on_socket_event(evutil_socket_t fd, short what, void *arg)
{
	struct http_client *client = arg;
	int running, action = 0;

	if (what & EV_READ)
		action |= CURL_CSELECT_IN;
	if (what & EV_WRITE)
		action |= CURL_CSELECT_OUT;
	curl_multi_socket_action(client->multi, fd, action, &running);
	collect(client);
}

static void on_ended(void *arg)
{
	collect(arg);
}

static void on_alarm(void *arg)
{
	struct http_client *client = arg;
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	collect(client);
}

/*
 * curl changes what a socket is watched for; the event is attached to the socket.  If
 * this, or the function below, returned anything but 0, curl (7.78 and later) would
 * refuse all further work.  So without memory to watch a socket, its transfer is left
 * to time out.
 */
static int on_socket_wanted(CURL *easy, curl_socket_t fd, int what, void *arg, void *hung)
{
	struct http_client *client = arg;
	struct event *event = hung;
	short wanted = EV_PERSIST;

	(void)easy;
	if (event)
		event_free(event);
	curl_multi_assign(client->multi, fd, NULL);
	if (what == CURL_POLL_REMOVE)
		return 0;
	if (what & CURL_POLL_IN)
		wanted |= EV_READ;
	if (what & CURL_POLL_OUT)
		wanted |= EV_WRITE;
	event = event_new(client->base, fd, wanted, on_socket_event, client);
	if (event &&
		(event_add(event, NULL) || curl_multi_assign(client->multi, fd, event)))
		event_free(event);
	return 0;
}

static int on_alarm_wanted(CURLM *multi, long timeout_ms, void *arg)
{
	struct http_client *client = arg;

	(void)multi;
	if (timeout_ms < 0)
		alarm_stop(&client->alarm);
	else
		alarm_set_in(&client->alarm, timeout_ms);
	return 0;
}

struct http_client *http_client_new(struct event_base *base, struct alarms *alarms)
{
	struct http_client *client;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return NULL;
	client = calloc(1, sizeof(*client));
	if (!client) {
		curl_global_cleanup();
		return NULL;
	}
	client->base = base;
	LIST_INIT(&client->transfers);
	alarm_init(&client->alarm, alarms, on_alarm, client);
	alarm_init(&client->ended, alarms, on_ended, client);
	http_spare_init(&client->spare, alarms);
	client->multi = curl_multi_init();
	if (!client->multi) {
		client_destroy(client);
		return NULL;
	}
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_alarm_wanted);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	curl_multi_setopt(
		client->multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS_MAX);
	return client;
}

void http_client_free(struct http_client *client)
{
	if (!client)
		return;
	client->is_freed = true;
	if (!client->is_collecting)
		client_destroy(client);
}

void http_client_expect(struct http_client *client)
{
	if (!client->count)
		http_spare_expect(&client->spare);
}

/* ---- starting ---- */

static bool append_line(struct curl_slist **lines, const char *line)
{
	struct curl_slist *longer = curl_slist_append(*lines, line);

	if (!longer)
		return false;
	*lines = longer;
	return true;
}

static bool set_lines(struct http_transfer *transfer, const char *const *headers)
{
	/* Otherwise curl waits a second for "100 Continue" before larger bodies, which
	 * simple servers never send. */
	if (!append_line(&transfer->lines, "Expect:"))
		return false;
	for (; headers && *headers; headers++)
		if (!append_line(&transfer->lines, *headers))
			return false;
	return curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->lines) ==
		CURLE_OK;
}

static CURLcode set_protocols(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	return curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	return curl_easy_setopt(
		easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
}

/* Otherwise a transfer that ends while a name is being looked up waits for the thread
 * that does it, and the whole loop with it.  (Older curl always does.) */
static CURLcode set_no_waiting(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075700
	return curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#else
	(void)easy;
	return CURLE_OK;
#endif
}

static bool set_behaviour(struct http_transfer *transfer)
{
	CURL *easy = transfer->easy;

	return set_protocols(easy) == CURLE_OK && set_no_waiting(easy) == CURLE_OK &&
		http_spare_use(&transfer->client->spare, easy) &&
		curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_PROXY, "") == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->why) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK;
}

static bool set_times(struct http_transfer *transfer, const struct http_request *request)
{
	CURL *easy = transfer->easy;

	if (curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms))
		return false;
	if (request->connect_timeout_ms &&
		curl_easy_setopt(
			easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms))
		return false;
	return !request->looks_up ||
		curl_easy_setopt(easy, CURLOPT_DNS_CACHE_TIMEOUT, 0L) == CURLE_OK;
}

static bool set_request(
	struct http_transfer *transfer, const struct http_request *request)
{
	CURL *easy = transfer->easy;
	curl_off_t answer_max = request->answer_max > LONG_MAX
		? LONG_MAX
		: (curl_off_t)request->answer_max;

	if (curl_easy_setopt(easy, CURLOPT_URL, request->url) ||
		!set_times(transfer, request) ||
		curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, answer_max))
		return false;
	/* POSTFIELDS makes it a POST, so the method must be set after it. */
	if (request->body &&
		(curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
			 (curl_off_t)request->body_len) ||
			curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request->body)))
		return false;
	return curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request->method) == CURLE_OK;
}

/* curl asks to be called at once for that, but the loop may have other things to do
 * before.  A transfer that has ended already is reported later, as its owner does not
 * know it yet. */
static void begin(struct http_client *client)
{
	int running;

	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	if (running < client->count)
		alarm_set_in(&client->ended, 0);
}

struct http_transfer *http_client_start(struct http_client *client,
	const struct http_request *request, http_done *done, void *arg)
{
	struct http_transfer *transfer = calloc(1, sizeof(*transfer));

	if (!transfer)
		return NULL;
	transfer->client = client;
	transfer->answer_max = request->answer_max;
	transfer->done = done;
	transfer->arg = arg;
	transfer->easy = curl_easy_init();
	if (!transfer->easy || !set_behaviour(transfer) ||
		!set_request(transfer, request) ||
		!set_lines(transfer, request->headers) ||
		curl_multi_add_handle(client->multi, transfer->easy)) {
		transfer_free(transfer);
		return NULL;
	}
	LIST_INSERT_HEAD(&client->transfers, transfer, entry);
	client->count++;
	begin(client);
	return transfer;
}
