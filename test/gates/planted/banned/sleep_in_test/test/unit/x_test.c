/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>
void f(void) { (void)sleep(1); }
