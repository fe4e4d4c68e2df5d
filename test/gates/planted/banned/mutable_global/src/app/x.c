/* SPDX-License-Identifier: Apache-2.0 */
static const int fixed[] = {1, 2};
static int counter = 0;
int f(void) { return counter += fixed[0]; }
