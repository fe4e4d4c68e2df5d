/* SPDX-License-Identifier: Apache-2.0
 * grpc.reflection.v1 and v1alpha, which differ in their name only: tools such as grpcurl ask here what is served. The
 * answers come from the descriptor set that protoc made at build time. */
#include "adapter/grpc/hub_server_priv.h"

#include "adapter/grpc/pb_walk.h"
#include "base/cursor.h"

#include <reflection.pb-c.h>
#include <string.h>

extern const uint8_t grpc_descriptors[]; /* an encoded FileDescriptorSet */
extern const size_t grpc_descriptors_n;

enum { SET_FILE = 1, FILE_NAME = 1, FILE_PACKAGE = 2, FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6, ANY_NAME = 1 };
enum { FILES_MAX = 16 };

typedef Grpc__Reflection__V1__ServerReflectionRequest request;
typedef Grpc__Reflection__V1__ServerReflectionResponse response;
#define ASKED(name)  GRPC__REFLECTION__V1__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_##name
#define ANSWER(name) GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_##name

struct reflection_call {
  struct tfdc_buf reply;
  bool waiting; /* reply is to be sent */
};

/* The first field `number` of a message, empty when absent. */
static struct pb_field first_field(const uint8_t *data, size_t n, uint32_t number) {
  struct tfdc_cursor c = tfdc_cursor_on(data, n);
  struct pb_field f;
  while (tfdc_cursor_left(&c) > 0 && pb_next(&c, &f) == TFDC_OK) {
    if (f.number == number && f.wire == PB_BYTES) return f;
  }
  return (struct pb_field){.data = (const uint8_t *)""};
}

static bool is(const struct pb_field *f, const char *s, size_t n) { return f->n == n && memcmp(f->data, s, n) == 0; }

/* True when the file defines the symbol, or what the symbol is inside of. */
static bool file_defines(const struct pb_field *file, const char *symbol) {
  struct pb_field package = first_field(file->data, file->n, FILE_PACKAGE);
  size_t n = strlen(symbol);
  if (n <= package.n || memcmp(symbol, package.data, package.n) != 0 || symbol[package.n] != '.') return false;
  const char *name = symbol + package.n + 1;
  size_t name_n = strcspn(name, ".");
  struct tfdc_cursor c = tfdc_cursor_on(file->data, file->n);
  struct pb_field f;
  while (tfdc_cursor_left(&c) > 0 && pb_next(&c, &f) == TFDC_OK) {
    if (f.wire != PB_BYTES || (f.number != FILE_MESSAGE && f.number != FILE_ENUM && f.number != FILE_SERVICE)) continue;
    struct pb_field own = first_field(f.data, f.n, ANY_NAME);
    if (is(&own, name, name_n)) return true;
  }
  return false;
}

static size_t all_files(struct pb_field ret[FILES_MAX]) {
  struct tfdc_cursor c = tfdc_cursor_on(grpc_descriptors, grpc_descriptors_n);
  size_t n = 0;
  while (n < FILES_MAX && tfdc_cursor_left(&c) > 0 && pb_next(&c, &ret[n]) == TFDC_OK) n += ret[n].number == SET_FILE;
  return n;
}

static void pack_reply(struct reflection_call *st, response *a) {
  size_t n = grpc__reflection__v1__server_reflection_response__get_packed_size(a);
  st->reply.size = 0;
  st->waiting = tfdc_buf_reserve(&st->reply, n);
  if (st->waiting) st->reply.size = grpc__reflection__v1__server_reflection_response__pack(a, st->reply.data);
}

static void answer_services(struct reflection_call *st, response *a) {
  static const char *const names[] = {"tfdc.ingest.v1.Ingest", "grpc.health.v1.Health",
                                      "grpc.reflection.v1.ServerReflection",
                                      "grpc.reflection.v1alpha.ServerReflection"};
  Grpc__Reflection__V1__ServiceResponse services[TFDC_COUNT(names)], *list[TFDC_COUNT(names)];
  Grpc__Reflection__V1__ListServiceResponse all = GRPC__REFLECTION__V1__LIST_SERVICE_RESPONSE__INIT;
  for (size_t i = 0; i < TFDC_COUNT(names); i++) {
    grpc__reflection__v1__service_response__init(&services[i]);
    services[i].name = (char *)(uintptr_t)names[i];
    list[i] = &services[i];
  }
  all.n_service = TFDC_COUNT(names);
  all.service = list;
  a->message_response_case = ANSWER(LIST_SERVICES_RESPONSE);
  a->list_services_response = &all;
  pack_reply(st, a);
}

static void answer_error(struct reflection_call *st, response *a, enum rpc_status status, const char *text) {
  Grpc__Reflection__V1__ErrorResponse e = GRPC__REFLECTION__V1__ERROR_RESPONSE__INIT;
  e.error_code = (int32_t)status;
  e.error_message = (char *)(uintptr_t)text;
  a->message_response_case = ANSWER(ERROR_RESPONSE);
  a->error_response = &e;
  pack_reply(st, a);
}

static void answer_file(struct reflection_call *st, response *a, const char *file, const char *symbol) {
  struct pb_field files[FILES_MAX];
  size_t n = all_files(files);
  for (size_t i = 0; i < n; i++) {
    struct pb_field name = first_field(files[i].data, files[i].n, FILE_NAME);
    if (file != NULL ? !is(&name, file, strlen(file)) : !file_defines(&files[i], symbol)) continue;
    ProtobufCBinaryData bytes = {.len = files[i].n, .data = (uint8_t *)(uintptr_t)files[i].data};
    Grpc__Reflection__V1__FileDescriptorResponse one = GRPC__REFLECTION__V1__FILE_DESCRIPTOR_RESPONSE__INIT;
    one.n_file_descriptor_proto = 1;
    one.file_descriptor_proto = &bytes;
    a->message_response_case = ANSWER(FILE_DESCRIPTOR_RESPONSE);
    a->file_descriptor_response = &one;
    pack_reply(st, a);
    return;
  }
  answer_error(st, a, RPC_NOT_FOUND, "no such file or symbol");
}

static void on_message(struct rpc_call *c, const uint8_t *data, size_t n) {
  struct reflection_call *st = rpc_call_state(c);
  request *q = grpc__reflection__v1__server_reflection_request__unpack(NULL, n, data);
  if (q == NULL) {
    rpc_call_finish(c, RPC_INVALID_ARGUMENT, TFDC_E_MALFORMED, "not a ServerReflectionRequest");
    return;
  }
  response a = GRPC__REFLECTION__V1__SERVER_REFLECTION_RESPONSE__INIT;
  a.valid_host = q->host;
  a.original_request = q;
  if (q->message_request_case == ASKED(LIST_SERVICES))
    answer_services(st, &a);
  else if (q->message_request_case == ASKED(FILE_BY_FILENAME))
    answer_file(st, &a, q->file_by_filename, NULL);
  else if (q->message_request_case == ASKED(FILE_CONTAINING_SYMBOL))
    answer_file(st, &a, NULL, q->file_containing_symbol);
  else
    answer_error(st, &a, RPC_NOT_FOUND, "there are no extensions here");
  grpc__reflection__v1__server_reflection_request__free_unpacked(q, NULL);
  if (!st->waiting) rpc_call_finish(c, RPC_INTERNAL, TFDC_E_NOMEM, "out of memory");
}

static void on_pump(struct rpc_call *c) {
  struct reflection_call *st = rpc_call_state(c);
  if (!rpc_call_can_send(c)) return;
  if (st->waiting) {
    st->waiting = false;
    rpc_call_send(c, st->reply.data, st->reply.size);
  } else if (rpc_call_half_closed(c)) {
    rpc_call_finish(c, RPC_OK, TFDC_OK, NULL);
  } else if (rpc_call_draining(c)) {
    rpc_call_finish(c, RPC_UNAVAILABLE, TFDC_E_DRAINING, tfdc_rc_text(TFDC_E_DRAINING));
  } else {
    rpc_call_read(c);
  }
}

static void on_closed(struct rpc_call *c) {
  struct reflection_call *st = rpc_call_state(c);
  tfdc_buf_deinit(&st->reply);
}

const struct rpc_method reflection_method = {.path = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
                                             .state_size = sizeof(struct reflection_call),
                                             .message = on_message,
                                             .pump = on_pump,
                                             .closed = on_closed};
const struct rpc_method reflection_alpha_method = {.path =
                                                       "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                                                   .state_size = sizeof(struct reflection_call),
                                                   .message = on_message,
                                                   .pump = on_pump,
                                                   .closed = on_closed};
