/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/grpc/rpc_priv.h"

#include <status.pb-c.h>
#include <stdio.h>

grpc_slice rpc_status_details(enum rpc_status status, tfdc_rc rc, const char *text) {
  Tfdc__Rpc__V1__ErrorInfo info = TFDC__RPC__V1__ERROR_INFO__INIT;
  info.reason = (char *)(uintptr_t)tfdc_rc_name(rc);
  info.domain = (char *)(uintptr_t) "tfdc.ingest.v1";
  uint8_t packed[256];
  size_t n = tfdc__rpc__v1__error_info__get_packed_size(&info);
  if (n > sizeof packed) return grpc_empty_slice();
  Tfdc__Rpc__V1__Packed any = TFDC__RPC__V1__PACKED__INIT, *list = &any;
  any.type_url = (char *)(uintptr_t) "type.googleapis.com/google.rpc.ErrorInfo";
  any.value.len = tfdc__rpc__v1__error_info__pack(&info, packed);
  any.value.data = packed;
  Tfdc__Rpc__V1__Status s = TFDC__RPC__V1__STATUS__INIT;
  s.code = (int32_t)status;
  s.message = (char *)(uintptr_t)text;
  s.n_details = 1;
  s.details = &list;
  grpc_slice ret = grpc_slice_malloc(tfdc__rpc__v1__status__get_packed_size(&s));
  (void)tfdc__rpc__v1__status__pack(&s, GRPC_SLICE_START_PTR(ret));
  return ret;
}

void rpc_status_reason(const uint8_t *data, size_t n, char *buf, size_t size) {
  (void)snprintf(buf, size, "%s", "");
  Tfdc__Rpc__V1__Status *s = tfdc__rpc__v1__status__unpack(NULL, n, data);
  if (s == NULL) return;
  for (size_t i = 0; i < s->n_details && buf[0] == '\0'; i++) {
    Tfdc__Rpc__V1__ErrorInfo *info =
        tfdc__rpc__v1__error_info__unpack(NULL, s->details[i]->value.len, s->details[i]->value.data);
    if (info == NULL) continue;
    (void)snprintf(buf, size, "%s", info->reason);
    tfdc__rpc__v1__error_info__free_unpacked(info, NULL);
  }
  tfdc__rpc__v1__status__free_unpacked(s, NULL);
}
