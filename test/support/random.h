/* SPDX-License-Identifier: Apache-2.0
 * Tests draw from the same generator as the simulator. */
#ifndef TEST_SUPPORT_RANDOM_H
#define TEST_SUPPORT_RANDOM_H

#include "base/random.h"

#endif
