/* SPDX-License-Identifier: Apache-2.0 */
int f(void) {
  static int counter;
  return ++counter;
}
