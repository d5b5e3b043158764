/*
 * Requests: who may ask what, and which function answers.  This stands above all of those
 * functions, and none of them calls it.
 */
#include <arpa/inet.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>
#include <unistd.h>

#include "gateway/base/clock.h"
#include "gateway/control/control_private.h"
#include "gateway/base/log.h"

enum {
	GET = EVHTTP_REQ_GET,
	POST = EVHTTP_REQ_POST,
	DELETE = EVHTTP_REQ_DELETE,
};

struct route {
	int method;             /* of enum evhttp_cmd_type */
	const char *path;       /* in which "*" stands for any one segment */
	const char *parameters; /* of the query, with a space between two */
	bool is_public;         /* answered at both doors, not at the Unix socket alone */
	control_fn *function;
	int variant; /* of what the function does: control_request.variant */
};

/* clang-format off */
static const struct route routes[] = {
	{GET, "/", "", true, control_get_page, 0},
	{GET, "/health", "", true, control_get_health, 0},
	{GET, "/status", "", true, control_get_status, 0},
	{GET, "/metrics", "", true, control_get_metrics, 0},
	{GET, "/api/v1/zones", "cursor", false, control_get_zones, 0},
	{GET, "/api/v1/targets", "cursor", false, control_get_targets, CONTROL_ALL},
	{GET, "/api/v1/servers", "", false, control_get_servers, 0},
	{GET, "/api/v1/queue", "cursor", false, control_get_targets, CONTROL_BEHIND},
	{GET, "/api/v1/set-aside", "zone cursor", false, control_get_asides, 0},
	{GET, "/api/v1/hosts", "zone pattern state cursor", false, control_get_hosts, 0},
	{GET, "/api/v1/leases", "zone name cursor", false, control_get_leases, 0},
	{GET, "/api/v1/audit", "zone name key since limit before after events", false,
		control_get_audit, 0},
	{GET, "/api/v1/why/*", "", false, control_get_why, 0},
	{GET, "/api/v1/keys", "name cursor", false, control_get_keys, 0},
	{POST, "/api/v1/hosts/*/expire", "", false, control_post_host, VIEW_EXPIRE},
	{POST, "/api/v1/hosts/*/hold", "", false, control_post_host, VIEW_HOLD},
	{POST, "/api/v1/hosts/*/release", "", false, control_post_host, VIEW_RELEASE},
	{POST, "/api/v1/zones/*/adopt", "dry_run pattern", false, control_post_adopt, 0},
	{POST, "/api/v1/zones/*/rectify", "give_back", false, control_post_rectify, 0},
	{POST, "/api/v1/zones/*/sync", "target dry_run take", false, control_post_sync,
		0},
	{POST, "/api/v1/zones/*/resume", "", false, control_post_zone, VIEW_RESUME},
	{POST, "/api/v1/zones/*/retry", "number", false, control_post_retry, 0},
	{POST, "/api/v1/zones/*/drop", "number", false, control_post_asides,
		CONTROL_DROP_ASIDES},
	{POST, "/api/v1/explain", "", false, control_post_explain, 0},
	{POST, "/api/v1/reload", "", false, control_post_order, CONTROL_RELOAD},
	{POST, "/api/v1/check", "", false, control_post_order, CONTROL_CHECK},
	{DELETE, "/api/v1/leases/*", "", false, control_delete_lease, 0},
};
/* clang-format on */

/* ---- the path ---- */

/* Also finds the argument of the request. */
static bool matches(const struct route *route, struct control_request *r)
{
	const char *path = route->path;

	for (size_t i = 0; i < r->segment_count; i++) {
		const char *segment = r->segments[i];
		size_t len;

		if (*path++ != '/')
			return false;
		len = strcspn(path, "/");
		if (*path == '*')
			r->argument = segment;
		else if (strncmp(path, segment, len) != 0 || segment[len])
			return false;
		path += len;
	}
	return !*path;
}

/* A decoded segment.  NULL: no memory, or it contains a zero octet. */
static char *decode(const char *segment, size_t len)
{
	char *copy = strndup(segment, len), *text = NULL;
	size_t text_len = 0;

	if (copy)
		text = evhttp_uridecode(copy, 0, &text_len);
	free(copy);
	if (text && strlen(text) != text_len) {
		free(text);
		text = NULL;
	}
	return text;
}

/* The path begins with a slash.  False: it has too many segments, or a bad one. */
static bool split_path(struct control_request *r, const char *path)
{
	while (*path == '/') {
		const size_t len = strcspn(path + 1, "/");

		if (r->segment_count == CONTROL_SEGMENTS_MAX)
			return false;
		r->segments[r->segment_count] = decode(path + 1, len);
		if (!r->segments[r->segment_count++])
			return false;
		path += 1 + len;
	}
	return r->segment_count > 0;
}

/* ---- who asks ---- */

/* Only root and the gateway's own user may.  (The mode of the file says the same, but it
 * can be changed, and a connected socket can be passed on.) */
static bool may_ask(struct control_request *r)
{
	struct evhttp_connection *connection = evhttp_request_get_connection(r->http);
	struct bufferevent *bev =
		connection ? evhttp_connection_get_bufferevent(connection) : NULL;

	if (!r->door->is_private)
		return true;
	if (!bev || control_socket_peer(bufferevent_getfd(bev), &r->uid))
		return false;
	if (r->uid == 0 || r->uid == geteuid())
		return true;
	log_limited(LOG_STRANGER, clock_monotonic_ms(),
		"control: user id %lu may not ask", (unsigned long)r->uid);
	return false;
}

static bool takes(const struct route *route, const char *parameter)
{
	const size_t len = strlen(parameter);
	const char *at = route->parameters;

	while (*at && (strncmp(at, parameter, len) != 0 || (at[len] && at[len] != ' '))) {
		at += strcspn(at, " ");
		at += *at == ' ';
	}
	return *at != '\0';
}

/* Unknown parameters are refused, since they may be meant to narrow the answer down.
 * False: the request has been answered. */
static bool check_query(struct control_request *r, const struct route *route)
{
	const struct evkeyval *one;

	TAILQ_FOREACH(one, &r->query, next) {
		if (!takes(route, one->key)) {
			control_fail(r, 400, "%.64s: is not a parameter here", one->key);
			return false;
		}
		if (evhttp_find_header(&r->query, one->key) != one->value) {
			control_fail(r, 400, "%.64s: is given twice", one->key);
			return false;
		}
	}
	return true;
}

static void dispatch(struct control_request *r)
{
	const int command = evhttp_request_get_command(r->http);
	/* evhttp leaves out the body of the answer to HEAD. */
	const int method = command == EVHTTP_REQ_HEAD ? GET : command;
	const struct route *found = NULL;

	for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
		if (!matches(&routes[i], r))
			continue;
		found = &routes[i];
		if (found->method == method)
			break;
	}
	if (!found) {
		control_fail(r, 404, "there is no such path");
	} else if (!found->is_public && !r->door->is_private) {
		control_fail(r, 403, "this path is only answered at the Unix socket");
	} else if (found->method != method) {
		control_fail(r, 405, "this path does not have this method");
	} else if (check_query(r, found)) {
		r->variant = found->variant;
		found->function(r);
	}
}

/* A name can be made to lead elsewhere, but an address cannot. */
static bool is_address(const char *host)
{
	struct in6_addr address;
	const size_t len = strlen(host);
	char inside[INET6_ADDRSTRLEN];

	if (inet_pton(AF_INET, host, &address) == 1)
		return true;
	if (len < 2 || len - 2 >= sizeof(inside) || host[0] != '[' ||
		host[len - 1] != ']')
		return false;
	memcpy(inside, host + 1, len - 2);
	inside[len - 2] = '\0';
	return inet_pton(AF_INET6, inside, &address) == 1;
}

static bool is_this_machine(const char *host)
{
	char name[HOST_NAME_MAX + 1];

	return !strcasecmp(host, "localhost") ||
		(!gethostname(name, sizeof(name)) && !strcasecmp(host, name));
}

/* Does the request name a host that this server goes by?  Without this check, a page from
 * elsewhere whose name leads to our address for a moment could read what is shown here
 * (DNS rebinding). */
static bool is_our_host(const struct config *config, const char *host)
{
	static const uint8_t root[] = {0};
	uint8_t name[NAME_MAX_LEN];

	/* A request without it does not come from a browser. */
	if (!host || is_address(host) || is_this_machine(host))
		return true;
	if (name_from_text(name, host, root))
		return false;
	name_lower(name);
	for (size_t i = 0; i < config->http_host_count; i++)
		if (name_is_equal(name, config->http_hosts[i]))
			return true;
	return false;
}

static void read_and_dispatch(struct control_request *r)
{
	const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(r->http);
	const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
	const char *query = uri ? evhttp_uri_get_query(uri) : NULL;

	if (!may_ask(r))
		control_fail(r, 403, "only root and the gateway's own user may ask");
	else if (!r->door->is_private &&
		!is_our_host(r->config, evhttp_request_get_host(r->http)))
		control_fail(r, 403,
			"the host of the URL is not among the hosts of http: see "
			"muster.conf(5)");
	else if (!path || !split_path(r, *path ? path : "/"))
		control_fail(r, 404, "there is no such path");
	else if (query && evhttp_parse_query_str(query, &r->query))
		control_fail(r, 400, "the query of the URL is malformed");
	else
		dispatch(r);
}

void control_on_request(struct evhttp_request *http, void *door)
{
	struct control_request *r = control_request_new(door, http);

	if (r)
		control_run(r, read_and_dispatch);
}
