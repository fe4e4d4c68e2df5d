/* SPDX-License-Identifier: Apache-2.0
 * Private: the SQL that makes version 1 of the store in an empty file, and sets user_version. */
#ifndef ADAPTER_SQLITE_STORE_SCHEMA_H
#define ADAPTER_SQLITE_STORE_SCHEMA_H

extern const char store_schema_v1[];

#endif
