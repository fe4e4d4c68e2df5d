/* SPDX-License-Identifier: Apache-2.0 */
#include "port/store.h"
