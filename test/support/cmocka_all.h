/* SPDX-License-Identifier: Apache-2.0
 * cmocka needs these headers before its own. */
#ifndef TEST_SUPPORT_CMOCKA_ALL_H
#define TEST_SUPPORT_CMOCKA_ALL_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
