/*
 * The connection in reserve: libcurl asks for a socket, and gets one that is connected
 * already.
 */
#include "gateway/target/http_spare.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

static void drop(struct http_spare *spare)
{
	if (spare->fd >= 0)
		close(spare->fd);
	spare->fd = -1;
	alarm_stop(&spare->alarm);
}

static void open_one(struct http_spare *spare)
{
	const int on = 1;
	const int fd = socket(
		spare->address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (connect(fd, (const struct sockaddr *)&spare->address, spare->address_len) &&
		errno != EINPROGRESS) {
		close(fd);
		return;
	}
	spare->fd = fd;
	alarm_set_in(&spare->alarm, HTTP_SPARE_MS);
}

static void on_alarm(void *arg)
{
	struct http_spare *spare = arg;

	if (spare->fd < 0)
		open_one(spare);
	else
		drop(spare);
}

void http_spare_init(struct http_spare *spare, struct alarms *alarms)
{
	*spare = (struct http_spare){.fd = -1, .given = -1};
	alarm_init(&spare->alarm, alarms, on_alarm, spare);
}

void http_spare_clear(struct http_spare *spare)
{
	drop(spare);
}

void http_spare_expect(struct http_spare *spare)
{
	if (spare->fd < 0 && spare->address_len && spare->is_needed)
		alarm_set_in(&spare->alarm, 0);
}

/* ---- what libcurl calls ---- */

/* Is it connected, and has the server said nothing yet, not even goodbye? */
static bool is_good(int fd)
{
	struct pollfd state = {.fd = fd, .events = POLLIN | POLLOUT};

	return poll(&state, 1, 0) == 1 && state.revents == POLLOUT;
}

static bool leads_to(const struct http_spare *spare, const struct curl_sockaddr *address)
{
	return spare->address_len == address->addrlen &&
		!memcmp(&spare->address, &address->addr, address->addrlen);
}

static void remember(struct http_spare *spare, const struct curl_sockaddr *address)
{
	if (address->addrlen > sizeof(spare->address))
		return;
	memcpy(&spare->address, &address->addr, address->addrlen);
	spare->address_len = address->addrlen;
}

/* libcurl may try one address after another. */
static curl_socket_t on_open(
	void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_spare *spare = arg;

	(void)purpose;
	spare->is_needed = true;
	spare->given = -1;
	if (spare->fd >= 0 && leads_to(spare, address)) {
		if (is_good(spare->fd)) {
			spare->given = spare->fd;
			spare->fd = -1;
		}
		drop(spare);
	} else if (spare->fd < 0) {
		remember(spare, address);
	}
	if (spare->given >= 0)
		return spare->given;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static int on_opened(void *arg, curl_socket_t fd, curlsocktype purpose)
{
	const struct http_spare *spare = arg;

	(void)purpose;
	return fd == spare->given ? CURL_SOCKOPT_ALREADY_CONNECTED : CURL_SOCKOPT_OK;
}

bool http_spare_use(struct http_spare *spare, CURL *easy)
{
	spare->is_needed = false;
	if (spare->fd < 0)
		alarm_stop(&spare->alarm);
	return curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, spare) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, on_opened) == CURLE_OK &&
		curl_easy_setopt(easy, CURLOPT_SOCKOPTDATA, spare) == CURLE_OK;
}
