/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_X_H
#define BASE_X_H
uint64_t f(void);
#endif
