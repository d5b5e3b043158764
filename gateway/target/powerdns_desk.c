/*
 * Which servers there are, and what each thread has of them.  Two targets have the same
 * server if they have the same URLs, id and API key.
 */
#include "gateway/target/powerdns_server_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char KEY_HEADER[] = "X-API-Key: ";

/* ---- all servers ---- */

struct powerdns_servers *powerdns_servers_new(void)
{
	struct powerdns_servers *servers = calloc(1, sizeof(*servers));

	if (!servers)
		return NULL;
	pthread_mutex_init(&servers->lock, NULL);
	LIST_INIT(&servers->servers);
	return servers;
}

void powerdns_servers_free(struct powerdns_servers *servers)
{
	if (!servers)
		return;
	pthread_mutex_destroy(&servers->lock);
	free(servers);
}

static void add_use(struct pool_use *to, const struct pool_use *use)
{
	to->inside += use->inside;
	to->waiting += use->waiting;
	to->places += use->places;
	to->started += use->started;
}

/* False: no memory. */
static bool add_view(
	struct powerdns_view *views, size_t *count, const struct powerdns_server *server)
{
	const struct pool_use reads = request_pool_look(&server->pool, false);
	const struct pool_use writes = request_pool_look(&server->pool, true);
	struct powerdns_view *view = views;

	while (view < views + *count && strcmp(view->id, server->id) != 0)
		view++;
	if (view == views + *count) {
		view->id = strdup(server->id);
		if (!view->id)
			return false;
		++*count;
	}
	view->is_down |= server->pool.state == POOL_DOWN;
	add_use(&view->reads, &reads);
	add_use(&view->writes, &writes);
	view->conflicts += server->pool.conflicts;
	return true;
}

int powerdns_servers_look(struct powerdns_servers *servers,
	struct powerdns_view **ret_views, size_t *ret_count)
{
	const struct powerdns_server *server;
	struct powerdns_view *views;
	size_t count = 0;
	bool is_whole;

	pthread_mutex_lock(&servers->lock);
	LIST_FOREACH(server, &servers->servers, entry)
	count++;
	views = calloc(count + 1, sizeof(*views));
	is_whole = views != NULL;
	count = 0;
	LIST_FOREACH(server, &servers->servers, entry)
	is_whole = is_whole && add_view(views, &count, server);
	pthread_mutex_unlock(&servers->lock);
	if (!is_whole) {
		powerdns_views_free(views, count);
		return -ENOMEM;
	}
	*ret_views = views;
	*ret_count = count;
	return 0;
}

void powerdns_views_free(struct powerdns_view *views, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(views[i].id);
	free(views);
}

/* ---- one server ---- */

/* May be half built; it is not in the list. */
static void server_free(struct powerdns_server *server)
{
	for (size_t i = 0; server->urls && i < server->url_count; i++)
		free(server->urls[i]);
	free(server->urls);
	free(server->id);
	free(server->name);
	if (server->key_header)
		explicit_bzero(server->key_header, strlen(server->key_header));
	free(server->key_header);
	free(server);
}

static const char *key_of(const struct config_target *config)
{
	return config->api_key ? config->api_key : "";
}

static bool copy_urls(struct powerdns_server *server, const struct config_target *config)
{
	server->urls = calloc(config->url_count, sizeof(*server->urls));
	if (!server->urls)
		return false;
	for (; server->url_count < config->url_count; server->url_count++) {
		char *url = strdup(config->urls[server->url_count]);

		if (!url)
			return false;
		server->urls[server->url_count] = url;
	}
	return true;
}

static struct powerdns_server *server_new(
	struct powerdns_servers *all, const struct config_target *config)
{
	struct powerdns_server *server = calloc(1, sizeof(*server));

	if (!server)
		return NULL;
	server->all = all;
	server->id = strdup(config->id);
	server->name = strdup(config->server);
	if (asprintf(&server->key_header, "%s%s", KEY_HEADER, key_of(config)) < 0)
		server->key_header = NULL;
	if (!server->id || !server->name || !server->key_header ||
		!copy_urls(server, config)) {
		server_free(server);
		return NULL;
	}
	LIST_INIT(&server->desks);
	request_pool_init(&server->pool);
	endpoints_init(&server->endpoints, server->url_count);
	LIST_INSERT_HEAD(&all->servers, server, entry);
	return server;
}

static bool is_same(
	const struct powerdns_server *server, const struct config_target *config)
{
	if (server->url_count != config->url_count ||
		strcmp(server->name, config->server) != 0 ||
		strcmp(server->key_header + strlen(KEY_HEADER), key_of(config)) != 0)
		return false;
	for (size_t i = 0; i < server->url_count; i++)
		if (strcmp(server->urls[i], config->urls[i]) != 0)
			return false;
	return true;
}

static struct powerdns_server *find_server(
	struct powerdns_servers *all, const struct config_target *config)
{
	struct powerdns_server *server;

	LIST_FOREACH(server, &all->servers, entry)
	{
		if (is_same(server, config))
			return server;
	}
	return server_new(all, config);
}

/* ---- what a thread has of it ---- */

static bool open_desk(struct powerdns_desk *desk)
{
	if (queue_init(&desk->wake)) {
		desk->wake.fd = -1;
		return false;
	}
	desk->http = http_client_new(desk->env->base, desk->env->alarms);
	desk->event = event_new(desk->env->base, desk->wake.fd, EV_READ | EV_PERSIST,
		powerdns_desk_on_wake, desk);
	return desk->http && desk->event && !event_add(desk->event, NULL);
}

/* May be half open; it is not in the list. */
static void desk_free(struct powerdns_desk *desk)
{
	if (desk->event)
		event_free(desk->event);
	http_client_free(desk->http);
	if (desk->wake.fd >= 0)
		queue_clear(&desk->wake);
	free(desk);
}

static struct powerdns_desk *desk_new(
	struct powerdns_server *server, const struct target_env *env)
{
	struct powerdns_desk *desk = calloc(1, sizeof(*desk));

	if (!desk)
		return NULL;
	desk->server = server;
	desk->env = env;
	TAILQ_INIT(&desk->joined);
	TAILQ_INIT(&desk->granted);
	TAILQ_INIT(&desk->refused);
	if (!open_desk(desk)) {
		desk_free(desk);
		return NULL;
	}
	LIST_INSERT_HEAD(&server->desks, desk, entry);
	return desk;
}

static struct powerdns_desk *find_desk(
	struct powerdns_server *server, const struct target_env *env)
{
	struct powerdns_desk *desk;

	LIST_FOREACH(desk, &server->desks, entry)
	{
		if (desk->env->base == env->base)
			return desk;
	}
	return desk_new(server, env);
}

/* If nobody uses it, takes it out. */
static void drop_server(struct powerdns_server *server)
{
	if (!LIST_EMPTY(&server->desks))
		return;
	LIST_REMOVE(server, entry);
	server_free(server);
}

void powerdns_desk_hold(struct powerdns_desk *desk)
{
	desk->users++;
}

void powerdns_desk_release(struct powerdns_desk *desk)
{
	struct powerdns_server *server = desk->server;
	struct powerdns_servers *all = server->all;

	if (--desk->users > 0)
		return;
	pthread_mutex_lock(&all->lock);
	server->telling -= desk->is_telling;
	LIST_REMOVE(desk, entry);
	drop_server(server);
	pthread_mutex_unlock(&all->lock);
	desk_free(desk);
}

/* ---- callers ---- */

int powerdns_server_join(struct powerdns_caller *caller,
	const struct config_target *config, const struct target_env *env)
{
	struct powerdns_servers *all = env->powerdns_servers;
	struct powerdns_server *server;

	pthread_mutex_lock(&all->lock);
	server = find_server(all, config);
	if (server) {
		caller->desk = find_desk(server, env);
		caller->told = server->backs;
		drop_server(server);
	}
	pthread_mutex_unlock(&all->lock);
	if (!caller->desk)
		return -ENOMEM;
	powerdns_desk_hold(caller->desk);
	TAILQ_INSERT_TAIL(&caller->desk->joined, caller, entry);
	return 0;
}

void powerdns_server_leave(struct powerdns_caller *caller)
{
	if (!caller->desk)
		return;
	powerdns_server_cancel(caller);
	TAILQ_REMOVE(&caller->desk->joined, caller, entry);
	powerdns_desk_release(caller->desk);
	caller->desk = NULL;
}

struct powerdns_settings powerdns_server_settings(const struct powerdns_caller *caller)
{
	struct powerdns_server *server = caller->desk->server;
	struct powerdns_settings settings;

	pthread_mutex_lock(&server->all->lock);
	settings = server->settings;
	pthread_mutex_unlock(&server->all->lock);
	return settings;
}

const char *powerdns_server_url(const struct powerdns_caller *caller)
{
	struct powerdns_server *server = caller->desk->server;
	size_t at;

	pthread_mutex_lock(&server->all->lock);
	at = server->endpoints.answered;
	pthread_mutex_unlock(&server->all->lock);
	return at ? server->urls[at] : NULL;
}
