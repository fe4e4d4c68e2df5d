/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
void f(void) { printf("loud"); }
