/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_ERR_H
#define BASE_ERR_H
struct tfdc_error {
  char msg[8];
};
#endif
