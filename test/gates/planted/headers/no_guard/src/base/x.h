/* SPDX-License-Identifier: Apache-2.0 */
struct x {
  int y;
};
