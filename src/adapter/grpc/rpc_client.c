/* SPDX-License-Identifier: Apache-2.0
 * One client stream with a channel, a queue and a thread of its own. The channel lives as long as the stream:
 * connecting again, with fresh certificates and the caller's own back-off, is a new stream. */
#include "adapter/grpc/rpc_priv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct rpc_stream {
  struct rpc_stream_options o; /* strings are not used after opening */
  grpc_channel *channel;
  grpc_completion_queue *cq;
  grpc_call *call;
  pthread_t thread;
  struct rpc_tag on_connected, on_first, on_recv, on_send, on_half_close, on_status;
  grpc_metadata_array first_metadata, last_metadata;
  grpc_status_code status;
  grpc_slice text;
  grpc_byte_buffer *received;
  bool status_came; /* the stream's thread */
  /* mtx */
  pthread_mutex_t mtx;
  int pending; /* tags outstanding */
  bool done;   /* the last tag has come: nothing may be started */
  grpc_byte_buffer *sending;
};

/* Holds mtx. */
static void start(struct rpc_stream *s, const grpc_op *op, struct rpc_tag *tag) {
  grpc_call_error e = grpc_call_start_batch(s->call, op, 1, tag, NULL);
  TFDC_ASSERT(e == GRPC_CALL_OK);
  s->pending++;
}

/* Counts the tag down; true when it was the last one. */
static bool came(struct rpc_stream *s) {
  (void)pthread_mutex_lock(&s->mtx);
  s->pending--;
  s->done = s->status_came && s->pending == 0;
  bool ret = s->done;
  (void)pthread_mutex_unlock(&s->mtx);
  return ret;
}

static void read_next(struct rpc_stream *s) {
  grpc_op op = {.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &s->received;
  (void)pthread_mutex_lock(&s->mtx);
  start(s, &op, &s->on_recv);
  (void)pthread_mutex_unlock(&s->mtx);
}

static void came_connected(void *owner, bool ok) {
  struct rpc_stream *s = owner;
  if (ok) s->o.connected(s->o.user);
}

static void came_nothing(void *owner, bool ok) { /* first metadata, half close */
  (void)owner;
  (void)ok;
}

static void came_recv(void *owner, bool ok) {
  struct rpc_stream *s = owner;
  if (!ok || s->received == NULL) return; /* the end: the status tells why */
  struct rpc_flat flat;
  if (rpc_flat_take(s->received, &flat)) {
    s->o.message(s->o.user, flat.data, flat.n);
    rpc_flat_done(&flat);
  }
  grpc_byte_buffer_destroy(s->received);
  s->received = NULL;
  read_next(s);
}

static void came_send(void *owner, bool ok) {
  struct rpc_stream *s = owner;
  (void)pthread_mutex_lock(&s->mtx);
  grpc_byte_buffer *sent = s->sending;
  s->sending = NULL;
  (void)pthread_mutex_unlock(&s->mtx);
  grpc_byte_buffer_destroy(sent);
  if (ok) s->o.sent(s->o.user);
}

static void came_status(void *owner, bool ok) {
  (void)ok;
  ((struct rpc_stream *)owner)->status_came = true;
}

static void tell_over(struct rpc_stream *s) {
  char text[256], reason[64] = "";
  (void)snprintf(text, sizeof text, "%.*s", (int)GRPC_SLICE_LENGTH(s->text),
                 (const char *)GRPC_SLICE_START_PTR(s->text));
  for (size_t i = 0; i < s->last_metadata.count; i++) {
    const grpc_metadata *m = &s->last_metadata.metadata[i];
    if (grpc_slice_str_cmp(m->key, "grpc-status-details-bin") == 0)
      rpc_status_reason(GRPC_SLICE_START_PTR(m->value), GRPC_SLICE_LENGTH(m->value), reason, sizeof reason);
  }
  s->o.over(s->o.user, (enum rpc_status)s->status, text, reason);
}

static void *stream_main(void *arg) {
  struct rpc_stream *s = arg;
  bool last = false;
  while (!last) {
    grpc_event ev = grpc_completion_queue_next(s->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
    struct rpc_tag *tag = ev.tag;
    tag->fn(tag->owner, ev.success != 0);
    last = came(s);
  }
  tell_over(s);
  return NULL;
}

static grpc_channel *create_channel(const struct rpc_stream_options *o, grpc_channel_credentials *creds) {
  grpc_arg args[12] = {
      rpc_arg_int(GRPC_ARG_KEEPALIVE_TIME_MS, o->keepalive_ms),
      rpc_arg_int(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, o->keepalive_timeout_ms),
      rpc_arg_int(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0),
      rpc_arg_int(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS,
                  o->connect_timeout_ms), /* is the limit of connecting, TLS included */
      rpc_arg_int(GRPC_ARG_MAX_RECEIVE_MESSAGE_LENGTH, (int64_t)o->max_message_bytes),
      rpc_arg_int(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1), /* a connection of its own */
      rpc_arg_int(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1),
      rpc_arg_int(GRPC_ARG_ENABLE_RETRIES, 0),
      rpc_arg_int(GRPC_ARG_ENABLE_HTTP_PROXY, 0),
      rpc_arg_int(GRPC_COMPRESSION_CHANNEL_ENABLED_ALGORITHMS_BITSET, 1),
  };
  size_t n = 10;
  if (o->server_name != NULL)
    args[n++] = (grpc_arg){.type = GRPC_ARG_STRING,
                           .key = (char *)(uintptr_t)GRPC_SSL_TARGET_NAME_OVERRIDE_ARG,
                           .value.string = (char *)(uintptr_t)o->server_name};
  grpc_channel_args list = {n, args};
  return grpc_channel_create(o->address, creds, &list);
}

static void start_call(struct rpc_stream *s) {
  grpc_slice path = grpc_slice_from_copied_string(s->o.path);
  s->call = grpc_channel_create_call(s->channel, NULL, GRPC_PROPAGATE_DEFAULTS, s->cq, path, NULL,
                                     gpr_inf_future(GPR_CLOCK_REALTIME), NULL);
  grpc_slice_unref(path);
  grpc_op op = {.op = GRPC_OP_SEND_INITIAL_METADATA};
  start(s, &op, &s->on_connected);
  op = (grpc_op){.op = GRPC_OP_RECV_INITIAL_METADATA}; /* without it the status never comes */
  op.data.recv_initial_metadata.recv_initial_metadata = &s->first_metadata;
  start(s, &op, &s->on_first);
  op = (grpc_op){.op = GRPC_OP_RECV_STATUS_ON_CLIENT};
  op.data.recv_status_on_client.trailing_metadata = &s->last_metadata;
  op.data.recv_status_on_client.status = &s->status;
  op.data.recv_status_on_client.status_details = &s->text;
  start(s, &op, &s->on_status);
  op = (grpc_op){.op = GRPC_OP_RECV_MESSAGE};
  op.data.recv_message.recv_message = &s->received;
  start(s, &op, &s->on_recv);
}

tfdc_rc rpc_stream_open(const struct rpc_stream_options *o, struct rpc_stream **ret, struct tfdc_error *err) {
  grpc_init();
  grpc_channel_credentials *creds = NULL;
  tfdc_rc rc = TFDC_OK;
  if (o->tls != NULL)
    rc = rpc_tls_client_credentials(o->tls, &creds, err);
  else
    creds = grpc_insecure_credentials_create();
  struct rpc_stream *s = rc == TFDC_OK ? calloc(1, sizeof *s) : NULL;
  if (s == NULL) {
    if (creds != NULL) grpc_channel_credentials_release(creds);
    grpc_shutdown();
    return rc != TFDC_OK ? rc : tfdc_fail(err, TFDC_E_NOMEM, "client stream");
  }
  s->o = *o;
  s->on_connected = (struct rpc_tag){came_connected, s};
  s->on_first = s->on_half_close = (struct rpc_tag){came_nothing, s};
  s->on_recv = (struct rpc_tag){came_recv, s};
  s->on_send = (struct rpc_tag){came_send, s};
  s->on_status = (struct rpc_tag){came_status, s};
  s->text = grpc_empty_slice();
  grpc_metadata_array_init(&s->first_metadata);
  grpc_metadata_array_init(&s->last_metadata);
  (void)pthread_mutex_init(&s->mtx, NULL);
  s->channel = create_channel(o, creds);
  grpc_channel_credentials_release(creds);
  s->cq = grpc_completion_queue_create_for_next(NULL);
  start_call(s);
  *ret = s;
  TFDC_ASSERT(pthread_create(&s->thread, NULL, stream_main, s) == 0);
  return TFDC_OK;
}

static void free_bytes(void *p) { free(p); }

void rpc_stream_send(struct rpc_stream *s, uint8_t *data, size_t n, bool more) {
  grpc_slice slice = grpc_slice_new(data, n, free_bytes);
  (void)pthread_mutex_lock(&s->mtx);
  if (!s->done) {
    TFDC_ASSERT(s->sending == NULL);
    s->sending = grpc_raw_byte_buffer_create(&slice, 1);
    grpc_op op = {.op = GRPC_OP_SEND_MESSAGE, .flags = more ? GRPC_WRITE_BUFFER_HINT : 0};
    op.data.send_message.send_message = s->sending;
    start(s, &op, &s->on_send);
  }
  (void)pthread_mutex_unlock(&s->mtx);
  grpc_slice_unref(slice);
}

void rpc_stream_half_close(struct rpc_stream *s) {
  grpc_op op = {.op = GRPC_OP_SEND_CLOSE_FROM_CLIENT};
  (void)pthread_mutex_lock(&s->mtx);
  if (!s->done) start(s, &op, &s->on_half_close);
  (void)pthread_mutex_unlock(&s->mtx);
}

void rpc_stream_cancel(struct rpc_stream *s) { (void)grpc_call_cancel(s->call, NULL); }

void rpc_stream_destroy(struct rpc_stream *s) {
  if (s == NULL) return;
  (void)pthread_join(s->thread, NULL);
  grpc_completion_queue_shutdown(s->cq);
  while (grpc_completion_queue_next(s->cq, gpr_inf_future(GPR_CLOCK_REALTIME), NULL).type != GRPC_QUEUE_SHUTDOWN) {
  }
  grpc_call_unref(s->call);
  grpc_channel_destroy(s->channel);
  grpc_completion_queue_destroy(s->cq);
  if (s->received != NULL) grpc_byte_buffer_destroy(s->received);
  grpc_metadata_array_destroy(&s->first_metadata);
  grpc_metadata_array_destroy(&s->last_metadata);
  grpc_slice_unref(s->text);
  (void)pthread_mutex_destroy(&s->mtx);
  free(s);
  grpc_shutdown();
}
