/* SPDX-License-Identifier: Apache-2.0
 * A store port behind which two processes have one file open and carry out the requests by turns, one at a time. */
#ifndef TEST_CONTRACT_STORE_PAIR_H
#define TEST_CONTRACT_STORE_PAIR_H

#include "port/store.h"

/* The program is started twice with the arguments "serve" and the file; main calls store_pair_serve then. */
struct port *store_pair_open(const char *file);
/* After close. One process is killed, the other ends by itself. */
void store_pair_destroy(struct port *p);
/* The process: carries out what comes on standard input until it ends. Its exit code. */
int store_pair_serve(const char *file);

#endif
