/* SPDX-License-Identifier: Apache-2.0 */
#include <grpc/grpc.h>
