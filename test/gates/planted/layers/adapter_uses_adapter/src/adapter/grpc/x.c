/* SPDX-License-Identifier: Apache-2.0 */
#include "adapter/mem/store.h"
